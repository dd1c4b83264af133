//! `whowrote simulate`: plays a scenario or a capture into a simulated machine that runs the driver's image.

mod capture;
mod cost;
pub(crate) mod crash;
pub(crate) mod driver_file;
mod expect;
mod foreign;
pub(crate) mod machine;
mod observe;
pub(crate) mod progress;
mod recorder;
pub(crate) mod scenario;
pub(crate) mod suite;
mod summary;

use std::fs;
use std::path::Path;

use self::machine::{BareMachine, Machine, Remains, Setup};
use self::progress::Progress;
use crate::args::Simulate;
use crate::capture::Capture;
use crate::failure::Failure;
use crate::output::ExplainedSink;
use crate::place::BadInput;
use crate::scenario::Scenario;
use crate::windows_version::WindowsVersion;

/// How long before the first event of a capture its machine starts, in 100 ns.
const LEAD_TIME: u64 = 10_000_000;

/// Plays what the arguments name, and tells of it on `output` and standard error.
///
/// # Errors
///
/// Input that cannot be used, an expectation that is not met, a rule that the driver broke, records that do not add up.
pub fn run(arguments: &Simulate, output: Box<dyn ExplainedSink + Send>) -> Result<(), Failure> {
    if arguments.cost {
        return cost::run(arguments, &driver_file::find(arguments.driver.as_deref())?);
    }
    if let Some(driver) = arguments.driver.as_deref().filter(|driver| driver.is_file())
        && foreign::is_other(driver)?
    {
        let all = if arguments.all { suite::scenario_files(Path::new(SCENARIOS))? } else { Vec::new() };
        return foreign::run(arguments, driver, if arguments.all { &all } else { &arguments.files });
    }
    let [file] = arguments.files.as_slice() else {
        let message = "several scenarios are for another driver (--driver)\n  help: `whowrote scenarios` runs all with whowrote's own";
        return Err(Failure::Unusable(message.to_owned()));
    };
    match kind(file)? {
        Kind::Scenario => run_scenario(arguments, file, output),
        Kind::Capture => run_capture(arguments, file, output),
    }
}

/// Where the scenarios are that `--all` means.
const SCENARIOS: &str = "tests/scenarios";

enum Kind {
    Scenario,
    Capture,
}

/// What a file is, by its name.
fn kind(file: &Path) -> Result<Kind, Failure> {
    let name = file.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let uncompressed = name.strip_suffix(".gz").unwrap_or(&name);
    match Path::new(uncompressed).extension().and_then(|extension| extension.to_str()) {
        Some("kdl") if uncompressed == name => return Ok(Kind::Scenario),
        Some("csv") => return Ok(Kind::Capture),
        _ => {}
    }
    let message = "neither a scenario (.kdl) nor a capture (.csv, .csv.gz), by its name";
    let bad = BadInput::new(file.display().to_string(), message);
    let bad = if Path::new(uncompressed).extension().is_some_and(|extension| extension == "pml") {
        bad.help("open it in Process Monitor and save it as CSV (File > Save)")
    } else {
        bad
    };
    Err(bad.into())
}

fn run_scenario(
    arguments: &Simulate,
    file: &Path,
    output: Box<dyn ExplainedSink + Send>,
) -> Result<(), Failure> {
    let (name, scenario) = read_scenario(file)?;
    let windows = scenario_version(&name, &scenario, arguments.windows)?;
    let driver = driver_file::find(arguments.driver.as_deref())?;
    if scenario.torture.is_some() {
        return crate::torture::replay(&name, &scenario, windows, &driver);
    }
    let remains = crash::caught(|| {
        let bare = BareMachine::new(Setup {
            windows,
            start: scenario.start.map(|start| start.0),
            driver: &driver,
            output,
            explain: arguments.explain,
            watched: None,
            keep: true,
            trace: None,
        });
        let machine = scenario::play(&name, &scenario, bare)?;
        write_memory(arguments, &machine)?;
        end(machine)
    })?;
    if judge(&name, &scenario, windows, &remains)? {
        anstream::eprintln!("as expected on Windows {windows}: {}", scenario.title);
    }
    Ok(())
}

