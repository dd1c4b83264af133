//! Memory of ntsim's own that a driver reads and writes.

use std::alloc::{self, Layout};

use super::Ptr;

/// A structure at a fixed address, which the driver may read and write whenever it runs.
///
/// Values are copied in and out; no Rust reference to the content is ever made.
pub(crate) struct Shared<T: Copy> {
    place: Ptr<T>,
}

impl<T: Copy> Shared<T> {
    pub(crate) fn new(value: T) -> Self {
        let layout = Layout::new::<T>();
        assert!(layout.size() > 0, "a structure without fields cannot be shared");
        // SAFETY: the size is not zero, as asserted above.
        let memory = unsafe { alloc::alloc(layout) }.cast::<T>();
        if memory.is_null() {
            alloc::handle_alloc_error(layout);
        }
        let place = Ptr::of(memory);
        place.write(value);
        Self { place }
    }

    /// Its address, for the driver.
    pub(crate) fn ptr(&self) -> Ptr<T> {
        self.place
    }

    pub(crate) fn get(&self) -> T {
        self.place.read()
    }

    pub(crate) fn set(&self, value: T) {
        self.place.write(value);
    }

    /// Changes the content.
    pub(crate) fn update(&self, change: impl FnOnce(&mut T)) {
        let mut value = self.get();
        change(&mut value);
        self.set(value);
    }
}

impl<T: Copy> Drop for Shared<T> {
    fn drop(&mut self) {
        // SAFETY: allocated in `new` with this layout, and freed only here.
        unsafe { alloc::dealloc(self.place.as_mut_ptr().cast(), Layout::new::<T>()) }
    }
}

/// The longest path that Windows takes, in UTF-16 units, less room for the name of a device.
const MAX_UNITS: usize = 32_000;

/// UTF-16 text at a fixed address, as the buffer of a `UNICODE_STRING`.
pub(crate) struct SharedText {
    units: Box<[u16]>,
    text: String,
}

impl SharedText {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        let mut units: Vec<u16> = text.encode_utf16().collect();
        // An empty text still needs an address of its own.
        units.push(0);
        Self { units: units.into_boxed_slice(), text }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// The text without terminator.
    pub(crate) fn units(&self) -> &[u16] {
        &self.units[..self.units.len() - 1]
    }

    /// Whether a `UNICODE_STRING` can describe a text, with some room for what is put before it.
    pub(crate) fn fits(text: &str) -> bool {
        text.encode_utf16().count() <= MAX_UNITS
    }

    /// The structure that describes it; the buffer stays this object's.
    pub(crate) fn descriptor(&self) -> super::UnicodeString {
        let bytes =
            u16::try_from(size_of_val(self.units())).expect("names are shorter than 32,767 characters");
        super::UnicodeString { length: bytes, maximum_length: bytes, buffer: Ptr::of(self.units.as_ptr()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shared_value_is_seen_through_its_address() {
        let shared = Shared::new(7u64);
        shared.ptr().write(8);
        assert_eq!(shared.get(), 8);
        shared.update(|value| *value += 1);
        assert_eq!(shared.ptr().read(), 9);
    }

    #[test]
    fn a_text_is_described_without_its_terminator() {
        let text = SharedText::new("ab\u{1F600}");
        let descriptor = text.descriptor();
        assert_eq!(descriptor.length, 8);
        assert_eq!(descriptor.buffer.read_slice(4), "ab\u{1F600}".encode_utf16().collect::<Vec<_>>());
    }
}
