//! Writes: the path that everything else is there for.
//!
//! On it there is no lock, no allocation, no name query and nothing paged.
//!
//! A write is recorded when it is complete, and only if it succeeded. Who carries it out is known before, in the
//! pre-operation callback, and nowhere else: it is handed on ([`audit::executor`]).

use core::num::NonZeroU64;

use audit::attribution::attribute;
use audit::executor::Executor;
use audit::key::FileKey;
use audit::record::{CopySource, Write as WriteRecord, WriteFlags, WriteOffset};
use fltmgr::irql::{APC_LEVEL, DISPATCH_LEVEL, assert_at_most};
use fltmgr::raw::IRP_MJ_WRITE;
use fltmgr::{
    CallbackData, FileObject, Mode, Operation, OperationFlags, PreOperation, RelatedObjects, Thread,
    WriteParameters,
};

use crate::facts;
use crate::push::Push;
use crate::state::{self, State};

pub(crate) enum Write {}

impl Operation for Write {
    const MAJOR_FUNCTION: u8 = IRP_MJ_WRITE;
    /// What memory management writes was written before by somebody else.
    const FLAGS: OperationFlags = OperationFlags::SKIP_PAGING_IO;

    /// Maximum IRQL: `APC_LEVEL`.
    #[inline]
    fn pre(data: &CallbackData<'_>, _objects: &RelatedObjects<'_>) -> PreOperation {
        assert_at_most(APC_LEVEL);
        if !state::is_recording() {
            return PreOperation::Done;
        }
        let thread = data.thread();
        if Thread::with_current(|current| thread == Some(current)) {
            PreOperation::WithPost
        } else {
            for_another()
        }
    }

    /// Maximum IRQL: `DISPATCH_LEVEL`.
    #[inline]
    fn post(data: &CallbackData<'_>, objects: &RelatedObjects<'_>, carried: u64) {
        assert_at_most(DISPATCH_LEVEL);
        // Fast I/O that the file system refuses has failed, and comes again as an IRP.
        if data.status().is_success()
            && let Some(state) = state::get()
        {
            record(state, *data, *objects, carried);
        }
    }

    /// Maximum IRQL: `APC_LEVEL`.
    fn drained(data: &CallbackData<'_>, objects: &RelatedObjects<'_>, carried: u64) {
        assert_at_most(APC_LEVEL);
        if let Some(state) = state::get() {
            record_otherwise(state, *data, *objects, carried, Outcome::Unknown);
        }
    }
}

/// The thread that runs carries a write out that another one asked for.
///
/// Maximum IRQL: `APC_LEVEL`.
#[cold]
#[inline(never)]
fn for_another() -> PreOperation {
    let Some(state) = state::get() else { return PreOperation::Done };
    let executor = facts::current_executor(state);
    NonZeroU64::new(executor.word()).map_or(PreOperation::WithPost, PreOperation::WithPostAnd)
}

/// What is known of how a write ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Success,
    /// It has not ended yet, and the driver will not hear of it.
    Unknown,
}

/// The usual write is its caller's own, and he is known: that is here, all in registers. The rest is in
/// [`record_otherwise`].
///
/// Maximum IRQL: `DISPATCH_LEVEL`.
#[expect(clippy::inline_always, reason = "nothing of what every write takes is handed over in memory")]
#[inline(always)]
fn record(state: &State, data: CallbackData<'_>, objects: RelatedObjects<'_>, carried: u64) {
    let Some(write) = data.write().filter(|write| !write.is_mdl_completion()) else { return };
    if data.is_paging_io() {
        return;
    }
    let Some(who) = data.thread().and_then(|thread| state.threads.find(thread)) else {
        return record_otherwise(state, data, objects, carried, Outcome::Success);
    };
    let attribution = attribute(&facts::of_thread(data, who));
    if !attribution.is_recorded() {
        return;
    }
    let mode = data.requestor_mode();
    let offset = write.offset();
    let length = write.length();
    if mode == Mode::Kernel || offset < 0 || carried != 0 || data.information() != u64::from(length) {
        return record_otherwise(state, data, objects, carried, Outcome::Success);
    }
    let file = objects.file_object();
    let record = WriteRecord {
        flags: flags(data, mode, write, file),
        file: key_of(state, objects, file),
        ..WriteRecord::new(0, &attribution, WriteOffset::At(offset), length)
    };
    let push = Push::begin();
    let event = WriteRecord { time: push.time(), ..record }.encode();
    push.end(state, &event);
}

