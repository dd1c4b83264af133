//! `whowrote simulate --cost`: what an operation costs in instructions, without a filter and with the driver.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use ntsim::{
    Access, ChunkSpec, CreateSpec, FastIo, Handle, Instructions, NtStatus, Process, ProcessSpec, Sim, Thread,
    VolumeSpec, WriteOffset, WriteSpec,
};
use serde_json::json;

use super::foreign::{self, Spread, spread, table};
use super::machine::{BareMachine, Setup};
use super::progress::Progress;
use crate::args::Simulate;
use crate::failure::Failure;
use crate::output::words::grouped;
use crate::output::{ExplainedSink, Json};
use crate::windows_version::WindowsVersion;

/// How often each operation is measured, and before that done without being measured: what is done for the first time
/// takes longer, and the table is about the usual case.
const ROUNDS: usize = 21;
const WARM_UP: usize = 8;

const DEVICE: &str = r"\Device\HarddiskVolume3";
const SOURCE: &str = r"\Device\HarddiskVolume3\source.bin";
const TARGET: &str = r"\Device\HarddiskVolume3\target.bin";
const FILE_BYTES: u64 = 1 << 20;
const WRITE_BYTES: u32 = 4096;
const CHUNK_BYTES: u32 = 65536;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Measured {
    Create,
    Write,
    FastWrite,
    Chunk,
    Close,
}

const ALL: [Measured; 5] =
    [Measured::Create, Measured::Write, Measured::FastWrite, Measured::Chunk, Measured::Close];

impl Measured {
    fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Write => "cached write, 4 KiB",
            Self::FastWrite => "the same by fast I/O",
            Self::Chunk => "copy chunk, 64 KiB (read and write)",
            Self::Close => "close (cleanup and close)",
        }
    }
}

/// The machine, ready for any of them.
struct Bench {
    sim: Sim,
    thread: Thread,
    file: Handle,
    source: Handle,
}

fn failed(status: NtStatus) -> Failure {
    Failure::Broken(format!("an operation that was to be measured failed with {status}"))
}

fn create(path: &str) -> CreateSpec {
    CreateSpec::new(path).access(Access::GENERIC_READ | Access::GENERIC_WRITE | Access::SYNCHRONIZE)
}

impl Bench {
    /// Makes a machine; `load` puts the driver on it, or does not.
    fn new(bare: BareMachine<'_>, load: bool) -> Result<(Self, Option<super::Machine>), Failure> {
        let unusable = |error: ntsim::SpecError| Failure::Broken(error.to_string());
        bare.add_volume(VolumeSpec::new(DEVICE).dos("C:")).map_err(unusable)?;
        let sim = bare.sim.clone();
        for path in [SOURCE, TARGET] {
            sim.add_file(path, FILE_BYTES).map_err(failed)?;
        }
        let process: Process = sim.add_process(ProcessSpec::new(r"C:\app.exe")).map_err(unusable)?;
        let thread = sim.add_thread(process, None).map_err(unusable)?;
        let machine = if load { Some(bare.start(None)?) } else { None };
        let file = sim.create(thread, &create(TARGET)).map_err(failed)?;
        let source = sim.create(thread, &create(SOURCE)).map_err(failed)?;
        Ok((Self { sim, thread, file, source }, machine))
    }

    /// Does one of them, counting only that, if at all.
    fn measure(&self, what: Measured, count: bool) -> Result<Instructions, NtStatus> {
        let Self { sim, thread, file, source } = self;
        // Not a closure: each of them returns something else.
        macro_rules! counted {
            ($work:expr) => {
                if count { sim.count_instructions(|| $work) } else { ($work, Instructions::default()) }
            };
        }
        let write = WriteSpec::new(WriteOffset::At(0), WRITE_BYTES);
        let counted = match what {
            Measured::Create => {
                let spec = create(TARGET);
                let (handle, counts) = counted!(sim.create(*thread, &spec));
                sim.close(*thread, handle?)?;
                counts
            }
            Measured::Close => {
                let handle = sim.create(*thread, &create(TARGET))?;
                let (closed, counts) = counted!(sim.close(*thread, handle));
                closed?;
                counts
            }
            Measured::Write | Measured::FastWrite => {
                let fast_io = if what == Measured::Write { FastIo::No } else { FastIo::Accepted };
                let spec = WriteSpec { fast_io, ..write };
                let (written, counts) = counted!(sim.write(*thread, *file, &spec));
                written?;
                counts
            }
            Measured::Chunk => {
                let spec = ChunkSpec {
                    source: *source,
                    destination: *file,
                    source_offset: 0,
                    destination_offset: 0,
                    length: CHUNK_BYTES,
                };
                let (written, counts) = counted!(sim.copy_file_chunk(*thread, &spec));
                written?;
                counts
            }
        };
        Ok(counted)
    }
}

/// The figures of one operation on one machine.
struct Figures {
    total: Spread,
    driver: Spread,
    routines: Spread,
    simulator: Spread,
}

