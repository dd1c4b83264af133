//! Filters that take part in a transaction: `FltEnlistInTransaction`, and the notifications that follow (the page on
//! `PFLT_TRANSACTION_NOTIFICATION_CALLBACK`).

use std::sync::Arc;

use super::instance::Instance;
use crate::abi::{Address, Ptr, RelatedObjects, Shared};
use crate::io::driver::status_of;
use crate::io::transaction::TransactionObject;
use crate::ke::{Cpu, Entry};
use crate::status::NtStatus;
use crate::util::Lock;
use crate::verifier::Rule;

/// `TRANSACTION_NOTIFY_*`
const PRE_PREPARE: u32 = 0x1;
const PREPARE: u32 = 0x2;
const COMMIT: u32 = 0x4;
const ROLLBACK: u32 = 0x8;
const COMMIT_FINALIZE: u32 = 0x4000_0000;
const ALL: u32 = PRE_PREPARE | PREPARE | COMMIT | ROLLBACK | COMMIT_FINALIZE;
/// What a transaction goes through that is committed, in this order.
const OF_COMMIT: [u32; 4] = [PRE_PREPARE, PREPARE, COMMIT, COMMIT_FINALIZE];

/// An instance that takes part in a transaction.
#[derive(Clone)]
struct Enlistment {
    transaction: Address,
    instance: Arc<Instance>,
    context: Ptr,
    mask: u32,
    /// The notification that the instance has yet to finish with.
    pending: Option<u32>,
}

/// The enlistments of one kernel.
#[derive(Default)]
pub(crate) struct Enlistments {
    all: Lock<Vec<Enlistment>>,
    /// Transactions that an instance wants rolled back.
    refused: Lock<Vec<Address>>,
}

impl Enlistments {
    fn of(&self, transaction: Address) -> Vec<Enlistment> {
        self.all.lock().iter().filter(|known| known.transaction == transaction).cloned().collect()
    }

    fn set_pending(&self, transaction: Address, instance: &Arc<Instance>, pending: Option<u32>) -> bool {
        let mut all = self.all.lock();
        let is_it = |known: &&mut Enlistment| {
            known.transaction == transaction && Arc::ptr_eq(&known.instance, instance)
        };
        all.iter_mut().find(is_it).map(|known| known.pending = pending).is_some()
    }

    fn pending(&self, transaction: Address, instance: &Arc<Instance>) -> Option<u32> {
        let all = self.all.lock();
        let is_it =
            |known: &&Enlistment| known.transaction == transaction && Arc::ptr_eq(&known.instance, instance);
        all.iter().find(is_it).and_then(|known| known.pending)
    }

    /// An instance goes: it takes part in nothing any more.
    pub(super) fn instance_gone(&self, instance: &Instance) {
        self.all.lock().retain(|known| known.instance.ptr() != instance.ptr());
    }
}

/// `FltEnlistInTransaction`.
pub(crate) fn enlist(cpu: &Cpu, instance: Ptr, transaction: Ptr, context: Ptr, mask: u32) -> NtStatus {
    let filters = &cpu.kernel().filters;
    let Some(instance) = filters.instance(cpu, instance) else { return NtStatus::INVALID_PARAMETER };
    if instance.filter().callbacks.transaction_notification.is_null() {
        cpu.violation(Rule::InvalidParameter, "enlists without a TransactionNotificationCallback");
        return NtStatus::INVALID_PARAMETER;
    }
    if mask == 0 || mask & !ALL != 0 {
        cpu.violation(Rule::InvalidParameter, format!("enlists for the notifications 0x{mask:X}"));
        return NtStatus::INVALID_PARAMETER_4;
    }
    let Some(found) = cpu.kernel().transactions.at(transaction) else {
        cpu.violation(Rule::ObjectReference, format!("{transaction:?} is no transaction (any more)"));
        return NtStatus::INVALID_PARAMETER;
    };
    if !filters.contexts.has(context) {
        cpu.violation(Rule::ContextReference, format!("enlists with {context:?}, which is no context"));
        return NtStatus::INVALID_PARAMETER;
    }
    if instance.is_tearing_down() {
        return NtStatus::FLT_DELETING_OBJECT;
    }
    if found.has_ended() {
        return NtStatus::TRANSACTION_NOT_ACTIVE;
    }
    let mut all = filters.enlistments.all.lock();
    let transaction = transaction.address();
    if all.iter().any(|known| known.transaction == transaction && Arc::ptr_eq(&known.instance, &instance)) {
        return NtStatus::FLT_ALREADY_ENLISTED;
    }
    all.push(Enlistment { transaction, instance, context, mask, pending: None });
    NtStatus::SUCCESS
}

