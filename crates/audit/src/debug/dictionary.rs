//! What the header tells of dictionaries.

use super::{Item, Items};
use crate::dictionary::Layout;

/// One dictionary. Filled by [`Dictionary::describe`](crate::dictionary::Dictionary::describe).
#[derive(Debug)]
#[repr(C)]
pub struct DictionaryItems {
    /// The table of chunks; one without places has no memory.
    pub(crate) chunks: Item,
    /// The first entry of each bucket, as an id.
    pub(crate) buckets: Item,
    pub(crate) forgotten: Item,
    pub(crate) connection: Item,
    /// How many entries there was no room for: its owner's to set.
    pub refused: Item,
    pub(crate) entries_limit: Item,
    chunk_places: Item,
    chunk_used: Item,
    place_size: Item,
    place_value: Item,
    key: Item,
    state: Item,
    retired_in: Item,
    sent_to: Item,
    chain: Item,
    entry: Item,
}

impl DictionaryItems {
    /// The items of a dictionary that is not known yet, under the name `group`.
    #[must_use]
    pub const fn new(group: &str, layout: &Layout) -> Self {
        let Layout {
            chunk_size,
            chunk_places,
            places_size,
            chunk_used,
            place_size,
            place_value,
            key,
            state,
            retired_in,
            sent_to,
            chain,
            entry,
            entry_size,
        } = *layout;
        let (id, word) = (size_of::<u32>(), size_of::<u64>());
        Self {
            chunks: Item::array_of(group, "chunks", chunk_size),
            buckets: Item::array::<u32>(group, "buckets"),
            forgotten: Item::counter::<u64>(group, "forgotten"),
            connection: Item::counter::<u64>(group, "connection"),
            refused: Item::counter::<u64>(group, "refused"),
            entries_limit: Item::constant(group, "limit", 0),
            chunk_places: Item::field(group, "chunk-places", chunk_places, places_size),
            chunk_used: Item::field(group, "chunk-used", chunk_used, size_of::<u16>()),
            place_size: Item::constant(group, "place-size", place_size as u64),
            place_value: Item::field(group, "place-value", place_value, place_size - place_value),
            key: Item::field(group, "node-key", key, word),
            state: Item::field(group, "node-state", state, size_of::<u8>()),
            retired_in: Item::field(group, "node-retired-in", retired_in, word),
            sent_to: Item::field(group, "node-sent-to", sent_to, word),
            chain: Item::field(group, "node-chain", chain, id),
            entry: Item::field(group, "node-entry", entry, entry_size),
        }
    }
}

impl Items for DictionaryItems {
    fn clear(&self) {
        let Self { chunks, buckets, forgotten, connection, refused, .. } = self;
        for item in [chunks, buckets, forgotten, connection, refused] {
            item.clear();
        }
    }
}

/// What all dictionaries have in common.
#[derive(Debug)]
#[repr(C)]
pub struct IdItems {
    places: Item,
    spread: Item,
    spread_shift: Item,
    used: Item,
    unsent: Item,
    sent: Item,
    retired: Item,
}

impl IdItems {
    /// How an id leads to a chunk and a place in it, a key to a bucket, and what a node's state says.
    #[must_use]
    pub const fn new() -> Self {
        const GROUP: &str = "dictionary";
        let [places, spread, spread_shift, used, unsent, sent, retired] = Layout::CONSTANTS;
        Self {
            places: Item::constant(GROUP, "places", places),
            spread: Item::constant(GROUP, "spread", spread),
            spread_shift: Item::constant(GROUP, "spread-shift", spread_shift),
            used: Item::constant(GROUP, "used", used),
            unsent: Item::constant(GROUP, "unsent", unsent),
            sent: Item::constant(GROUP, "sent", sent),
            retired: Item::constant(GROUP, "retired", retired),
        }
    }
}

impl Default for IdItems {
    fn default() -> Self {
        Self::new()
    }
}
