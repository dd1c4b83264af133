//! The chores of whowrote, run as `cargo xtask`.

mod apt;
mod cache;
mod cross;
mod run;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use cross::driver::{Arch, Profile};

/// The chores of whowrote
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Builds the driver, with its symbols
    #[command(after_help = "Examples:\n  \
        cargo xtask build                 target/x86_64-pc-windows-msvc/release/whowrote.sys and .pdb\n  \
        cargo xtask build --arch arm64    the same for ARM64\n  \
        cargo xtask build --debug         checks the interrupt request level at every function")]
    Build {
        /// The processor to build for
        #[arg(long, value_enum, default_value_t = Arch::X64)]
        arch: Arch,
        /// Build the dev profile: assertions on, not optimized
        #[arg(long)]
        debug: bool,
    },
    /// Runs clippy over the driver and its bindings, as compiled for Windows
    Clippy {
        /// The processor to check for
        #[arg(long, value_enum, default_value_t = Arch::X64)]
        arch: Arch,
    },
}

fn main() -> ExitCode {
    let outcome =
        if cross::link::is_wanted() { cross::link::main() } else { run_chore(Arguments::parse().chore) };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run_chore(chore: Chore) -> Result<()> {
    match chore {
        Chore::Build { arch, debug } => {
            let profile = if debug { Profile::Dev } else { Profile::Release };
            cross::driver::build(arch, profile)
                .map(|image| run::say(format_args!("built {}", image.display())))
        }
        Chore::Clippy { arch } => cross::driver::clippy(arch),
    }
}
