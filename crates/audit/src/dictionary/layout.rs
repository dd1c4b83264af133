//! Where debuggers find what is in a dictionary.

use core::mem::{offset_of, size_of};

use super::slab::{CHUNK, Slab, USED};
use super::{Dictionary, Memory, Node, SPREAD, SPREAD_SHIFT, State};
use crate::debug::DictionaryItems;

/// Offsets and sizes in bytes of a dictionary's private structures, for [`DictionaryItems`].
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    pub(crate) chunk_size: usize,
    pub(crate) chunk_places: usize,
    pub(crate) places_size: usize,
    pub(crate) chunk_used: usize,
    pub(crate) place_size: usize,
    pub(crate) place_value: usize,
    pub(crate) key: usize,
    pub(crate) state: usize,
    pub(crate) retired_in: usize,
    pub(crate) sent_to: usize,
    pub(crate) chain: usize,
    pub(crate) entry: usize,
    pub(crate) entry_size: usize,
}

impl Layout {
    /// Places in a chunk; the multiplier and the shift that lead from a key to its bucket; how a used place begins;
    /// the states of a node: unsent, sent, retired.
    pub(crate) const CONSTANTS: [u64; 7] = [
        CHUNK as u64,
        SPREAD,
        SPREAD_SHIFT as u64,
        USED as u64,
        State::Unsent as u64,
        State::Sent as u64,
        State::Retired as u64,
    ];
}

impl<E, M: Memory> Dictionary<E, M> {
    /// How dictionaries of this type lie in memory.
    pub const LAYOUT: Layout = {
        let slab = Slab::<Node<E>, M>::LAYOUT;
        Layout {
            chunk_size: slab.chunk_size,
            chunk_places: slab.chunk_places,
            places_size: slab.places_size,
            chunk_used: slab.chunk_used,
            place_size: slab.place_size,
            place_value: slab.place_value,
            key: offset_of!(Node<E>, key),
            state: offset_of!(Node<E>, state),
            retired_in: offset_of!(Node<E>, retired_in),
            sent_to: offset_of!(Node<E>, sent_to),
            chain: offset_of!(Node<E>, chain),
            entry: offset_of!(Node<E>, entry),
            entry_size: size_of::<E>(),
        }
    };

    /// Tells a debugger where everything is. The dictionary must not move afterwards.
    pub fn describe(&self, items: &DictionaryItems) {
        self.nodes.describe(&items.chunks);
        items.buckets.of(&self.buckets);
        items.forgotten.at(&self.forgotten);
        items.connection.at(&self.connection);
        items.entries_limit.is(self.limits.entries as u64);
    }
}
