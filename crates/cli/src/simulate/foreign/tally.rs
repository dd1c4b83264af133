//! What a driver did, added up over the scenarios.

use std::collections::{BTreeMap, HashMap};

use ntsim::{DriverCall, LeakReport, Violation};

use super::answer;

/// Numbers of instructions, of which the middle, the 99th percentile and the greatest are shown.
#[derive(Default)]
pub(super) struct Costs(Vec<u64>);

/// What is shown of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub(in crate::simulate) struct Spread {
    pub(in crate::simulate) median: u64,
    pub(in crate::simulate) p99: u64,
    pub(in crate::simulate) max: u64,
}

impl Costs {
    pub(super) fn spread(&self) -> Option<Spread> {
        spread(&self.0)
    }
}

/// Median, 99th percentile and maximum, by the nearest rank.
pub(in crate::simulate) fn spread(numbers: &[u64]) -> Option<Spread> {
    let mut sorted = numbers.to_vec();
    sorted.sort_unstable();
    let rank = |percent: usize| sorted.get((sorted.len() * percent).div_ceil(100).max(1) - 1).copied();
    Some(Spread { median: rank(50)?, p99: rank(99)?, max: rank(100)? })
}

/// A kind of callback.
#[derive(Default)]
pub(super) struct Callback {
    pub(super) calls: u64,
    pub(super) answers: BTreeMap<String, u64>,
    /// Instructions of the driver itself.
    pub(super) own: Costs,
}

/// A broken rule, as often as it was broken in the same way.
pub(super) struct Broken {
    pub(super) rule: &'static str,
    pub(super) number: u8,
    pub(super) callback: String,
    pub(super) detail: String,
    pub(super) count: u64,
    /// Where it was seen first.
    pub(super) scenario: String,
    pub(super) operation: String,
}

/// See the module.
pub(super) struct Tally {
    service: String,
    pub(super) callbacks: BTreeMap<String, Callback>,
    /// By the short name of the major function: all the callbacks of one operation together.
    pub(super) operations: BTreeMap<String, Costs>,
    pub(super) routines: BTreeMap<&'static str, u64>,
    pub(super) broken: Vec<Broken>,
    pub(super) leaks: BTreeMap<String, u64>,
    /// Whether it cannot be unloaded.
    pub(super) stays: bool,
}

impl Tally {
    pub(super) fn new(service: &str) -> Self {
        Self {
            service: service.to_owned(),
            callbacks: BTreeMap::new(),
            operations: BTreeMap::new(),
            routines: BTreeMap::new(),
            broken: Vec::new(),
            leaks: BTreeMap::new(),
            stays: false,
        }
    }

    /// Adds the calls of a machine, and how often the driver called each routine.
    pub(super) fn add_calls(&mut self, calls: &[DriverCall], routines: &[(&'static str, u64)]) {
        // The operation that is under way at an address, which another one may have later.
        let mut under_way: HashMap<usize, (String, u64)> = HashMap::new();
        for call in calls.iter().filter(|call| call.driver == self.service) {
            let own = call.instructions.driver;
            let callback = self.callbacks.entry(call.callback.clone()).or_default();
            callback.calls += 1;
            callback.own.0.push(own);
            if let Some(answer) = answer::name(&call.callback, call.returned) {
                *callback.answers.entry(answer).or_default() += 1;
            }
            let (Some(operation), Some((phase, major))) = (call.operation, call.callback.split_once('-'))
            else {
                continue;
            };
            if phase == "pre"
                && let Some((major, sum)) = under_way.insert(operation, (major.to_owned(), 0))
            {
                self.operations.entry(major).or_default().0.push(sum);
            }
            under_way.entry(operation).or_insert_with(|| (major.to_owned(), 0)).1 += own;
        }
        for (major, sum) in under_way.into_values() {
            self.operations.entry(major).or_default().0.push(sum);
        }
        for (routine, count) in routines {
            *self.routines.entry(routine).or_default() += count;
        }
    }

    pub(super) fn add_violations(&mut self, scenario: &str, violations: &[Violation]) {
        for violation in violations {
            let (rule, number) = (violation.rule.name(), violation.rule.number());
            let detail = without_addresses(&violation.detail);
            let known = self.broken.iter_mut().find(|broken| {
                broken.rule == rule && broken.callback == violation.callback && broken.detail == detail
            });
            if let Some(known) = known {
                known.count += 1;
                continue;
            }
            self.broken.push(Broken {
                rule,
                number,
                callback: violation.callback.clone(),
                detail,
                count: 1,
                scenario: scenario.to_owned(),
                operation: violation.operation.clone(),
            });
        }
    }

    pub(super) fn add_leaks(&mut self, report: &LeakReport) {
        for leak in &report.leaks {
            let count = u64::try_from(leak.count).unwrap_or(u64::MAX);
            *self.leaks.entry(format!("{} {}", leak.what, leak.which)).or_default() += count;
        }
    }
}

/// A detail without what differs from run to run.
fn without_addresses(detail: &str) -> String {
    let mut text = String::new();
    let mut rest = detail;
    while let Some((before, after)) = rest.split_once("0x") {
        let digits = after.len() - after.trim_start_matches(|digit: char| digit.is_ascii_hexdigit()).len();
        text.push_str(before);
        // An address has more digits than a status.
        if digits > 8 {
            text.push_str("0x…");
        } else {
            text.push_str(&rest[before.len()..][..digits + 2]);
        }
        rest = &after[digits..];
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_is_by_the_nearest_rank() {
        assert_eq!(spread(&[]), None);
        assert_eq!(spread(&[7]), Some(Spread { median: 7, p99: 7, max: 7 }));
        let numbers: Vec<u64> = (1..=200).rev().collect();
        assert_eq!(spread(&numbers), Some(Spread { median: 100, p99: 198, max: 200 }));
    }

    #[test]
    fn addresses_are_left_out_of_details() {
        assert_eq!(
            without_addresses("frees 0x7F0011223344, which 0xC0000005"),
            "frees 0x…, which 0xC0000005"
        );
    }
}
