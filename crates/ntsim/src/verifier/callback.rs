//! What a callback of an operation may return, and what it may change.
//!
//! Facts: "Writing preoperation callback routines", "Writing postoperation callback routines" and the page on
//! `PFLT_PRE_OPERATION_CALLBACK` (Microsoft Learn).

use super::Rule;
use crate::abi::{CallbackData, IoParameterBlock};
use crate::fltmgr::{Kind, Operation};
use crate::io::file_object;
use crate::io::request::IoStatus;
use crate::ke::{Cpu, Frame};
use crate::sim::Major;
use crate::status::NtStatus;

/// `FLT_PREOP_CALLBACK_STATUS`
pub(crate) const PREOP_SUCCESS_WITH_CALLBACK: u32 = 0;
pub(crate) const PREOP_SUCCESS_NO_CALLBACK: u32 = 1;
pub(crate) const PREOP_PENDING: u32 = 2;
pub(crate) const PREOP_DISALLOW_FASTIO: u32 = 3;
pub(crate) const PREOP_COMPLETE: u32 = 4;
pub(crate) const PREOP_SYNCHRONIZE: u32 = 5;
pub(crate) const PREOP_DISALLOW_FSFILTER_IO: u32 = 6;
/// `FLT_POSTOP_CALLBACK_STATUS`
pub(crate) const POSTOP_FINISHED_PROCESSING: u32 = 0;
pub(crate) const POSTOP_MORE_PROCESSING_REQUIRED: u32 = 1;

/// What a pre-operation callback left.
pub(crate) struct PreReturn {
    /// Its return value.
    pub(crate) status: u32,
    /// The completion context that it set.
    pub(crate) context: usize,
    /// Whether a post-operation callback is registered beside it.
    pub(crate) has_post: bool,
    /// `IoStatus` of the callback data.
    pub(crate) io_status: IoStatus,
}

/// Checks what a pre-operation callback returned (rules 1 to 8). `frame` is its call.
pub(crate) fn check_pre(cpu: &Cpu, frame: &Frame, operation: &Operation, returned: &PreReturn) {
    let report = |rule, detail: String| cpu.violation_in(frame, rule, detail);
    let name = preop_name(returned.status);
    let with_callback = matches!(returned.status, PREOP_SUCCESS_WITH_CALLBACK | PREOP_SYNCHRONIZE);
    if returned.context != 0 && !with_callback {
        report(Rule::CompletionContext, format!("sets a completion context and returns {name}"));
    }
    if with_callback && !returned.has_post {
        report(
            Rule::PostOperationRegistered,
            format!("returns {name} without a post-operation callback: bug check 0xF5 (0x66)"),
        );
    }
    let is_irp = operation.kind == Kind::Irp;
    match returned.status {
        PREOP_SUCCESS_WITH_CALLBACK | PREOP_SUCCESS_NO_CALLBACK => {}
        PREOP_SYNCHRONIZE => {
            if let Some(why) = cannot_synchronize(operation) {
                report(Rule::Synchronize, format!("returns {name} for {why}"));
            }
        }
        PREOP_PENDING => {
            if !is_irp {
                report(Rule::Pending, format!("returns {name} for an operation that is no IRP"));
            }
        }
        PREOP_DISALLOW_FASTIO => {
            if operation.kind != Kind::FastIo {
                report(Rule::DisallowFastIo, format!("returns {name} for an operation that is no fast I/O"));
            }
        }
        PREOP_DISALLOW_FSFILTER_IO => {
            if !is_query_open(operation.major) {
                report(
                    Rule::DisallowFsFilterIo,
                    format!("returns {name}, which is for IRP_MJ_QUERY_OPEN only"),
                );
            }
        }
        PREOP_COMPLETE => check_completion(cpu, frame, operation, returned.io_status),
        _ => report(Rule::PreOperationStatus, format!("returns {name}")),
    }
}

/// Checks how a filter completes an operation (rule 8): from its pre-operation callback, or later if it was pended.
pub(crate) fn check_completion(cpu: &Cpu, frame: &Frame, operation: &Operation, ended: IoStatus) {
    let cannot_fail = matches!(operation.major, Major::Cleanup | Major::Close) && !ended.status.is_success();
    if ended.status == NtStatus::PENDING || cannot_fail {
        cpu.violation_in(
            frame,
            Rule::CompletionStatus,
            format!("completes the operation with {}", ended.status),
        );
    }
}

/// Checks what a post-operation callback returned.
pub(crate) fn check_post(cpu: &Cpu, frame: &Frame, status: u32) {
    if !matches!(status, POSTOP_FINISHED_PROCESSING | POSTOP_MORE_PROCESSING_REQUIRED) {
        let detail = format!("returns {status}, which is no FLT_POSTOP_CALLBACK_STATUS");
        cpu.violation_in(frame, Rule::PostOperationStatus, detail);
    }
}

