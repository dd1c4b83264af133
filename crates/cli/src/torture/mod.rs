//! `whowrote torture`: random workloads through the driver, and whether the truth was recorded of each.

mod consumer;
mod generate;
mod lanes;
mod ledger;
mod oracle;
mod play;
mod report;
mod shrink;
mod systematic;
mod world;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use fastrand::Rng;

use self::generate::{Plan, generate};
use self::oracle::Fault;
use self::play::{Patience, play};
use self::report::{Report, Totals};
use crate::args::{Schedules, Torture};
use crate::failure::Failure;
use crate::scenario::Scenario;
use crate::scenario::model::{Faults, Schedule};
use crate::simulate::driver_file;
use crate::simulate::progress::Progress;
use crate::windows_version::WindowsVersion;

/// Steps of a case, at the least and at the most.
const CASE_STEPS: std::ops::Range<usize> = 1000..4000;
/// One case in so many is long, with nobody to take the records: then the ring overflows.
const LONG_CASES: u64 = 64;
const LONG_STEPS: usize = 30_000;
const MAX_PROCESSORS: u32 = 8;
/// How long a failing case is made shorter; what is left then is left.
const SHRINKING: Duration = Duration::from_mins(1);
/// Attempts to make a failing case shorter.
const ATTEMPTS: u32 = 1500;
/// With real threads a failure does not come each time: a case counts as failing if one of so many plays does.
const PLAYS_WITH_THREADS: u32 = 10;

/// How long a replayed case may go without the end of a step.
const DEFAULT_PATIENCE: Duration = Duration::from_secs(crate::args::TORTURE_PATIENCE);

/// A case that failed.
struct Failed {
    seed: u64,
    number: u64,
    fault: Fault,
    /// The short scenario that fails the same way.
    file: PathBuf,
    steps: usize,
    windows: WindowsVersion,
}

/// Runs the workload that the arguments ask for.
///
/// # Errors
///
/// A driver that cannot be used, or that failed.
pub fn run(arguments: &Torture) -> Result<(), Failure> {
    let path = driver_file::find(arguments.driver.as_deref())?;
    let image = fs::read(&path).map_err(|error| {
        Failure::Unusable(format!("the driver {} cannot be read: {error}", path.display()))
    })?;
    let seed = arguments.seed.unwrap_or_else(|| Rng::new().u64(..));
    if let Some(limit) = arguments.systematic {
        return systematic::run(arguments, &image, seed, limit);
    }
    let begin = Instant::now();
    let report = all_cases(arguments, &image, seed);
    report.show(arguments, seed, begin.elapsed());
    report.judge(seed)
}

fn patience(arguments: &Torture) -> Patience {
    Patience { limit: Duration::from_secs(arguments.patience), output: arguments.output.clone() }
}

/// The schedule of a case.
fn schedule(schedules: Schedules, rng: &mut Rng) -> Schedule {
    match schedules {
        Schedules::Fixed => Schedule::Fixed,
        Schedules::Seeded => Schedule::Seeded(rng.u64(..)),
        Schedules::Threads => Schedule::Threads,
        Schedules::All => match rng.u32(0..3) {
            0 => Schedule::Fixed,
            1 => Schedule::Seeded(rng.u64(..)),
            _ => Schedule::Threads,
        },
    }
}

/// The plan of a case, which the run's seed and its number determine.
fn plan(arguments: &Torture, seed: u64, number: u64) -> Plan {
    /// 2^64 divided by the golden ratio: neighbouring numbers get seeds that have nothing in common.
    const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
    let case_seed = arguments.case.unwrap_or_else(|| seed ^ number.wrapping_add(1).wrapping_mul(GOLDEN));
    let mut rng = Rng::with_seed(case_seed);
    let windows = WindowsVersion::ALL[rng.usize(0..WindowsVersion::ALL.len())];
    let schedule = schedule(arguments.schedule, &mut rng);
    let with_faults = rng.bool();
    let fault_seed = rng.u64(..);
    let faults = match arguments.faults {
        per_million if per_million > 0 && with_faults => Faults::Drawn { seed: fault_seed, per_million },
        _ => Faults::None,
    };
    let long = rng.u64(0..LONG_CASES) == 0;
    let processors = if long { 1 } else { rng.u32(1..=MAX_PROCESSORS) };
    let steps = if long { LONG_STEPS } else { rng.usize(CASE_STEPS) };
    Plan {
        seed: case_seed,
        steps,
        windows: arguments.windows.unwrap_or(windows),
        schedule,
        faults,
        processors,
        alone: long,
    }
}

