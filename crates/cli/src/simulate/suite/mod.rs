//! `whowrote scenarios`: all scenarios of a folder, each on every Windows that it is for.

mod collector;
mod document;
mod trace;

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::{fs, mem};

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use self::collector::{Collector, Seen};
pub(super) use self::trace::Trace;
use super::machine::{BareMachine, Setup};
use super::progress::Progress;
use super::recorder::{Shared, lock};
use super::{driver_file, judge, read_scenario, scenario, scenario_version};
use crate::args::Scenarios;
use crate::failure::Failure;
use crate::output::words::count;
use crate::place::BadInput;
use crate::scenario::Scenario;
use crate::windows_version::WindowsVersion;

const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();
const NOTE: Style = AnsiColor::Yellow.on_default();

/// How a scenario ends, the better first; over all versions it is the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Outcome {
    Met,
    /// Not met, as it says itself.
    NotMetYet,
    /// It says that it is not met, and is.
    UnexpectedlyMet,
    NotMet,
}

/// A scenario on one version.
struct Run {
    windows: WindowsVersion,
    /// Why it is not met, if it is not.
    difference: Option<String>,
    seen: Vec<Seen>,
}

/// A scenario on all the versions that it is for.
struct Tried {
    name: String,
    scenario: Scenario,
    runs: Vec<Run>,
}

impl Run {
    fn outcome(&self, scenario: &Scenario) -> Outcome {
        match (&self.difference, scenario.not_met(self.windows)) {
            (None, None) => Outcome::Met,
            (Some(_), None) => Outcome::NotMet,
            (Some(_), Some(_)) => Outcome::NotMetYet,
            (None, Some(_)) => Outcome::UnexpectedlyMet,
        }
    }
}

impl Tried {
    fn outcome(&self) -> Outcome {
        let worst = self.runs.iter().map(|run| run.outcome(&self.scenario)).max();
        worst.unwrap_or(Outcome::Met)
    }
}

/// Does what the arguments say.
///
/// # Errors
///
/// Scenarios that cannot be used; a scenario that is not met, or is met though it says that it is not.
pub(crate) fn run(arguments: &Scenarios) -> Result<(), Failure> {
    let files = scenario_files(&arguments.folder)?;
    let driver = driver_file::find(arguments.driver.as_deref())?;
    if let Some(name) = &arguments.explain {
        return explain(arguments, name, &files, &driver);
    }
    // All are read before any is played.
    let mut scenarios = Vec::new();
    for file in &files {
        scenarios.push((name_of(file), read_scenario(file)?));
    }
    let width = scenarios.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let mut progress = Progress::playing(scenarios.len() as u64);
    let mut all = Vec::new();
    for (index, (name, (file, scenario))) in scenarios.into_iter().enumerate() {
        let runs = WindowsVersion::ALL
            .into_iter()
            .filter(|windows| scenario.applies.contains(*windows))
            .map(|windows| try_on(&file, &scenario, windows, &driver))
            .collect::<Result<Vec<_>, _>>()?;
        let tried = Tried { name, scenario, runs };
        if arguments.json { show_json(&tried) } else { show(&tried, width) }
            .map_err(|_| Failure::OutputClosed)?;
        all.push(tried);
        progress.set(index as u64 + 1);
    }
    drop(progress);
    if let Some(path) = &arguments.document {
        replace(path, &document::text(&all))?;
    }
    conclude(&all)
}

/// The scenarios of a folder, in order of their names.
fn scenario_files(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let bad = |message: String| Failure::from(BadInput::new(folder.display().to_string(), message));
    let unreadable = |error: io::Error| bad(format!("the folder of the scenarios cannot be read: {error}"));
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        files.push(entry.map_err(unreadable)?.path());
    }
    files.retain(|path| path.extension().is_some_and(|extension| extension == "kdl"));
    files.sort();
    if files.is_empty() {
        Err(bad("there is no scenario (.kdl) in the folder".to_owned()))
    } else {
        Ok(files)
    }
}

