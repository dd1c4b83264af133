//! A dictionary: entries that records refer to by key, each to be sent once to whoever is connected.
//!
//! ```text
//!            add                 sent                     retire
//!   ──────────────► unsent ──────────────► sent ─────────────────────► retired ──► gone
//!                     ▲  │ retire: stays, to be sent before it goes        │
//!                     │  └─────────────────────────────────────────────────►
//!                     └─────── a new connection ◄── sent, retired ─────────┘
//! ```
//!
//! * **Before its records.** An entry is added before a record with its key can be made. A *cycle* of
//!   delivery takes a snapshot of the ring, then sends what is unsent, then the snapshot: so entries precede
//!   their records.
//! * **Not too short.** A retired entry goes when a cycle that began after its retirement is acknowledged
//!   whole: no record with its key can be left by then. Of the last retired ones, [`Limits::kept`] stay even
//!   so, for records that are made later all the same, as of a process whose write outlives it.
//! * **Not too long.** With nobody connected, or nobody who acknowledges, retired entries pile up, to
//!   [`Limits::retired`]. Then one falls out and is counted: the newest while somebody is connected, the oldest while nobody
//!   is. That is how the ring loses records, too.
//! * **Bounded memory**, from a [`Memory`] that may refuse it; refusal leaves everything as it was.

mod layout;
mod list;
mod slab;
#[cfg(test)]
mod tests;

use core::num::NonZeroU64;
use core::ops::DerefMut;

pub use layout::Layout;
use list::List;
use slab::{Id, Slab};

/// Where a dictionary's memory comes from.
pub trait Memory {
    /// An array whose length is settled when it is made.
    type Array<T>: DerefMut<Target = [T]>;

    /// An array of `length` elements, each made from its index; `None` when there is no memory.
    fn array<T>(length: usize, element: impl FnMut(usize) -> T) -> Option<Self::Array<T>>;
}

/// There is no memory, or no room under [`Limits::entries`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoRoom;

/// 2⁶⁴ divided by the golden ratio: spreads keys that differ in a few bits.
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;
/// The bits above this one are spread well.
const SPREAD_SHIFT: u32 = 32;

/// How much a dictionary may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Entries in all.
    pub entries: usize,
    /// Retired entries that wait for their records to be delivered.
    pub retired: usize,
    /// Retired entries that are kept after that, the newest.
    pub kept: usize,
    /// Places of the table that finds an entry by its key; a power of two.
    pub buckets: usize,
}

/// Entries by key; see the [module](self).
pub struct Dictionary<E, M: Memory> {
    nodes: Slab<Node<E>, M>,
    buckets: M::Array<Option<Id>>,
    unsent: List,
    /// Retired and unsent.
    waiting: List,
    sent: List,
    retired: List,
    /// Retired entries, in whatever list.
    retired_count: usize,
    limits: Limits,
    /// The cycle that runs, or ran last; they are counted from 2.
    cycle: u64,
    /// The newest cycle that was acknowledged whole.
    acknowledged: u64,
    /// Counts connections, and the times between them.
    connection: u64,
    connected: bool,
    /// Entries that fell out before their records were delivered.
    forgotten: u64,
    /// Entries added or retired since a cycle was acknowledged whole.
    changes: usize,
}

/// In a fixed order, and without types whose layout is not settled, for debuggers.
#[repr(C)]
struct Node<E> {
    key: NonZeroU64,
    /// The cycle that ran, or had run last, when the entry was retired.
    retired_in: Option<NonZeroU64>,
    /// The connection it was sent to last; 0: none.
    sent_to: u64,
    state: State,
    previous: Option<Id>,
    next: Option<Id>,
    /// The next in the same bucket.
    chain: Option<Id>,
    entry: E,
}

/// The list that a node is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum State {
    Unsent,
    Sent,
    Retired,
}

/// What is to be done before a record that refers to an entry is sent.
#[derive(Debug, PartialEq, Eq)]
pub enum Needed<'d, E> {
    /// Nothing: this connection has the entry.
    Nothing,
    /// The entry is to be sent.
    Send(&'d E),
    /// There is no entry.
    Unknown,
}

