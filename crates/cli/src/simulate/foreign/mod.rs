//! `whowrote simulate --driver OTHER.sys`: plays scenarios through a minifilter that is not whowrote's, and reports what it
//! saw, what it did, which rules it broke and what it cost.

mod answer;
mod report;
mod tally;

use std::path::{Path, PathBuf};

use ntsim::{LeakReport, Metering, Sim, UnloadError};

use self::report::Report;
pub(super) use self::report::table;
use self::tally::Tally;
pub(super) use self::tally::{Spread, spread};
use super::crash;
use super::machine::{BareMachine, PORT, Setup};
use super::progress::Progress;
use super::{read_scenario, scenario, scenario_version};
use crate::args::Simulate;
use crate::failure::Failure;
use crate::output::ExplainedSink;
use crate::scenario::Scenario;
use crate::windows_version::WindowsVersion;

/// Whether instructions are counted: those of a debug build say nothing.
pub(super) const COUNTS_INSTRUCTIONS: bool = !cfg!(debug_assertions);

/// How a scenario went.
pub(super) struct Played {
    name: String,
    windows: WindowsVersion,
    /// Why it did not come to its end, if it did not.
    trouble: Option<String>,
}

/// Whether an image is another minifilter than whowrote's: that one has the name of its port in it.
pub(super) fn is_other(driver: &Path) -> Result<bool, Failure> {
    let image = std::fs::read(driver)
        .map_err(|error| Failure::Unusable(format!("cannot read {}: {error}", driver.display())))?;
    let port: Vec<u8> = PORT.encode_utf16().flat_map(u16::to_le_bytes).collect();
    Ok(!image.windows(port.len()).any(|window| window == port))
}

/// Plays the scenarios and tells how it went.
pub(super) fn run(arguments: &Simulate, driver: &Path, files: &[PathBuf]) -> Result<(), Failure> {
    // All are read before any is played.
    let mut scenarios = Vec::new();
    for file in files {
        let (name, scenario) = read_scenario(file)?;
        let windows = match arguments.windows {
            Some(version) if arguments.all && !scenario.applies.contains(version) => continue,
            asked => scenario_version(&name, &scenario, asked)?,
        };
        scenarios.push((name, scenario, windows));
    }
    check_loads(driver, scenarios.iter().map(|(_, _, windows)| *windows))?;
    let service = service_of(driver);
    let mut tally = Tally::new(&service);
    let mut all = Vec::new();
    let mut progress = Progress::playing(scenarios.len() as u64);
    for (index, (name, scenario, windows)) in scenarios.iter().enumerate() {
        let trouble = play(driver, &service, name, scenario, *windows, &mut tally).err();
        let trouble = trouble.map(|failure| failure.to_string());
        all.push(Played { name: name.clone(), windows: *windows, trouble });
        progress.set(index as u64 + 1);
    }
    drop(progress);
    let report = Report { service, scenarios: all, tally };
    report.show(arguments.json).map_err(|_| Failure::OutputClosed)?;
    report.verdict()
}

/// What the driver's service is called: as its image.
pub(super) fn service_of(driver: &Path) -> String {
    driver.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// Everything that is missing on one of the versions is named before anything runs.
fn check_loads(driver: &Path, versions: impl Iterator<Item = WindowsVersion>) -> Result<(), Failure> {
    let mut seen = Vec::new();
    for windows in versions {
        if seen.contains(&windows) {
            continue;
        }
        seen.push(windows);
        ntsim::check_image(driver, super::machine::windows(windows)).map_err(|error| {
            let path = driver.display();
            Failure::Unusable(format!("the driver {path} cannot be loaded on Windows {windows}: {error}"))
        })?;
    }
    Ok(())
}

/// Plays one scenario. What was noted is kept whether or not it comes to its end.
fn play(
    driver: &Path,
    service: &str,
    name: &str,
    scenario: &Scenario,
    windows: WindowsVersion,
    tally: &mut Tally,
) -> Result<(), Failure> {
    let setup = Setup {
        windows,
        start: scenario.start.map(|start| start.0),
        driver,
        output: Box::new(Silence),
        explain: false,
        keep: false,
        trace: None,
        watched: None,
    };
    let bare = BareMachine::new(setup).guest(service);
    let sim = bare.sim.clone();
    sim.set_metering(if COUNTS_INSTRUCTIONS { Metering::DriverInstructions } else { Metering::Calls });
    let played = crash::caught(|| {
        let machine = scenario::play(name, scenario, bare)?;
        Ok(machine.unload())
    });
    tally.add_calls(&sim.take_calls(), &sim.calls());
    let ended = played.and_then(|unloaded| note_end(tally, &sim, unloaded));
    tally.add_violations(name, &sim.violations());
    ended
}

fn note_end(tally: &mut Tally, _sim: &Sim, unloaded: Result<LeakReport, UnloadError>) -> Result<(), Failure> {
    match unloaded {
        Ok(leaks) => {
            tally.add_leaks(&leaks);
            Ok(())
        }
        // Some filters are made to stay.
        Err(UnloadError::NotSupported) => {
            tally.stays = true;
            Ok(())
        }
        Err(error) => Err(Failure::Broken(error.to_string())),
    }
}

/// Takes no records: there are none.
struct Silence;

impl crate::output::Sink for Silence {
    fn write(&mut self, _: &crate::model::Write<'_>) -> std::io::Result<()> {
        Ok(())
    }

    fn process(&mut self, _: &crate::model::Process) -> std::io::Result<()> {
        Ok(())
    }

    fn volume(&mut self, _: &crate::model::Volume) -> std::io::Result<()> {
        Ok(())
    }

    fn file(&mut self, _: &crate::model::File) -> std::io::Result<()> {
        Ok(())
    }

    fn loss(&mut self, _: &crate::model::Loss) -> std::io::Result<()> {
        Ok(())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl ExplainedSink for Silence {
    fn explained(
        &mut self,
        _: &crate::model::Write<'_>,
        _: &crate::output::explain::Explanation,
    ) -> std::io::Result<()> {
        Ok(())
    }

    fn unrecorded(&mut self, _: &crate::output::explain::Explanation) -> std::io::Result<()> {
        Ok(())
    }
}
