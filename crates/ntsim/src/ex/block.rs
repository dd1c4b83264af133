//! Memory for drivers, with guards before and after it.

use std::alloc::{self, Layout};

use crate::abi::Ptr;

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

/// A block of memory at a fixed address.
pub(crate) struct Block {
    start: *mut u8,
    layout: Layout,
    /// Bytes before the block proper, the guard included.
    before: usize,
    bytes: usize,
}

// SAFETY: a block owns its memory, as a `Box` does.
unsafe impl Send for Block {}

impl Block {
    /// A block aligned as pool is.
    pub(crate) fn new(bytes: usize, content: Content) -> Self {
        let alignment = if bytes >= PAGE_BYTES { PAGE_BYTES } else { POOL_ALIGNMENT };
        let before = GUARD_BYTES.next_multiple_of(alignment);
        let layout = Layout::from_size_align(before + bytes + GUARD_BYTES, alignment)
            .expect("callers ask for what an address space holds");
        // SAFETY: the layout has a size that is not zero.
        let start = unsafe { alloc::alloc(layout) };
        if start.is_null() {
            alloc::handle_alloc_error(layout);
        }
        let block = Self { start, layout, before, bytes };
        let fill = if content == Content::Zeroed { 0 } else { UNINITIALIZED };
        block.fill(before - GUARD_BYTES, GUARD_BYTES, GUARD);
        block.fill(before, bytes, fill);
        block.fill(before + bytes, GUARD_BYTES, GUARD);
        block
    }

    /// Its address, for the driver.
    pub(crate) fn ptr<T>(&self) -> Ptr<T> {
        Ptr::of(self.start.wrapping_add(self.before).cast_const().cast())
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Where the guards were written to, if they were: the offset from the block's beginning.
    pub(crate) fn damage(&self) -> Option<isize> {
        let guards = (self.before - GUARD_BYTES..self.before)
            .chain(self.before + self.bytes..self.before + self.bytes + GUARD_BYTES);
        self.first_other_than(guards, GUARD)
    }

    /// Fills a block that has been freed, so that its use shows.
    pub(crate) fn poison(&self) {
        self.fill(self.before, self.bytes, FREED);
    }

    /// Where a poisoned block was written to, if it was.
    pub(crate) fn damage_after_free(&self) -> Option<isize> {
        self.first_other_than(self.before..self.before + self.bytes, FREED)
    }

    fn first_other_than(&self, mut offsets: impl Iterator<Item = usize>, expected: u8) -> Option<isize> {
        offsets
            .find(|offset| Ptr::of(self.start.wrapping_add(*offset)).read() != expected)
            .map(|offset| offset.cast_signed() - self.before.cast_signed())
    }

    fn fill(&self, offset: usize, count: usize, byte: u8) {
        debug_assert!(offset + count <= self.layout.size(), "callers stay within the layout");
        // SAFETY: the range lies within the allocation, which this block owns.
        let place = unsafe { self.start.add(offset) };
        // SAFETY: as above.
        unsafe { place.write_bytes(byte, count) }
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: allocated in `new` with this layout, and freed only here.
        unsafe { alloc::dealloc(self.start, self.layout) }
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
}
