//! The table of who wrote and what each rule says, as Markdown: `docs/attribution.md`.

use std::fmt::{self, Write as _};

use super::collector::{Originator, Seen};
use super::{Outcome, Run, Tried, versions};
use crate::output::explain::{Conclusion, Explanation, Rule, Truth, Verdict};
use crate::output::words::{count, file_name};

const HEAD: &str = "\
# Who wrote, and what each rule says

Made by `cargo xtask scenarios --document` from [the scenarios](scenarios.md) as the driver's image and the simulator play
them; do not edit it. Who really wrote is what the scenario plays, not what anything concluded. Paging writes are not in the
tables: the driver asks the Filter Manager to leave them out. What a program writes through a mapped view, which only they
would show, is not recorded.

| column | the rule |
| --- | --- |
| whowrote | `FLT_CALLBACK_DATA->Thread`, else the requestor process, else unknown |
| current process | `PsGetCurrentProcess`, and System is skipped |
| RequestorMode | writes that are not `UserMode` are skipped, others are the current process's |
| FltGetRequestorProcess | what it returns, and System is skipped |
| minispy | `PsGetCurrentProcessId` before the operation, as Microsoft's sample records it; nothing is skipped |

✓ is right, ✗ is not: *missed* is a user's write that is skipped, *wrong* is one laid at another's door or one that the
kernel made by itself or that never was, and *unknown* is an admission that nothing tells.

";

/// The columns: whowrote and the rules.
const COLUMNS: [&str; 5] =
    ["whowrote", "current process", "RequestorMode", "FltGetRequestorProcess", "minispy"];

/// How a column did over all scenarios.
#[derive(Clone, Copy, Default)]
struct Score {
    right: u64,
    missed: u64,
    wrong: u64,
    unknown: u64,
}

/// What is told of a write: equal ones that follow each other are told once.
#[derive(PartialEq, Eq)]
struct Row {
    what: String,
    wrote: String,
    cells: [Cell; COLUMNS.len()],
}

#[derive(Clone, PartialEq, Eq)]
enum Cell {
    Right(String),
    Missed,
    Wrong(String),
    Unknown,
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Right(said) => write!(f, "✓ {said}"),
            Self::Missed => f.write_str("✗ missed"),
            Self::Wrong(said) => write!(f, "✗ wrong: {said}"),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}

/// The document.
pub(super) fn text(all: &[Tried]) -> String {
    let mut scores = [Score::default(); COLUMNS.len()];
    let mut body = String::new();
    for tried in all {
        section(tried, &mut scores, &mut body).expect("a String takes all");
    }
    let mut text = HEAD.to_owned();
    text.push_str("| rule | right | missed | wrong | unknown |\n| --- | --: | --: | --: | --: |\n");
    for (column, Score { right, missed, wrong, unknown }) in COLUMNS.into_iter().zip(scores) {
        writeln!(text, "| {column} | {right} | {missed} | {wrong} | {unknown} |")
            .expect("a String takes all");
    }
    text.push_str("\nEach row of the tables below counts once.\n");
    text + &body
}

fn section(tried: &Tried, scores: &mut [Score; COLUMNS.len()], text: &mut String) -> fmt::Result {
    let Tried { name, scenario, runs } = tried;
    writeln!(text, "\n## {}\n\n[`{name}`](../tests/scenarios/{name}.kdl)", scenario.title)?;
    if tried.outcome() == Outcome::NotMetYet
        && let Some(not_met) = scenario.not_met.first()
    {
        writeln!(text, "\n**Not met yet:** {}", not_met.reason)?;
    }
    if let Some(why) = &scenario.why {
        writeln!(text, "\n{}", why.trim())?;
    }
    for source in &scenario.sources {
        writeln!(text, "\nSource: {source}")?;
    }
    // Versions on which the same was seen share a table.
    let mut from = 0;
    while let Some(first) = runs.get(from) {
        let rows = rows(first);
        let same = runs[from..].iter().take_while(|run| self::rows(run) == rows).count();
        let on = versions(runs[from..from + same].iter().map(|run| run.windows));
        if rows.is_empty() {
            writeln!(text, "\nWindows {on}: no write reached the driver.")?;
        } else {
            writeln!(text, "\nWindows {on}:\n")?;
            table(&rows, scores, text)?;
        }
        from += same;
    }
    Ok(())
}

