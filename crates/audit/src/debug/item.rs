//! One thing that the header tells.

use core::mem::{offset_of, size_of};
use core::sync::atomic::{AtomicU64, Ordering};

use super::{Items, size_32};

/// Characters of a name.
const NAME: usize = 32;

const CONSTANT: u32 = 1;
const COUNTER: u32 = 2;
const ARRAY: u32 = 3;
const FIELD: u32 = 4;

/// A named constant, counter, array or field; see the [module](super).
#[derive(Debug)]
#[repr(C)]
pub struct Item {
    name: [u8; NAME],
    kind: u32,
    size: u32,
    value: AtomicU64,
    count: AtomicU64,
}

// The table in the module's documentation.
const _: () = assert!(offset_of!(Item, kind) == 32);
const _: () = assert!(offset_of!(Item, size) == 36);
const _: () = assert!(offset_of!(Item, value) == 40);
const _: () = assert!(offset_of!(Item, count) == 48);
const _: () = assert!(size_of::<Item>() == 56);

impl Item {
    const fn new(group: &str, name: &str, kind: u32, size: usize, value: u64) -> Self {
        Self {
            name: joined(group, name),
            kind,
            size: size_32(size),
            value: AtomicU64::new(value),
            count: AtomicU64::new(0),
        }
    }

    /// What is the same for every run of this build.
    #[must_use]
    pub const fn constant(group: &str, name: &str, value: u64) -> Self {
        Self::new(group, name, CONSTANT, size_of::<u64>(), value)
    }

    /// A variable of the type `T`, an integer or truth value, whose address is not known yet.
    #[must_use]
    pub const fn counter<T>(group: &str, name: &str) -> Self {
        Self::new(group, name, COUNTER, size_of::<T>(), 0)
    }

    /// Elements of the type `T` in a row, whose address is not known yet.
    #[must_use]
    pub const fn array<T>(group: &str, name: &str) -> Self {
        Self::new(group, name, ARRAY, size_of::<T>(), 0)
    }

    /// The same, where the element's type is nobody's business but its size.
    pub(super) const fn array_of(group: &str, name: &str, element: usize) -> Self {
        Self::new(group, name, ARRAY, element, 0)
    }

    /// A field of `size` bytes.
    #[must_use]
    pub const fn field(group: &str, name: &str, offset: usize, size: usize) -> Self {
        Self::new(group, name, FIELD, size, offset as u64)
    }

    /// The counter is this variable.
    pub fn at<T>(&self, variable: &T) {
        // Relaxed: ordered by `Header::publish`.
        self.value.store(address(variable), Ordering::Relaxed);
    }

    /// The array has these elements.
    pub fn of<T>(&self, elements: &[T]) {
        // Relaxed: as above, both.
        self.value.store(elements.as_ptr().addr() as u64, Ordering::Relaxed);
        self.count.store(elements.len() as u64, Ordering::Relaxed);
    }

    /// The constant has this value, which depends on the machine.
    pub fn is(&self, value: u64) {
        // Relaxed: as above.
        self.value.store(value, Ordering::Relaxed);
    }

    #[cfg(all(test, not(loom)))]
    pub(super) fn parts(&self) -> (&[u8; NAME], u32, u32, u64, u64) {
        let load = |value: &AtomicU64| value.load(Ordering::Relaxed);
        (&self.name, self.kind, self.size, load(&self.value), load(&self.count))
    }
}

impl Items for Item {
    fn clear(&self) {
        if self.kind == COUNTER || self.kind == ARRAY {
            // Relaxed: ordered behind `Header::clear`'s store by nothing but the compiler and the program; a reader
            // looks at the state first.
            self.value.store(0, Ordering::Relaxed);
            self.count.store(0, Ordering::Relaxed);
        }
    }
}

pub(super) fn address<T>(variable: &T) -> u64 {
    core::ptr::from_ref(variable).addr() as u64
}

/// `group.name`, padded with zeros. Evaluated at compile time only.
#[expect(
    clippy::indexing_slicing,
    reason = "evaluated at compile time only, where it cannot go wrong unnoticed"
)]
const fn joined(group: &str, name: &str) -> [u8; NAME] {
    let (group, name) = (group.as_bytes(), name.as_bytes());
    assert!(group.len() + 1 + name.len() < NAME, "the name is too long");
    let mut joined = [0; NAME];
    let mut at = 0;
    while at < group.len() {
        joined[at] = group[at];
        at += 1;
    }
    joined[at] = b'.';
    at += 1;
    let mut from = 0;
    while from < name.len() {
        joined[at + from] = name[from];
        from += 1;
    }
    joined
}