fn all_cases(arguments: &Torture, image: &[u8], seed: u64) -> Report {
    let progress = Mutex::new(Progress::playing(arguments.operations));
    let report = Mutex::new(Report::default());
    let next = AtomicU64::new(0);
    let played = AtomicU64::new(0);
    let stop = AtomicBool::new(false);
    let work = || {
        // Relaxed: the counters order nothing but themselves.
        while !stop.load(Ordering::Relaxed) && played.load(Ordering::Relaxed) < arguments.operations {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let plan = plan(arguments, seed, number);
            let scenario = generate(&plan);
            let outcome = play(&scenario, plan.windows, image, &patience(arguments));
            let done = played.fetch_add(outcome.steps, Ordering::Relaxed) + outcome.steps;
            if let Ok(mut progress) = progress.lock() {
                progress.set(done.min(arguments.operations));
            }
            let failed = outcome.fault.clone().map(|fault| {
                stop.store(!arguments.keep_going, Ordering::Relaxed);
                settle_failure(arguments, &plan, number, &scenario, fault, image)
            });
            if let Ok(mut report) = report.lock() {
                report.add(&plan, &outcome, failed);
            }
            if arguments.case.is_some() {
                stop.store(true, Ordering::Relaxed);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..arguments.jobs.max(1) {
            scope.spawn(work);
        }
    });
    report.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Shrinks a failure and leaves it in a file.
fn settle_failure(
    arguments: &Torture,
    plan: &Plan,
    number: u64,
    scenario: &Scenario,
    fault: Fault,
    image: &[u8],
) -> Failed {
    // At once: to make it short takes minutes, and somebody may not have them.
    anstream::eprintln!(
        "case {number} (whowrote torture --case {}) failed: {}: {}\nmaking it short, which takes {} s at the most",
        plan.seed,
        fault.kind,
        fault.message,
        SHRINKING.as_secs()
    );
    let patience = patience(arguments);
    let end = Instant::now() + SHRINKING;
    let plays = if plan.schedule == Schedule::Threads { PLAYS_WITH_THREADS } else { 1 };
    let fails = |candidate: &Scenario| {
        // What is left when the time is over is short enough.
        Instant::now() < end
            && (0..plays).any(|_| {
                play(candidate, plan.windows, image, &patience)
                    .fault
                    .is_some_and(|other| other.kind == fault.kind)
            })
    };
    let mut shrunk = shrink::shrink(scenario, plan.windows, ATTEMPTS / plays, fails);
    shrunk.applies = crate::windows_version::VersionRange::only(plan.windows);
    shrunk.why = Some(format!("It fails: {}: {}", fault.kind, fault.message));
    let file = arguments.output.join(format!("torture-{:016x}.kdl", plan.seed));
    let file = match fs::create_dir_all(&arguments.output).and_then(|()| fs::write(&file, shrunk.to_kdl())) {
        Ok(()) => file,
        Err(error) => {
            anstream::eprintln!("{} cannot be written: {error}", file.display());
            PathBuf::new()
        }
    };
    Failed { seed: plan.seed, number, fault, file, steps: shrunk.steps.len(), windows: plan.windows }
}

/// Plays a scenario that a torture run left.
///
/// # Errors
///
/// It fails, as it did then.
pub(crate) fn replay(
    name: &str,
    scenario: &Scenario,
    windows: WindowsVersion,
    driver: &Path,
) -> Result<(), Failure> {
    let image = fs::read(driver).map_err(|error| {
        Failure::Unusable(format!("the driver {} cannot be read: {error}", driver.display()))
    })?;
    let threads = scenario.torture.is_some_and(|torture| torture.schedule == Schedule::Threads);
    let plays = if threads { PLAYS_WITH_THREADS } else { 1 };
    let patience = Patience { limit: DEFAULT_PATIENCE, output: std::env::temp_dir() };
    let mut totals = Totals::default();
    for _ in 0..plays {
        let outcome = play(scenario, windows, &image, &patience);
        totals.add(&outcome);
        if let Some(Fault { kind, message }) = outcome.fault {
            return Err(Failure::Broken(format!("{name}: {kind}: {message}")));
        }
    }
    anstream::eprintln!("{totals}");
    Ok(())
}
