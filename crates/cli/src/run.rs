//! From arguments to what the program does.

use std::io::{self, BufWriter, IsTerminal as _, Stdout};

use crate::args::{Arguments, Command};
use crate::failure::Failure;
use crate::output::{ExplainedSink, Json, Table};

/// The least width that a table is fitted to.
const LEAST_WIDTH: u16 = 100;
/// The width of a terminal that does not tell its own.
const USUAL_WIDTH: u16 = 120;

/// Does what the arguments say.
///
/// # Errors
///
/// Why it could not, or what it found wrong.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    match &arguments.command {
        Command::Simulate(simulate) => run_simulate(simulate),
        Command::Scenarios(scenarios) => run_scenarios(scenarios),
        Command::Torture(torture) => run_torture(torture),
        Command::Watch(watch) => crate::watch::run(output(watch.json)),
        Command::Control(control) => crate::control::run(control),
    }
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn run_simulate(arguments: &crate::args::Simulate) -> Result<(), Failure> {
    crate::simulate::run(arguments, output(arguments.json))
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn run_scenarios(arguments: &crate::args::Scenarios) -> Result<(), Failure> {
    crate::simulate::suite::run(arguments)
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn run_torture(arguments: &crate::args::Torture) -> Result<(), Failure> {
    crate::torture::run(arguments)
}

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
fn run_torture(_: &crate::args::Torture) -> Result<(), Failure> {
    Err(no_simulator())
}

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
fn run_simulate(_: &crate::args::Simulate) -> Result<(), Failure> {
    Err(no_simulator())
}

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
fn run_scenarios(_: &crate::args::Scenarios) -> Result<(), Failure> {
    Err(no_simulator())
}

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
fn no_simulator() -> Failure {
    let message = "the simulator runs on x86-64 Linux only; here, `whowrote watch` reads the driver";
    Failure::Unusable(message.to_owned())
}

/// Standard output, for programs or for people.
fn output(json: bool) -> Box<dyn ExplainedSink + Send> {
    let stdout = BufWriter::new(io::stdout());
    if json {
        return Box::new(Json::new(stdout));
    }
    Box::new(table(stdout))
}

fn table(stdout: BufWriter<Stdout>) -> Table<BufWriter<Stdout>> {
    // Finding out whether colours work also makes them work on a Windows console.
    let colour = anstream::AutoStream::auto(io::stdout()).current_choice() != anstream::ColorChoice::Never;
    // What goes into a file is kept whole.
    let width = io::stdout().is_terminal().then(|| {
        let columns = console::Term::stdout().size_checked().map_or(USUAL_WIDTH, |(_, columns)| columns);
        usize::from(columns.max(LEAST_WIDTH))
    });
    Table::new(stdout, colour, width)
}
