//! The end of a case that does not go on: who does what, and the case as it is.

use std::fs;
use std::path::PathBuf;
use std::process;
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::shared::{Shared, lock};
use crate::scenario::model::Scenario;
use crate::torture::lanes;

/// Looks in the time that nothing need happen in.
const LOOKS: u32 = 4;

/// How long a case may go without the end of a step.
#[derive(Clone, Debug)]
pub(in crate::torture) struct Patience {
    pub(in crate::torture) limit: Duration,
    /// The folder for the case that does not go on.
    pub(in crate::torture) output: PathBuf,
}

/// Does the work, and ends the program with an error if it does not go on: threads that wait for each other cannot be
/// ended one by one.
pub(super) fn watched<R>(
    shared: &Shared,
    scenario: &Scenario,
    patience: &Patience,
    work: impl FnOnce() -> R,
) -> R {
    let over = (Mutex::new(false), Condvar::new());
    thread::scope(|scope| {
        scope.spawn(|| {
            if stalls(&over, patience.limit, || shared.ended()) {
                give_up(shared, scenario, patience);
            }
        });
        // Also if the work ends with a panic, which the scope waits to pass on.
        let _end = End(&over);
        work()
    })
}

struct End<'a>(&'a (Mutex<bool>, Condvar));

impl Drop for End<'_> {
    fn drop(&mut self) {
        *lock(&self.0.0) = true;
        self.0.1.notify_all();
    }
}

/// Waits for the end, or until nothing has been counted for so long.
fn stalls(over: &(Mutex<bool>, Condvar), limit: Duration, count: impl Fn() -> u64) -> bool {
    let mut seen = count();
    let mut since = Instant::now();
    let mut ended = lock(&over.0);
    while !*ended {
        ended = over.1.wait_timeout(ended, limit / LOOKS).unwrap_or_else(PoisonError::into_inner).0;
        let now = count();
        if now != seen {
            (seen, since) = (now, Instant::now());
        } else if !*ended && since.elapsed() >= limit {
            return true;
        }
    }
    false
}

fn give_up(shared: &Shared, scenario: &Scenario, patience: &Patience) -> ! {
    anstream::eprintln!(
        "no step has ended for {} s, after {} steps; each lane:\n{}",
        patience.limit.as_secs(),
        shared.ended(),
        told(shared, scenario)
    );
    for waiting in shared.sim.waiting() {
        anstream::eprintln!("  {waiting}");
    }
    let seed = scenario.steps.len();
    let file = patience.output.join(format!("torture-stalled-{seed}-{}.kdl", process::id()));
    match fs::create_dir_all(&patience.output).and_then(|()| fs::write(&file, scenario.to_kdl())) {
        Ok(()) => anstream::eprintln!("the whole case: whowrote simulate {}", file.display()),
        Err(error) => anstream::eprintln!("{} cannot be written: {error}", file.display()),
    }
    process::exit(1)
}

/// What each lane does.
fn told(shared: &Shared, scenario: &Scenario) -> String {
    let lane = |lane: usize| match shared.step_of(lane, scenario) {
        Some(step) => format!("  lane {lane} plays {:?}", step.action),
        None => format!("  lane {lane} is between two steps, or has none left"),
    };
    (0..lanes::COUNT).map(lane).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use ntsim::{Config, Sim};

    use super::*;
    use crate::scenario::model::Action;
    use crate::simulate::machine;
    use crate::windows_version::WindowsVersion;

    fn at_work() -> (Mutex<bool>, Condvar) {
        (Mutex::new(false), Condvar::new())
    }

    #[test]
    fn what_counts_no_more_stalls() {
        assert!(stalls(&at_work(), Duration::from_millis(4), || 7));
    }

    #[test]
    fn what_counts_or_is_over_does_not_stall() {
        let over = (Mutex::new(true), Condvar::new());
        assert!(!stalls(&over, Duration::ZERO, || 7));
        // However long a look takes, something has been counted since the one before; in the end it stops.
        let counted = Cell::new(0);
        let count = || {
            counted.set((counted.get() + 1).min(50));
            counted.get()
        };
        assert!(stalls(&at_work(), Duration::from_millis(4), count));
        assert_eq!(counted.get(), 50);
    }

    #[test]
    fn a_lane_that_is_stuck_is_named_with_its_step() {
        let text = "scenario \"stuck\"\nvolume drive=\"C:\" device=#\"\\Device\\HarddiskVolume1\"#\nplay {\n    settle\n    advance \"5ms\"\n}\n";
        let scenario = Scenario::parse("stuck.kdl", text).expect("a scenario");
        let shared = Shared::new(Sim::new(Config::new(machine::windows(WindowsVersion::Win11_24H2))));
        shared.begins(2, &scenario.steps[0].action);
        let lanes = told(&shared, &scenario);
        assert!(lanes.contains("lane 2 plays Settle"), "{lanes}");
        assert!(matches!(shared.step_of(2, &scenario).map(|step| &step.action), Some(Action::Settle)));
        shared.ends(2);
        assert!(shared.step_of(2, &scenario).is_none());
        assert_eq!(shared.ended(), 1);
    }
}
