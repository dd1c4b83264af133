//! Requests that the file system holds until something happens: until a lock that others have goes, say.

use std::collections::BTreeMap;

use super::request::IoStatus;
use crate::fltmgr::{Operation, Pended};
use crate::ke::Cpu;
use crate::status::NtStatus;
use crate::util::Lock;

/// The number of a request that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ticket(u64);

struct Entry {
    operation: Operation,
    pended: Pended,
}

#[derive(Default)]
struct State {
    last: u64,
    entries: BTreeMap<Ticket, Entry>,
}

/// The requests that wait at the file systems of one kernel. What they wait for knows them by their numbers; who takes one out
/// of here completes it.
#[derive(Default)]
pub(crate) struct Waiting {
    state: Lock<State>,
}

impl Waiting {
    pub(super) fn add(&self, operation: Operation, pended: Pended) -> Ticket {
        let mut state = self.state.lock();
        state.last += 1;
        let ticket = Ticket(state.last);
        state.entries.insert(ticket, Entry { operation, pended });
        ticket
    }

    /// The request, unless it has been cancelled.
    pub(super) fn take(&self, ticket: Ticket) -> Option<Pended> {
        self.state.lock().entries.remove(&ticket).map(|entry| entry.pended)
    }

    fn find(&self, mut is_meant: impl FnMut(&Entry) -> bool) -> Vec<Ticket> {
        let state = self.state.lock();
        state.entries.iter().filter(|(_, entry)| is_meant(entry)).map(|(ticket, _)| *ticket).collect()
    }
}

fn complete_cancelled(cpu: &Cpu, pended: Pended) {
    pended.complete(cpu, IoStatus::plain(NtStatus::CANCELLED));
}

/// A request that has just been added is not kept if it was cancelled on its way. No lock is held.
pub(super) fn heed_cancellation(cpu: &Cpu, ticket: Ticket) {
    let waiting = &cpu.kernel().waiting;
    let is_cancelled = {
        let state = waiting.state.lock();
        state.entries.get(&ticket).is_some_and(|entry| entry.pended.is_cancelled(cpu))
    };
    if is_cancelled && let Some(pended) = waiting.take(ticket) {
        complete_cancelled(cpu, pended);
    }
}

/// Ends the requests that are so with a status.
pub(super) fn end(cpu: &Cpu, mut is_meant: impl FnMut(&Operation) -> bool, status: NtStatus) {
    let waiting = &cpu.kernel().waiting;
    for ticket in waiting.find(|entry| is_meant(&entry.operation)) {
        if let Some(pended) = waiting.take(ticket) {
            pended.complete(cpu, IoStatus::plain(status));
        }
    }
}

/// Cancels the requests that are so. Returns how many of them no filter has seen.
pub(crate) fn cancel(cpu: &Cpu, mut is_meant: impl FnMut(&Operation) -> bool) -> usize {
    let waiting = &cpu.kernel().waiting;
    let mut unseen = 0;
    for ticket in waiting.find(|entry| is_meant(&entry.operation)) {
        if let Some(pended) = waiting.take(ticket) {
            unseen += usize::from(pended.is_unseen());
            complete_cancelled(cpu, pended);
        }
    }
    unseen
}