/// What a scenario is called: its file's name without the extension.
fn name_of(file: &Path) -> String {
    file.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// Plays a scenario on a version. Only input that cannot be used is an error.
fn try_on(file: &str, scenario: &Scenario, windows: WindowsVersion, driver: &Path) -> Result<Run, Failure> {
    let seen: Shared<Vec<Seen>> = Shared::default();
    let bare = BareMachine::new(Setup {
        windows,
        start: scenario.start.map(|start| start.0),
        driver,
        output: Box::new(Collector::new(seen.clone())),
        explain: true,
        keep: true,
        trace: None,
    });
    let played = scenario::play(file, scenario, bare).and_then(super::Machine::shut_down);
    if played.is_err() {
        // What was seen is not what the scenario is about.
        lock(&seen).clear();
    }
    let judged = played.and_then(|remains| judge(file, scenario, windows, &remains));
    let difference = match judged {
        Ok(true) => None,
        Ok(false) => return Err(BadInput::new(file, "the scenario has no `expect`").into()),
        Err(Failure::Broken(message)) => Some(message),
        Err(other) => return Err(other),
    };
    let seen = mem::take(&mut *lock(&seen));
    Ok(Run { windows, difference, seen })
}

/// Shows the callbacks of one scenario.
fn explain(arguments: &Scenarios, name: &str, files: &[PathBuf], driver: &Path) -> Result<(), Failure> {
    let file = files.iter().find(|file| name_of(file) == name).ok_or_else(|| {
        let names: Vec<String> = files.iter().map(|file| name_of(file)).collect();
        Failure::Unusable(format!("there is no scenario `{name}`; there are {}", names.join(", ")))
    })?;
    let (file, scenario) = read_scenario(file)?;
    let windows = scenario_version(&file, &scenario, arguments.windows)?;
    let trace: Shared<Trace> = Shared::default();
    let bare = BareMachine::new(Setup {
        windows,
        start: scenario.start.map(|start| start.0),
        driver,
        output: Box::new(Collector::new(Shared::default())),
        explain: false,
        keep: true,
        trace: Some(trace.clone()),
    });
    let played = scenario::play(&file, &scenario, bare).and_then(super::Machine::shut_down);
    // What was seen is told even if the scenario did not come to its end.
    let text = if arguments.json { lock(&trace).json() } else { lock(&trace).text() };
    if !arguments.json {
        anstream::eprintln!("{} (Windows {windows})", scenario.title);
    }
    print(&text).map_err(|_| Failure::OutputClosed)?;
    judge(&file, &scenario, windows, &played?).map(|_| ())
}

fn print(text: &str) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Versions in words: the first to the last.
fn versions(mut runs: impl DoubleEndedIterator<Item = WindowsVersion>) -> String {
    let Some(first) = runs.next() else {
        return String::new();
    };
    runs.next_back().map_or_else(|| first.to_string(), |last| format!("{first} to {last}"))
}

/// A row of the table.
fn show(tried: &Tried, width: usize) -> io::Result<()> {
    let Tried { name, scenario, runs } = tried;
    let on = versions(runs.iter().map(|run| run.windows));
    let (style, said) = match tried.outcome() {
        Outcome::Met => (GOOD, "met"),
        Outcome::NotMet => (BAD, "NOT MET"),
        Outcome::NotMetYet => (NOTE, "not met yet"),
        Outcome::UnexpectedlyMet => (BAD, "MET, though it says `not-met`"),
    };
    let mut lines = vec![format!("{name:width$}  {on:18}  {style}{said}{style:#}")];
    let failed: Vec<&Run> = runs.iter().filter(|run| run.difference.is_some()).collect();
    match (scenario.not_met.first(), failed.first()) {
        (Some(not_met), Some(_)) => lines.push(format!("    needs {}: {}", not_met.needs, not_met.reason)),
        (None, Some(first)) => {
            let on: Vec<String> = failed.iter().map(|run| run.windows.to_string()).collect();
            lines.push(format!("    on {}", on.join(", ")));
            let difference = first.difference.iter().flat_map(|difference| difference.lines());
            lines.extend(difference.map(|line| format!("    {line}")));
        }
        _ => {}
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
    not_met: Option<&'a str>,
    runs: Vec<RunLine<'a>>,
}

#[derive(Serialize)]
struct RunLine<'a> {
    windows: String,
    met: bool,
    difference: Option<&'a str>,
}

fn show_json(tried: &Tried) -> io::Result<()> {
    let Tried { name, scenario, runs } = tried;
    let runs = runs.iter().map(|run| RunLine {
        windows: run.windows.to_string(),
        met: run.difference.is_none(),
        difference: run.difference.as_deref(),
    });
    let line = Line {
        kind: "scenario",
        name,
        title: &scenario.title,
        outcome: tried.outcome(),
        not_met: scenario.not_met.first().map(|not_met| not_met.reason.as_str()),
        runs: runs.collect(),
    };
    print(&format!("{}\n", serde_json::to_string(&line)?))
}

/// Says how it went, and fails unless all went as it should.
fn conclude(all: &[Tried]) -> Result<(), Failure> {
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

/// Puts a text in the place of a file, whole or not at all.
fn replace(path: &Path, text: &str) -> Result<(), Failure> {
    let unwritable = |error| {
        Failure::from(BadInput::new(path.display().to_string(), format!("cannot be written: {error}")))
    };
    let partial = path.with_extension("partial");
    fs::write(&partial, text).and_then(|()| fs::rename(&partial, path)).map_err(unwritable)
}
