//! The page.

use std::fmt::Write as _;

use bench::contender::{ArrayQueue, AuditRing, Channel, Contender, Floor, LockedList, LockedRing, ThingBuf};
use bench::load::{LOADS, Load};

use super::machine::Machine;
use super::results::{Measured, Results};

/// The chart's file, beside the page.
pub(crate) const CHART: &str = "performance.svg";

/// The contenders, in the order of the tables.
pub(crate) const CONTENDERS: [&str; 7] = [
    AuditRing::NAME,
    ArrayQueue::NAME,
    LockedRing::NAME,
    LockedList::NAME,
    Channel::NAME,
    ThingBuf::NAME,
    Floor::NAME,
];

/// A load that threads in excess of processors slow down is no measure of a ring.
const QUIET: f64 = 0.5;

/// A ratio that the ring is to reach.
struct Target {
    what: &'static str,
    goal: f64,
    /// Whether the ratio is to be at most, not at least, the goal.
    at_most: bool,
    ratio: fn(&Results) -> Option<f64>,
}

const TARGETS: [Target; 4] = [
    Target {
        what: "time per record against the floor, one producer (flight recorder, nobody drains)",
        goal: 1.3,
        at_most: true,
        ratio: |results| {
            Some(median(results, &LOADS[0], AuditRing::NAME)? / median(results, &LOADS[0], Floor::NAME)?)
        },
    },
    Target {
        what: "records per second of two producers against one (flight recorder)",
        goal: 1.8,
        at_most: false,
        ratio: |results| {
            Some(median(results, &LOADS[0], AuditRing::NAME)? / median(results, &LOADS[1], AuditRing::NAME)?)
        },
    },
    Target {
        what: "records per second of two producers against `ArrayQueue::force_push`",
        goal: 2.0,
        at_most: false,
        ratio: |results| against(results, ArrayQueue::NAME),
    },
    Target {
        what: "records per second of two producers against the locked ring",
        goal: 8.0,
        at_most: false,
        ratio: |results| against(results, LockedRing::NAME),
    },
];

fn against(results: &Results, other: &str) -> Option<f64> {
    Some(median(results, &LOADS[1], other)? / median(results, &LOADS[1], AuditRing::NAME)?)
}

fn median(results: &Results, load: &Load, contender: &str) -> Option<f64> {
    Some(results.get(&load.name())?.get(contender)?.median)
}

/// The whole page, as Markdown.
pub(crate) fn document(machine: &Machine, costs: &str, results: &Results) -> String {
    let mut text = String::new();
    let _ = introduction(&mut text, machine);
    let _ = driver(&mut text, costs);
    text.push_str(RING);
    let _ = targets(&mut text, results);
    let _ = writeln!(text, "\n![Nanoseconds per record, by load]({CHART})");
    for load in &LOADS {
        let _ = table(&mut text, load, results);
    }
    text
}

fn introduction(text: &mut String, machine: &Machine) -> std::fmt::Result {
    let Machine { processor, processors, system, compiler, load } = machine;
    let versions = concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION"));
    writeln!(
        text,
        "# Performance\n\nWhat a write costs, and the [ring](ring.md). `cargo xtask bench` measures this and writes this page; ratios \
         are of one run.\n"
    )?;
    writeln!(text, "| | |\n|---|---|")?;
    writeln!(text, "| machine | {processor}, {processors} processors |")?;
    writeln!(text, "| system | {system} |")?;
    writeln!(text, "| versions | {versions}, {compiler}, release build with link-time optimization |")?;
    if let Some(load) = load {
        writeln!(text, "| load, five minutes' mean | {load:.2} |")?;
        // The benchmark's own threads count as well.
        if *load > f64::from(u32::try_from(*processors).unwrap_or(u32::MAX)) + QUIET {
            writeln!(text, "\n**Provisional: other programs were running while this was measured.**")?;
        }
    }
    Ok(())
}

/// What the driver's callbacks cost, from the table that its test has written.
fn driver(text: &mut String, costs: &str) -> std::fmt::Result {
    writeln!(
        text,
        "\n## A write\n\nInstructions that the driver's release image executes in its callbacks for one write, counted by \
         single-stepping it in the simulator, and its calls of kernel routines; exact, the same on every machine. Nobody is \
         connected. `cargo xtask test` fails when one rises by more than a tenth.\n\n{costs}"
    )
}

/// How the ring is measured.
const RING: &str = "
## The ring

Every producer pushes as fast as it can, records of 64 bytes that are made the same way for all, with a time stamp of the
processor's counter. Each contender has 16,384 slots for each producer. With a consumer, producers of a ring that drops
insist, so that the time is that of records that arrive. The *floor* stores 64 bytes and adds one to a counter of its own:
nobody could read that.
";

fn targets(text: &mut String, results: &Results) -> std::fmt::Result {
    writeln!(text, "\n### Targets\n\n| | target | measured | |\n|---|---|---|---|")?;
    for Target { what, goal, at_most, ratio } in &TARGETS {
        let bound = if *at_most { "at most" } else { "at least" };
        match ratio(results) {
            Some(ratio) => {
                let met = if *at_most { ratio <= *goal } else { ratio >= *goal };
                let met = if met { "met" } else { "**not met**" };
                writeln!(text, "| {what} | {bound} {goal:.1} | {ratio:.2} | {met} |")?;
            }
            None => writeln!(text, "| {what} | {bound} {goal:.1} | not measured | |")?,
        }
    }
    Ok(())
}

fn table(text: &mut String, load: &Load, results: &Results) -> std::fmt::Result {
    let Some(measured) = results.get(&load.name()) else { return Ok(()) };
    let ring = measured.get(AuditRing::NAME).map(|ring| ring.median);
    writeln!(text, "\n### {}\n", capitalized(&load.name()))?;
    writeln!(text, "| | ns per record | middle half | million records per second | against the ring |")?;
    writeln!(text, "|---|---|---|---|---|")?;
    for name in CONTENDERS {
        let Some(Measured { median, quartiles: (low, high) }) = measured.get(name) else { continue };
        let ratio = ring.map_or(String::new(), |ring| format!("{:.2}", median / ring));
        writeln!(
            text,
            "| {name} | {median:.1} | {low:.1} to {high:.1} | {:.1} | {ratio} |",
            1_000.0 / median
        )?;
    }
    Ok(())
}

fn capitalized(name: &str) -> String {
    let mut characters = name.chars();
    characters.next().map_or(String::new(), |first| first.to_uppercase().chain(characters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_that_is_missed_is_said_to_be() {
        let of = |median| Measured { median, quartiles: (median, median) };
        let mut results = Results::new();
        for (load, ring) in [(&LOADS[0], 10.0), (&LOADS[1], 10.0)] {
            let row = [(AuditRing::NAME, ring), (Floor::NAME, 8.0), (ArrayQueue::NAME, 30.0)];
            results.insert(load.name(), row.map(|(name, median)| (name.to_owned(), of(median))).into());
        }
        let machine = Machine {
            processor: String::new(),
            processors: 2,
            system: String::new(),
            compiler: String::new(),
            load: Some(9.0),
        };
        let text = document(&machine, "| the table |", &results);
        let said = |what: &str| text.lines().filter(|line| line.contains(what)).count();
        assert_eq!(
            (said("| 1.25 | met |"), said("| 1.00 | **not met** |"), said("| 3.00 | met |")),
            (1, 1, 1)
        );
        assert_eq!(said("| the table |"), 1);
        assert_eq!((said("not measured"), said("Provisional")), (1, 1));
    }
}
