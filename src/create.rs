//! Creates: the safe time to learn who is there and what files are called.

use audit::attribution::ProcessKind;
use fltmgr::irql::{PASSIVE_LEVEL, assert_at_most};
use fltmgr::raw::IRP_MJ_CREATE;
use fltmgr::{
    CallbackData, CreateParameters, FileObject, Mode, NtStatus, Operation, PreOperation, RelatedObjects,
};

use crate::changes::created;
use crate::dictionary::clients;
use crate::state::{self, State};
use crate::streams;

/// `IoStatus.Information` of a create that opened what was there, as it was ("`IRP_MJ_CREATE` (IFS)").
const FILE_OPENED: u64 = 1;
const FILE_WRITE_DATA: u32 = 0x0002;
const FILE_APPEND_DATA: u32 = 0x0004;
const MAXIMUM_ALLOWED: u32 = 0x0200_0000;
/// What lets data be written. With `MAXIMUM_ALLOWED` the file system grants what it can.
const WRITING: u32 = FILE_WRITE_DATA | FILE_APPEND_DATA | MAXIMUM_ALLOWED;

pub(crate) enum Create {}

impl Operation for Create {
    const MAJOR_FUNCTION: u8 = IRP_MJ_CREATE;

    /// Maximum IRQL: `PASSIVE_LEVEL`.
    fn pre(data: &CallbackData<'_>, _objects: &RelatedObjects<'_>) -> PreOperation {
        assert_at_most(PASSIVE_LEVEL);
        let Some(state) = state::recording() else { return PreOperation::Done };
        let Some(create) = data.create().filter(|create| opens_file(*create)) else {
            return PreOperation::Done;
        };
        if let Some(thread) = data.thread() {
            let who = state.threads.who(thread).process;
            if state.processes.meet(&state.exclusions, who, thread) {
                state.threads.forget_all();
            }
        }
        if may_write(create) || state.exports.has_copy_sources() || changes_existence(create) {
            PreOperation::WithPost
        } else {
            PreOperation::Done
        }
    }

    /// After a create, hence in its thread.
    ///
    /// Maximum IRQL: `PASSIVE_LEVEL`.
    fn post(data: &CallbackData<'_>, objects: &RelatedObjects<'_>, _carried: u64) {
        assert_at_most(PASSIVE_LEVEL);
        let status = data.status();
        if !status.is_success() || status == NtStatus::REPARSE {
            return; // nothing was opened
        }
        let Some(state) = state::recording() else { return };
        let Some(create) = data.create() else { return };
        let Some(file) = objects.file_object().filter(|file| !file.is_volume_open()) else { return };
        let changes = data.information() != FILE_OPENED || create.is_delete_on_close();
        if changes
            || may_write(create)
            || file.has_write_access()
            || state.exports.is_opened_as_copy_source(file)
        {
            opened(state, *data, *objects, (create, file));
        }
    }
}

/// A file that matters was opened. Apart, so that others need no stack.
///
/// Maximum IRQL: `PASSIVE_LEVEL`.
#[inline(never)]
fn opened(
    state: &'static State,
    data: CallbackData<'_>,
    objects: RelatedObjects<'_>,
    (create, file): (CreateParameters<'_>, FileObject<'_>),
) {
    let is_kernels = |thread| state.threads.who(thread).process.kind == ProcessKind::Kernel;
    // The mode first: it costs a user's open nothing.
    if data.requestor_mode() == Mode::Kernel && data.thread().is_some_and(is_kernels) {
        clients::note(state, data, objects, file);
    }
    if data.information() != FILE_OPENED || create.is_delete_on_close() {
        created::created(state, data, objects, create, file);
    } else {
        let _stream = streams::attach(state, data, objects, file);
    }
}

/// Maximum IRQL: any.
fn may_write(create: CreateParameters<'_>) -> bool {
    create.desired_access() & WRITING != 0
}

/// Whether the create may make, empty or replace a file, or has it deleted when it is closed.
///
/// Maximum IRQL: any.
fn changes_existence(create: CreateParameters<'_>) -> bool {
    !create.opens_what_is_there() || create.is_delete_on_close()
}

/// Paging files are none of ours and allow no contexts; directories are not written to.
///
/// Maximum IRQL: any.
fn opens_file(create: CreateParameters<'_>) -> bool {
    !create.is_paging_file() && !create.is_target_directory() && !create.is_directory_only()
}