fn table(rows: &[(Row, u64)], scores: &mut [Score; COLUMNS.len()], text: &mut String) -> fmt::Result {
    writeln!(text, "| seen | really wrote | {} |", COLUMNS.join(" | "))?;
    writeln!(text, "| --- | --- |{}", " --- |".repeat(COLUMNS.len()))?;
    for (Row { what, wrote, cells }, number) in rows {
        write!(text, "| {} | {wrote} |", count(*number, what))?;
        for (cell, score) in cells.iter().zip(scores.iter_mut()) {
            write!(text, " {cell} |")?;
            match cell {
                Cell::Right(_) => score.right += 1,
                Cell::Missed => score.missed += 1,
                Cell::Wrong(_) => score.wrong += 1,
                Cell::Unknown => score.unknown += 1,
            }
        }
        text.push('\n');
    }
    Ok(())
}

/// The rows of a run, and how often each follows itself.
fn rows(run: &Run) -> Vec<(Row, u64)> {
    let mut rows: Vec<(Row, u64)> = Vec::new();
    for row in run.seen.iter().map(Row::new) {
        match rows.last_mut() {
            Some((last, number)) if *last == row => *number += 1,
            _ => rows.push((row, 1)),
        }
    }
    rows
}

impl Row {
    fn new(seen: &Seen) -> Self {
        let explanation = &seen.explanation;
        let what = if explanation.failed.is_some() {
            "refused write"
        } else if explanation.paging {
            "paging write"
        } else if explanation.copy_source.is_some() {
            "copied chunk"
        } else if explanation.fast_io {
            "fast I/O write"
        } else {
            "write"
        };
        let wrote = match &explanation.truth {
            _ if explanation.failed.is_some() => "nobody: it is not carried out".to_owned(),
            Truth::User(who) => named(Some(who.pid), Some(&who.image)),
            Truth::Kernel(who) => format!("the kernel: {}", named(Some(who.pid), Some(&who.image))),
        };
        let [current, mode, requestor] = Rule::ALL.map(|rule| rule.concludes(explanation));
        let own = match &seen.recorded {
            None => Some(Conclusion::Skipped),
            Some(Originator { pid: None, .. }) => None,
            Some(Originator { pid: Some(pid), image }) => {
                Some(Conclusion::Process { pid: *pid, image: image.clone() })
            }
        };
        let [own, current, mode, requestor] = [own, Some(current), Some(mode), Some(requestor)]
            .map(|conclusion| conclusion.map_or(Cell::Unknown, |conclusion| cell(&conclusion, seen)));
        let cells = [own, current, mode, requestor, minispy(seen)];
        Self { what: what.to_owned(), wrote, cells }
    }
}

/// What the sample minispy notes of an operation. As it skips nothing, it is right to name the kernel's process.
fn minispy(seen: &Seen) -> Cell {
    let Explanation { current, truth, failed, .. } = &seen.explanation;
    match truth {
        Truth::Kernel(who) if failed.is_none() && who.pid == current.pid => {
            Cell::Right(named(Some(current.pid), Some(&current.image)))
        }
        _ => cell(&Conclusion::Process { pid: current.pid, image: Some(current.image.clone()) }, seen),
    }
}

fn cell(conclusion: &Conclusion, seen: &Seen) -> Cell {
    let said = match conclusion {
        Conclusion::Skipped => "skipped".to_owned(),
        Conclusion::Process { pid, image } => named(Some(*pid), image.as_deref()),
    };
    match conclusion.verdict(&seen.explanation) {
        Verdict::Right => Cell::Right(said),
        Verdict::Missed => Cell::Missed,
        Verdict::Wrong | Verdict::Kernels | Verdict::NoWrite => Cell::Wrong(said),
    }
}

fn named(pid: Option<u32>, image: Option<&str>) -> String {
    let image = file_name(image.unwrap_or("a process"));
    pid.map_or_else(|| image.to_owned(), |pid| format!("{image} ({pid})"))
}