/// Any write.
///
/// Maximum IRQL: `DISPATCH_LEVEL`.
#[inline(never)]
fn record_otherwise(
    state: &State,
    data: CallbackData<'_>,
    objects: RelatedObjects<'_>,
    carried: u64,
    outcome: Outcome,
) {
    let Some(write) = data.write().filter(|write| !write.is_mdl_completion()) else { return };
    if data.is_paging_io() {
        return;
    }
    let (facts, copy) = match outcome {
        Outcome::Success => facts::of_write(state, data),
        Outcome::Unknown => (facts::of_copied_data(state, data), None),
    };
    let attribution = attribute(&facts);
    if !attribution.is_recorded() {
        return;
    }
    let offset = match write.offset() {
        WriteParameters::TO_END_OF_FILE => WriteOffset::EndOfFile,
        WriteParameters::AT_FILE_POINTER => WriteOffset::FilePointer,
        offset => WriteOffset::At(offset),
    };
    let asked_for = write.length();
    let (length, outcome) = match outcome {
        Outcome::Success => {
            (u32::try_from(data.information()).unwrap_or(asked_for).min(asked_for), WriteFlags::empty())
        }
        Outcome::Unknown => (asked_for, WriteFlags::OUTCOME_UNKNOWN),
    };
    let file = objects.file_object();
    let record = WriteRecord {
        flags: flags(data, data.requestor_mode(), write, file) | outcome,
        file: key_of(state, objects, file),
        missing: asked_for.wrapping_sub(length),
        executor: facts::executor(state, Executor::of_word(carried)),
        copy: copy.map(|copy| CopySource {
            file: copy.source().map_or(FileKey::UNKNOWN, |source| state.files.key_by_address(source)),
            offset: copy.source_offset(),
        }),
        ..WriteRecord::new(0, &attribution, offset, length)
    };
    let push = Push::begin();
    let event = WriteRecord { time: push.time(), ..record }.encode();
    push.end(state, &event);
}

/// Maximum IRQL: `DISPATCH_LEVEL`.
#[expect(clippy::inline_always, reason = "as for `record`")]
#[inline(always)]
fn key_of(state: &State, objects: RelatedObjects<'_>, file: Option<FileObject<'_>>) -> FileKey {
    file.map_or(FileKey::UNKNOWN, |file| state.files.key_of(objects.instance(), file))
}

/// What the operation says of itself. (Paging I/O is not recorded.)
///
/// Maximum IRQL: any.
#[expect(clippy::inline_always, reason = "as for `record`")]
#[inline(always)]
fn flags(
    data: CallbackData<'_>,
    mode: Mode,
    write: WriteParameters<'_>,
    file: Option<FileObject<'_>>,
) -> WriteFlags {
    let write_through = write.is_write_through() || file.is_some_and(FileObject::is_write_through);
    let of = |holds: bool, flag: WriteFlags| WriteFlags::from_bits_retain(flag.bits() * u32::from(holds));
    of(mode == Mode::User, WriteFlags::USER_MODE)
        | of(data.is_non_cached(), WriteFlags::NON_CACHED)
        | of(data.is_fast_io(), WriteFlags::FAST_IO)
        | of(data.is_generated(), WriteFlags::GENERATED)
        | of(data.is_reissued(), WriteFlags::REISSUED)
        | of(write_through, WriteFlags::WRITE_THROUGH)
}
