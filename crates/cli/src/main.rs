//! The program `whowrote`.

use std::panic;
use std::process::{ExitCode, exit};

use clap::Parser as _;
use whowrote_cli::args::Arguments;
use whowrote_cli::run::run;

/// Exit code when the simulated machine crashes under the driver.
const CRASHED: i32 = 1;

fn main() -> ExitCode {
    // The simulator panics on what would be a bug check. That is a result, to be told like others, not an abort.
    panic::set_hook(Box::new(|crash| {
        let message = crash.payload_as_str().unwrap_or("the program failed");
        anstream::eprintln!("error: {message}");
        if let Some(place) = crash.location() {
            anstream::eprintln!("  in {place}");
        }
        exit(CRASHED);
    }));
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            anstream::eprintln!("error: {failure}");
            failure.exit_code()
        }
    }
}
