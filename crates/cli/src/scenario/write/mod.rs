//! From a scenario to KDL that reads back as the same.

mod expectation;
mod handle;
mod memory;
mod steps;
mod text;

use self::text::Node;
use super::model::{Faults, NotMet, Parameter, Process, Scenario, Schedule, Thread, Torture, Volume};
use super::words::{self, word};
use crate::model::Offset;
use crate::output::time::rfc3339;
use crate::windows_version::VersionRange;

impl Scenario {
    /// The scenario as a text that [`Scenario::parse`] reads.
    #[must_use]
    pub fn to_kdl(&self) -> String {
        let Self {
            title,
            why,
            sources,
            topic,
            applies,
            not_met,
            torture,
            start,
            parameters,
            volumes,
            processes,
            steps: played,
            expectations,
        } = self;
        let one = |name: &str, text: &str| Node::new(name).argument(text);
        let start = start.and_then(rfc3339);
        let range = (*applies != VersionRange::ALL).then(|| applies.written());
        let head = Node::new("scenario")
            .argument(title)
            .children(why.iter().map(|why| one("why", why)))
            .children(sources.iter().map(|source| one("source", source)))
            .children([one("topic", word(&words::TOPICS, topic))].into_iter())
            .children(range.iter().map(|range| one("windows", range)))
            .children(not_met.iter().map(not_met_node))
            .children(torture.iter().map(torture_node))
            .children(start.iter().map(|start| one("start", start)));
        let play = Node::new("play").children(played.iter().map(|step| steps::node(&step.action)));
        let mut text = String::new();
        let all = [head]
            .into_iter()
            .chain(parameters.iter().map(parameter))
            .chain(volumes.iter().map(volume))
            .chain(processes.iter().map(process))
            .chain([play])
            .chain(expectations.iter().map(expectation::node));
        for node in all {
            node.put(0, &mut text);
        }
        text
    }
}

fn versions(node: Node, range: VersionRange) -> Node {
    if range == VersionRange::ALL { node } else { node.text("windows", &range.written()) }
}

fn not_met_node(NotMet { place: _, versions: range, needs, reason }: &NotMet) -> Node {
    versions(Node::new("not-met").argument(reason).text("needs", needs), *range)
}

fn torture_node(Torture { schedule, faults, processors }: &Torture) -> Node {
    let node = Node::new("torture").number("processors", processors);
    let node = match schedule {
        Schedule::Fixed => node.text("schedule", "fixed"),
        Schedule::Seeded(seed) => node.text("schedule", "seeded").number("seed", seed),
        Schedule::Threads => node.text("schedule", "threads"),
    };
    match faults {
        Faults::None => node,
        Faults::Drawn { seed, per_million } => node.number("faults", per_million).number("fault-seed", seed),
        Faults::Nth(nth) => node.number("fail", nth),
    }
}

fn parameter(Parameter { name, value }: &Parameter) -> Node {
    Node::new("parameter").argument(name).number("value", value)
}

fn volume(volume: &Volume) -> Node {
    let Volume { place: _, drive, device, guid, file_system } = volume;
    Node::new("volume")
        .maybe_text("drive", drive.as_deref())
        .text("device", device)
        .maybe_text("guid", guid.as_deref())
        .text("file-system", word(&words::FILE_SYSTEMS, file_system))
}

fn process(process: &Process) -> Node {
    let Process { place: _, name, pid, parent, image, user, session, minimal, threads } = process;
    Node::new("process")
        .argument(name)
        .number("pid", pid)
        .maybe_number("parent", *parent)
        .text("image", image)
        .maybe_text("user", user.as_deref())
        .number("session", session)
        .text("kind", word(&words::KINDS, minimal))
        .children(threads.iter().map(thread))
}

fn thread(Thread { place: _, name, tid }: &Thread) -> Node {
    Node::new("thread").argument(name).number("tid", tid)
}

/// Where a write goes.
fn offset(node: Node, offset: Offset) -> Node {
    match offset {
        Offset::At(offset) => node.number("offset", offset),
        words => node.text("offset", word(&words::OFFSETS, &words)),
    }
}
