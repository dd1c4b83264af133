//! Every call that can fail, failed once: the driver must survive it, leave nothing behind and keep its books.

use super::generate::{Plan, generate};
use super::play::play;
use crate::args::Torture;
use crate::failure::Failure;
use crate::output::words::grouped;
use crate::scenario::model::{Faults, Scenario, Schedule};
use crate::simulate::progress::Progress;
use crate::windows_version::WindowsVersion;

/// Steps of the workload in which each call fails once.
const STEPS: usize = 150;
const PROCESSORS: u32 = 2;

/// Fails the first call, the second and so on of one workload for each Windows, until none is left or the limit reached.
pub(super) fn run(arguments: &Torture, image: &[u8], seed: u64, limit: u64) -> Result<(), Failure> {
    let versions = match arguments.windows {
        Some(version) => vec![version],
        None => WindowsVersion::ALL.to_vec(),
    };
    let patience = super::patience(arguments);
    let mut plays = 0;
    for windows in versions {
        let scenario = workload(seed, windows);
        let whole = play(&scenario, windows, image, &patience);
        if let Some(fault) = whole.fault {
            return Err(failed(seed, windows, "without any failure", &fault.kind, &fault.message));
        }
        let calls = whole.fallible.min(limit);
        let mut progress = Progress::playing(calls);
        for nth in 1..=calls {
            let mut scenario = scenario.clone();
            if let Some(torture) = &mut scenario.torture {
                torture.faults = Faults::Nth(nth);
            }
            let outcome = play(&scenario, windows, image, &patience);
            plays += 1;
            progress.set(nth);
            if let Some(fault) = outcome.fault {
                let file = arguments.output.join(format!("torture-fail-{windows}-{nth}.kdl"));
                let written = std::fs::create_dir_all(&arguments.output)
                    .and_then(|()| std::fs::write(&file, scenario.to_kdl()));
                let place =
                    if written.is_ok() { file.display().to_string() } else { "(not written)".to_owned() };
                let when = format!("with call {nth} of {calls} failed ({place})");
                return Err(failed(seed, windows, &when, &fault.kind, &fault.message));
            }
        }
        drop(progress);
        anstream::println!("Windows {windows}: each of {} calls failed once; all is well", grouped(calls));
    }
    anstream::println!("{} plays, seed {seed}", grouped(plays));
    Ok(())
}

fn workload(seed: u64, windows: WindowsVersion) -> Scenario {
    generate(&Plan {
        seed,
        steps: STEPS,
        windows,
        schedule: Schedule::Fixed,
        faults: Faults::None,
        processors: PROCESSORS,
        alone: false,
    })
}

fn failed(seed: u64, windows: WindowsVersion, when: &str, kind: &str, message: &str) -> Failure {
    Failure::Broken(format!("seed {seed}, Windows {windows}, {when}: {kind}: {message}"))
}
