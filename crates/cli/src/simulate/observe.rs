//! What the driver's callbacks saw, kept until it is known what came of it.

use std::collections::{HashMap, VecDeque};

use audit::record::WriteFlags;
use ntsim::{Callback, Major, Mode, Phase, ThreadFacts};

use crate::consumer::names::Drives;
use crate::model::{FileTime, Offset, Write};
use crate::output::explain::{Explanation, Truth, Who};

/// `FLTFL_CALLBACK_DATA_FAST_IO_OPERATION`
const FAST_IO_OPERATION: u32 = 0x2;
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
}

impl Observations {
    pub(super) fn new(drives: Drives) -> Self {
        Self { drives, ..Self::default() }
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
        if callback.major != Major::Write {
            return;
        }
        match callback.phase {
            Phase::Pre => {
                let explanation = self.explanation(callback);
                self.waiting.extend(explanation);
            }
            Phase::Post => {
                let failed = callback.status.filter(|status| !status.is_success());
                let thread = callback.thread.as_ref().map(|thread| thread.tid);
                let same = |seen: &&mut Explanation| {
                    seen.time == FileTime(callback.time)
                        && seen.thread.as_ref().map(|thread| thread.tid) == thread
                        && Some(seen.offset) == callback.offset.map(offset)
                        && Some(seen.length) == callback.length
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

    fn explanation(&self, callback: &Callback<'_>) -> Option<Explanation> {
        let requestor = (callback.requestor_pid != 0).then(|| {
            let image = self.images.get(&callback.requestor_pid).cloned();
            (callback.requestor_pid, image)
        });
        Some(Explanation {
            time: FileTime(callback.time),
            current: self.who(&callback.current),
            thread: callback.thread.as_ref().map(|thread| self.who(thread)),
            opener: self.openers.get(&callback.file_object).cloned(),
            user_mode: callback.requestor_mode == Mode::User,
            requestor,
            path: self.drives.readable(&callback.path),
            offset: offset(callback.offset?),
            length: callback.length?,
            fast_io: callback.flags & FAST_IO_OPERATION != 0,
            paging: callback.irp_flags & PAGING_IO != 0,
            copy_source: callback
                .copy_source
                .as_ref()
                .map(|source| (self.drives.readable(&source.path), source.offset)),
            failed: None,
            truth: self.truth.clone()?,
        })
    }

    /// The callback that a record came from, and those before it that no record came from.
    pub(super) fn match_record(&mut self, write: &Write<'_>) -> (Vec<Explanation>, Option<Explanation>) {
        let is_it = |seen: &Explanation| {
            Some(seen.time) == write.time
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
