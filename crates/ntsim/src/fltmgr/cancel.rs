//! Cancelling operations (fltkernel, `FltCancelIo`, `FltSetCancelCompletion`; wdm, `IoCancelIrp`).
//!
//! What pends at a filter is completed by the cancel routine that the filter has given, or by that of its queue. What runs, or
//! pends where nobody can give it up, is only marked, and ends as it ends.

use super::dispatch::Reason;
use super::model;
use super::operation::{Kind, Operation};
use super::queue;
use crate::abi::{Address, CallbackData, Ptr};
use crate::io::{irp, waiting};
use crate::ke::{Cpu, Entry, Frame, Irql};
use crate::status::NtStatus;
use crate::verifier::Rule;

/// Who completes an operation that is cancelled.
#[derive(Clone)]
pub(super) enum CancelRoutine {
    /// A routine given by `FltSetCancelCompletion`.
    Own { frame: Frame, routine: Ptr },
    /// A callback data queue.
    Queue { frame: Frame, queue: Ptr },
}

/// Cancels the operations that are so, as far as they can be. Returns how many there were.
pub(crate) fn cancel_all(cpu: &Cpu, mut is_meant: impl FnMut(&Operation) -> bool) -> usize {
    let all = cpu.kernel().filters.operations.find(&mut is_meant);
    for data in &all {
        cancel(cpu, *data);
    }
    all.len() + waiting::cancel(cpu, is_meant)
}

/// Whether a request can be cancelled at all.
pub(crate) fn is_cancellable(operation: &Operation) -> bool {
    operation.kind == Kind::Irp && operation.irp_flags & irp::PAGING_IO == 0
}

/// Cancels an operation. Returns whether anybody took notice at once.
fn cancel(cpu: &Cpu, data: Address) -> bool {
    let taken = cpu.kernel().filters.operations.cancel(data);
    match taken {
        Some(CancelRoutine::Own { frame, routine }) => {
            // The page on the routine says nothing of the IRQL; cancel routines may run up to DISPATCH_LEVEL [inf].
            let frame = Frame { entry: Entry::Cancel, ..frame };
            cpu.at_irql(Irql::DISPATCH, || cpu.call_driver(frame, routine, &[data]));
            true
        }
        Some(CancelRoutine::Queue { frame, queue }) => {
            queue::cancelled(cpu, queue, frame, data);
            true
        }
        None => model::cancel_held(cpu, data),
    }
}

/// `FltCancelIo`, of an operation that the filter has sent itself.
pub(crate) fn cancel_io(cpu: &Cpu, data: Ptr<CallbackData>) -> u8 {
    let sent = cpu.kernel().filters.operations.find(|operation| operation.own_data == Some(data.address()));
    if let Some(sent) = sent.first() {
        // What the file system holds is in a list of its own.
        let mut waited = false;
        let taken = cancel(cpu, *sent);
        waiting::cancel(cpu, |operation| {
            let is_it = operation.own_data == Some(data.address());
            waited |= is_it;
            is_it
        });
        return u8::from(taken || waited);
    }
    match cpu.kernel().filters.operations.get(data.address()) {
        Some(operation) => {
            let detail = "cancels an operation that it has not sent, whose end is then unpredictable";
            cpu.violation(Rule::Pending, detail);
            u8::from(operation.kind == Kind::Irp && cancel(cpu, data.address()))
        }
        // It is complete, or was never sent.
        None => 0,
    }
}

/// `FltIsIoCanceled`.
pub(crate) fn is_io_cancelled(cpu: &Cpu, data: Ptr<CallbackData>) -> u8 {
    u8::from(cpu.kernel().filters.operations.is_cancelled(data.address()))
}

/// `FltSetCancelCompletion`.
pub(crate) fn set_cancel_completion(cpu: &Cpu, data: Ptr<CallbackData>, routine: Ptr) -> NtStatus {
    let (Some(operation), Some(frame)) = (cpu.kernel().filters.operation(cpu, data.cast()), cpu.frame())
    else {
        return NtStatus::INVALID_PARAMETER;
    };
    if !is_cancellable(&operation) || routine.is_null() {
        let detail = "gives a cancel routine to what is no IRP, or is paging I/O, or gives none";
        cpu.violation(Rule::InvalidParameter, detail);
        return NtStatus::INVALID_PARAMETER;
    }
    cpu.kernel().filters.operations.set_cancel(data.address(), CancelRoutine::Own { frame, routine })
}

/// `FltClearCancelCompletion`.
pub(crate) fn clear_cancel_completion(cpu: &Cpu, data: Ptr<CallbackData>) -> NtStatus {
    if cpu.kernel().filters.operation(cpu, data.cast()).is_none() {
        return NtStatus::INVALID_PARAMETER;
    }
    match cpu.kernel().filters.operations.clear_cancel(data.address()) {
        Some(_) => NtStatus::SUCCESS,
        None => NtStatus::CANCELLED,
    }
}

/// A filter lets an operation go on that it has pended: nobody may be left who could cancel it (Driver Verifier: an IRP is
/// passed on or completed with its cancel routine set).
pub(super) fn check_resumed(cpu: &Cpu, data: Address, reason: &Reason) {
    if !matches!(reason, Reason::Pre(_) | Reason::Post(_)) {
        return;
    }
    if let Some(CancelRoutine::Own { .. }) = cpu.kernel().filters.operations.clear_cancel(data) {
        cpu.violation(Rule::Pending, "lets an operation go on whose cancel routine is still set");
    }
}
