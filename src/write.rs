//! Writes: the path that everything else is there for.
//!
//! On it there is no lock, no allocation, no name query and nothing paged.

use audit::attribution::attribute;
use audit::key::FileKey;
use audit::record::{CopySource, Write as WriteRecord, WriteFlags, WriteOffset};
use fltmgr::irql::{APC_LEVEL, assert_at_most};
use fltmgr::raw::IRP_MJ_WRITE;
use fltmgr::{
    CallbackData, FileObject, Mode, NtStatus, Operation, OperationFlags, PreOperation, RelatedObjects,
    Thread, WriteParameters,
};

use crate::facts;
use crate::irql::AtDispatchLevel;
use crate::state::{self, State};
use crate::{processor, time};

pub(crate) enum Write {}

impl Operation for Write {
    const MAJOR_FUNCTION: u8 = IRP_MJ_WRITE;
    /// What memory management writes was written before by somebody else.
    const FLAGS: OperationFlags = OperationFlags::SKIP_PAGING_IO;

    /// Maximum IRQL: `APC_LEVEL`.
    #[inline]
    fn pre(data: &CallbackData<'_>, objects: &RelatedObjects<'_>) -> PreOperation {
        assert_at_most(APC_LEVEL);
        let Some(state) = state::recording() else { return PreOperation::Done };
        before(state, *data, *objects)
    }

    /// Only for fast I/O, hence in its thread.
    ///
    /// Maximum IRQL: `APC_LEVEL`.
    fn post(data: &CallbackData<'_>, objects: &RelatedObjects<'_>) {
        assert_at_most(APC_LEVEL);
        if data.status() != NtStatus::FLT_DISALLOW_FAST_IO
            && let Some(state) = state::recording()
        {
            record(state, *data, *objects, WriteFlags::FAST_IO);
        }
    }
}

/// Apart, so that what comes before it in the callback needs no stack.
///
/// Maximum IRQL: `APC_LEVEL`.
#[inline(never)]
fn before(state: &State, data: CallbackData<'_>, objects: RelatedObjects<'_>) -> PreOperation {
    if data.is_fast_io() {
        // Refused, it comes again as an IRP, which would be a second write.
        return PreOperation::WithPost;
    }
    record(state, data, objects, WriteFlags::empty());
    PreOperation::Done
}

/// The usual write is its caller's own, and he is known: that is here, all in registers. The rest is in
/// [`record_otherwise`].
///
/// Maximum IRQL: `APC_LEVEL`.
#[expect(clippy::inline_always, reason = "nothing of what every write takes is handed over in memory")]
#[inline(always)]
fn record(state: &State, data: CallbackData<'_>, objects: RelatedObjects<'_>, fast_io: WriteFlags) {
    let Some(write) = data.write().filter(|write| !write.is_mdl_completion()) else { return };
    if data.is_paging_io() {
        return;
    }
    let Some((thread, who)) = data.thread().and_then(|thread| Some((thread, state.threads.find(thread)?)))
    else {
        return record_otherwise(state, data, objects);
    };
    let attribution = attribute(&facts::of_thread(data, who));
    if !attribution.is_recorded() {
        return;
    }
    let mode = data.requestor_mode();
    let offset = write.offset();
    if mode == Mode::Kernel || offset < 0 || Thread::with_current(|current| current != thread) {
        return record_otherwise(state, data, objects);
    }
    let file = objects.file_object();
    let record = WriteRecord {
        flags: flags(data, mode, write, file) | fast_io,
        file: key_of(state, objects, file),
        ..WriteRecord::new(0, &attribution, WriteOffset::At(offset), write.length())
    };
    Push::begin().end(state, record);
}

/// Any write.
///
/// Maximum IRQL: `APC_LEVEL`.
#[inline(never)]
fn record_otherwise(state: &State, data: CallbackData<'_>, objects: RelatedObjects<'_>) {
    let Some(write) = data.write() else { return };
    let copy = facts::copy_information(state, data);
    let attribution = attribute(&match data.thread() {
        Some(thread) => facts::of_thread(data, state.threads.who(thread)),
        None => facts::without_thread(data, copy.is_some()),
    });
    if !attribution.is_recorded() {
        return;
    }
    let offset = match write.offset() {
        WriteParameters::TO_END_OF_FILE => WriteOffset::EndOfFile,
        WriteParameters::AT_FILE_POINTER => WriteOffset::FilePointer,
        offset => WriteOffset::At(offset),
    };
    let file = objects.file_object();
    let fast_io = if data.is_fast_io() { WriteFlags::FAST_IO } else { WriteFlags::empty() };
    let record = WriteRecord {
        flags: flags(data, data.requestor_mode(), write, file) | fast_io,
        file: key_of(state, objects, file),
        executor: facts::executor(state, data),
        copy: copy.map(|copy| CopySource {
            file: copy.source().map_or(FileKey::UNKNOWN, |source| state.files.key_by_address(source)),
            offset: copy.source_offset(),
        }),
        ..WriteRecord::new(0, &attribution, offset, write.length())
    };
    Push::begin().end(state, record);
}

/// Maximum IRQL: `APC_LEVEL`.
#[expect(clippy::inline_always, reason = "as for `record`")]
#[inline(always)]
fn key_of(state: &State, objects: RelatedObjects<'_>, file: Option<FileObject<'_>>) -> FileKey {
    file.map_or(FileKey::UNKNOWN, |file| state.files.key_of(objects.instance(), file))
}

/// What the operation says of itself. (Paging I/O is not recorded, fast I/O known by the callback.)
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
        | of(data.is_generated(), WriteFlags::GENERATED)
        | of(data.is_reissued(), WriteFlags::REISSUED)
        | of(write_through, WriteFlags::WRITE_THROUGH)
}

/// A record is being put into the ring, at `DISPATCH_LEVEL`: a producer that is suspended between reserving its place and
/// filling it would hold its processor's records back.
struct Push {
    _level: AtDispatchLevel,
    processor: usize,
    time: u64,
}

impl Push {
    /// Maximum IRQL: `DISPATCH_LEVEL`.
    #[expect(clippy::inline_always, reason = "as for `record`")]
    #[inline(always)]
    fn begin() -> Self {
        Self { _level: AtDispatchLevel::raise(), processor: processor::current(), time: time::now() }
    }

    /// Puts the record into the ring with the time at which this began; a full ring counts what it refuses.
    ///
    /// Maximum IRQL: `DISPATCH_LEVEL`.
    #[expect(clippy::inline_always, reason = "as for `record`")]
    #[inline(always)]
    fn end(self, state: &State, record: WriteRecord) {
        let event = WriteRecord { time: self.time, ..record }.encode();
        if state.ring.push(self.processor, &event).is_ok_and(|pushed| pushed.wake) {
            state.wake.set();
        }
    }
}
