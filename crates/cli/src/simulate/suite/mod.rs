//! `whowrote scenarios`: all scenarios of a folder, each on every Windows that it is for.

mod collector;
mod document;
mod explain;
mod play;
mod report;
mod trace;

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde::Serialize;

use self::collector::Seen;
pub(super) use self::trace::Trace;
use super::progress::Progress;
use super::{driver_file, read_scenario};
use crate::args::Scenarios;
use crate::failure::Failure;
use crate::place::BadInput;
use crate::scenario::Scenario;
use crate::windows_version::WindowsVersion;

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
    /// The driver broke a rule, lost a record without counting it, or ended the simulation: no `not-met` excuses that.
    misbehaved: bool,
    seen: Vec<Seen>,
}

impl Run {
    fn outcome(&self, scenario: &Scenario) -> Outcome {
        match (&self.difference, scenario.not_met(self.windows)) {
            _ if self.misbehaved => Outcome::NotMet,
            (None, None) => Outcome::Met,
            (Some(_), None) => Outcome::NotMet,
            (Some(_), Some(_)) => Outcome::NotMetYet,
            (None, Some(_)) => Outcome::UnexpectedlyMet,
        }
    }
}

/// A scenario on all the versions that it is for.
struct Tried {
    name: String,
    scenario: Scenario,
    runs: Vec<Run>,
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
        return explain::explain(arguments, name, &files, &driver);
    }
    // All are read before any is played.
    let mut scenarios = Vec::new();
    for path in &files {
        let (file, scenario) = read_scenario(path)?;
        scenarios.push(play::Read { name: name_of(path), file, scenario });
    }
    let width = scenarios.iter().map(|read| read.name.chars().count()).max().unwrap_or(0);
    let runs: usize = scenarios.iter().map(|read| read.scenario.applies.count()).sum();
    let progress = Mutex::new(Progress::playing(runs as u64));
    let all = play::all(scenarios, &driver, |done| {
        if let Ok(mut progress) = progress.lock() {
            progress.set(done);
        }
    });
    drop(progress);
    let all = all?;
    for tried in &all {
        if arguments.json { report::show_json(tried) } else { report::show(tried, width) }
            .map_err(|_| Failure::OutputClosed)?;
    }
    if let Some(path) = &arguments.document {
        replace(path, document::text(&all))?;
    }
    report::conclude(&all)
}

/// The scenarios of a folder, in order of their names.
pub(super) fn scenario_files(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
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

/// Puts contents in the place of a file, whole or not at all.
pub(super) fn replace(path: &Path, contents: impl AsRef<[u8]>) -> Result<(), Failure> {
    let unwritable = |error| {
        Failure::from(BadInput::new(path.display().to_string(), format!("cannot be written: {error}")))
    };
    let partial = path.with_extension("partial");
    fs::write(&partial, contents).and_then(|()| fs::rename(&partial, path)).map_err(unwritable)
}
