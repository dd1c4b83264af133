//! What a filter's callbacks saw, kept until it is known what came of it.

mod change;
mod claim;

use std::collections::{HashMap, VecDeque};

use audit::record::WriteFlags;
use ntsim::{Callback, Major, Mode, Phase, ThreadFacts};

use self::claim::Claims;
pub(super) use self::claim::{Claim, Means};
use crate::consumer::names::Drives;
use crate::model::{Change, FileTime, Offset, Write};
use crate::output::explain::{Explanation, SYSTEM_PID, Truth, Who};
use crate::scenario::model::ChangeKind;

/// `FLTFL_CALLBACK_DATA_FAST_IO_OPERATION`
const FAST_IO_OPERATION: u32 = 0x2;
/// `FLTFL_CALLBACK_DATA_GENERATED_IO`
const GENERATED_IO: u32 = 0x1_0000;
/// `IRP_PAGING_IO`
const PAGING_IO: u32 = 0x2;

/// The pre-write callbacks that have not been explained yet.
#[derive(Debug, Default)]
pub(super) struct Observations {
    waiting: VecDeque<Explanation>,
    drives: Drives,
    /// Images of the processes that run, by PID.
    images: HashMap<u32, String>,
    /// Who opened the file objects.
    openers: HashMap<u64, Who>,
    /// Whose write is being played.
    truth: Option<Truth>,
    claims: Claims,
    /// Changes that are explained besides writes.
    watched: Vec<ChangeKind>,
}

impl Observations {
    pub(super) fn new(drives: Drives, watched: Option<&[ChangeKind]>) -> Self {
        Self { drives, watched: watched.unwrap_or_default().to_vec(), ..Self::default() }
    }

    /// Who does something that may reach the driver later.
    pub(super) fn claim(&mut self, claim: Claim) {
        self.claims.add(claim);
    }

    /// Whose operations come next.
    pub(super) fn set_truth(&mut self, truth: Truth) {
        self.truth = Some(truth);
    }

    pub(super) fn name_process(&mut self, pid: u32, image: &str) {
        self.images.insert(pid, image.to_owned());
    }

    /// Takes note of a callback.
    pub(super) fn see(&mut self, callback: &Callback<'_>) {
        if callback.major == Major::Create && callback.phase == Phase::Pre {
            let opener = self.who(callback.thread.as_ref().unwrap_or(&callback.current));
            self.openers.insert(callback.file_object, opener);
        }
        let change = change::of(callback, &self.watched);
        if callback.major != Major::Write && change.is_none() {
            return;
        }
        match callback.phase {
            Phase::Pre => {
                let explanation = self.explanation(callback, change);
                self.waiting.extend(explanation);
            }
            Phase::Post => {
                let failed = callback.status.filter(|status| !status.is_success());
                let thread = callback.thread.as_ref().map(|thread| thread.tid);
                let same = |seen: &&mut Explanation| {
                    seen.time == FileTime(callback.time)
                        && seen.thread.as_ref().map(|thread| thread.tid) == thread
                        && seen.change == change
                        && (change.is_some()
                            || Some(seen.offset) == callback.offset.map(offset)
                                && Some(seen.length) == callback.length)
                };
                if let Some(seen) = self.waiting.iter_mut().rev().find(same) {
                    seen.failed = failed.map(|status| status.name().map_or_else(|| status.to_string(), name));
                }
            }
        }
    }

    fn who(&self, facts: &ThreadFacts) -> Who {
        Who { pid: facts.pid, tid: facts.tid, image: self.drives.readable(&facts.image) }
    }

    fn explanation(&self, callback: &Callback<'_>, change: Option<&'static str>) -> Option<Explanation> {
        let requestor = (callback.requestor_pid != 0).then(|| {
            let image = self.images.get(&callback.requestor_pid).cloned();
            (callback.requestor_pid, image)
        });
        let path = self.drives.readable(&callback.path);
        Some(Explanation {
            time: FileTime(callback.time),
            current: self.who(&callback.current),
            attached_to: callback
                .attached_to
                .as_ref()
                .map(|process| (process.pid, self.drives.readable(&process.image))),
            thread: callback.thread.as_ref().map(|thread| self.who(thread)),
            opener: self.openers.get(&callback.file_object).cloned(),
            user_mode: callback.requestor_mode == Mode::User,
            requestor,
            offset: if change.is_some() { Offset::At(0) } else { offset(callback.offset?) },
            length: if change.is_some() { 0 } else { callback.length? },
            change,
            fast_io: callback.flags & FAST_IO_OPERATION != 0,
            paging: callback.irp_flags & PAGING_IO != 0,
            copy_source: callback
                .copy_source
                .as_ref()
                .map(|source| (self.drives.readable(&source.path), source.offset)),
            failed: None,
            truth: self.truth(callback, &path)?,
            path,
        })
    }

    /// Who really does it.
    fn truth(&self, callback: &Callback<'_>, path: &str) -> Option<Truth> {
        let kernel =
            |image: &str| Some(Truth::Kernel(Who { pid: SYSTEM_PID, tid: 0, image: image.to_owned() }));
        let range = callback.offset.zip(callback.length);
        if callback.irp_flags & PAGING_IO != 0 {
            return range.map(|range| self.claims.dirtied(path, range));
        }
        if callback.flags & GENERATED_IO != 0 {
            return kernel("another filter");
        }
        range.and_then(|range| self.claims.issued(path, range)).or_else(|| self.truth.clone())
    }

    /// The callback that a record came from, and those before it that no record came from.
    pub(super) fn match_record(&mut self, write: &Write<'_>) -> (Vec<Explanation>, Option<Explanation>) {
        let is_it = |seen: &Explanation| {
            Some(seen.time) == write.time
                && seen.change.is_none()
                && seen.offset == write.offset
                && seen.length == write.length
                && seen.fast_io == write.flags.contains(WriteFlags::FAST_IO)
                && seen.failed.is_none()
                && (write.originator.tid.is_none()
                    || write.originator.tid == seen.thread.as_ref().map(|thread| thread.tid))
        };
        let Some(index) = self.waiting.iter().position(is_it) else {
            return (Vec::new(), None);
        };
        let own = self.waiting.remove(index);
        // Records of one moment may come in another order than their callbacks, but for what failed none comes at all.
        let over = |seen: &&Explanation| Some(seen.time) < write.time || seen.failed.is_some();
        let earlier = self.waiting.iter().take(index).take_while(over).count();
        (self.waiting.drain(..earlier).collect(), own)
    }

    /// The callback that the record of another change came from, if it is watched for.
    pub(super) fn match_change(&mut self, change: &Change<'_>, kind: ChangeKind) -> Option<Explanation> {
        let is_it = |seen: &Explanation| {
            seen.change == Some(kind.name())
                && seen.failed.is_none()
                // A file goes later than it is said to.
                && (Some(seen.time) == change.time || kind == ChangeKind::Delete && Some(seen.time) < change.time)
                && (kind != ChangeKind::Delete || Some(seen.path.as_str()) == change.path)
        };
        let index = self.waiting.iter().position(is_it)?;
        self.waiting.remove(index)
    }

    /// The callbacks that no record came from, at the end.
    pub(super) fn rest(&mut self) -> Vec<Explanation> {
        self.waiting.drain(..).collect()
    }
}

fn offset(offset: i64) -> Offset {
    match offset {
        Offset::END_OF_FILE => Offset::EndOfFile,
        Offset::FILE_POINTER => Offset::FilePointer,
        offset => Offset::At(offset),
    }
}

fn name(name: &str) -> String {
    format!("STATUS_{name}")
}
