//! Memory for drivers, with guards before and after it.

use std::alloc::{self, Layout};
use std::ops::Range;
use std::ptr;

use crate::abi::{Address, Ptr};

/// Bytes before and after a block that must stay as they were.
const GUARD_BYTES: usize = 32;
/// What the guards hold.
const GUARD: u8 = 0xFD;
/// What memory holds that nobody has initialized.
const UNINITIALIZED: u8 = 0xCD;
/// What memory holds that has been freed.
const FREED: u8 = 0xDD;
/// `PAGE_SIZE`: from this size on pool is page-aligned.
pub(crate) const PAGE_BYTES: usize = 4096;
/// Alignment of smaller pool blocks (`MEMORY_ALLOCATION_ALIGNMENT` on 64-bit systems).
const POOL_ALIGNMENT: usize = 16;

/// What a block holds at first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    Zeroed,
    Uninitialized,
}

/// Where the memory of a block comes from.
enum Memory {
    /// The host's heap.
    Heap(Layout),
    /// Pages of its own, the last of which is never accessible.
    Pages { bytes: usize },
}

/// A block of memory at a fixed address.
pub(crate) struct Block {
    start: *mut u8,
    memory: Memory,
    /// Bytes before the block proper, the guard included.
    before: usize,
    bytes: usize,
    /// Bytes of the guard after it.
    after: usize,
}

// SAFETY: a block owns its memory, as a `Box` does.
unsafe impl Send for Block {}
// SAFETY: a block is an address and sizes; its content is read and written as driver memory is (see `Ptr`).
unsafe impl Sync for Block {}

fn alignment_of(bytes: usize) -> usize {
    if bytes >= PAGE_BYTES { PAGE_BYTES } else { POOL_ALIGNMENT }
}

impl Block {
    /// A block aligned as pool is.
    pub(crate) fn new(bytes: usize, content: Content) -> Self {
        let alignment = alignment_of(bytes);
        let before = GUARD_BYTES.next_multiple_of(alignment);
        let layout = Layout::from_size_align(before + bytes + GUARD_BYTES, alignment)
            .expect("callers ask for what an address space holds");
        // SAFETY: the layout has a size that is not zero.
        let start = unsafe { alloc::alloc(layout) };
        if start.is_null() {
            alloc::handle_alloc_error(layout);
        }
        let block = Self { start, memory: Memory::Heap(layout), before, bytes, after: GUARD_BYTES };
        block.prepare(content);
        block
    }