impl<E, M: Memory> Dictionary<E, M> {
    /// An empty dictionary; `None` when there is no memory for it, or `limits.buckets` is no power of two.
    #[must_use]
    pub fn new(limits: Limits) -> Option<Self> {
        if !limits.buckets.is_power_of_two() {
            return None;
        }
        Some(Self {
            nodes: Slab::new(limits.entries)?,
            buckets: M::array(limits.buckets, |_| None)?,
            unsent: List::EMPTY,
            waiting: List::EMPTY,
            sent: List::EMPTY,
            retired: List::EMPTY,
            retired_count: 0,
            limits,
            cycle: 1,
            acknowledged: 0,
            connection: 1,
            connected: false,
            forgotten: 0,
            changes: 0,
        })
    }

    /// Adds an entry, to be sent. A key that is there already keeps its entry.
    ///
    /// # Errors
    ///
    /// [`NoRoom`].
    pub fn add(&mut self, key: NonZeroU64, entry: E) -> Result<(), NoRoom> {
        if self.find(key).is_some() {
            return Ok(());
        }
        let bucket = self.bucket(key);
        let chain = self.buckets.get(bucket).copied().flatten();
        let node = Node {
            key,
            state: State::Unsent,
            retired_in: None,
            sent_to: 0,
            previous: None,
            next: None,
            chain,
            entry,
        };
        let id = self.nodes.insert(node)?;
        if let Some(first) = self.buckets.get_mut(bucket) {
            *first = Some(id);
        }
        self.unsent.push(&mut self.nodes, id);
        self.changes = self.changes.wrapping_add(1);
        Ok(())
    }

    /// Whether there is an entry, retired or not.
    #[must_use]
    pub fn contains(&self, key: NonZeroU64) -> bool {
        self.find(key).is_some()
    }

    /// The entry, retired or not.
    #[must_use]
    pub fn get(&self, key: NonZeroU64) -> Option<&E> {
        Some(&self.nodes.get(self.find(key)?)?.entry)
    }

    /// All entries, retired or not, in no order.
    pub fn entries_mut(&mut self) -> impl Iterator<Item = &mut E> {
        self.nodes.iter_mut().map(|node| &mut node.entry)
    }

    /// No new record will refer to the entry, or hardly any.
    pub fn retire(&mut self, key: NonZeroU64) {
        let Some(id) = self.find(key) else { return };
        let Some(node) = self.nodes.get_mut(id) else { return };
        if node.retired_in.is_some() {
            return;
        }
        let state = match node.state {
            State::Unsent => State::Unsent,
            State::Sent | State::Retired => State::Retired,
        };
        let cycle = NonZeroU64::new(self.cycle);
        self.unlink(id);
        if let Some(node) = self.nodes.get_mut(id) {
            (node.retired_in, node.state) = (cycle, state);
        }
        self.link(id, List::push);
        self.changes = self.changes.wrapping_add(1);
        self.retired_count = self.retired_count.wrapping_add(1);
        if self.retired_count > self.limits.retired {
            let delivered = self.retired.first().filter(|id| self.is_delivered(*id));
            let oldest = self.waiting.first().filter(|_| !self.connected);
            if delivered.is_none() {
                self.forgotten = self.forgotten.wrapping_add(1);
            }
            self.remove(delivered.or(oldest).unwrap_or(id));
        }
    }

    /// How many entries fell out before their records were delivered.
    #[must_use]
    pub const fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// How many entries were added or retired since a cycle was acknowledged whole: what a cycle would be
    /// worth.
    #[must_use]
    pub const fn changes(&self) -> usize {
        self.changes
    }

    /// A cycle of delivery begins; to be called before the snapshot of the ring is taken.
    pub fn begin_cycle(&mut self) {
        self.cycle = self.cycle.wrapping_add(1);
    }

    /// The cycle that [`begin_cycle`](Self::begin_cycle) began was acknowledged whole, events included.
    pub fn complete_cycle(&mut self) {
        self.acknowledged = self.cycle;
        self.changes = 0;
        while self.retired.len() > self.limits.kept {
            let Some(id) = self.retired.first().filter(|id| self.is_delivered(*id)) else { return };
            self.remove(id);
        }
    }

    /// Somebody new is connected, who has no entry yet.
    pub fn begin_connection(&mut self) {
        self.start_over();
        self.connected = true;
    }

    /// Nobody is connected any more.
    pub fn end_connection(&mut self) {
        self.start_over();
        self.connected = false;
    }

    /// Nobody has any entry.
    fn start_over(&mut self) {
        self.connection = self.connection.wrapping_add(1);
        // In front of what is unsent, in the order of before. What is only kept is sent if it is needed.
        while let Some(id) = self.retired.last().filter(|id| !self.is_delivered(*id)) {
            self.move_to(id, State::Unsent, List::push_front);
        }
        while let Some(id) = self.sent.last() {
            self.move_to(id, State::Unsent, List::push_front);
        }
    }