/// A scenario from its file, and what to call the file.
fn read_scenario(file: &Path) -> Result<(String, Scenario), Failure> {
    let name = file.display().to_string();
    let text = fs::read(file)
        .map_err(|error| BadInput::new(&name, format!("the scenario cannot be read: {error}")))?;
    let text = String::from_utf8(text).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let place = crate::place::Place::START.advanced(error.as_bytes(), at);
        BadInput::new(&name, "not UTF-8 text").at(place)
    })?;
    let scenario = Scenario::parse(&name, &text)?;
    Ok((name, scenario))
}

/// That all is in order, and as the scenario expects; whether it expects anything.
fn judge(
    name: &str,
    scenario: &Scenario,
    windows: WindowsVersion,
    remains: &Remains,
) -> Result<bool, Failure> {
    check(remains)?;
    let Some(expectation) = scenario.expectation(windows) else {
        return Ok(false);
    };
    expect::compare(expectation, &remains.recorded).map_err(|difference| {
        let message = format!("not as expected on Windows {windows}: {}", difference.message);
        Failure::Broken(BadInput::new(name, message).at(difference.place).to_string())
    })?;
    Ok(true)
}

/// The version asked for, or the newest that the scenario is for.
fn scenario_version(
    name: &str,
    scenario: &Scenario,
    asked: Option<WindowsVersion>,
) -> Result<WindowsVersion, Failure> {
    let newest = || WindowsVersion::ALL.into_iter().rfind(|version| scenario.applies.contains(*version));
    match asked {
        Some(version) if !scenario.applies.contains(version) => {
            let message = format!("the scenario is for Windows {}, not {version}", scenario.applies);
            Err(BadInput::new(name, message).into())
        }
        Some(version) => Ok(version),
        None => Ok(newest().unwrap_or(WindowsVersion::Win11_24H2)),
    }
}

fn run_capture(
    arguments: &Simulate,
    file: &Path,
    output: Box<dyn ExplainedSink + Send>,
) -> Result<(), Failure> {
    let size = fs::metadata(file).map_or(0, |metadata| metadata.len());
    let capture = {
        let progress = Progress::reading(size);
        Capture::read(file, arguments.date_order, progress.advancer())?
    };
    let driver = driver_file::find(arguments.driver.as_deref())?;
    let start = capture.events.first().map_or(0, |event| event.time).saturating_sub(LEAD_TIME);
    let bare = BareMachine::new(Setup {
        windows: arguments.windows.unwrap_or(WindowsVersion::Win11_24H2),
        start: Some(start),
        driver: &driver,
        output,
        explain: arguments.explain,
        watched: None,
        keep: false,
        trace: None,
    });
    let mut progress = Progress::playing(capture.events.len() as u64);
    let (machine, played) = capture::play(&capture, bare, &mut progress)?;
    drop(progress);
    write_memory(arguments, &machine)?;
    let remains = end_with(machine, || summary::played(capture.rows, capture.clock, &played))?;
    check(&remains)
}

/// Writes the memory of the drivers where the arguments ask for it, whole or not at all.
fn write_memory(arguments: &Simulate, machine: &Machine) -> Result<(), Failure> {
    let Some(path) = &arguments.memory else { return Ok(()) };
    machine.settle()?;
    suite::replace(path, machine.sim.memory())
}

/// Shuts the machine down and says what was recorded.
fn end(machine: Machine) -> Result<Remains, Failure> {
    end_with(machine, || ())
}

/// The same, saying something before it.
fn end_with(machine: Machine, say: impl FnOnce()) -> Result<Remains, Failure> {
    let remains = machine.shut_down()?;
    say();
    summary::recorded(&remains);
    Ok(remains)
}

/// That no rule was broken, and every record is accounted for.
fn check(remains: &Remains) -> Result<(), Failure> {
    if let Some(first) = remains.violations.first() {
        let more = remains.violations.len() - 1;
        let more = if more == 0 { String::new() } else { format!("\n  and {more} more") };
        return Err(Failure::Broken(format!("the driver broke a rule: {first}{more}")));
    }
    match remains.books.faults.first() {
        Some(fault) => Err(Failure::Broken(format!("the records do not add up: {fault}"))),
        None => Ok(()),
    }
}

/// A PID that is not among those taken. Windows gives out multiples of four, beginning low.
fn free_pid(taken: &[u32]) -> Option<u32> {
    (8..u32::MAX).step_by(4).find(|pid| !taken.contains(pid))
}