    /// A block that ends where memory ends, as closely as its alignment lets it: what touches the page behind faults.
    /// (Driver Verifier's special pool does the same.) `None` if the host has no more mappings.
    pub(crate) fn guarded(bytes: usize, content: Content) -> Option<Self> {
        let room = bytes.max(1).next_multiple_of(alignment_of(bytes));
        let data = room.next_multiple_of(PAGE_BYTES);
        // SAFETY: a new private mapping at an address of the system's choice disturbs nothing.
        let start = unsafe {
            libc::mmap(
                ptr::null_mut(),
                data + PAGE_BYTES,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        if start == libc::MAP_FAILED {
            return None;
        }
        let memory = Memory::Pages { bytes: data + PAGE_BYTES };
        let block = Self { start: start.cast(), memory, before: data - room, bytes, after: room - bytes };
        block.prepare(content);
        block.protect(data, PAGE_BYTES, libc::PROT_NONE).then_some(block)
    }

    fn prepare(&self, content: Content) {
        let fill = if content == Content::Zeroed { 0 } else { UNINITIALIZED };
        self.fill(self.before - self.guard_before(), self.guard_before(), GUARD);
        self.fill(self.before, self.bytes, fill);
        self.fill(self.before + self.bytes, self.after, GUARD);
    }

    fn guard_before(&self) -> usize {
        self.before.min(GUARD_BYTES)
    }

    /// Its address, for the driver.
    pub(crate) fn ptr<T>(&self) -> Ptr<T> {
        Ptr::of(self.start.wrapping_add(self.before).cast_const().cast())
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The pages that are its own, the inaccessible one behind it included.
    pub(crate) fn pages(&self) -> Option<Range<Address>> {
        match self.memory {
            Memory::Heap(_) => None,
            Memory::Pages { bytes } => {
                let start = self.start.expose_provenance();
                Some(start..start + bytes)
            }
        }
    }

    /// Where the guards were written to, if they were: the offset from the block's beginning.
    pub(crate) fn damage(&self) -> Option<isize> {
        let guards = (self.before - self.guard_before()..self.before)
            .chain(self.before + self.bytes..self.before + self.bytes + self.after);
        self.first_other_than(guards, GUARD)
    }

    /// Marks a block that has been freed, so that its use shows: whoever touches it faults, or the mark is damaged.
    pub(crate) fn poison(&self) {
        match self.memory {
            Memory::Heap(_) => self.fill(self.before, self.bytes, FREED),
            Memory::Pages { bytes } => {
                self.protect(0, bytes, libc::PROT_NONE);
            }
        }
    }

    /// Where a poisoned block was written to, if it was. (Pages are watched, and need no look.)
    pub(crate) fn damage_after_free(&self) -> Option<isize> {
        match self.memory {
            Memory::Heap(_) => self.first_other_than(self.before..self.before + self.bytes, FREED),
            Memory::Pages { .. } => None,
        }
    }

    fn protect(&self, offset: usize, bytes: usize, protection: i32) -> bool {
        // SAFETY: the range lies within the mapping, of which no Rust reference exists.
        let status = unsafe { libc::mprotect(self.start.wrapping_add(offset).cast(), bytes, protection) };
        status == 0
    }

    fn first_other_than(&self, mut offsets: impl Iterator<Item = usize>, expected: u8) -> Option<isize> {
        offsets
            .find(|offset| Ptr::of(self.start.wrapping_add(*offset)).read() != expected)
            .map(|offset| offset.cast_signed() - self.before.cast_signed())
    }

    fn fill(&self, offset: usize, count: usize, byte: u8) {
        // SAFETY: callers stay within the allocation, which this block owns.
        let place = unsafe { self.start.add(offset) };
        // SAFETY: as above.
        unsafe { place.write_bytes(byte, count) }
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        match self.memory {
            // SAFETY: allocated in `new` with this layout, and freed only here.
            Memory::Heap(layout) => unsafe { alloc::dealloc(self.start, layout) },
            Memory::Pages { bytes } => {
                // SAFETY: mapped in `guarded` with this size, and unmapped only here.
                let status = unsafe { libc::munmap(self.start.cast(), bytes) };
                debug_assert_eq!(status, 0, "the mapping is ours");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_aligned_as_pool_is() {
        for (bytes, alignment) in [(1, 16), (4095, 16), (4096, 4096), (10_000, 4096)] {
            assert_eq!(Block::new(bytes, Content::Zeroed).ptr::<u8>().address() % alignment, 0, "{bytes}");
        }
    }

    #[test]
    fn a_block_holds_what_was_asked_for() {
        assert_eq!(Block::new(3, Content::Zeroed).ptr::<u8>().read_slice(3), [0; 3]);
        assert_ne!(Block::new(3, Content::Uninitialized).ptr::<u8>().read_slice(3), [0; 3]);
    }

    #[test]
    fn a_write_past_either_end_is_noticed() {
        let block = Block::new(5, Content::Zeroed);
        assert_eq!(block.damage(), None);
        block.ptr::<u8>().offset(5).write(1);
        assert_eq!(block.damage(), Some(5));
        let block = Block::new(5, Content::Zeroed);
        block.ptr::<u8>().offset(usize::MAX).write(1);
        assert_eq!(block.damage(), Some(-1));
    }

    #[test]
    fn a_write_after_the_free_is_noticed() {
        let block = Block::new(5, Content::Zeroed);
        block.poison();
        assert_eq!(block.damage_after_free(), None);
        block.ptr::<u8>().offset(2).write(1);
        assert_eq!(block.damage_after_free(), Some(2));
    }

    #[test]
    fn a_guarded_block_ends_where_memory_ends() {
        for (bytes, slack) in [(64, 0), (5, 11), (4096, 0), (5000, 3192)] {
            let block = Block::guarded(bytes, Content::Zeroed).expect("the host has pages");
            let pages = block.pages().expect("they are its own");
            let end = block.ptr::<u8>().address() + bytes + slack;
            assert_eq!(end + PAGE_BYTES, pages.end, "{bytes}");
            assert_eq!(block.damage(), None);
        }
    }

    #[test]
    fn a_write_between_a_guarded_block_and_its_page_s_end_is_noticed() {
        let block = Block::guarded(5, Content::Zeroed).expect("the host has pages");
        block.ptr::<u8>().offset(5).write(1);
        assert_eq!(block.damage(), Some(5));
    }
}
