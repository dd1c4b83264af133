//! The callbacks of one scenario.

use std::path::{Path, PathBuf};

use super::collector::Collector;
use super::trace::Trace;
use super::{name_of, print};
use crate::args::Scenarios;
use crate::failure::Failure;
use crate::simulate::machine::{BareMachine, Machine, Setup};
use crate::simulate::recorder::{Shared, lock};
use crate::simulate::{crash, judge, read_scenario, scenario, scenario_version};

/// Shows the callbacks of one scenario.
pub(super) fn explain(
    arguments: &Scenarios,
    name: &str,
    files: &[PathBuf],
    driver: &Path,
) -> Result<(), Failure> {
    let file = files.iter().find(|file| name_of(file) == name).ok_or_else(|| {
        let names: Vec<String> = files.iter().map(|file| name_of(file)).collect();
        Failure::Unusable(format!("there is no scenario `{name}`; there are {}", names.join(", ")))
    })?;
    let (file, scenario) = read_scenario(file)?;
    let windows = scenario_version(&file, &scenario, arguments.windows)?;
    let trace: Shared<Trace> = Shared::default();
    let played = crash::caught(|| {
        let bare = BareMachine::new(Setup {
            windows,
            start: scenario.start.map(|start| start.0),
            driver,
            output: Box::new(Collector::new(Shared::default())),
            explain: false,
            watched: Some(Vec::new()),
            keep: true,
            trace: Some(trace.clone()),
        });
        scenario::play(&file, &scenario, bare).and_then(Machine::shut_down)
    });
    // What was seen is told even if the scenario did not come to its end.
    let text = if arguments.json { lock(&trace).json() } else { lock(&trace).text() };
    if !arguments.json {
        anstream::eprintln!("{} (Windows {windows})", scenario.title);
    }
    print(&text).map_err(|_| Failure::OutputClosed)?;
    judge(&file, &scenario, windows, &played?).map(|_| ())
}
