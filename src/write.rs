//! Writes: the path that everything else is there for.
//!
//! On it there is no lock, no allocation, no name query and nothing paged.
//!
//! A write is recorded when it is complete, and only if it succeeded. Who carries it out is known before, in the
//! pre-operation callback, and nowhere else: it is handed on ([`audit::executor`]).

use core::num::NonZeroU64;

use audit::attribution::{Attribution, attribute};
use audit::executor::Executor;
use audit::key::{ClientKey, FileKey};
use audit::omission::Because;
use audit::record::{CopySource, Write as WriteRecord, WriteFlags, WriteOffset};
use audit::threads::Known;
use fltmgr::irql::{APC_LEVEL, DISPATCH_LEVEL, assert_at_most};
use fltmgr::raw::{IRP_MJ_PREPARE_MDL_WRITE, IRP_MJ_WRITE};
use fltmgr::{
    CallbackData, FileObject, Mode, Operation, OperationFlags, PreOperation, RelatedObjects, Thread,
    WriteParameters,
};

use crate::facts;
use crate::heed::{self, Heed};
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
        match heed::heeded() {
            0 => usual_pre(*data),
            heeded => heedful_pre(*data, heeded),
        }
    }

    /// Maximum IRQL: `DISPATCH_LEVEL`.
    #[inline]
    fn post(data: &CallbackData<'_>, objects: &RelatedObjects<'_>, carried: u64) {
        assert_at_most(DISPATCH_LEVEL);
        // Fast I/O that the file system refuses has failed, and comes again as an IRP.
        if !data.status().is_success() {
            return;
        }
        let Some(state) = state::get() else { return };
        if carried == 0 && data.requestor_mode() == Mode::User {
            if record(state, *data, *objects).is_none() {
                record_otherwise(state, *data, *objects, 0, Outcome::Success);
            }
        } else if carried == 0 || record_copied(state, *data, *objects, carried).is_none() {
            record_otherwise(state, *data, *objects, carried, Outcome::Success);
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

/// Maximum IRQL: `APC_LEVEL`.
#[expect(clippy::inline_always, reason = "twice, and each is short")]
#[inline(always)]
fn usual_pre(data: CallbackData<'_>) -> PreOperation {
    let thread = data.thread();
    if Thread::with_current(|current| thread == Some(current)) {
        PreOperation::WithPost
    } else {
        for_another()
    }
}

/// The same where writes have something to heed. One of an excluded process is left out here, unless it is fast I/O: that
/// may be refused and come again, and is left out when it has succeeded.
///
/// Maximum IRQL: `APC_LEVEL`.
#[inline(never)]
fn heedful_pre(data: CallbackData<'_>, heeded: u32) -> PreOperation {
    if Heed::NotRecording.is_in(heeded) || Heed::NotAudited.is_in(heeded) {
        return PreOperation::Done;
    }
    let Some(state) = state::get() else { return PreOperation::Done };
    let is_excluded =
        data.thread().and_then(|thread| state.threads.find(thread)).is_some_and(Known::is_excluded);
    if !is_excluded || data.is_fast_io() {
        return usual_pre(data);
    }
    if !data.is_paging_io() && data.write().is_some_and(|write| !write.is_mdl_completion()) {
        state.exclusions.count(Because::Image);
    }
    PreOperation::Done
}

/// The thread that runs carries a write out that another one asked for.
///
/// Maximum IRQL: `APC_LEVEL`.
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

/// The usual write is its caller's own, and he is known: that is here, all in registers. `None` if it is an unusual one.
///
/// Maximum IRQL: `DISPATCH_LEVEL`.
#[expect(clippy::inline_always, reason = "nothing of what every write takes is handed over in memory")]
#[inline(always)]
fn record(state: &State, data: CallbackData<'_>, objects: RelatedObjects<'_>) -> Option<()> {
    let usual = Usual::of(state, data)?;
    let push = Push::begin();
    // From here on nothing is called, and nothing need be kept over a call.
    let (file, key) = file_of(state, objects)?;
    let reserved = push.reserve_at_once(state, 1)?;
    let time = reserved.time();
    let record = usual.record(file, key);
    reserved.end(&WriteRecord { time, flags: record.flags | WriteFlags::USER_MODE, ..record }.encode());
    Some(())
}

/// The usual write of a kernel-mode copy: a worker carries it out for who is known. `None` if it is another one.
///
/// Maximum IRQL: `DISPATCH_LEVEL`.
#[inline(never)]
fn record_copied(
    state: &State,
    data: CallbackData<'_>,
    objects: RelatedObjects<'_>,
    carried: u64,
) -> Option<()> {
    let usual = Usual::of(state, data)?;
    let Executor::Kept(place) = Executor::of_word(carried) else { return None };
    let copy = facts::copy_information(state, data)?;
    let push = Push::begin();
    let executor = Some(facts::actor(state.threads.at(place)?));
    let source = state.files.key_at_first(copy.source()?)?;
    let (file, key) = file_of(state, objects)?;
    let reserved = push.reserve_at_once(state, 2)?;
    let time = reserved.time();
    let copy = Some(CopySource { file: source, offset: copy.source_offset() });
    reserved.end(&WriteRecord { time, executor, copy, ..usual.record(file, key) }.encode());
    Some(())
}

/// Fast I/O that asks for the cache's own pages to fill them; what ends it brings nothing new. It is the SMB server's,
/// mostly.
pub(crate) enum PrepareMdlWrite {}

impl Operation for PrepareMdlWrite {
    const MAJOR_FUNCTION: u8 = IRP_MJ_PREPARE_MDL_WRITE;

    /// Maximum IRQL: `APC_LEVEL`.
    fn pre(data: &CallbackData<'_>, objects: &RelatedObjects<'_>) -> PreOperation {
        Write::pre(data, objects)
    }

    /// Maximum IRQL: `DISPATCH_LEVEL`.
    fn post(data: &CallbackData<'_>, objects: &RelatedObjects<'_>, carried: u64) {
        assert_at_most(DISPATCH_LEVEL);
        // Refused, it comes again as an IRP.
        if let Some(state) = state::get().filter(|_| data.status().is_success()) {
            record_otherwise(state, *data, *objects, carried, Outcome::Success);
        }
    }
}

/// The file, and its key if it is found at once.
///
/// Maximum IRQL: any.
#[expect(clippy::inline_always, reason = "as for `record`")]
#[inline(always)]
fn file_of<'cb>(state: &State, objects: RelatedObjects<'cb>) -> Option<(FileObject<'cb>, FileKey)> {
    let file = objects.file_object()?;
    Some((file, state.files.key_at_first(file)?))
}

/// What there is of a write about which nothing is unusual, beside the file.
#[derive(Clone, Copy)]
struct Usual<'cb> {
    data: CallbackData<'cb>,
    write: WriteParameters<'cb>,
    attribution: Attribution,
}

