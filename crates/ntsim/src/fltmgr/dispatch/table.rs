//! The operations in flight, by the address of their callback data.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::passage::Passage;
use crate::abi::Address;
use crate::fltmgr::cancel::CancelRoutine;
use crate::fltmgr::instance::Instance;
use crate::fltmgr::operation::Operation;
use crate::fltmgr::stack::Layer;
use crate::io::request::IoStatus;
use crate::ke::{Cpu, Frame};
use crate::status::NtStatus;
use crate::util::{AddressMap, Lock};
use crate::verifier::Rule;

/// What an operation waits for.
#[derive(Clone)]
pub(in crate::fltmgr) enum Reason {
    /// The file system.
    FileSystem,
    /// An instance that returned `FLT_PREOP_PENDING`.
    Pre(Arc<Instance>),
    /// An instance that returned `FLT_POSTOP_MORE_PROCESSING_REQUIRED`.
    Post(Arc<Instance>),
    /// A model filter, on the way down or up.
    Model,
}

/// The end of such a wait.
pub(super) enum Resumption {
    FileSystem(IoStatus),
    Pre { status: u32, context: usize },
    Post,
    Model,
}

impl Resumption {
    fn fits(&self, reason: &Reason) -> bool {
        matches!(
            (self, reason),
            (Self::FileSystem(_), Reason::FileSystem)
                | (Self::Pre { .. }, Reason::Pre(_))
                | (Self::Post, Reason::Post(_))
                | (Self::Model, Reason::Model)
        )
    }
}

/// Who has an operation.
enum Place {
    /// A thread that carries it on. What it will wait for may be over before it waits.
    Running(Option<(Resumption, Option<Frame>)>),
    /// Nobody.
    Pending(Box<Passage>, Reason),
}

struct Entry {
    operation: Arc<Operation>,
    place: Place,
    /// It has been cancelled, or somebody wants to be told if it is.
    cancelled: bool,
    cancel: Option<CancelRoutine>,
}

/// The operations in flight that some filter has seen.
#[derive(Default)]
pub(crate) struct Operations {
    entries: Lock<AddressMap<Entry>>,
    /// How many have been resumed before they pended.
    early: AtomicUsize,
}

/// What became of a resumption.
pub(super) enum Resumed {
    /// The operation is the caller's to carry on.
    Yours(Box<Passage>, Reason),
    /// The thread that has the operation will find it.
    Noted,
    /// The operation does not wait for that, or is over.
    Wrong(&'static str),
}

// The counter is relaxed: whoever finds it above 0 looks again under the lock.
impl Operations {
    /// An operation begins.
    pub(super) fn begin(&self, passage: &Passage) {
        let entry = Entry {
            operation: Arc::clone(&passage.operation),
            place: Place::Running(None),
            cancelled: false,
            cancel: None,
        };
        self.entries.lock().insert(passage.key(), entry);
    }

    /// It is over.
    pub(super) fn end(&self, cpu: &Cpu, passage: &Passage) {
        let entry = self.entries.lock().remove(&passage.key());
        if let Some(Entry { place: Place::Running(Some(early)), .. }) = entry {
            self.refuse(cpu, early);
        }
    }

    pub(crate) fn get(&self, data: Address) -> Option<Arc<Operation>> {
        self.entries.lock().get(&data).map(|entry| Arc::clone(&entry.operation))
    }

    /// The operations that are so, in the order of their addresses.
    pub(in crate::fltmgr) fn find(&self, mut is_so: impl FnMut(&Operation) -> bool) -> Vec<Address> {
        let entries = self.entries.lock();
        let mut found: Vec<Address> =
            entries.iter().filter(|(_, entry)| is_so(&entry.operation)).map(|(key, _)| *key).collect();
        found.sort_unstable();
        found
    }

    /// Marks an operation as cancelled, and takes who is to complete it.
    pub(in crate::fltmgr) fn cancel(&self, data: Address) -> Option<CancelRoutine> {
        let mut entries = self.entries.lock();
        let entry = entries.get_mut(&data)?;
        entry.cancelled = true;
        entry.cancel.take()
    }

    pub(in crate::fltmgr) fn is_cancelled(&self, data: Address) -> bool {
        self.entries.lock().get(&data).is_some_and(|entry| entry.cancelled)
    }

    /// Notes who completes an operation that is cancelled, unless it has been.
    pub(in crate::fltmgr) fn set_cancel(&self, data: Address, routine: CancelRoutine) -> NtStatus {
        let mut entries = self.entries.lock();
        let Some(entry) = entries.get_mut(&data) else { return NtStatus::INVALID_PARAMETER };
        if entry.cancelled {
            return NtStatus::CANCELLED;
        }
        entry.cancel = Some(routine);
        NtStatus::SUCCESS
    }

