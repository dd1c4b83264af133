//! The debug header: where a debugger or the reader of a dump finds the ring, the dictionaries and the counters.
//!
//! The driver exports one as `WHOWROTE_DEBUG`. It is a preamble and a table of [`Item`]s: everything in it is found by
//! name, and nothing needs private symbols. Layouts of private structures are in it as items too, as this very build
//! has them (`offset_of!`), so that a reader knows none of them.
//!
//! | offset | size | field of the preamble |
//! |---|---|---|
//! | 0 | 8 | magic: the characters `WHOWRDBG` |
//! | 8 | 2 | major version: 1; another one may change anything |
//! | 10 | 2 | minor version: 1; a newer one has more items |
//! | 12 | 4 | bytes of the header, items included |
//! | 16 | 4 | offset of the first item in the header |
//! | 20 | 4 | how many items there are |
//! | 24 | 4 | bytes of an item: 56 or more |
//! | 28 | 4 | reserved |
//! | 32 | 8 | address of the driver's state; 0 while there is none, and then no address below is valid |
//!
//! | offset | size | field of an item |
//! |---|---|---|
//! | 0 | 32 | name, in ASCII, padded with zeros |
//! | 32 | 4 | kind |
//! | 36 | 4 | size in bytes: of the counter, of an element of the array, of the field |
//! | 40 | 8 | value |
//! | 48 | 8 | count |
//!
//! | kind | item | value | count |
//! |---|---|---|---|
//! | 1 | constant | itself | 0 |
//! | 2 | counter | its address | 0 |
//! | 3 | array | address of the first element | of elements |
//! | 4 | field | its offset in the structure that it is named after | 0 |
//!
//! The driver writes the header when it starts and when it ends, and never reads it: nothing that a debugger writes into
//! it changes what the driver does, and no callback touches it.

mod control;
mod dictionary;
mod item;
mod ring;

pub use control::ControlItems;
pub use dictionary::{DictionaryItems, IdItems};
pub use item::Item;
pub use ring::RingItems;

use core::mem::{offset_of, size_of};
use core::sync::atomic::{AtomicU64, Ordering};

/// What the header begins with.
pub const MAGIC: [u8; 8] = *b"WHOWRDBG";
/// The major version of the header.
pub const MAJOR: u16 = 1;
/// The minor version of the header.
pub const MINOR: u16 = 1;

/// A group of items: a structure of nothing but [`Item`]s and groups.
pub trait Items {
    /// Has every item that has an address, or a value of this run, forget it.
    fn clear(&self);
}

/// The header over the items `I`, a structure that consists of [`Item`]s alone.
#[derive(Debug)]
#[repr(C)]
pub struct Header<I> {
    magic: [u8; 8],
    major: u16,
    minor: u16,
    size: u32,
    items_at: u32,
    item_count: u32,
    item_size: u32,
    reserved: u32,
    state: AtomicU64,
    /// What the header tells.
    pub items: I,
}

// The tables above.
const _: () = assert!(offset_of!(Header<Item>, magic) == 0);
const _: () = assert!(offset_of!(Header<Item>, major) == 8);
const _: () = assert!(offset_of!(Header<Item>, minor) == 10);
const _: () = assert!(offset_of!(Header<Item>, size) == 12);
const _: () = assert!(offset_of!(Header<Item>, items_at) == 16);
const _: () = assert!(offset_of!(Header<Item>, item_count) == 20);
const _: () = assert!(offset_of!(Header<Item>, item_size) == 24);
const _: () = assert!(offset_of!(Header<Item>, reserved) == 28);
const _: () = assert!(offset_of!(Header<Item>, state) == 32);
const _: () = assert!(offset_of!(Header<Item>, items) == 40);

impl<I: Items> Header<I> {
    /// A header that tells of no state yet.
    ///
    /// # Panics
    ///
    /// If `I` is no whole number of items: in a static, when that is compiled.
    #[must_use]
    pub const fn new(items: I) -> Self {
        assert!(size_of::<I>().is_multiple_of(size_of::<Item>()), "nothing but items");
        Self {
            magic: MAGIC,
            major: MAJOR,
            minor: MINOR,
            size: size_32(size_of::<Self>()),
            items_at: size_32(offset_of!(Self, items)),
            item_count: size_32(size_of::<I>() / size_of::<Item>()),
            item_size: size_32(size_of::<Item>()),
            reserved: 0,
            state: AtomicU64::new(0),
            items,
        }
    }

    /// All items are set: from now on the header tells of this state.
    pub fn publish<S>(&self, state: &S) {
        // Release: a reader that stopped this processor, or another, and sees the state, sees the items. It pairs with
        // no load of the driver's.
        self.state.store(item::address(state), Ordering::Release);
    }

    /// The state is about to go, and all that the header leads to with it.
    pub fn clear(&self) {
        // Release: the same; and the memory is freed by a call after this, before which the store is done.
        self.state.store(0, Ordering::Release);
        self.items.clear();
    }
}

/// A size as the header has it.
#[expect(clippy::cast_possible_truncation, reason = "asserted; and evaluated at compile time only")]
pub(crate) const fn size_32(size: usize) -> u32 {
    assert!(size <= u32::MAX as usize, "too large for the header");
    size as u32
}

#[cfg(all(test, not(loom)))]
mod tests;
