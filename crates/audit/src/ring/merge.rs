//! The shards' next records in order of time: a binary heap in the shards' own memory.

use super::Shard;
use crate::sync::Ordering;

/// A shard's next record.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Next {
    pub(super) time: u64,
    /// Earlier shards go first at the same time.
    pub(super) shard: usize,
}

/// The heap: element *n* is kept in shard *n*, and is not after elements 2 *n* + 1 and 2 *n* + 2.
pub(super) struct Merge<'m> {
    shards: &'m [Shard],
    len: usize,
}

impl<'m> Merge<'m> {
    /// An empty heap that has room for one element per shard.
    pub(super) const fn new(shards: &'m [Shard]) -> Self {
        Self { shards, len: 0 }
    }

    /// The first in order.
    pub(super) fn first(&self) -> Option<Next> {
        self.get(0)
    }

    /// Adds an element.
    pub(super) fn push(&mut self, next: Next) {
        let mut at = self.len;
        self.len = at.wrapping_add(1);
        while at > 0 {
            let parent = at.wrapping_sub(1) / 2;
            match self.get(parent) {
                Some(above) if next < above => self.set(at, above),
                _ => break,
            }
            at = parent;
        }
        self.set(at, next);
    }

    /// Replaces the first in order.
    pub(super) fn replace_first(&mut self, next: Next) {
        let mut at = 0_usize;
        loop {
            let left = at.wrapping_mul(2).wrapping_add(1);
            let right = left.wrapping_add(1);
            let below = match (self.get(left), self.get(right)) {
                (Some(a), Some(b)) if b < a => Some((right, b)),
                (Some(a), _) => Some((left, a)),
                (None, _) => None,
            };
            match below {
                Some((child, below)) if below < next => {
                    self.set(at, below);
                    at = child;
                }
                _ => break,
            }
        }
        self.set(at, next);
    }

    /// Removes the first in order.
    pub(super) fn remove_first(&mut self) {
        let last = self.get(self.len.wrapping_sub(1));
        self.len = self.len.saturating_sub(1);
        if let Some(last) = last.filter(|_| self.len > 0) {
            self.replace_first(last);
        }
    }

    fn get(&self, at: usize) -> Option<Next> {
        let kept = &self.shards.get(at).filter(|_| at < self.len)?.cursor;
        // Relaxed: the consumer's own.
        let time = kept.merge_time.load(Ordering::Relaxed);
        let shard = usize::try_from(kept.merge_shard.load(Ordering::Relaxed)).ok()?;
        Some(Next { time, shard })
    }

    fn set(&self, at: usize, next: Next) {
        if let Some(shard) = self.shards.get(at) {
            // Relaxed: the consumer's own.
            shard.cursor.merge_time.store(next.time, Ordering::Relaxed);
            shard.cursor.merge_shard.store(next.shard as u64, Ordering::Relaxed);
        }
    }
}