    /// The next entry to send.
    #[must_use]
    pub fn next(&self) -> Option<&E> {
        Some(&self.nodes.get(self.next_id()?)?.entry)
    }

    fn next_id(&self) -> Option<Id> {
        self.unsent.first().or(self.waiting.first())
    }

    /// What [`next`](Self::next) gave is in a batch.
    pub fn sent_next(&mut self) {
        if let Some(id) = self.next_id() {
            self.mark_sent(id);
        }
    }

    /// What is to be done before a record with this key is sent.
    #[must_use]
    pub fn needed(&self, key: NonZeroU64) -> Needed<'_, E> {
        match self.find(key).and_then(|id| self.nodes.get(id)) {
            None => Needed::Unknown,
            Some(node) if node.sent_to == self.connection => Needed::Nothing,
            Some(node) => Needed::Send(&node.entry),
        }
    }

    /// What [`needed`](Self::needed) gave is in a batch.
    pub fn sent(&mut self, key: NonZeroU64) {
        if let Some(id) = self.find(key) {
            self.mark_sent(id);
        }
    }

    fn mark_sent(&mut self, id: Id) {
        let connection = self.connection;
        let Some(node) = self.nodes.get_mut(id) else { return };
        node.sent_to = connection;
        if node.state == State::Unsent {
            let state = if node.retired_in.is_some() { State::Retired } else { State::Sent };
            self.move_to(id, state, List::push);
        }
    }

    /// Whether no record can be left that refers to a retired entry.
    fn is_delivered(&self, id: Id) -> bool {
        let retired_in = self.nodes.get(id).and_then(|node| node.retired_in);
        retired_in.is_some_and(|cycle| cycle.get() < self.acknowledged)
    }

    fn bucket(&self, key: NonZeroU64) -> usize {
        let spread = key.get().wrapping_mul(SPREAD) >> SPREAD_SHIFT;
        (spread & 0xFFFF_FFFF) as usize & self.limits.buckets.wrapping_sub(1)
    }

    fn find(&self, key: NonZeroU64) -> Option<Id> {
        let mut next = self.buckets.get(self.bucket(key)).copied().flatten();
        while let Some(id) = next {
            let node = self.nodes.get(id)?;
            if node.key == key {
                return Some(id);
            }
            next = node.chain;
        }
        None
    }

    /// The list that a node is in, or belongs into.
    fn list_of(&mut self, id: Id) -> Option<(&mut List, &mut Slab<Node<E>, M>)> {
        let node = self.nodes.get(id)?;
        let list = match node.state {
            State::Unsent if node.retired_in.is_some() => &mut self.waiting,
            State::Unsent => &mut self.unsent,
            State::Sent => &mut self.sent,
            State::Retired => &mut self.retired,
        };
        Some((list, &mut self.nodes))
    }

    fn unlink(&mut self, id: Id) {
        if let Some((list, nodes)) = self.list_of(id) {
            list.unlink(nodes, id);
        }
    }

    /// Puts a node that is in no list to the end of its own, or to the front.
    fn link(&mut self, id: Id, put: fn(&mut List, &mut Slab<Node<E>, M>, Id)) {
        if let Some((list, nodes)) = self.list_of(id) {
            put(list, nodes, id);
        }
    }

    fn move_to(&mut self, id: Id, state: State, put: fn(&mut List, &mut Slab<Node<E>, M>, Id)) {
        self.unlink(id);
        if let Some(node) = self.nodes.get_mut(id) {
            node.state = state;
        }
        self.link(id, put);
    }

    fn remove(&mut self, id: Id) {
        self.unlink(id);
        let Some(Node { key, retired_in, chain, .. }) = self.nodes.remove(id) else { return };
        if retired_in.is_some() {
            self.retired_count = self.retired_count.wrapping_sub(1);
        }
        // Take it out of its bucket.
        let bucket = self.bucket(key);
        let Some(first) = self.buckets.get_mut(bucket) else { return };
        if *first == Some(id) {
            *first = chain;
            return;
        }
        let mut next = *first;
        while let Some(node) = next.and_then(|id| self.nodes.get_mut(id)) {
            if node.chain == Some(id) {
                node.chain = chain;
                return;
            }
            next = node.chain;
        }
    }
}