/// `FltRollbackEnlistment`: the transaction cannot be committed any more.
pub(crate) fn roll_back(cpu: &Cpu, instance: Ptr, transaction: Ptr, _context: Ptr) -> NtStatus {
    let filters = &cpu.kernel().filters;
    let Some(instance) = filters.instance(cpu, instance) else { return NtStatus::INVALID_PARAMETER };
    let is_its = |known: &Enlistment| Arc::ptr_eq(&known.instance, &instance);
    if !filters.enlistments.of(transaction.address()).iter().any(is_its) {
        return NtStatus::NOT_FOUND;
    }
    filters.enlistments.refused.lock().push(transaction.address());
    NtStatus::SUCCESS
}

/// `FltCommitComplete`, `FltCommitFinalizeComplete`, `FltPrePrepareComplete`, `FltPrepareComplete`, `FltRollbackComplete`:
/// an instance has finished with a notification for which its callback returned `STATUS_PENDING`.
pub(crate) fn complete<const NOTIFICATION: u32>(
    cpu: &Cpu,
    instance: Ptr,
    transaction: Ptr,
    _context: Ptr,
) -> NtStatus {
    let enlistments = &cpu.kernel().filters.enlistments;
    let Some(instance) = cpu.kernel().filters.instance(cpu, instance) else {
        return NtStatus::INVALID_PARAMETER;
    };
    if enlistments.pending(transaction.address(), &instance) != Some(NOTIFICATION) {
        let detail = "completes a notification of a transaction that it was not to complete";
        cpu.violation(Rule::InvalidParameter, detail);
        return NtStatus::NOT_FOUND;
    }
    enlistments.set_pending(transaction.address(), &instance, None);
    cpu.kernel().scheduler.signal(instance.ptr().address());
    NtStatus::SUCCESS
}

/// A transaction is being committed: everybody who is enlisted is told. Returns whether all agree; if one does not, those
/// are told that it is rolled back instead.
pub(crate) fn commit(cpu: &Cpu, transaction: &TransactionObject) -> bool {
    for notification in OF_COMMIT {
        notify(cpu, transaction, notification);
        let refused = cpu.kernel().filters.enlistments.refused.lock().contains(&transaction.ptr().address());
        if refused && notification < COMMIT {
            roll_back_all(cpu, transaction);
            return false;
        }
    }
    over(cpu, transaction);
    true
}

/// A transaction is rolled back: everybody who is enlisted is told.
pub(crate) fn roll_back_all(cpu: &Cpu, transaction: &TransactionObject) {
    notify(cpu, transaction, ROLLBACK);
    over(cpu, transaction);
}

fn over(cpu: &Cpu, transaction: &TransactionObject) {
    let address = transaction.ptr().address();
    let enlistments = &cpu.kernel().filters.enlistments;
    enlistments.all.lock().retain(|known| known.transaction != address);
    enlistments.refused.lock().retain(|known| *known != address);
}

fn notify(cpu: &Cpu, transaction: &TransactionObject, notification: u32) {
    let enlistments = &cpu.kernel().filters.enlistments;
    let address = transaction.ptr().address();
    for enlistment in enlistments.of(address) {
        let Enlistment { instance, context, mask, .. } = enlistment;
        if mask & notification == 0 || !instance.users.acquire() {
            continue;
        }
        enlistments.set_pending(address, &instance, Some(notification));
        let objects = Shared::new(RelatedObjects {
            transaction: transaction.ptr(),
            ..instance.related_objects(Ptr::NULL)
        });
        let frame = instance.filter().frame(Entry::TransactionNotification);
        let callback = instance.filter().callbacks.transaction_notification;
        let arguments = [objects.ptr().address(), context.address(), notification as usize];
        let status = status_of(cpu.call_driver(frame, callback, &arguments));
        if status == NtStatus::PENDING {
            let key = instance.ptr().address();
            let done = || enlistments.pending(address, &instance).is_none();
            if cpu.kernel().scheduler.wait_unless_stuck(cpu, key, done).is_err() {
                let frame = instance.filter().frame(Entry::TransactionNotification);
                let detail = "returns STATUS_PENDING and never completes the notification";
                cpu.violation_in(&frame, Rule::Pending, detail);
            }
        }
        enlistments.set_pending(address, &instance, None);
        instance.users.release(cpu);
    }
}
