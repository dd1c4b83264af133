//! Calls that are made to fail: the n-th of a routine, the n-th of all, or some drawn from a seed.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::exports::{Failure, ROUTINES, Routine};
use crate::ke::{Cpu, Entry};
use crate::status::NtStatus;
use crate::util::{Lock, Random};

/// Calls in a million, the unit of [`FaultPlan::per_million`].
const MILLION: u64 = 1_000_000;

/// Which routines fail.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum FaultRoutines {
    /// All that can.
    #[default]
    All,
    /// Those of these names.
    Named(Vec<String>),
}

/// Failures drawn from a seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultPlan {
    /// Determines which calls fail and how, as long as the calls are the same.
    pub seed: u64,
    /// How many of a million calls fail.
    pub per_million: u32,
    /// Which routines fail.
    pub routines: FaultRoutines,
}

impl FaultPlan {
    /// Of all routines that can fail, so many calls in a million.
    #[must_use]
    pub fn new(seed: u64, per_million: u32) -> Self {
        Self { seed, per_million, routines: FaultRoutines::All }
    }
}

/// How a routine fails, beyond `STATUS_INSUFFICIENT_RESOURCES`: statuses that its reference page names and that say
/// nothing about the caller's own mistakes.
const DOCUMENTED: [(&str, &[NtStatus]); 18] = [
    // "If the operation cannot be completed now" and the name cache's answer.
    (
        "FltGetFileNameInformation",
        &[
            NtStatus::INSUFFICIENT_RESOURCES,
            NtStatus::FLT_INVALID_NAME_REQUEST,
            NtStatus::FLT_NAME_CACHE_MISS,
            NtStatus::OBJECT_PATH_NOT_FOUND,
        ],
    ),
    ("FltSetStreamContext", &[NtStatus::NOT_SUPPORTED, NtStatus::FLT_DELETING_OBJECT]),
    ("FltSetFileContext", &[NtStatus::NOT_SUPPORTED, NtStatus::FLT_DELETING_OBJECT]),
    ("FltSetStreamHandleContext", &[NtStatus::NOT_SUPPORTED, NtStatus::FLT_DELETING_OBJECT]),
    ("FltSetInstanceContext", &[NtStatus::FLT_DELETING_OBJECT]),
    ("FltSetVolumeContext", &[NtStatus::FLT_DELETING_OBJECT]),
    ("FltSetTransactionContext", &[NtStatus::FLT_DELETING_OBJECT]),
    ("FltGetStreamContext", &[NtStatus::NOT_FOUND, NtStatus::NOT_SUPPORTED]),
    ("FltGetFileContext", &[NtStatus::NOT_FOUND, NtStatus::NOT_SUPPORTED]),
    ("FltGetStreamHandleContext", &[NtStatus::NOT_FOUND, NtStatus::NOT_SUPPORTED]),
    ("FltGetInstanceContext", &[NtStatus::NOT_FOUND]),
    ("FltGetVolumeContext", &[NtStatus::NOT_FOUND]),
    ("FltGetTransactionContext", &[NtStatus::NOT_FOUND]),
    ("FltSendMessage", &[NtStatus::INSUFFICIENT_RESOURCES, NtStatus::PORT_DISCONNECTED, NtStatus::TIMEOUT]),
    ("FltGetCopyInformationFromCallbackData", &[NtStatus::NOT_FOUND]),
    ("PsLookupProcessByProcessId", &[NtStatus::INVALID_CID]),
    ("PsLookupThreadByThreadId", &[NtStatus::INVALID_PARAMETER]),
    ("PsSetCreateProcessNotifyRoutineEx", &[NtStatus::INVALID_PARAMETER, NtStatus::ACCESS_DENIED]),
];

fn statuses(routine: &Routine) -> &'static [NtStatus] {
    let documented = DOCUMENTED.iter().find(|(name, _)| *name == routine.name);
    documented.map_or(&[NtStatus::INSUFFICIENT_RESOURCES], |(_, statuses)| statuses)
}

/// Whether this call undoes what succeeded before, which cannot fail then: handles are closed, waits end, and a routine
/// that is registered twice in a driver's life is being taken back the second time.
fn undoes(cpu: &Cpu, routine: &Routine) -> bool {
    match routine.name {
        "ZwClose" | "ObCloseHandle" | "ZwWaitForSingleObject" => true,
        "PsSetCreateProcessNotifyRoutineEx" => {
            cpu.entry() != Some(Entry::Load) || cpu.kernel().process_notify.has(cpu.driver().as_ref())
        }
        _ => false,
    }
}

/// A call to come that is made to fail.
struct Nth {
    /// How many calls come before it.
    remaining: u64,
    status: NtStatus,
}

struct Drawn {
    random: Random,
    plan: FaultPlan,
}

#[derive(Default)]
struct State {
    /// By position in the table of routines.
    nth: HashMap<usize, Vec<Nth>>,
    /// How many fallible calls come before the one that fails, of whatever routine.
    countdown: Option<u64>,
    drawn: Option<Drawn>,
}

/// What is made to fail in one kernel.
#[derive(Default)]
pub(crate) struct Injections {
    state: Lock<State>,
    /// Whether there is any, so that the usual call need not look.
    armed: AtomicBool,
    /// Calls so far that could have been made to fail.
    fallible: AtomicU64,
    failed: AtomicU64,
}

