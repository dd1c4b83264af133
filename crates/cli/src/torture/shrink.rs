//! Making a failing case short: steps are taken out as long as it fails the same way (delta debugging, after Zeller and
//! Hildebrandt's ddmin).

use std::collections::HashSet;

use super::world::World;
use crate::scenario::model::{Action, Scenario, Step};
use crate::windows_version::WindowsVersion;

/// The same case with as few steps as can be had by so many attempts.
pub(super) fn shrink(
    scenario: &Scenario,
    windows: WindowsVersion,
    mut attempts: u32,
    fails: impl Fn(&Scenario) -> bool,
) -> Scenario {
    let mut best = scenario.clone();
    let mut parts = 2;
    while best.steps.len() > 1 && attempts > 0 {
        let length = best.steps.len().div_ceil(parts);
        let mut shorter = None;
        for start in (0..best.steps.len()).step_by(length) {
            if attempts == 0 {
                break;
            }
            let end = (start + length).min(best.steps.len());
            let rest = best.steps[..start].iter().chain(&best.steps[end..]).cloned().collect();
            let Some(candidate) = with_steps(&best, rest, windows) else { continue };
            attempts -= 1;
            if fails(&candidate) {
                shorter = Some(candidate);
                break;
            }
        }
        match shorter {
            Some(candidate) => {
                best = candidate;
                parts = (parts - 1).max(2);
            }
            None if length == 1 => break,
            None => parts = (parts * 2).min(best.steps.len()),
        }
    }
    tidied(&best, windows, &fails)
}

/// The scenario with these steps, without those that cannot be played any more; `None` if nothing is left.
fn with_steps(scenario: &Scenario, steps: Vec<Step>, windows: WindowsVersion) -> Option<Scenario> {
    let mut world = World::new(scenario, windows).ok()?;
    let steps: Vec<_> = steps.into_iter().filter(|step| world.apply(&step.action).is_ok()).collect();
    Some(Scenario { steps, ..clone_without_steps(scenario) })
}

fn clone_without_steps(scenario: &Scenario) -> Scenario {
    Scenario { steps: Vec::new(), ..scenario.clone() }
}

/// Without the processes and volumes that no step needs, if it fails so too.
fn tidied(scenario: &Scenario, windows: WindowsVersion, fails: &impl Fn(&Scenario) -> bool) -> Scenario {
    let threads: HashSet<&str> = scenario.steps.iter().filter_map(|step| thread_of(&step.action)).collect();
    let mut tidy = scenario.clone();
    tidy.processes
        .retain(|process| process.threads.iter().any(|thread| threads.contains(thread.name.as_str())));
    let text = scenario.to_kdl();
    tidy.volumes.retain(|volume| {
        let drive = volume.drive.as_deref().unwrap_or_default();
        text.contains(&format!(r"{drive}\lane")) || text.contains(&format!(r"{drive}\shared"))
    });
    let valid = World::new(&tidy, windows)
        .is_ok_and(|mut world| tidy.steps.iter().all(|step| world.apply(&step.action).is_ok()));
    if valid && fails(&tidy) { tidy } else { scenario.clone() }
}

fn thread_of(action: &Action) -> Option<&str> {
    match action {
        Action::Create(create) => Some(&create.thread),
        Action::Write(write) => Some(&write.thread),
        Action::Read { thread, .. }
        | Action::OnHandle { thread, .. }
        | Action::Close { thread, .. }
        | Action::CopyFile { thread, .. }
        | Action::CopyChunk { thread, .. } => Some(thread),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::model::{Faults, Schedule};
    use crate::torture::generate::{Plan, generate};

    fn case() -> Scenario {
        generate(&Plan {
            seed: 7,
            steps: 300,
            windows: WindowsVersion::Win11_24H2,
            schedule: Schedule::Fixed,
            faults: Faults::None,
            processors: 4,
            alone: false,
        })
    }

    #[test]
    fn what_matters_is_left_and_little_else() {
        let fails = |scenario: &Scenario| {
            scenario.steps.iter().any(|step| matches!(&step.action, Action::CopyFile { .. }))
        };
        let shrunk = shrink(&case(), WindowsVersion::Win11_24H2, 1000, fails);
        assert_eq!(shrunk.steps.len(), 1, "{}", shrunk.to_kdl());
        assert!(shrunk.processes.len() <= 1);
    }

    #[test]
    fn what_is_left_is_valid_and_reads_back() {
        let needs_handle =
            |scenario: &Scenario| scenario.steps.iter().any(|step| matches!(&step.action, Action::Write(_)));
        let shrunk = shrink(&case(), WindowsVersion::Win11_24H2, 1000, needs_handle);
        assert_eq!(shrunk.steps.len(), 2, "a write needs its create: {}", shrunk.to_kdl());
        let again = Scenario::parse("shrunk.kdl", &shrunk.to_kdl()).unwrap();
        assert_eq!(again.steps.len(), 2);
    }
}
