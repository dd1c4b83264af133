//! The ring, and others.

use std::collections::BTreeMap;

use bench::contender::{ArrayQueue, AuditRing, Channel, Contender, Floor, LockedList, LockedRing, ThingBuf};
use bench::load::{LOADS, Load};

use bench::measures::Spread;

use super::{RING_CHART, Target, figure, spread, table};
use crate::results::Results;

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

/// The ratios that the ring is to reach.
pub(super) fn targets(results: &Results) -> Vec<Target> {
    let ring = |load| median(results, load, AuditRing::NAME);
    let [alone, both, ..] = &LOADS;
    let target =
        |what: &str, goal, at_most, measured| Target { what: what.to_owned(), goal, at_most, measured };
    vec![
        target(
            "ring, one producer: time against the floor",
            1.3,
            true,
            ring(alone).zip(median(results, alone, Floor::NAME)).map(|(ring, floor)| ring / floor),
        ),
        target(
            "two producers: records a second against one",
            1.8,
            false,
            ring(alone).zip(ring(both)).map(|(alone, both)| alone / both),
        ),
        target(
            "two producers: against `ArrayQueue::force_push`",
            2.0,
            false,
            against(results, ArrayQueue::NAME),
        ),
        target("two producers: against the locked ring", 8.0, false, against(results, LockedRing::NAME)),
    ]
}

fn against(results: &Results, other: &str) -> Option<f64> {
    Some(median(results, &LOADS[1], other)? / median(results, &LOADS[1], AuditRing::NAME)?)
}

fn median(results: &Results, load: &Load, contender: &str) -> Option<f64> {
    Some(results.get(&load.name())?.get(contender)?.median)
}

/// The chart and the tables of all loads.
pub(super) fn section(results: &Results) -> String {
    let mut text = format!("{RING}\n![Nanoseconds per record, by load]({RING_CHART})\n");
    for load in &LOADS {
        if let Some(measured) = results.get(&load.name()) {
            text.extend(["\n### ", &capitalized(&load.name()), "\n\n"]);
            text.push_str(&rows(measured));
        }
    }
    text
}

/// How the ring is measured.
const RING: &str = "
## The ring

Every producer pushes as fast as it can, records of 64 bytes that are made the same way for all, with a time stamp of the
processor's counter. Each contender has 16,384 slots for each producer. With a consumer, producers of a ring that drops
insist, so that the time is that of records that arrive. The consumer takes all there is, and looks again at once; it yields
its processor when there is nothing. The *floor* stores 64 bytes and adds one to a counter of its own, with one uncontended
atomic operation: nobody could read that. Those that cannot overwrite are missing where that is asked for.
";

fn rows(measured: &BTreeMap<String, Spread>) -> String {
    let ring = measured.get(AuditRing::NAME).map(|ring| ring.median);
    let rows: Vec<_> = CONTENDERS
        .into_iter()
        .filter_map(|name| Some((name, measured.get(name)?)))
        .map(|(name, each)| {
            let [median, range] = spread(each);
            let ratio = ring.map_or(String::new(), |ring| figure(each.median / ring));
            [name.to_owned(), median, range, figure(1_000.0 / each.median), ratio]
        })
        .collect();
    table(["", "ns per record", "middle half", "million a second", "against the ring"], &rows)
}

fn capitalized(name: &str) -> String {
    let mut characters = name.chars();
    characters.next().map_or(String::new(), |first| first.to_uppercase().chain(characters).collect())
}