    /// Nobody is to be told any more. Returns who was, unless he is being told.
    pub(in crate::fltmgr) fn clear_cancel(&self, data: Address) -> Option<CancelRoutine> {
        self.entries.lock().get_mut(&data)?.cancel.take()
    }

    /// Puts an operation aside until it is resumed; gives it back if it has been already.
    pub(super) fn pend(
        &self,
        cpu: &Cpu,
        mut passage: Box<Passage>,
        reason: Reason,
    ) -> Result<(), (Box<Passage>, Resumption)> {
        passage.keep_thread(cpu);
        let (result, wrong) = {
            let mut entries = self.entries.lock();
            let entry = entries.get_mut(&passage.key()).expect("an operation in flight is listed");
            match std::mem::replace(&mut entry.place, Place::Running(None)) {
                Place::Running(Some((resumption, _))) if resumption.fits(&reason) => {
                    self.early.fetch_sub(1, Ordering::Relaxed);
                    (Err((passage, resumption)), None)
                }
                Place::Running(early) => {
                    entry.place = Place::Pending(passage, reason);
                    (Ok(()), early)
                }
                Place::Pending(..) => unreachable!("an operation is in one place"),
            }
        };
        if let Some(early) = wrong {
            self.refuse(cpu, early);
        }
        result
    }

    /// The wait of an operation is over. `frame` is the call that says so.
    pub(super) fn resume(&self, data: Address, resumption: Resumption, frame: Option<Frame>) -> Resumed {
        let mut entries = self.entries.lock();
        let Some(entry) = entries.get_mut(&data) else {
            return Resumed::Wrong("which is over, or never was an operation");
        };
        match std::mem::replace(&mut entry.place, Place::Running(None)) {
            Place::Pending(passage, reason) if resumption.fits(&reason) => Resumed::Yours(passage, reason),
            Place::Running(None) => {
                entry.place = Place::Running(Some((resumption, frame)));
                self.early.fetch_add(1, Ordering::Relaxed);
                Resumed::Noted
            }
            other => {
                entry.place = other;
                Resumed::Wrong("which does not wait for that")
            }
        }
    }

    /// A callback has returned without pending the operation: nobody may have resumed it.
    pub(super) fn expect_no_resumption(&self, cpu: &Cpu, passage: &Passage) {
        if self.early.load(Ordering::Relaxed) == 0 {
            return;
        }
        let early = {
            let mut entries = self.entries.lock();
            let entry = entries.get_mut(&passage.key());
            entry.and_then(|entry| match &mut entry.place {
                Place::Running(early) => early.take(),
                Place::Pending(..) => None,
            })
        };
        if let Some(early) = early {
            self.refuse(cpu, early);
        }
    }

    fn refuse(&self, cpu: &Cpu, (_, frame): (Resumption, Option<Frame>)) {
        self.early.fetch_sub(1, Ordering::Relaxed);
        let detail = "completes an operation that it has not pended, or has completed already";
        match frame {
            Some(frame) => cpu.violation_in(&frame, Rule::Pending, detail),
            None => cpu.violation(Rule::Pending, detail),
        }
    }

    /// Takes an operation that pends and for which this holds; it is put back with [`Operations::pend`], or carried on.
    pub(super) fn take(
        &self,
        mut condition: impl FnMut(&Passage, &Reason) -> bool,
    ) -> Option<(Box<Passage>, Reason)> {
        let mut entries = self.entries.lock();
        let mut keys: Vec<Address> = entries
            .iter()
            .filter(|(_, entry)| match &entry.place {
                Place::Pending(passage, reason) => condition(passage, reason),
                Place::Running(_) => false,
            })
            .map(|(key, _)| *key)
            .collect();
        keys.sort_unstable();
        let entry = entries.get_mut(keys.first()?)?;
        match std::mem::replace(&mut entry.place, Place::Running(None)) {
            Place::Pending(passage, reason) => Some((passage, reason)),
            Place::Running(_) => None,
        }
    }

    /// Forgets all operations that pend, with what they hold.
    pub(crate) fn clear(&self) {
        let entries = std::mem::take(&mut *self.entries.lock());
        drop(entries);
    }
}

/// Whether a callback is owed to an instance, or was.
pub(super) fn is_owed(passage: &Passage, instance: &Arc<Instance>) -> bool {
    passage.owed.iter().any(|owed| match &owed.layer {
        Layer::Driver(other) => !owed.drained && Arc::ptr_eq(other, instance),
        Layer::Model(_) => false,
    })
}
