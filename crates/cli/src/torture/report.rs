//! What a run came to.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::generate::Plan;
use super::play::Outcome;
use super::{Failed, Fault};
use crate::args::Torture;
use crate::failure::Failure;
use crate::output::words::grouped;
use crate::scenario::model::{Faults, Schedule};

/// Sums over cases.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Totals {
    pub(super) cases: u64,
    pub(super) operations: u64,
    pub(super) produced: u64,
    pub(super) delivered: u64,
    pub(super) received: u64,
    pub(super) lost_ring_full: u64,
    pub(super) lost_no_memory: u64,
    pub(super) lost_shutdown: u64,
    pub(super) lost_overwritten: u64,
    /// Cases in which a rule was broken, in which the driver left something behind.
    pub(super) violations: u64,
    pub(super) leaks: u64,
    pub(super) driver_runs: u64,
    pub(super) fallible_calls: u64,
    pub(super) failed_calls: u64,
}

impl Totals {
    pub(super) fn add(&mut self, outcome: &Outcome) {
        let Outcome { fault, steps, received, produced, lost, fallible, failed, sessions } = outcome;
        self.cases += 1;
        self.operations += steps;
        self.produced += produced;
        self.delivered += produced.saturating_sub(lost.iter().sum());
        self.violations += u64::from(fault.as_ref().is_some_and(|fault| fault.kind.starts_with("rule")));
        self.leaks += u64::from(fault.as_ref().is_some_and(|fault| fault.kind == "leak"));
        self.received += received;
        self.lost_ring_full += lost[0];
        self.lost_no_memory += lost[1];
        self.lost_shutdown += lost[2];
        self.lost_overwritten += lost[3];
        self.driver_runs += sessions;
        self.fallible_calls += fallible;
        self.failed_calls += failed;
    }

    fn lost(&self) -> u64 {
        self.lost_ring_full + self.lost_no_memory + self.lost_shutdown + self.lost_overwritten
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} operations: {} records made, {} lost (each counted), {} of {} calls made to fail",
            grouped(self.operations),
            grouped(self.produced),
            grouped(self.lost()),
            grouped(self.failed_calls),
            grouped(self.fallible_calls)
        )
    }
}

/// See the module.
#[derive(Default)]
pub(super) struct Report {
    /// By schedule and whether calls were made to fail.
    rows: BTreeMap<(&'static str, &'static str), Totals>,
    totals: Totals,
    failed: Vec<Failed>,
}

#[derive(Serialize)]
struct JsonReport<'a> {
    kind: &'static str,
    seed: u64,
    seconds: f64,
    operations_per_second: f64,
    rows: Vec<JsonRow<'a>>,
    totals: &'a Totals,
    failures: Vec<JsonFailure<'a>>,
}

#[derive(Serialize)]
struct JsonRow<'a> {
    schedule: &'a str,
    faults: bool,
    #[serde(flatten)]
    totals: &'a Totals,
}

#[derive(Serialize)]
struct JsonFailure<'a> {
    case: u64,
    seed: u64,
    windows: String,
    what: &'a str,
    message: &'a str,
    file: String,
    steps: usize,
}

impl Report {
    pub(super) fn add(&mut self, plan: &Plan, outcome: &Outcome, failed: Option<Failed>) {
        let schedule = match plan.schedule {
            Schedule::Fixed => "fixed",
            Schedule::Seeded(_) => "seeded",
            Schedule::Threads => "threads",
        };
        let faults = if plan.faults == Faults::None { "none" } else { "drawn" };
        self.rows.entry((schedule, faults)).or_default().add(outcome);
        self.totals.add(outcome);
        self.failed.extend(failed);
    }

    /// The table, or the same for a program.
    pub(super) fn show(&self, arguments: &Torture, seed: u64, time: Duration) {
        let seconds = time.as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a rate is no exact number")]
        let rate = self.totals.operations as f64 / seconds.max(f64::EPSILON);
        if arguments.json {
            let rows = self.rows.iter().map(|((schedule, faults), totals)| JsonRow {
                schedule,
                faults: *faults == "drawn",
                totals,
            });
            let report = JsonReport {
                kind: "torture",
                seed,
                seconds,
                operations_per_second: rate,
                rows: rows.collect(),
                totals: &self.totals,
                failures: self.failed.iter().map(json_failure).collect(),
            };
            match serde_json::to_string(&report) {
                Ok(line) => anstream::println!("{line}"),
                Err(error) => anstream::eprintln!("{error}"),
            }
            return;
        }
        line("schedule", "faults", COLUMNS.map(str::to_owned));
        for ((schedule, faults), totals) in &self.rows {
            row(schedule, faults, totals);
        }
        row("all", "", &self.totals);
        anstream::println!("{seconds:.1} s, {} operations a second, seed {seed}", grouped(whole(rate)));
    }

    /// Whether all was well.
    pub(super) fn judge(&self, seed: u64) -> Result<(), Failure> {
        let Some(first) = self.failed.first() else { return Ok(()) };
        let Failed { seed: case, number, fault: Fault { kind, message }, file, steps, windows } = first;
        let more = match self.failed.len() - 1 {
            0 => String::new(),
            more => format!("\n  and {more} more cases failed"),
        };
        Err(Failure::Broken(format!(
            "case {number} of seed {seed} failed on Windows {windows}: {kind}: {message}\n  \
             shrunk to {steps} steps: whowrote simulate {}\n  \
             the whole case: whowrote torture --case {case}{more}",
            file.display()
        )))
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rate is small and not negative"
)]
fn whole(rate: f64) -> u64 {
    rate as u64
}

/// How wide a column is.
const CELL: usize = 12;
/// What the table has of each schedule.
const COLUMNS: [&str; 11] = [
    "cases",
    "operations",
    "produced",
    "delivered",
    "ring full",
    "no memory",
    "shutdown",
    "overwritten",
    "violations",
    "leaks",
    "failed",
];

fn row(schedule: &str, faults: &str, totals: &Totals) {
    let numbers = [
        totals.cases,
        totals.operations,
        totals.produced,
        totals.delivered,
        totals.lost_ring_full,
        totals.lost_no_memory,
        totals.lost_shutdown,
        totals.lost_overwritten,
        totals.violations,
        totals.leaks,
        totals.failed_calls,
    ];
    line(schedule, faults, numbers.map(grouped));
}

fn line(schedule: &str, faults: &str, cells: [String; COLUMNS.len()]) {
    let mut text = format!("{schedule:<9} {faults:<7}");
    for cell in cells {
        text.push_str(&" ".repeat(CELL.saturating_sub(cell.len())));
        text.push_str(&cell);
    }
    anstream::println!("{text}");
}

fn json_failure(failed: &Failed) -> JsonFailure<'_> {
    let Failed { seed, number, fault, file, steps, windows } = failed;
    JsonFailure {
        case: *number,
        seed: *seed,
        windows: windows.to_string(),
        what: &fault.kind,
        message: &fault.message,
        file: file.display().to_string(),
        steps: *steps,
    }
}
