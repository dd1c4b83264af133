//! Who is right where, as Markdown: `docs/attribution.md`.

mod cell;
mod details;
mod matrix;

use std::fmt::{self, Write as _};

use self::cell::Row;
use super::{Outcome, Run, Tried};

const HEAD: &str = "\
# Who wrote, and what each rule says

Made by `cargo xtask scenarios --document` from [the scenarios](scenarios.md) as the driver's image and the simulator play
them; do not edit it. Who really wrote is what the scenario plays, not what anything concluded.

| column | the rule |
| --- | --- |
| whowrote | what the driver records: `FLT_CALLBACK_DATA->Thread`, else the requestor process, else unknown |
| current process | `PsGetCurrentProcess`, and System is skipped |
| RequestorMode | what is not `UserMode` is skipped, the rest is the current process's |
| FltGetRequestorProcess | what it returns, and System is skipped |
| opener | the process whose thread opened the file object, and System is skipped |
| minispy | `PsGetCurrentProcessId` before the operation, as Microsoft's sample records it; nothing is skipped |

";

/// The document.
pub(super) fn text(all: &[Tried]) -> String {
    let mut text = HEAD.to_owned();
    matrix::put(all, &mut text)
        .and_then(|()| missing(all, &mut text))
        .and_then(|()| all.iter().try_for_each(|tried| details::put(tried, &mut text)))
        .expect("a String takes all");
    text
}

/// What the driver does not have yet, by feature.
fn missing(all: &[Tried], text: &mut String) -> fmt::Result {
    let mut features: Vec<(&str, Vec<&str>)> = Vec::new();
    for tried in all.iter().filter(|tried| tried.outcome() == Outcome::NotMetYet) {
        for not_met in &tried.scenario.not_met {
            match features.iter_mut().find(|(feature, _)| *feature == not_met.needs) {
                Some((_, names)) => names.push(&tried.name),
                None => features.push((&not_met.needs, vec![&tried.name])),
            }
        }
    }
    if features.is_empty() {
        return Ok(());
    }
    features.sort_unstable();
    writeln!(text, "\n## What is not met yet, by what it needs\n")?;
    writeln!(text, "| needed | scenarios |\n| --- | --- |")?;
    for (feature, mut names) in features {
        names.dedup();
        let links: Vec<String> = names.iter().map(|name| format!("[{name}](#{name})")).collect();
        writeln!(text, "| {feature} | {} |", links.join(", "))?;
    }
    Ok(())
}

/// The rows of a run, and how often each follows itself.
fn rows(tried: &Tried, run: &Run) -> Vec<(Row, u64)> {
    let met = run.outcome(&tried.scenario) == Outcome::Met;
    let mut rows: Vec<(Row, u64)> = Vec::new();
    for row in run.seen.iter().map(|seen| Row::new(seen, met)) {
        match rows.last_mut() {
            Some((last, number)) if *last == row => *number += 1,
            _ => rows.push((row, 1)),
        }
    }
    rows
}