fn figures(bench: &Bench, what: Measured) -> Result<Figures, Failure> {
    for _ in 0..WARM_UP {
        bench.measure(what, false).map_err(failed)?;
    }
    let counts: Vec<Instructions> =
        (0..ROUNDS).map(|_| bench.measure(what, true)).collect::<Result<_, _>>().map_err(failed)?;
    let of = |part: fn(&Instructions) -> u64| {
        let numbers: Vec<u64> = counts.iter().map(part).collect();
        spread(&numbers).unwrap_or(Spread { median: 0, p99: 0, max: 0 })
    };
    Ok(Figures {
        total: of(|counts| counts.total()),
        driver: of(|counts| counts.driver),
        routines: of(|counts| counts.routines),
        simulator: of(|counts| counts.simulator),
    })
}

/// A row: without and with the driver.
struct Row {
    what: Measured,
    without: Figures,
    with: Figures,
}

/// Measures, and tells.
pub(super) fn run(arguments: &Simulate, driver: &Path) -> Result<(), Failure> {
    if !foreign::COUNTS_INSTRUCTIONS {
        let message =
            "a debug build of the simulator has no cost worth telling\n  help: build with --release";
        return Err(Failure::Unusable(message.to_owned()));
    }
    let windows = arguments.windows.unwrap_or(WindowsVersion::Win11_24H2);
    let other = foreign::is_other(driver)?;
    let service = foreign::service_of(driver);
    let bare = || {
        let sink: Box<dyn ExplainedSink + Send> = Box::new(Json::new(std::io::sink()));
        let setup = Setup {
            windows,
            start: None,
            driver,
            output: sink,
            explain: false,
            keep: false,
            trace: None,
            watched: None,
        };
        let bare = BareMachine::unwatched(setup);
        if other { bare.guest(&service) } else { bare }
    };
    let (without, _) = Bench::new(bare(), false)?;
    let (with, machine) = Bench::new(bare(), true)?;
    let mut rows = Vec::new();
    let mut progress = Progress::playing(ALL.len() as u64);
    for (index, what) in ALL.into_iter().enumerate() {
        rows.push(Row { what, without: figures(&without, what)?, with: figures(&with, what)? });
        progress.set(index as u64 + 1);
    }
    drop(progress);
    drop(machine);
    let text = if arguments.json { lines(&rows) } else { shown(&rows, &service, windows) };
    let mut out = anstream::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|_| Failure::OutputClosed)?;
    match &arguments.document {
        Some(path) => super::suite::replace(path, document(&rows, windows)),
        None => Ok(()),
    }
}

const HEADINGS: [&str; 7] =
    ["operation", "without", "with", "filter adds", "driver", "routines", "simulator"];

fn cells(row: &Row) -> Vec<String> {
    let Row { what, without, with } = row;
    let added = with.total.median.saturating_sub(without.total.median);
    let numbers = [
        without.total.median,
        with.total.median,
        added,
        with.driver.median,
        with.routines.median,
        with.simulator.median,
    ];
    std::iter::once(what.name().to_owned()).chain(numbers.map(grouped)).collect()
}

fn shown(rows: &[Row], service: &str, windows: WindowsVersion) -> String {
    let mut text = format!(
        "Instructions for one operation on Windows {windows}, without a filter and with {service} (median of {ROUNDS})\n\n"
    );
    table(&mut text, &HEADINGS, &rows.iter().map(cells).collect::<Vec<_>>());
    text
}

fn lines(rows: &[Row]) -> String {
    let line = |Row { what, without, with }: &Row| {
        json!({
            "kind": "cost", "operation": what.name(), "rounds": ROUNDS,
            "without": without.total, "with": with.total,
            "driver": with.driver, "routines": with.routines, "simulator": with.simulator,
        })
    };
    rows.iter().flat_map(|row| [line(row).to_string(), "\n".to_owned()]).collect()
}

/// The document, with the command that makes it.
fn document(rows: &[Row], windows: WindowsVersion) -> String {
    let mut text = format!(
        "# What the driver costs, in instructions\n\n\
         Generated by `cargo xtask build && target/release/whowrote simulate --cost \
         --windows {windows} --document docs/cost.md`; not edited by hand.\n\n\
         Every figure is an exact count, made by single-stepping the simulator and the driver's release image (docs/simulator.md, \
         \"What it costs\"): the median of {ROUNDS} repetitions after {WARM_UP} that warm up, on Windows {windows}. The consumer \
         is connected. What its delivery thread does is not part of an operation and not counted.\n\n\
         | operation | without a filter | with the driver | the filter adds | of that driver | routines | simulator, all of it |\n\
         |---|---:|---:|---:|---:|---:|---:|\n"
    );
    for row in rows {
        // Writing to a `String` cannot fail.
        let _ = writeln!(text, "| {} |", cells(row).join(" | "));
    }
    let most = |part: fn(&Figures) -> Spread| {
        rows.iter()
            .map(|row| format!("{} {}", row.what.name(), grouped(part(&row.with).max)))
            .collect::<Vec<_>>()
    };
    let _ = write!(
        text,
        "\n* **Driver**: instructions in the driver's own image.\n\
         * **Routines**: inside the routines that it calls, as ntsim has them, with their checks. On Windows these are the kernel's, \
         and cost something else.\n\
         * **Simulator**: everything else, such as carrying the operation out. It is more with a filter than without, since an \
         operation that a filter sees needs callback data, and each callback is checked.\n\n\
         The most that the driver itself took in any repetition: {}.\n",
        most(|figures| figures.driver).join("; ")
    );
    text
}
