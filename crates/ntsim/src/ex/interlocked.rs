//! Lists of a driver's that are changed under a spin lock (wdm, `ExInterlockedInsertHeadList`).

use crate::abi::{ListEntry, Ptr};
use crate::ke::spin_lock;
use crate::ke::{Cpu, Irql};

/// Changes a list while its lock is held.
fn locked<R>(cpu: &Cpu, lock: Ptr<usize>, change: impl FnOnce() -> R) -> R {
    cpu.at_irql(Irql::DISPATCH, || {
        spin_lock::acquire_at_dispatch(cpu, lock);
        let result = change();
        spin_lock::release_at_dispatch(cpu, lock);
        result
    })
}

fn links(entry: Ptr) -> ListEntry {
    entry.cast::<ListEntry>().read()
}

fn set_flink(entry: Ptr, to: Ptr) {
    let links = links(entry);
    entry.cast().write(ListEntry { flink: to, ..links });
}

fn set_blink(entry: Ptr, to: Ptr) {
    let links = links(entry);
    entry.cast().write(ListEntry { blink: to, ..links });
}

/// Puts an entry between two.
fn insert(before: Ptr, entry: Ptr, after: Ptr) {
    entry.cast().write(ListEntry { flink: after, blink: before });
    set_flink(before, entry);
    set_blink(after, entry);
}

/// What such a routine returns of the list as it was: NULL if it was empty.
fn unless_head(found: Ptr, head: Ptr) -> Ptr {
    if found == head { Ptr::NULL } else { found }
}

/// `ExInterlockedInsertHeadList`: returns what was the first.
pub(crate) fn insert_head(cpu: &Cpu, head: Ptr, entry: Ptr, lock: Ptr<usize>) -> Ptr {
    locked(cpu, lock, || {
        let first = links(head).flink;
        insert(head, entry, first);
        unless_head(first, head)
    })
}

/// `ExInterlockedInsertTailList`: returns what was the last.
pub(crate) fn insert_tail(cpu: &Cpu, head: Ptr, entry: Ptr, lock: Ptr<usize>) -> Ptr {
    locked(cpu, lock, || {
        let last = links(head).blink;
        insert(last, entry, head);
        unless_head(last, head)
    })
}

/// `ExInterlockedRemoveHeadList`: returns the first, if there is one.
pub(crate) fn remove_head(cpu: &Cpu, head: Ptr, lock: Ptr<usize>) -> Ptr {
    locked(cpu, lock, || {
        let first = links(head).flink;
        if first == head {
            return Ptr::NULL;
        }
        let next = links(first).flink;
        set_flink(head, next);
        set_blink(next, head);
        first
    })
}
