//! The chores of whowrote, run as `cargo xtask`.

mod apt;
mod bench;
mod build;
mod cache;
mod cross;
mod deadline;
mod debugger;
mod demo;
mod node;
mod run;
mod sanitizer;
mod scenarios;
mod test;
mod torture;
mod wine;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use build::Part;
use cross::driver::{Arch, Profile};

/// The chores of whowrote
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", max_term_width = 100, after_help = CACHE)]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

const CACHE: &str = "What a chore needs and does not find it fetches, saying so, into a cache: $WHOWROTE_CACHE, by default \
    ~/.cache/whowrote. Nothing is installed.";

#[derive(Subcommand)]
enum Chore {
    /// Measures the driver, the ring beside others, and the program, and writes docs/performance.md
    #[command(
        after_help = "Takes about seven minutes. Nothing else should run meanwhile; if something does, the page says so.\n\n\
        Examples:\n  \
        cargo xtask bench          the whole report, with its charts\n  \
        cargo xtask bench --quick  the same of few and short measurements"
    )]
    Bench {
        /// Short measurements, for a first look
        #[arg(long)]
        quick: bool,
    },
    /// Builds the driver with its symbols, and the program
    #[command(after_help = "Examples:\n  \
        cargo xtask build                      the driver for x64, and the program for this host\n  \
        cargo xtask build driver --arch arm64  the driver alone, for ARM64\n  \
        cargo xtask build driver --debug       a driver that checks the IRQL at every function\n  \
        cargo xtask build windows-program      whowrote.exe")]
    Build {
        /// What to build [default: driver program]
        #[arg(value_enum, value_name = "PART")]
        parts: Vec<Part>,
        /// The processor that the driver is for
        #[arg(long, value_enum, default_value_t = Arch::X64)]
        arch: Arch,
        /// Build with assertions and without optimization
        #[arg(long)]
        debug: bool,
    },
    /// Runs clippy over what is compiled for Windows only: the driver, its bindings, parts of the program
    Clippy {
        /// The processor that the driver is for
        #[arg(long, value_enum, default_value_t = Arch::X64)]
        arch: Arch,
    },
    /// Copies a file with Explorer, on Windows 10 and on Windows 11: who wrote?
    Demo,
    /// Runs every scenario against the driver's image, on every Windows that it is for
    #[command(after_help = "Examples:\n  \
        cargo xtask scenarios                           a table: met, not met and why\n  \
        cargo xtask scenarios --explain explorer-copy   the callbacks of one scenario\n  \
        cargo xtask scenarios --document                writes docs/attribution.md")]
    Scenarios {
        /// Write docs/attribution.md: who wrote and what each rule would have said
        #[arg(long)]
        document: bool,
        /// More arguments of `whowrote scenarios`
        #[arg(value_name = "ARGUMENT", trailing_var_arg = true, allow_hyphen_values = true)]
        more: Vec<String>,
    },
    /// Plays random workloads through the driver, with calls that fail, and holds each record against the truth
    #[command(after_help = "Examples:\n  \
        cargo xtask torture                                        a million operations, whatever the seed\n  \
        cargo xtask torture --operations 10000000 --schedule threads\n  \
        cargo xtask torture --systematic                           each call that can fail, failed once")]
    Torture {
        /// More arguments of `whowrote torture`
        #[arg(value_name = "ARGUMENT", trailing_var_arg = true, allow_hyphen_values = true)]
        more: Vec<String>,
    },
    /// Checks everything: style, both drivers, the programs, documentation, tests
    #[command(after_help = "Examples:\n  \
        cargo xtask test              everything\n  \
        cargo xtask test clippy docu  only the checks with such a word in their name\n  \
        cargo xtask test interleavings sanitizers  the ring: every interleaving of its models, and its stress tests")]
    Test {
        /// Words, in the names of the checks to run [default: all checks]
        #[arg(value_name = "WORD")]
        only: Vec<String>,
    },
}

fn main() -> ExitCode {
    let outcome = if cross::link::is_wanted() { cross::link::main() } else { Arguments::parse().chore.run() };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

impl Chore {
    fn run(self) -> Result<()> {
        match self {
            Self::Bench { quick } => bench::bench(quick),
            Self::Build { parts, arch, debug } => {
                let profile = if debug { Profile::Dev } else { Profile::Release };
                let parts = if parts.is_empty() { vec![Part::Driver, Part::Program] } else { parts };
                for part in parts {
                    let path = part.build(arch, profile)?;
                    run::say(format_args!("built {}", path.display()));
                }
                Ok(())
            }
            Self::Clippy { arch } => {
                cross::driver::clippy(arch)?;
                cross::windows_program::clippy()
            }
            Self::Demo => demo::demo(),
            Self::Scenarios { document, more } => scenarios::scenarios(document, &more),
            Self::Torture { more } => torture::torture(&more),
            Self::Test { only } => test::test(&only),
        }
    }
}
