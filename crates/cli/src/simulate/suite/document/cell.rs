//! What a rule says of one write or change, and whether it is right.

use std::fmt;

use crate::output::explain::{Conclusion, Explanation, Rule, Truth, Verdict, Who};
use crate::output::words::file_name;
use crate::simulate::suite::collector::{Originator, Seen};

/// The columns: whowrote and the rules.
pub(super) const COLUMNS: [&str; 6] =
    ["whowrote", "current process", "RequestorMode", "FltGetRequestorProcess", "opener", "minispy"];

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cell {
    Right(String),
    Missed,
    Wrong(String),
    Unknown,
    /// Right about who, but it was told before.
    Again(String),
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Right(said) => write!(f, "✓ {said}"),
            Self::Missed => f.write_str("✗ missed"),
            Self::Wrong(said) => write!(f, "✗ wrong: {said}"),
            Self::Unknown => f.write_str("? unknown"),
            Self::Again(said) => write!(f, "≈ again: {said}"),
        }
    }
}

/// What is told of a write: equal ones that follow each other are told once.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) what: String,
    pub(super) wrote: String,
    pub(super) cells: [Cell; COLUMNS.len()],
}

impl Row {
    /// `met`: whether whowrote says what it must.
    pub(super) fn new(seen: &Seen, met: bool) -> Self {
        let explanation = &seen.explanation;
        let mut cells = [const { Cell::Unknown }; COLUMNS.len()];
        cells[0] = whowrote(seen, met);
        for (cell, rule) in cells[1..].iter_mut().zip(Rule::ALL) {
            *cell = judged(&rule.concludes(explanation), rule.verdict(explanation));
        }
        Self { what: what(explanation).to_owned(), wrote: wrote(explanation), cells }
    }
}

fn what(explanation: &Explanation) -> &'static str {
    if let Some(change) = explanation.change {
        change
    } else if explanation.failed.is_some() {
        "refused write"
    } else if explanation.paging {
        "paging write"
    } else if explanation.copy_source.is_some() {
        "copied chunk"
    } else if explanation.fast_io {
        "fast I/O write"
    } else {
        "write"
    }
}

fn wrote(explanation: &Explanation) -> String {
    let name = |who: &Who| named(who.pid, Some(&who.image));
    match &explanation.truth {
        _ if explanation.failed.is_some() => "nobody: it is not carried out".to_owned(),
        Truth::Again(_) => "nobody anew".to_owned(),
        Truth::User(who) => name(who),
        Truth::Kernel(who) => format!("the kernel: {}", name(who)),
        Truth::Several(all) => all.iter().map(name).collect::<Vec<_>>().join(" and "),
        Truth::Remote(client) => format!("the client {client}"),
    }
}

fn whowrote(seen: &Seen, met: bool) -> Cell {
    if let Some(Originator { instead: Some(instead), .. }) = &seen.recorded {
        // Whether those are the right ones is what the scenario expects.
        return if met { Cell::Right(instead.clone()) } else { Cell::Wrong(instead.clone()) };
    }
    let conclusion = match &seen.recorded {
        None => Conclusion::Skipped,
        Some(Originator { pid: None, .. }) => Conclusion::Unknown,
        Some(Originator { pid: Some(pid), image, .. }) => {
            Conclusion::Process { pid: *pid, image: image.clone() }
        }
    };
    match conclusion.verdict(&seen.explanation) {
        // Where nothing tells, that is the right thing to say.
        Verdict::Unknown if met => Cell::Right("unknown".to_owned()),
        verdict => judged(&conclusion, verdict),
    }
}

fn judged(conclusion: &Conclusion, verdict: Verdict) -> Cell {
    let said = match conclusion {
        Conclusion::Skipped => "skipped".to_owned(),
        Conclusion::Unknown => "unknown".to_owned(),
        Conclusion::Process { pid, image } => named(*pid, image.as_deref()),
    };
    match verdict {
        Verdict::Right => Cell::Right(said),
        Verdict::Missed => Cell::Missed,
        Verdict::Unknown => Cell::Unknown,
        Verdict::Again => Cell::Again(said),
        Verdict::Wrong | Verdict::Kernels | Verdict::NoWrite => Cell::Wrong(said),
    }
}

fn named(pid: u32, image: Option<&str>) -> String {
    format!("{} ({pid})", file_name(image.unwrap_or("a process")))
}
