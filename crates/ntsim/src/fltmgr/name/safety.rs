//! Where the file system cannot be asked for a name (fltkernel, `FltGetFileNameInformation`).

use super::options::{Format, Options};
use crate::abi::{CallbackData, Ptr};
use crate::fltmgr::operation::Operation;
use crate::io::file::File;
use crate::io::{callback_data, file_object, irp};
use crate::ke::{Cpu, Irql};
use crate::sim::Major;
use crate::status::NtStatus;

/// Why a name cannot be asked for in a callback, if it cannot.
pub(super) fn refusal(
    cpu: &Cpu,
    data: Ptr<CallbackData>,
    operation: &Operation,
    file: &File,
    options: Options,
) -> Option<&'static str> {
    let data = data.read();
    let is_post = data.flags & callback_data::POST_OPERATION != 0;
    if operation.irp_flags & irp::PAGING_IO != 0 {
        return Some("in the path of paging I/O");
    }
    if cpu.thread().io().top_level_irp() != 0 {
        return Some("while the thread has a top-level IRP");
    }
    // `KeAreAllApcsDisabled` is TRUE from APC_LEVEL on.
    if cpu.irql() >= Irql::APC {
        return Some("while all APCs are disabled");
    }
    if file.has(file_object::CLEANUP_COMPLETE) {
        return Some("after the cleanup");
    }
    match operation.major {
        Major::AcquireForCcFlush
        | Major::ReleaseForCcFlush
        | Major::AcquireForModifiedPageWriter
        | Major::ReleaseForModifiedPageWriter
        | Major::ReleaseForSectionSynchronization => Some("while the file is acquired or released"),
        Major::AcquireForSectionSynchronization if is_post => Some("while the file is acquired"),
        Major::Create if !is_post && options.format == Format::Short => {
            Some("in its short form before the file is opened")
        }
        // What a reparse point leads to is not what was opened (FLT_FILE_NAME_OPTIONS).
        Major::Create if is_post && NtStatus(data.io_status.status) == NtStatus::REPARSE => {
            (!options.on_reparse).then_some("after the create ended with STATUS_REPARSE")
        }
        _ => None,
    }
}
