//! How the scenarios went, for people and for programs.

use std::io;

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use super::{Outcome, Run, Tried, print, versions};
use crate::failure::Failure;
use crate::output::words::count;

const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();
const NOTE: Style = AnsiColor::Yellow.on_default();
const DIM: Style = Style::new().dimmed();

/// A row of the table: name, versions, how it went, and if it is not met, the first difference.
pub(super) fn show(tried: &Tried, width: usize) -> io::Result<()> {
    let Tried { name, scenario, runs } = tried;
    let on = versions(runs.iter().map(|run| run.windows));
    let (style, said) = match tried.outcome() {
        Outcome::Met => (GOOD, "met"),
        Outcome::NotMet => (BAD, "NOT MET"),
        Outcome::NotMetYet => (NOTE, "not met yet"),
        Outcome::UnexpectedlyMet => (BAD, "MET, though it says `not-met`"),
    };
    let mut lines = vec![format!("{name:width$}  {on:18}  {style}{said}{style:#}")];
    for not_met in &scenario.not_met {
        let of = |run: &&Run| run.difference.is_some() && not_met.versions.contains(run.windows);
        if let Some(run) = runs.iter().find(of) {
            lines.push(format!("    {NOTE}needs {}:{NOTE:#} {}", not_met.needs, not_met.reason));
            lines.extend(
                run.difference
                    .iter()
                    .flat_map(|difference| difference.lines().take(1))
                    .map(|line| format!("    {DIM}{line}{DIM:#}")),
            );
        }
    }
    let bad = |run: &&Run| run.outcome(scenario) == Outcome::NotMet;
    if let Some(first) = runs.iter().find(bad) {
        let on: Vec<String> = runs.iter().filter(bad).map(|run| run.windows.to_string()).collect();
        lines.push(format!("    on {}", on.join(", ")));
        let difference = first.difference.iter().flat_map(|difference| difference.lines());
        lines.extend(difference.map(|line| format!("    {line}")));
    }
    print(&format!("{}\n", lines.join("\n")))
}

/// What a program reads of a scenario.
#[derive(Serialize)]
struct Line<'a> {
    kind: &'static str,
    name: &'a str,
    title: &'a str,
    outcome: Outcome,
    runs: Vec<RunLine<'a>>,
}

#[derive(Serialize)]
struct RunLine<'a> {
    windows: String,
    outcome: Outcome,
    needs: Option<&'a str>,
    not_met: Option<&'a str>,
    difference: Option<&'a str>,
}

pub(super) fn show_json(tried: &Tried) -> io::Result<()> {
    let Tried { name, scenario, runs } = tried;
    let runs = runs.iter().map(|run| {
        let not_met = scenario.not_met(run.windows);
        RunLine {
            windows: run.windows.to_string(),
            outcome: run.outcome(scenario),
            needs: not_met.map(|not_met| not_met.needs.as_str()),
            not_met: not_met.map(|not_met| not_met.reason.as_str()),
            difference: run.difference.as_deref(),
        }
    });
    let line = Line {
        kind: "scenario",
        name,
        title: &scenario.title,
        outcome: tried.outcome(),
        runs: runs.collect(),
    };
    print(&format!("{}\n", serde_json::to_string(&line)?))
}

/// Says how it went, and fails unless all went as it should.
pub(super) fn conclude(all: &[Tried]) -> Result<(), Failure> {
    let number = |outcome| all.iter().filter(|tried| tried.outcome() == outcome).count() as u64;
    let runs: usize = all.iter().map(|tried| tried.runs.len()).sum();
    let (yet, not, unexpected) =
        (number(Outcome::NotMetYet), number(Outcome::NotMet), number(Outcome::UnexpectedlyMet));
    let text = format!(
        "{} in {}: {} met, {yet} not met yet, {not} not met",
        count(all.len() as u64, "scenario"),
        count(runs as u64, "run"),
        number(Outcome::Met)
    );
    match (not, unexpected) {
        (0, 0) => {
            anstream::eprintln!("{GOOD}{text}{GOOD:#}");
            Ok(())
        }
        (_, 0) => Err(Failure::Broken(text)),
        _ => Err(Failure::Broken(format!("{text}, {unexpected} met that say `not-met`: take that out"))),
    }
}
