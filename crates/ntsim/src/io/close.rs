//! `NtClose` of a file: cleanup when the last handle goes, close when nothing refers to the file object any more.

use std::sync::Arc;

use super::file::File;
use super::request::IoStatus;
use super::{file_object, irp, lock_control, send};
use crate::abi::Parameters;
use crate::cc::pages;
use crate::fltmgr::{self, Altitude, Arrival, Kind, Operation};
use crate::ke::Cpu;
use crate::ob::Object;
use crate::sim::{Handle, Major, Mode};
use crate::status::NtStatus;

/// `NtClose` by the current thread.
pub(crate) fn close(cpu: &Cpu, handle: Handle) -> Result<(), NtStatus> {
    let process = cpu.thread().current_process();
    let closed = cpu.kernel().file_handles.close(&process, handle.0);
    let file = closed.ok_or(NtStatus::INVALID_HANDLE)?;
    lock_control::process_closes(cpu, &file, &process);
    handle_closed(cpu, &file);
    Ok(())
}

/// A handle of the file has been closed: with the last one it is cleaned up.
pub(crate) fn handle_closed(cpu: &Cpu, file: &Arc<File>) {
    if !file.handle_closed() {
        return;
    }
    request(cpu, file, Major::Cleanup, irp::CLOSE_OPERATION | irp::SYNCHRONOUS_API, |cpu, arrival| {
        clean_up(cpu, arrival.file);
        // The file system sets it (wdm, `FILE_OBJECT`), so that filters find it after the cleanup.
        arrival.file.add_flags(file_object::CLEANUP_COMPLETE);
    });
    // Even if a filter has completed the cleanup itself.
    file.add_flags(file_object::CLEANUP_COMPLETE);
    if let Some(fcb) = file.fcb() {
        pages::release_idle(cpu, fcb);
    }
    release(cpu, file);
}

/// The file system's part of the cleanup: what was to be deleted loses its name.
fn clean_up(cpu: &Cpu, file: &File) {
    let Some(fcb) = file.fcb() else {
        // A lock of the volume goes with the handle by which it was taken.
        file.volume().unlock(file.ptr().address());
        return;
    };
    let node = fcb.node();
    if file.has(file_object::DELETE_ON_CLOSE) {
        node.set_deleted(file.current_name().as_deref());
    }
    let address = file.ptr().address();
    fcb.locks.unlock_all(cpu, |owner| owner.file == address);
    let was_last = node.clean_up(file.claim());
    if (was_last || file.deletes_at_once())
        && let Some(name) = node.take_deleted()
    {
        file.volume().names.remove(node, &name);
        if node.is_nameless() {
            // What is left of it will never be written.
            pages::discard(cpu, fcb, &pages::EVERYTHING);
        }
    }
}

/// Somebody of the system needs the file object no more; it goes with the last who did.
pub(crate) fn release(cpu: &Cpu, file: &Arc<File>) {
    if file.release() && cpu.kernel().objects.retire(file.ptr().address()) {
        delete(cpu, file);
    }
}

/// The file object goes, and with the last one of its stream the control block and what filters attached to it.
pub(crate) fn delete(cpu: &Cpu, file: &Arc<File>) {
    if !file.begin_delete() {
        return;
    }
    // The close is the last operation in which filters may use the file object.
    let address = file.ptr().address();
    cpu.kernel().objects.insert(address, Object::File(Arc::clone(file)));
    request(cpu, file, Major::Close, irp::CLOSE_OPERATION | irp::SYNCHRONOUS_API, |_, _| ());
    cpu.kernel().objects.retire(address);
    fltmgr::context::file_object_gone(cpu, file);
    if let Some(last) = file.fcb().and_then(|fcb| fcb.node().close()) {
        fltmgr::context::stream_gone(cpu, file.volume(), &last);
    }
}

/// A filter has cancelled the opening of a file that nobody has a handle of: those below it see it cleaned up and closed
/// (the page on `FltCancelFileOpen`).
pub(crate) fn cancel_open(cpu: &Cpu, file: &Arc<File>, below: Altitude) {
    file.add_flags(file_object::FILE_OPEN_CANCELLED);
    let flags = irp::CLOSE_OPERATION | irp::SYNCHRONOUS_API;
    request_below(cpu, file, Some(below), Major::Cleanup, flags, |cpu, arrival| clean_up(cpu, arrival.file));
    file.add_flags(file_object::CLEANUP_COMPLETE);
    request_below(cpu, file, Some(below), Major::Close, flags, |_, _| ());
    if let Some(last) = file.fcb().and_then(|fcb| fcb.node().close()) {
        fltmgr::context::stream_gone(cpu, file.volume(), &last);
    }
}

/// Neither operation can fail.
fn request(
    cpu: &Cpu,
    file: &Arc<File>,
    major: Major,
    irp_flags: u32,
    target: impl FnOnce(&Cpu, &Arrival<'_>) + Send + 'static,
) {
    request_below(cpu, file, None, major, irp_flags, target);
}

fn request_below(
    cpu: &Cpu,
    file: &Arc<File>,
    below: Option<Altitude>,
    major: Major,
    irp_flags: u32,
    target: impl FnOnce(&Cpu, &Arrival<'_>) + Send + 'static,
) {
    let operation = Operation {
        irp_flags,
        mode: Mode::Kernel,
        below,
        ..Operation::new(major, Kind::Irp, Arc::clone(file), Some(cpu.thread()))
    };
    send::send(cpu, operation, Parameters::NONE, move |cpu, arrival| {
        target(cpu, arrival);
        IoStatus::plain(NtStatus::SUCCESS)
    });
}
