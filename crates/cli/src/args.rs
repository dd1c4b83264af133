//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::date_order::DateOrder;
use crate::windows_version::WindowsVersion;

/// Who really wrote that file?
///
/// Shows every write with the process and thread that asked for it, even when the kernel carries it out for them.
#[derive(Debug, Parser)]
#[command(name = "whowrote", version, after_help = EXAMPLES)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "\
Examples:
  whowrote simulate tests/scenarios/explorer-copy.kdl --explain
  whowrote simulate Logfile.csv.gz --json | jq 'select(.kind == \"write\")'
  whowrote watch

Exit codes: 0 all well; 1 an expectation is not met, a rule is broken or records do not add up;
2 the input cannot be used, or there is nothing to connect to.";

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Play a scenario or a Process Monitor capture through the driver, on a simulated machine
    #[command(after_help = SIMULATE_EXAMPLES)]
    Simulate(Simulate),
    /// Run all scenarios of a folder, each on every Windows that it is for
    #[command(after_help = SCENARIOS_EXAMPLES)]
    Scenarios(Scenarios),
    /// Play random workloads through the driver, with calls that fail, and hold each record against the truth
    #[command(after_help = TORTURE_EXAMPLES)]
    Torture(Torture),
    /// Show the writes on this machine as they happen (Windows, with the driver loaded)
    #[command(after_help = WATCH_EXAMPLES)]
    Watch(Watch),
    /// Change the driver's parameters while it runs (Windows, with the driver loaded)
    #[command(after_help = CONTROL_EXAMPLES)]
    Control(Control),
}

const SIMULATE_EXAMPLES: &str = "\
Examples:
  Who wrote what when Explorer copied a file, and what would other filters have said?
    whowrote simulate tests/scenarios/explorer-copy.kdl --windows 11-22h2 --explain
  The same on the Windows before:
    whowrote simulate tests/scenarios/explorer-copy.kdl --windows 10-22h2 --explain
  A capture, exported by Process Monitor with all columns (File > Save > CSV), as JSON Lines:
    whowrote simulate Logfile.csv.gz --json > writes.jsonl
  What does somebody else's minifilter do in all scenarios, and what does it cost?
    whowrote simulate --driver other.sys --all
  What does an operation cost, with whowrote's driver and without?
    whowrote simulate --cost";

const SCENARIOS_EXAMPLES: &str = "\
Examples:
  whowrote scenarios
  What did a filter see, callback by callback?
    whowrote scenarios --explain explorer-copy --windows 10-22h2
  Which are not met, for a program:
    whowrote scenarios --json | jq 'select(.outcome != \"met\")'
A scenario that says `not-met` is listed as not met yet; it is an error if it is met after all.";

const TORTURE_EXAMPLES: &str = "\
Examples:
  A million operations, whatever the seed:
    whowrote torture --operations 1000000
  The same again, as a program reads it:
    whowrote torture --operations 1000000 --seed 7 --json
  Real threads, and one call of a thousand fails in every second case:
    whowrote torture --schedule threads --faults 1000
  Each call that can fail, failed once:
    whowrote torture --systematic
A case that fails is made short and left as a scenario, which `whowrote simulate` plays.
Exit codes: 0 all well; 1 a case failed; 2 there is no driver to run.";

const WATCH_EXAMPLES: &str = "\
Examples:
  whowrote watch
  whowrote watch --json | findstr explorer.exe
Ctrl-C ends it. The driver keeps what was not yet shown, and hands it to the next one who watches.";

const CONTROL_EXAMPLES: &str = "\
Examples:
  Leave out what the backup writes, and all writes below a folder:
    whowrote control --exclude-image backup.exe --exclude-path C:\\Logs
  Record writes alone:
    whowrote control --audit writes
  Leave nothing out any more:
    whowrote control --exclude-no-image --exclude-no-path
  Read the registry again (HKLM\\SYSTEM\\CurrentControlSet\\Services\\whowrote\\Parameters):
    whowrote control --reload
What is changed here lasts until the driver is unloaded; docs/driver.md tells of the parameters.";

/// Arguments of `simulate`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch on the command line")]
pub struct Simulate {
    /// A scenario (.kdl), or a capture exported by Process Monitor (.csv, .csv.gz); scenarios, for another driver
    #[arg(value_name = "FILE", required_unless_present_any = ["all", "cost"])]
    pub files: Vec<PathBuf>,
    /// For another driver: play all scenarios of tests/scenarios
    #[arg(long, conflicts_with = "files")]
    pub all: bool,
    /// Measure in instructions what operations cost, without a filter and with the driver (release builds only)
    #[arg(long, conflicts_with_all = ["files", "all"])]
    pub cost: bool,
    /// Write what was measured to this file, too, as Markdown
    #[arg(long, value_name = "FILE", requires = "cost")]
    pub document: Option<PathBuf>,
    /// The Windows that is simulated; else the newest that the scenario is for
    #[arg(long, value_name = "VERSION", value_enum)]
    pub windows: Option<WindowsVersion>,
    /// The driver's image, which may be another minifilter; else the one that `cargo xtask build` made, or that
    /// `WHOWROTE_SYS` names
    #[arg(long, value_name = "PATH")]
    pub driver: Option<PathBuf>,
    /// Write the memory of the simulated machine's drivers to this file when the scenario has been played, before the
    /// driver is unloaded; for `windbg/whowrote.js` and its tests
    #[arg(long, value_name = "FILE", conflicts_with_all = ["all", "cost"])]
    pub memory: Option<PathBuf>,
    /// The order of the dates in the capture, where they do not tell it themselves
    #[arg(long, value_name = "ORDER", value_enum)]
    pub date_order: Option<DateOrder>,
    /// Write JSON Lines, one object per record
    #[arg(long)]
    pub json: bool,
    /// Show for each write what other filters would have concluded
    #[arg(long)]
    pub explain: bool,
}