// Every atomic here is relaxed: the counters order nothing but themselves, and a call at the moment at which an injection
// is asked for may see it or not.
impl Injections {
    /// Makes the `n`-th call of a routine from now fail.
    pub(crate) fn nth(&self, routine: &Routine, n: u64, status: NtStatus) {
        let nth = Nth { remaining: n.saturating_sub(1), status };
        self.state.lock().nth.entry(routine.index).or_default().push(nth);
        self.armed.store(true, Ordering::Relaxed);
    }

    /// Makes the `n`-th call from now fail that can.
    pub(crate) fn nth_of_all(&self, n: u64) {
        self.state.lock().countdown = Some(n.saturating_sub(1));
        self.armed.store(true, Ordering::Relaxed);
    }

    /// Draws from now on which calls fail.
    pub(crate) fn draw(&self, plan: FaultPlan) {
        self.state.lock().drawn = Some(Drawn { random: Random::new(plan.seed), plan });
        self.armed.store(true, Ordering::Relaxed);
    }

    /// How many calls could have failed so far, and how many were made to.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.fallible.load(Ordering::Relaxed), self.failed.load(Ordering::Relaxed))
    }

    /// The status with which this call is to fail, if it is.
    pub(crate) fn due(&self, cpu: &Cpu, routine: &Routine) -> Option<NtStatus> {
        if routine.failure == Failure::Never {
            return None;
        }
        if !self.armed.load(Ordering::Relaxed) {
            self.fallible.fetch_add(u64::from(!undoes(cpu, routine)), Ordering::Relaxed);
            return None;
        }
        let undoes = undoes(cpu, routine);
        let due = self.state.lock().due(routine, undoes);
        self.fallible.fetch_add(u64::from(!undoes), Ordering::Relaxed);
        self.failed.fetch_add(u64::from(due.is_some()), Ordering::Relaxed);
        due
    }
}

impl State {
    fn due(&mut self, routine: &Routine, undoes: bool) -> Option<NtStatus> {
        if let Some(status) = self.nth_due(routine) {
            return Some(status);
        }
        if undoes {
            return None;
        }
        if let Some(countdown) = &mut self.countdown {
            if *countdown == 0 {
                self.countdown = None;
                return statuses(routine).first().copied();
            }
            *countdown -= 1;
        }
        let Drawn { random, plan } = self.drawn.as_mut()?;
        let named = match &plan.routines {
            FaultRoutines::All => true,
            FaultRoutines::Named(names) => names.iter().any(|name| name == routine.name),
        };
        if !named || random.below(MILLION) >= u64::from(plan.per_million) {
            return None;
        }
        let statuses = statuses(routine);
        Some(statuses[random.index(statuses.len())])
    }

    fn nth_due(&mut self, routine: &Routine) -> Option<NtStatus> {
        let pending = self.nth.get_mut(&routine.index)?;
        let due = pending.iter().position(|nth| nth.remaining == 0);
        for nth in pending.iter_mut() {
            nth.remaining = nth.remaining.saturating_sub(1);
        }
        due.map(|position| pending.swap_remove(position).status)
    }
}

/// The routine of that name, if it can fail.
pub(crate) fn fallible(name: &str) -> Option<&'static Routine> {
    ROUTINES.iter().find(|routine| routine.name == name && routine.failure != Failure::Never)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool() -> &'static Routine {
        fallible("ExAllocatePool2").expect("pool runs out")
    }

    #[test]
    fn the_nth_call_fails_and_no_other() {
        let injections = Injections::default();
        injections.nth(pool(), 3, NtStatus::INSUFFICIENT_RESOURCES);
        let mut state = injections.state.lock();
        let results: Vec<_> = (0..5).map(|_| state.due(pool(), false).is_some()).collect();
        assert_eq!(results, [false, false, true, false, false]);
    }

    #[test]
    fn the_nth_call_of_all_fails_unless_it_undoes_something() {
        let injections = Injections::default();
        injections.nth_of_all(2);
        let name = fallible("FltGetFileNameInformation").expect("names are refused");
        let mut state = injections.state.lock();
        assert_eq!(state.due(pool(), false), None);
        assert_eq!(state.due(name, true), None);
        assert_eq!(state.due(name, false), Some(NtStatus::INSUFFICIENT_RESOURCES));
        assert_eq!(state.due(name, false), None);
    }

    #[test]
    fn what_is_drawn_is_determined_by_the_seed_and_about_as_often_as_asked() {
        let draw = |seed| {
            let injections = Injections::default();
            injections.draw(FaultPlan::new(seed, 250_000));
            let mut state = injections.state.lock();
            (0..1000).map(|_| state.due(pool(), false).is_some()).collect::<Vec<_>>()
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        let failed = draw(1).into_iter().filter(|failed| *failed).count();
        assert!((200..300).contains(&failed), "{failed} of 1000");
    }

    #[test]
    fn only_routines_that_are_named_are_drawn() {
        let injections = Injections::default();
        let routines = FaultRoutines::Named(vec!["FltSendMessage".to_owned()]);
        injections.draw(FaultPlan { routines, ..FaultPlan::new(1, 1_000_000) });
        let mut state = injections.state.lock();
        assert_eq!(state.due(pool(), false), None);
        assert!(state.due(fallible("FltSendMessage").expect("ports are closed"), false).is_some());
    }

    #[test]
    fn what_cannot_fail_is_not_made_to() {
        for name in ["KeSetEvent", "ZwClose", "IoThreadToProcess", "NoSuchRoutine"] {
            assert!(fallible(name).is_none(), "{name}");
        }
    }

    #[test]
    fn each_routine_with_statuses_of_its_own_can_fail() {
        for (name, statuses) in DOCUMENTED {
            assert!(fallible(name).is_some() && !statuses.is_empty(), "{name}");
        }
    }
}