/// Why `FLT_PREOP_SYNCHRONIZE` is wrong for an operation, if it is.
fn cannot_synchronize(operation: &Operation) -> Option<&'static str> {
    if operation.kind != Kind::Irp {
        return Some("an operation that is no IRP, where it would be taken for SUCCESS_WITH_CALLBACK");
    }
    let asynchronous = !operation.file.has(file_object::SYNCHRONOUS_IO)
        && operation.irp_flags & crate::io::irp::SYNCHRONOUS_PAGING_IO == 0;
    match operation.major {
        Major::Create => Some("a create, which is synchronized already"),
        Major::Read | Major::Write if asynchronous => Some("an asynchronous read or write"),
        _ => None,
    }
}

/// `IRP_MJ_QUERY_OPEN`
fn is_query_open(major: Major) -> bool {
    const QUERY_OPEN: u8 = 0xF9;
    major as u8 == QUERY_OPEN
}

/// The callback data as it was before a callback.
#[derive(Clone, Copy)]
pub(crate) struct Before {
    pub(crate) data: CallbackData,
    pub(crate) iopb: IoParameterBlock,
}

impl Before {
    /// Checks what a callback changed (rules 9 and 10); `dirty` says whether it called `FltSetCallbackDataDirty`. Returns
    /// whether what it changed must be put back. `IoStatus` is free.
    pub(crate) fn check(&self, cpu: &Cpu, frame: &Frame, now: &Self, dirty: bool) -> bool {
        let (data, iopb) = (&self.data, &self.iopb);
        let requestor = named([
            ("Thread", data.thread != now.data.thread),
            ("RequestorMode", data.requestor_mode != now.data.requestor_mode),
        ]);
        if !requestor.is_empty() {
            cpu.violation_in(frame, Rule::RequestorUnchanged, format!("changes {requestor}"));
        }
        let words = |iopb: &IoParameterBlock| {
            // SAFETY: the words cover the whole union, every bit of which was set with the parameters.
            unsafe { iopb.parameters.words }
        };
        let parameters = named([
            ("Flags", data.flags & !DIRTY != now.data.flags & !DIRTY),
            ("Iopb", data.iopb != now.data.iopb),
            ("TagData", data.tag_data != now.data.tag_data),
            ("Iopb->IrpFlags", iopb.irp_flags != now.iopb.irp_flags),
            ("Iopb->MajorFunction", iopb.major_function != now.iopb.major_function),
            ("Iopb->MinorFunction", iopb.minor_function != now.iopb.minor_function),
            ("Iopb->OperationFlags", iopb.operation_flags != now.iopb.operation_flags),
            ("Iopb->TargetFileObject", iopb.target_file_object != now.iopb.target_file_object),
            ("Iopb->TargetInstance", iopb.target_instance != now.iopb.target_instance),
            ("Iopb->Parameters", words(iopb) != words(&now.iopb)),
        ]);
        let silently = !parameters.is_empty() && !dirty;
        if silently {
            let detail = format!("changes {parameters} without FltSetCallbackDataDirty");
            cpu.violation_in(frame, Rule::CallbackDataUnchanged, detail);
        }
        silently || !requestor.is_empty()
    }
}

/// `FLTFL_CALLBACK_DATA_DIRTY`
const DIRTY: u32 = 0x8000_0000;

/// The names of what changed.
fn named<const N: usize>(fields: [(&str, bool); N]) -> String {
    let changed: Vec<_> = fields.into_iter().filter(|(_, changed)| *changed).map(|(name, _)| name).collect();
    changed.join(", ")
}

/// The header's name of a status, or its number.
pub(crate) fn preop_name(status: u32) -> String {
    let name = match status {
        PREOP_SUCCESS_WITH_CALLBACK => "FLT_PREOP_SUCCESS_WITH_CALLBACK",
        PREOP_SUCCESS_NO_CALLBACK => "FLT_PREOP_SUCCESS_NO_CALLBACK",
        PREOP_PENDING => "FLT_PREOP_PENDING",
        PREOP_DISALLOW_FASTIO => "FLT_PREOP_DISALLOW_FASTIO",
        PREOP_COMPLETE => "FLT_PREOP_COMPLETE",
        PREOP_SYNCHRONIZE => "FLT_PREOP_SYNCHRONIZE",
        PREOP_DISALLOW_FSFILTER_IO => "FLT_PREOP_DISALLOW_FSFILTER_IO",
        _ => return format!("{status}, which is no FLT_PREOP_CALLBACK_STATUS"),
    };
    name.to_owned()
}
