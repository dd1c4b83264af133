//! Making a failing case short: steps are taken out as long as it fails the same way (delta debugging, after Zeller and
//! Hildebrandt's ddmin).

use super::world::World;
use crate::scenario::model::{Scenario, Step};
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

/// Without each process and volume that no step needs, if it fails so too.
fn tidied(scenario: &Scenario, windows: WindowsVersion, fails: &impl Fn(&Scenario) -> bool) -> Scenario {
    let mut tidy = scenario.clone();
    let holds = |candidate: &Scenario| {
        World::new(candidate, windows)
            .is_ok_and(|mut world| candidate.steps.iter().all(|step| world.apply(&step.action).is_ok()))
            && fails(candidate)
    };
    for index in (0..tidy.processes.len()).rev() {
        let mut without = tidy.clone();
        without.processes.remove(index);
        tidy = if holds(&without) { without } else { tidy };
    }
    for index in (0..tidy.volumes.len()).rev() {
        let mut without = tidy.clone();
        without.volumes.remove(index);
        tidy = if holds(&without) { without } else { tidy };
    }
    tidy
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::model::{Action, Faults, Schedule};
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

    /// Whether no step can be left out: without any one of them it cannot be played, or does not fail.
    fn is_minimal(scenario: &Scenario, fails: impl Fn(&Scenario) -> bool) -> bool {
        (0..scenario.steps.len()).all(|left_out| {
            let mut steps = scenario.steps.clone();
            steps.remove(left_out);
            with_steps(scenario, steps, WindowsVersion::Win11_24H2).is_none_or(|shorter| !fails(&shorter))
        })
    }

    fn count(scenario: &Scenario, which: impl Fn(&Action) -> bool) -> usize {
        scenario.steps.iter().filter(|step| which(&step.action)).count()
    }

    #[test]
    fn what_matters_is_left_and_little_else() {
        let copies =
            |scenario: &Scenario| count(scenario, |action| matches!(action, Action::CopyFile { .. }));
        let fails = |scenario: &Scenario| copies(scenario) > 0;
        let shrunk = shrink(&case(), WindowsVersion::Win11_24H2, 1000, fails);
        assert_eq!(copies(&shrunk), 1, "{}", shrunk.to_kdl());
        assert!(is_minimal(&shrunk, fails), "a step more than the copy needs: {}", shrunk.to_kdl());
        assert!(shrunk.processes.len() <= 1);
    }

    #[test]
    fn what_is_left_is_valid_and_reads_back() {
        let writes = |scenario: &Scenario| count(scenario, |action| matches!(action, Action::Write(_)));
        let fails = |scenario: &Scenario| writes(scenario) > 0;
        let shrunk = shrink(&case(), WindowsVersion::Win11_24H2, 1000, fails);
        assert_eq!(writes(&shrunk), 1, "{}", shrunk.to_kdl());
        assert!(shrunk.steps.len() > 1, "a write needs its create: {}", shrunk.to_kdl());
        assert!(is_minimal(&shrunk, fails), "a step more than the write needs: {}", shrunk.to_kdl());
        let again = Scenario::parse("shrunk.kdl", &shrunk.to_kdl()).unwrap();
        assert_eq!(again.steps.len(), shrunk.steps.len());
    }
}
