//! Playing the scenarios, several at a time.

use std::mem;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::collector::{Collector, Seen};
use super::{Run, Tried};
use crate::failure::Failure;
use crate::place::BadInput;
use crate::scenario::Scenario;
use crate::scenario::model::Expectation;
use crate::simulate::machine::{BareMachine, Machine, Setup};
use crate::simulate::recorder::{Shared, lock};
use crate::simulate::{check, crash, judge, scenario};
use crate::windows_version::WindowsVersion;

/// A scenario that has been read.
pub(super) struct Read {
    pub(super) name: String,
    pub(super) file: String,
    pub(super) scenario: Scenario,
}

/// Plays all scenarios, each on every Windows that it is for; `done` hears how many have been played.
///
/// # Errors
///
/// Input that cannot be used: the first, in order of the scenarios.
pub(super) fn all(read: Vec<Read>, driver: &Path, done: impl Fn(u64) + Sync) -> Result<Vec<Tried>, Failure> {
    let versions = |scenario: &Scenario| {
        let applies = scenario.applies;
        WindowsVersion::ALL.into_iter().filter(move |windows| applies.contains(*windows))
    };
    let jobs: Vec<(&Read, WindowsVersion)> =
        read.iter().flat_map(|one| versions(&one.scenario).map(move |windows| (one, windows))).collect();
    let results: Vec<Mutex<Option<Result<Run, Failure>>>> = jobs.iter().map(|_| Mutex::default()).collect();
    let next = AtomicUsize::new(0);
    let finished = AtomicUsize::new(0);
    let work = || {
        // Relaxed: the number alone says whose job it is; what the job leaves is published by its mutex.
        while let Some((index, (one, windows))) = {
            let index = next.fetch_add(1, Ordering::Relaxed);
            jobs.get(index).map(|job| (index, job))
        } {
            let run = try_on(&one.file, &one.scenario, *windows, driver);
            *results[index].lock().unwrap_or_else(PoisonError::into_inner) = Some(run);
            // Relaxed: only for show.
            done(finished.fetch_add(1, Ordering::Relaxed) as u64 + 1);
        }
    };
    let workers = thread::available_parallelism().map_or(1, usize::from).min(jobs.len());
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(work);
        }
    });
    let mut runs = results.into_iter().filter_map(|result| {
        // Every job has been done: a worker stops only when none is left.
        result.into_inner().unwrap_or_else(PoisonError::into_inner)
    });
    let mut tried = Vec::new();
    for Read { name, scenario, .. } in read {
        let number = versions(&scenario).count();
        let runs = runs.by_ref().take(number).collect::<Result<Vec<_>, _>>()?;
        tried.push(Tried { name, scenario, runs });
    }
    Ok(tried)
}

/// Plays a scenario on a version. Only input that cannot be used is an error.
fn try_on(file: &str, scenario: &Scenario, windows: WindowsVersion, driver: &Path) -> Result<Run, Failure> {
    let seen: Shared<Vec<Seen>> = Shared::default();
    let caught = crash::catch(|| {
        let bare = BareMachine::new(Setup {
            windows,
            start: scenario.start.map(|start| start.0),
            driver,
            output: Box::new(Collector::new(seen.clone())),
            explain: true,
            watched: Some(scenario.expectation(windows).map(Expectation::kinds).unwrap_or_default()),
            keep: true,
            trace: None,
        });
        scenario::play(file, scenario, bare).and_then(Machine::shut_down)
    });
    let (difference, misbehaved) = match caught {
        Err(message) => (Some(message), true),
        Ok(played) => {
            if played.is_err() {
                // What was seen is not what the scenario is about.
                lock(&seen).clear();
            }
            let misbehaved = played.as_ref().is_ok_and(|remains| check(remains).is_err());
            match played.and_then(|remains| judge(file, scenario, windows, &remains)) {
                Ok(true) => (None, false),
                Ok(false) => return Err(BadInput::new(file, "the scenario has no `expect`").into()),
                Err(Failure::Broken(message)) => (Some(message), misbehaved),
                Err(other) => return Err(other),
            }
        }
    };
    let seen = mem::take(&mut *lock(&seen));
    Ok(Run { windows, difference, misbehaved, seen })
}
