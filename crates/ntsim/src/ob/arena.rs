//! Addresses of objects whose inside is nobody's business.

use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::abi::{Address, Ptr};
use crate::ex::block::PAGE_BYTES;

/// Address space for the opaque objects of one kernel.
const ARENA_BYTES: usize = 16 << 30;
/// Distance between two objects, so that a pointer into one is not a pointer to another.
const OBJECT_BYTES: usize = 256;
/// Address space that stands for user buffers.
const USER_BYTES: usize = 8 << 30;

/// A range of addresses without memory. An opaque object is a unique address in it: a driver that looks inside
/// (at the fields of an `EPROCESS`, say) faults, and an address is never used twice.
pub(crate) struct Arena {
    base: Address,
    next: AtomicUsize,
    /// How many bytes of user buffers have memory for now.
    lent: AtomicUsize,
}

impl Arena {
    pub(crate) fn new() -> Self {
        // SAFETY: a new private mapping without access, at an address of the system's choice, disturbs nothing.
        let base = unsafe {
            libc::mmap(
                ptr::null_mut(),
                ARENA_BYTES + USER_BYTES,
                libc::PROT_NONE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
                -1,
                0,
            )
        };
        assert_ne!(base, libc::MAP_FAILED, "the host has address space for a simulation");
        let base = base.expose_provenance();
        Self { base, next: AtomicUsize::new(base + OBJECT_BYTES), lent: AtomicUsize::new(0) }
    }

    /// An address that no other object has, had or will have.
    pub(crate) fn allocate(&self) -> Ptr {
        // Relaxed: the counter orders nothing but itself.
        let address = self.next.fetch_add(OBJECT_BYTES, Ordering::Relaxed);
        assert!(address < self.base + ARENA_BYTES, "a simulation has made too many objects");
        Ptr::at(address)
    }

    /// Whether an address lies among those of objects.
    pub(crate) fn is_object(&self, address: Address) -> bool {
        (self.base..self.base + ARENA_BYTES).contains(&address)
    }

    /// Whether an address lies where user buffers do.
    pub(crate) fn is_user_buffer(&self, address: Address) -> bool {
        let start = self.base + ARENA_BYTES;
        (start..start + USER_BYTES).contains(&address)
    }

    /// Gives a user buffer memory, zeroed, until [`Arena::take_back`]. Returns whether it has some.
    pub(crate) fn lend(&self, bytes: usize) -> bool {
        let bytes = bytes.next_multiple_of(PAGE_BYTES).min(USER_BYTES);
        let start = ptr::with_exposed_provenance_mut(self.base + ARENA_BYTES);
        // Relaxed: a thread that finds the buffer without memory again asks again.
        self.lent.fetch_max(bytes, Ordering::Relaxed);
        // SAFETY: the range lies in the mapping, and no Rust reference to it exists.
        unsafe { libc::mprotect(start, bytes, libc::PROT_READ | libc::PROT_WRITE) == 0 }
    }

    /// User buffers have no memory any more.
    pub(crate) fn take_back(&self) {
        // Relaxed: as in `lend`.
        if self.lent.load(Ordering::Relaxed) == 0 {
            return;
        }
        let bytes = self.lent.swap(0, Ordering::Relaxed);
        let start = ptr::with_exposed_provenance_mut(self.base + ARENA_BYTES);
        // SAFETY: as in `lend`. What the pages held is forgotten.
        unsafe { libc::madvise(start, bytes, libc::MADV_DONTNEED) };
        // SAFETY: as in `lend`.
        unsafe { libc::mprotect(start, bytes, libc::PROT_NONE) };
    }

    /// An address that stands for a user buffer, which a filter may touch in a `__try` only.
    pub(crate) fn user_buffer(&self) -> Ptr {
        Ptr::at(self.base + ARENA_BYTES)
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        // SAFETY: mapped in `new` with this size; the kernel is going away, and with it whoever knew the addresses.
        let status =
            unsafe { libc::munmap(ptr::with_exposed_provenance_mut(self.base), ARENA_BYTES + USER_BYTES) };
        debug_assert_eq!(status, 0, "the mapping is ours");
    }
}
