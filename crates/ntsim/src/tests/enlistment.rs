//! Filters that take part in transactions.

use std::cell::RefCell;

use super::Machine;
use super::driver::{self, Filter, SUCCESS_NO_CALLBACK, nt, status};
use crate::abi::{CallbackData, Ptr, RelatedObjects};
use crate::sim::{CreateSpec, Major, Transaction};
use crate::status::NtStatus;
use crate::verifier::Rule;

type Data = Ptr<CallbackData>;
type Objects = Ptr<RelatedObjects>;

const TRANSACTION_CONTEXT: u16 = 0x20;
const PRE_PREPARE: u32 = 1;
const PREPARE: u32 = 2;
const COMMIT: u32 = 4;
const ROLLBACK: u32 = 8;
const ALL: usize = 0x4000_000F;

thread_local! {
    static NOTIFIED: RefCell<Vec<u32>> = const { RefCell::new(Vec::new()) };
}

/// Enlists in the transaction of whatever is opened under one.
extern "win64" fn enlist(_: Data, objects: Objects, _: Ptr<usize>) -> u32 {
    let objects = objects.read();
    if objects.transaction.is_null() {
        return SUCCESS_NO_CALLBACK;
    }
    let context = driver::allocate_context(TRANSACTION_CONTEXT);
    let (instance, transaction) = (objects.instance.address(), objects.transaction.address());
    let set = status("FltSetTransactionContext", &[instance, transaction, 1, context, 0]);
    if set == NtStatus::SUCCESS {
        let arguments = [instance, transaction, context, ALL];
        assert_eq!(status("FltEnlistInTransaction", &arguments), NtStatus::SUCCESS);
        assert_eq!(status("FltEnlistInTransaction", &arguments), NtStatus::FLT_ALREADY_ENLISTED);
    }
    nt("FltReleaseContext", &[context]);
    SUCCESS_NO_CALLBACK
}

fn filter(notification: extern "win64" fn(Objects, Ptr, u32) -> u32) -> Filter {
    Filter::default()
        .on(Major::Create, enlist, None)
        .with_contexts(&[TRANSACTION_CONTEXT])
        .notified(notification)
}

extern "win64" fn note(objects: Objects, context: Ptr, notification: u32) -> u32 {
    assert!(!objects.read().transaction.is_null() && !context.is_null());
    NOTIFIED.with_borrow_mut(|all| all.push(notification));
    NtStatus::SUCCESS.0
}

fn with_file(machine: &Machine) -> Transaction {
    let transaction = machine.sim.begin_transaction();
    let spec = CreateSpec::new(r"C:\a").transaction(transaction);
    let file = machine.sim.create(machine.thread, &spec).expect("it opens");
    machine.sim.close(machine.thread, file).expect("it is open");
    transaction
}

fn notified() -> Vec<u32> {
    NOTIFIED.take()
}

#[test]
fn who_is_enlisted_is_told_how_the_transaction_goes() {
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        filter(note).start(driver)
    }
    let machine = Machine::new(entry);
    machine.sim.commit(with_file(&machine)).expect("it is active");
    assert_eq!(notified(), [PRE_PREPARE, PREPARE, COMMIT, 0x4000_0000]);
    machine.sim.rollback(with_file(&machine)).expect("it is active");
    assert_eq!(notified(), [ROLLBACK]);
    assert_eq!(driver::CLEANUPS.get(), 2, "the contexts have gone with the transactions");
    machine.unload_cleanly();
    machine.expect_no_violation();
}

#[test]
fn a_filter_can_have_a_transaction_rolled_back() {
    extern "win64" fn refuse(objects: Objects, context: Ptr, notification: u32) -> u32 {
        if notification == PREPARE {
            let objects = objects.read();
            let arguments = [objects.instance.address(), objects.transaction.address(), context.address()];
            assert_eq!(status("FltRollbackEnlistment", &arguments), NtStatus::SUCCESS);
        }
        NOTIFIED.with_borrow_mut(|all| all.push(notification));
        NtStatus::SUCCESS.0
    }
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        filter(refuse).start(driver)
    }
    let machine = Machine::new(entry);
    machine.sim.commit(with_file(&machine)).expect("it is active");
    assert_eq!(notified(), [PRE_PREPARE, PREPARE, ROLLBACK]);
    machine.unload_cleanly();
    machine.expect_no_violation();
}

#[test]
fn a_notification_that_is_never_completed_is_reported() {
    extern "win64" fn pend(_: Objects, _: Ptr, notification: u32) -> u32 {
        if notification == COMMIT { NtStatus::PENDING.0 } else { NtStatus::SUCCESS.0 }
    }
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        filter(pend).start(driver)
    }
    let machine = Machine::new(entry);
    machine.sim.commit(with_file(&machine)).expect("it is active");
    machine.expect_violation(Rule::Pending, "test transaction notification");
    machine.unload_cleanly();
}

#[test]
fn who_has_no_callback_cannot_enlist() {
    extern "win64" fn pre(_: Data, objects: Objects, _: Ptr<usize>) -> u32 {
        let objects = objects.read();
        let context = driver::allocate_context(TRANSACTION_CONTEXT);
        let arguments = [objects.instance.address(), objects.transaction.address(), context, ALL];
        assert_eq!(status("FltEnlistInTransaction", &arguments), NtStatus::INVALID_PARAMETER);
        nt("FltReleaseContext", &[context]);
        SUCCESS_NO_CALLBACK
    }
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        Filter::default().on(Major::Create, pre, None).with_contexts(&[TRANSACTION_CONTEXT]).start(driver)
    }
    let machine = Machine::new(entry);
    with_file(&machine);
    machine.expect_violation(Rule::InvalidParameter, "test pre-create");
}