impl<'cb> Usual<'cb> {
    /// `None` where the thread is not found at once or is not an ordinary user's, and where less was written than asked
    /// for.
    ///
    /// Maximum IRQL: any.
    #[expect(clippy::inline_always, reason = "as for `record`")]
    #[inline(always)]
    fn of(state: &State, data: CallbackData<'cb>) -> Option<Self> {
        let write = data.write().filter(|write| !write.is_mdl_completion())?;
        let who = state.threads.find_first(data.thread()?)?;
        let asked_for = u64::from(write.length());
        if !who.is_ordinary() || data.is_paging_io() || write.offset() < 0 || data.information() != asked_for
        {
            return None;
        }
        Some(Self { data, write, attribution: attribute(&facts::of_thread(data, who.thread())) })
    }

    /// The record. What the write says of itself is read now, so that it need not have been kept.
    ///
    /// Maximum IRQL: any.
    #[expect(clippy::inline_always, reason = "as for `record`")]
    #[inline(always)]
    fn record(self, file: FileObject<'_>, key: FileKey) -> WriteRecord {
        let Self { data, write, attribution } = self;
        let offset = WriteOffset::At(write.offset());
        WriteRecord {
            flags: flags(data, write.is_write_through(), Some(file)),
            file: key,
            ..WriteRecord::new(0, &attribution, offset, write.length())
        }
    }
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
    let file = objects.file_object();
    let (offset, asked_for, of_itself) = match (data.write(), data.prepare_mdl_write()) {
        (Some(write), _) if !write.is_mdl_completion() && !data.is_paging_io() => {
            (write.offset(), write.length(), flags(data, write.is_write_through(), file))
        }
        (None, Some(write)) => (write.offset(), write.length(), flags(data, false, file)),
        _ => return,
    };
    let (facts, copy) = match outcome {
        Outcome::Success => facts::of_write(state, data),
        Outcome::Unknown => (facts::of_copied_data(state, data), None),
    };
    let mut attribution = attribute(&facts);
    let mut client = ClientKey::UNKNOWN;
    if !attribution.is_recorded() {
        // The kernel's own, unless its server does it for somebody.
        let of = file.and_then(|file| state.clients.of(objects.instance(), file));
        let Some(remote) = of else { return };
        (attribution, client) = (Attribution::REMOTE_CLIENT, remote);
    } else if data.requestor_mode() == Mode::Kernel && copy.is_none() {
        attribution = attribution.by_driver(data.is_generated());
    }
    let by_excluded = |actor: audit::record::Actor| state.exclusions.leave_out(actor.process);
    if attribution.originator.actor().is_some_and(by_excluded) {
        return;
    }
    let executor = facts::executor(state, Executor::of_word(carried)).or_else(|| {
        // Whose thread it is, where that is not taken for the originator.
        facts.thread.filter(|_| attribution.originator.actor().is_none()).map(facts::actor_of)
    });
    let offset = match offset {
        WriteParameters::TO_END_OF_FILE => WriteOffset::EndOfFile,
        WriteParameters::AT_FILE_POINTER => WriteOffset::FilePointer,
        offset => WriteOffset::At(offset),
    };
    let (length, outcome) = match outcome {
        Outcome::Success => {
            (u32::try_from(data.information()).unwrap_or(asked_for).min(asked_for), WriteFlags::empty())
        }
        Outcome::Unknown => (asked_for, WriteFlags::OUTCOME_UNKNOWN),
    };
    let mode = match data.requestor_mode() {
        Mode::User => WriteFlags::USER_MODE,
        Mode::Kernel => WriteFlags::empty(),
    };
    let Some(key) = key_of(state, objects, file) else { return };
    let record = WriteRecord {
        flags: of_itself | mode | outcome,
        file: key,
        missing: asked_for.wrapping_sub(length),
        executor,
        client,
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

/// `None` if writes to the file are left out; that has been counted.
///
/// Maximum IRQL: `DISPATCH_LEVEL`.
fn key_of(state: &State, objects: RelatedObjects<'_>, file: Option<FileObject<'_>>) -> Option<FileKey> {
    file.map_or(Some(FileKey::UNKNOWN), |file| state.files.key_of(state, objects.instance(), file))
}

/// What the operation says of itself. (Paging I/O is not recorded.)
///
/// Maximum IRQL: any.
#[expect(clippy::inline_always, reason = "as for `record`")]
#[inline(always)]
fn flags(data: CallbackData<'_>, write_through: bool, file: Option<FileObject<'_>>) -> WriteFlags {
    let write_through = write_through | file.is_some_and(FileObject::is_write_through);
    let of = |holds: bool, flag: WriteFlags| WriteFlags::from_bits_retain(flag.bits() * u32::from(holds));
    of(data.is_non_cached(), WriteFlags::NON_CACHED)
        | of(data.is_fast_io(), WriteFlags::FAST_IO)
        | of(data.is_generated(), WriteFlags::GENERATED)
        | of(data.is_reissued(), WriteFlags::REISSUED)
        | of(write_through, WriteFlags::WRITE_THROUGH)
}
