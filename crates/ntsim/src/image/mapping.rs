//! Memory for an image.

use std::ptr;

use crate::abi::Address;

/// What the pages of a section may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Protection {
    pub(super) read: bool,
    pub(super) write: bool,
    pub(super) execute: bool,
}

/// A range of pages, readable and writable until protected otherwise.
pub(super) struct Mapping {
    base: Address,
    bytes: usize,
}

impl Mapping {
    pub(super) fn new(bytes: usize) -> Option<Self> {
        // SAFETY: a new private mapping at an address of the system's choice disturbs nothing.
        let base = unsafe {
            libc::mmap(
                ptr::null_mut(),
                bytes,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        (base != libc::MAP_FAILED).then(|| Self { base: base.expose_provenance(), bytes })
    }

    pub(super) fn base(&self) -> Address {
        self.base
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The whole mapping. Only for the loader, before any code of the image runs.
    pub(super) fn content(&mut self) -> &mut [u8] {
        // SAFETY: mapped readable and writable in `new`, and the loader has the only reference: nothing of the image has
        // run, and no section has been protected yet.
        unsafe { std::slice::from_raw_parts_mut(ptr::with_exposed_provenance_mut(self.base), self.bytes) }
    }

    /// Protects the pages of a range that begins at a page. Returns whether the system agreed.
    pub(super) fn protect(&self, start: usize, bytes: usize, protection: Protection) -> bool {
        assert!(start + bytes <= self.bytes, "the loader keeps to the image");
        let flag = |set: bool, flag: i32| if set { flag } else { libc::PROT_NONE };
        let flags = flag(protection.read, libc::PROT_READ)
            | flag(protection.write, libc::PROT_WRITE)
            | flag(protection.execute, libc::PROT_EXEC);
        // SAFETY: the range lies within the mapping, of which no Rust reference exists while the image is used.
        let status =
            unsafe { libc::mprotect(ptr::with_exposed_provenance_mut(self.base + start), bytes, flags) };
        status == 0
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: mapped in `new` with this size; an image is dropped after the last call into it.
        let status = unsafe { libc::munmap(ptr::with_exposed_provenance_mut(self.base), self.bytes) };
        debug_assert_eq!(status, 0, "the mapping is ours");
    }
}