/// Arguments of `scenarios`.
#[derive(Debug, Args)]
pub struct Scenarios {
    /// The folder of the scenarios (.kdl)
    #[arg(default_value = "tests/scenarios")]
    pub folder: PathBuf,
    /// The driver's image; else the one that `cargo xtask build` made, or that `WHOWROTE_SYS` names
    #[arg(long, value_name = "PATH")]
    pub driver: Option<PathBuf>,
    /// Write JSON Lines, one object per scenario (or callback, with --explain)
    #[arg(long)]
    pub json: bool,
    /// Show the callbacks of one scenario as they came, instead of running all
    #[arg(long, value_name = "NAME", conflicts_with = "document")]
    pub explain: Option<String>,
    /// The Windows to explain a scenario on; else the newest that it is for
    #[arg(long, value_name = "VERSION", value_enum, requires = "explain")]
    pub windows: Option<WindowsVersion>,
    /// Write to this file, as Markdown, who wrote and what each rule would have said
    #[arg(long, value_name = "FILE")]
    pub document: Option<PathBuf>,
}

/// No step of a torture run takes a second; one that takes so many does not end.
pub const TORTURE_PATIENCE: u64 = 60;

/// Arguments of `torture`.
#[derive(Debug, Args)]
pub struct Torture {
    /// How many operations to play, at least
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    pub operations: u64,
    /// What everything is drawn from; drawn itself if it lacks, and told at the end
    #[arg(long, value_name = "SEED")]
    pub seed: Option<u64>,
    /// Play this one case, by its own seed
    #[arg(long, value_name = "SEED", conflicts_with = "seed")]
    pub case: Option<u64>,
    /// Which thread runs when
    #[arg(long, value_enum, default_value_t = Schedules::All)]
    pub schedule: Schedules,
    /// In every second case so many of a million calls that can fail do so; 0 for none
    #[arg(long, value_name = "PER_MILLION", default_value_t = 1000)]
    pub faults: u32,
    /// The Windows that is simulated; else each in turn
    #[arg(long, value_name = "VERSION", value_enum)]
    pub windows: Option<WindowsVersion>,
    /// The driver's image; else the one that `cargo xtask build` made, or that `WHOWROTE_SYS` names
    #[arg(long, value_name = "PATH")]
    pub driver: Option<PathBuf>,
    /// How many cases to play at a time
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub jobs: usize,
    /// End with an error if for so many seconds no step has ended, and say who does what
    #[arg(long, value_name = "SECONDS", default_value_t = TORTURE_PATIENCE)]
    pub patience: u64,
    /// Go on after a case has failed
    #[arg(long)]
    pub keep_going: bool,
    /// The folder for the scenarios of cases that failed
    #[arg(long, value_name = "FOLDER", default_value = "target/torture")]
    pub output: PathBuf,
    /// Fail each call once, up to so many, instead of drawing
    #[arg(long, value_name = "CALLS", num_args = 0..=1, default_missing_value = "18446744073709551615")]
    pub systematic: Option<u64>,
    /// Write a JSON object instead of the table
    #[arg(long)]
    pub json: bool,
}

/// Which thread runs when, in the cases of a torture run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Schedules {
    /// One at a time, in a fixed order
    Fixed,
    /// One at a time, in an order drawn from the seed
    Seeded,
    /// All at once, as threads of this machine
    Threads,
    /// Each case one of the three
    All,
}

/// Arguments of `watch`.
#[derive(Debug, Args)]
pub struct Watch {
    /// Write JSON Lines, one object per record
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `control`.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub struct Control {
    /// What is recorded
    #[arg(long, value_name = "WHAT", value_enum, value_delimiter = ',')]
    pub audit: Vec<Audited>,
    /// Leave out what processes of this image write: a file name, or a path with all below it. In place of the present rules
    #[arg(long, value_name = "IMAGE")]
    pub exclude_image: Vec<String>,
    /// Leave out what is written to this file, or below this folder. In place of the present rules
    #[arg(long, value_name = "PATH")]
    pub exclude_path: Vec<String>,
    /// Leave out no process
    #[arg(long, conflicts_with = "exclude_image")]
    pub exclude_no_image: bool,
    /// Leave out no file
    #[arg(long, conflicts_with = "exclude_path")]
    pub exclude_no_path: bool,
    /// Have the driver read the registry again, before all else
    #[arg(long)]
    pub reload: bool,
}

/// What can be recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Audited {
    /// Nothing at all
    Nothing,
    /// Writes through handles
    Writes,
    /// Writes through mapped views
    MappedWrites,
    /// Creation, deletion, renaming, links, sizes, file-system controls
    Changes,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
