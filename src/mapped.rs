//! Mapped writes: what changes a file without a write, and who may have done it.
//!
//! A store to a mapped view is no operation. What a minifilter is told of is the creation of a section, in the thread that
//! creates it, and much later the paging write ("Memory-mapped files in a file system filter driver"). So those
//! who made a section by which the file can be changed are noted at the stream, and named as candidates when pages of it
//! are written. That a section's handle is given to another process, nothing tells.

use core::num::NonZeroU64;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use audit::attribution::{Attribution, Basis, Confidence, Originator, ProcessKind};
use audit::key::ProcessKey;
use audit::parameters::Audit;
use audit::record::{
    Actor, Candidates, Code, MAX_CANDIDATES, Operation as Deed, Write as WriteRecord, WriteFlags, WriteOffset,
};
use fltmgr::irql::{APC_LEVEL, DISPATCH_LEVEL, PASSIVE_LEVEL, assert_at_most};
use fltmgr::raw::{IRP_MJ_ACQUIRE_FOR_SECTION_SYNCHRONIZATION, IRP_MJ_WRITE};
use fltmgr::{CallbackData, Context, Operation, PreOperation, RelatedObjects};
use wdk_sys::PIRP;

use crate::facts;
use crate::irql;
use crate::push::Push;
use crate::state::{self, State};
use crate::streams::StreamContext;
use crate::write::Write;

#[link(name = "ntoskrnl.exe", kind = "raw-dylib", modifiers = "+verbatim")]
unsafe extern "C" {
    safe fn IoGetTopLevelIrp() -> PIRP;
}

/// Processes that made a section by which a stream can be changed. They stay candidates for as long as the stream has its
/// context: views may be left when all handles are closed, and pages to be written when all views are gone.
#[derive(Default)]
pub(crate) struct SectionCreators {
    /// 0 where there is none yet, from first to last.
    keys: [AtomicU64; MAX_CANDIDATES],
    /// More than that, or the kernel.
    others: AtomicBool,
}

// All relaxed: the creation of a section is over before anybody can change a page by it.
impl SectionCreators {
    /// Maximum IRQL: any.
    fn add(&self, process: ProcessKey, kind: ProcessKind) {
        if kind == ProcessKind::User && process.is_known() {
            for key in &self.keys {
                match key.compare_exchange(0, process.0, Ordering::Relaxed, Ordering::Relaxed) {
                    Ok(_) => return,
                    Err(known) if known == process.0 => return,
                    Err(_) => {}
                }
            }
        }
        self.others.store(true, Ordering::Relaxed);
    }

    /// Maximum IRQL: any.
    fn candidates(&self) -> Candidates {
        let [first, second, third, fourth] = &self.keys;
        let keys = [first, second, third, fourth].map(|key| ProcessKey(key.load(Ordering::Relaxed)));
        Candidates::new(keys, self.others.load(Ordering::Relaxed))
    }
}

/// `IRP_MJ_ACQUIRE_FOR_SECTION_SYNCHRONIZATION`
pub(crate) enum SectionSynchronization {}

impl Operation for SectionSynchronization {
    const MAJOR_FUNCTION: u8 = IRP_MJ_ACQUIRE_FOR_SECTION_SYNCHRONIZATION;

    /// Maximum IRQL: `APC_LEVEL`.
    fn pre(data: &CallbackData<'_>, _objects: &RelatedObjects<'_>) -> PreOperation {
        assert_at_most(APC_LEVEL);
        let Some(state) = auditing() else { return PreOperation::Done };
        if !data.section().is_some_and(fltmgr::SectionParameters::creates_writable) {
            return PreOperation::Done;
        }
        // He may have the file from somebody else and have opened none himself. Afterwards the file system has its locks.
        if irql::is_at_most(PASSIVE_LEVEL)
            && let Some(thread) = data.thread()
        {
            let who = state.threads.who(thread).process;
            if state.processes.meet(&state.exclusions, who, thread) {
                state.threads.forget_all();
            }
        }
        PreOperation::WithPost
    }

    /// In the same thread. Maximum IRQL: `APC_LEVEL`.
    fn post(data: &CallbackData<'_>, objects: &RelatedObjects<'_>, _carried: u64) {
        assert_at_most(APC_LEVEL);
        let Some(state) = auditing().filter(|_| data.status().is_success()) else { return };
        let Some((thread, file)) = data.thread().zip(objects.file_object()) else { return };
        if let Some(stream) = Context::<StreamContext>::of_stream(objects.instance(), file) {
            let process = state.threads.who(thread).process;
            stream.section_creators().add(process.key, process.kind);
        }
    }
}

/// [`Write`], and what memory management writes.
pub(crate) enum WriteAndPaging {}

impl Operation for WriteAndPaging {
    const MAJOR_FUNCTION: u8 = IRP_MJ_WRITE;

    /// Maximum IRQL: `APC_LEVEL`.
    fn pre(data: &CallbackData<'_>, objects: &RelatedObjects<'_>) -> PreOperation {
        assert_at_most(APC_LEVEL);
        if data.is_paging_io() { before(*objects) } else { Write::pre(data, objects) }
    }

    /// Maximum IRQL: `DISPATCH_LEVEL`.
    fn post(data: &CallbackData<'_>, objects: &RelatedObjects<'_>, carried: u64) {
        assert_at_most(DISPATCH_LEVEL);
        if !data.is_paging_io() {
            return Write::post(data, objects, carried);
        }
        // SAFETY: the word is what `before` handed over for this operation, and comes here or to `drained`.
        let carried = unsafe { Carried::from_word(carried) };
        if let Some((state, carried)) = state::get().zip(carried)
            && data.status().is_success()
        {
            let who = data.thread().map(|thread| facts::actor_of(state.threads.who(thread)));
            record(state, *data, *objects, &carried, who, WriteFlags::empty());
        }
    }

