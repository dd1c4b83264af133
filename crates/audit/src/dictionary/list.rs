//! Doubly linked lists of nodes that live in a slab.

use super::slab::{Id, Slab};
use super::{Memory, Node};

/// The ends of a list. A node is in one list at a time, which its owner sees to.
pub(super) struct List {
    first: Option<Id>,
    last: Option<Id>,
    len: usize,
}

impl List {
    pub(super) const EMPTY: Self = Self { first: None, last: None, len: 0 };

    pub(super) const fn first(&self) -> Option<Id> {
        self.first
    }

    pub(super) const fn last(&self) -> Option<Id> {
        self.last
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Appends a node that is in no list.
    pub(super) fn push<E, M: Memory>(&mut self, nodes: &mut Slab<Node<E>, M>, id: Id) {
        let last = self.last;
        self.link(nodes, last, id, None);
    }

    /// Puts a node that is in no list before all others.
    pub(super) fn push_front<E, M: Memory>(&mut self, nodes: &mut Slab<Node<E>, M>, id: Id) {
        let first = self.first;
        self.link(nodes, None, id, first);
    }

    fn link<E, M: Memory>(
        &mut self,
        nodes: &mut Slab<Node<E>, M>,
        previous: Option<Id>,
        id: Id,
        next: Option<Id>,
    ) {
        let Some(node) = nodes.get_mut(id) else { return };
        (node.previous, node.next) = (previous, next);
        match previous.and_then(|id| nodes.get_mut(id)) {
            Some(node) => node.next = Some(id),
            None => self.first = Some(id),
        }
        match next.and_then(|id| nodes.get_mut(id)) {
            Some(node) => node.previous = Some(id),
            None => self.last = Some(id),
        }
        self.len = self.len.wrapping_add(1);
    }

    /// Takes out a node that is in this list.
    pub(super) fn unlink<E, M: Memory>(&mut self, nodes: &mut Slab<Node<E>, M>, id: Id) {
        let Some(node) = nodes.get_mut(id) else { return };
        let (previous, next) = (node.previous.take(), node.next.take());
        match previous.and_then(|id| nodes.get_mut(id)) {
            Some(node) => node.next = next,
            None => self.first = next,
        }
        match next.and_then(|id| nodes.get_mut(id)) {
            Some(node) => node.previous = previous,
            None => self.last = previous,
        }
        self.len = self.len.wrapping_sub(1);
    }
}
