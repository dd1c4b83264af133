//! `NtClose` of a file: cleanup when the last handle goes, close when nothing refers to the file object any more.

use std::sync::Arc;

use super::file::File;
use super::request::IoStatus;
use super::{file_object, irp, send};
use crate::abi::Parameters;
use crate::fltmgr::{self, Kind, Operation};
use crate::ke::Cpu;
use crate::sim::{Handle, Major, Mode};
use crate::status::NtStatus;

/// `NtClose` by the current thread.
pub(crate) fn close(cpu: &Cpu, handle: Handle) -> Result<(), NtStatus> {
    let kernel = cpu.kernel();
    let process = Arc::clone(cpu.thread().process());
    let file = kernel.file_handles.close(&process, handle.0).ok_or(NtStatus::INVALID_HANDLE)?;
    request(cpu, &file, Major::Cleanup, irp::CLOSE_OPERATION | irp::SYNCHRONOUS_API);
    file.add_flags(file_object::CLEANUP_COMPLETE);
    if let Some(fcb) = file.fcb() {
        let node = fcb.node();
        if file.has(file_object::DELETE_ON_CLOSE) {
            node.mark_deleted();
        }
        if node.clean_up() && node.is_deleted() {
            file.volume().names.remove(node);
        }
    }
    if kernel.objects.retire(file.ptr().address()) {
        delete(cpu, &file);
    }
    Ok(())
}

/// The file object goes, and with the last one of its stream the control block and what filters attached to it.
pub(crate) fn delete(cpu: &Cpu, file: &Arc<File>) {
    request(cpu, file, Major::Close, irp::CLOSE_OPERATION | irp::SYNCHRONOUS_API);
    if let Some(last) = file.fcb().and_then(|fcb| fcb.node().close()) {
        fltmgr::context::stream_gone(cpu, &last);
    }
}

/// Neither operation can fail.
fn request(cpu: &Cpu, file: &Arc<File>, major: Major, irp_flags: u32) {
    let operation = Operation {
        irp_flags,
        mode: Mode::Kernel,
        ..Operation::new(major, Kind::Irp, Arc::clone(file), Some(cpu.thread()))
    };
    let parameters = Parameters { words: [0; 6] };
    send::send(cpu, operation, parameters, |_| IoStatus::plain(NtStatus::SUCCESS));
}