    /// Maximum IRQL: `APC_LEVEL`.
    fn drained(data: &CallbackData<'_>, objects: &RelatedObjects<'_>, carried: u64) {
        assert_at_most(APC_LEVEL);
        if !data.is_paging_io() {
            return Write::drained(data, objects, carried);
        }
        // SAFETY: as in `post`.
        let carried = unsafe { Carried::from_word(carried) };
        if let Some((state, carried)) = state::get().zip(carried) {
            // The operation may be over any moment, and its thread with it: it can be looked up, and not asked.
            let who = data.thread().and_then(|thread| state.threads.find(thread)).map(facts::actor);
            record(state, *data, *objects, &carried, who, WriteFlags::OUTCOME_UNKNOWN);
        }
    }
}

/// The state, if mapped writes are recorded.
///
/// Maximum IRQL: any.
fn auditing() -> Option<&'static State> {
    state::recording().filter(|state| state.parameters.audits(Audit::MAPPED))
}

/// What goes from before a paging write to after it, in one word.
struct Carried {
    stream: Context<StreamContext>,
    /// Whether what is written need not have been changed by way of a view.
    may_be_cached: bool,
}

impl Carried {
    /// Beside a reference, which is a multiple of 8.
    const MAY_BE_CACHED: u64 = 1;

    /// Maximum IRQL: any.
    fn into_word(self) -> NonZeroU64 {
        let bit = if self.may_be_cached { Self::MAY_BE_CACHED } else { 0 };
        self.stream.into_word() | bit
    }

    /// Maximum IRQL: any.
    ///
    /// # Safety
    ///
    /// `word` is 0, or what `into_word` returned, and is not used again.
    unsafe fn from_word(word: u64) -> Option<Self> {
        // SAFETY: by the function's own condition.
        let stream = unsafe { Context::from_word(word & !Self::MAY_BE_CACHED) }?;
        Some(Self { stream, may_be_cached: word & Self::MAY_BE_CACHED != 0 })
    }
}

/// Pages are about to be written. No lock, no allocation, nothing paged: the page-out that waits for this may be what
/// frees memory.
///
/// Maximum IRQL: `APC_LEVEL`.
fn before(objects: RelatedObjects<'_>) -> PreOperation {
    let Some(_state) = auditing() else { return PreOperation::Done };
    let stream =
        objects.file_object().and_then(|file| Context::<StreamContext>::of_stream(objects.instance(), file));
    let Some(stream) = stream else { return PreOperation::Done };
    if stream.section_creators().candidates().named().next().is_none() {
        // Nobody's, or the kernel's alone: what was changed was changed by writes, or is the kernel's own.
        return PreOperation::Done;
    }
    let carried = Carried { stream, may_be_cached: !is_mapped_page_writer() };
    PreOperation::WithPostAnd(carried.into_word())
}

/// Whether memory management's writer of mapped pages is what runs: it writes what the cache's lazy writer does not.
///
/// Maximum IRQL: `DISPATCH_LEVEL` ("`IoGetTopLevelIrp` function (ntifs.h)").
fn is_mapped_page_writer() -> bool {
    const FSRTL_MOD_WRITE_TOP_LEVEL_IRP: usize = 3;
    assert_at_most(DISPATCH_LEVEL);
    // Compared, and not used as an address.
    IoGetTopLevelIrp().addr() == FSRTL_MOD_WRITE_TOP_LEVEL_IRP
}

/// Who may have changed what was written; `executor` is whose thread the paging write is.
const SOMEBODY: Attribution =
    Attribution { originator: Originator::Unknown, basis: Basis::Section, confidence: Confidence::Likely };

/// Maximum IRQL: `DISPATCH_LEVEL`.
fn record(
    state: &State,
    data: CallbackData<'_>,
    objects: RelatedObjects<'_>,
    carried: &Carried,
    executor: Option<Actor>,
    outcome: WriteFlags,
) {
    let Some(write) = data.write() else { return };
    let is_excluded = |file| state.files.key_of(state, objects.instance(), file).is_none();
    if objects.file_object().is_some_and(is_excluded) {
        return;
    }
    let asked_for = write.length();
    let length = match u32::try_from(data.information()) {
        Ok(written) if outcome.is_empty() => written.min(asked_for),
        _ => asked_for,
    };
    let mut flags = WriteFlags::PAGING | outcome;
    flags.set(WriteFlags::SYNCHRONOUS_PAGING, data.is_synchronous_paging_io());
    flags.set(WriteFlags::NON_CACHED, data.is_non_cached());
    flags.set(WriteFlags::GENERATED, data.is_generated());
    flags.set(WriteFlags::REISSUED, data.is_reissued());
    flags.set(WriteFlags::MAY_BE_CACHED, carried.may_be_cached);
    let candidates = carried.stream.section_creators().candidates();
    let record = WriteRecord {
        operation: Code::Known(Deed::MappedWrite),
        flags,
        file: carried.stream.key(),
        missing: asked_for.wrapping_sub(length),
        executor: executor.filter(|executor| candidates.only() != Some(executor.process)),
        candidates,
        ..WriteRecord::new(0, &SOMEBODY, WriteOffset::At(write.offset()), length)
    };
    let push = Push::begin();
    let event = WriteRecord { time: push.time(), ..record }.encode();
    push.end(state, &event);
}
