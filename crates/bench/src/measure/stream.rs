//! From writes to lines, and from a saved stream to lines.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use audit::batch::Batch;
use audit::record::Record;
use bench::measures::{Rate, Spread};
use ntsim::{ChunkSpec, Handle, ProcessSpec, Thread, WriteOffset, WriteSpec};
use whowrote_cli::consumer::Consumer;
use whowrote_cli::consumer::names::Drives;
use whowrote_cli::output::Json;

use super::rig::{Rig, failed};

const PROCESSES: usize = 20;
const FILES: usize = 10;
const WRITE_BYTES: u32 = 4096;
/// One write in so many is a copied chunk, whose record takes two slots.
const COPY_EVERY: usize = 10;
/// Writes that wait for the consumer when a stream is recorded: their records fit into the ring.
const WAITING: usize = 10_000;
/// Where the lines go: the system call is made, no disk is waited for.
const NOWHERE: &str = "/dev/null";
/// What decoding is to reach.
const DECODING_GOAL: f64 = 1_000_000.0;

/// The messages of the driver.
type Saved = Vec<Vec<u8>>;

/// A consumer of the program, that writes lines to nowhere and counts their bytes.
type Lines = Consumer<Json<BufWriter<Counted>>>;

struct Counted {
    out: File,
    bytes: Arc<AtomicU64>,
}

impl Write for Counted {
    fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
        let written = self.out.write(buffer)?;
        self.bytes.fetch_add(written as u64, Ordering::Relaxed);
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}

fn lines() -> Result<(Lines, Arc<AtomicU64>)> {
    let bytes = Arc::new(AtomicU64::new(0));
    let out = File::create(NOWHERE).with_context(|| format!("cannot open {NOWHERE}"))?;
    let counted = Counted { out, bytes: Arc::clone(&bytes) };
    let drives = Drives::new(vec![(r"\Device\HarddiskVolume3".to_owned(), "C:".to_owned())]);
    Ok((Consumer::new(Json::new(BufWriter::new(counted)), drives), bytes))
}

/// So many writes on a simulated machine, through the driver and the program; then a saved stream of as many through the
/// program alone, `rounds` times.
pub(crate) fn measure(driver: &Path, amount: usize, rounds: usize) -> Result<[Rate; 2]> {
    Ok([end_to_end(driver, amount)?, decoding(&record(driver, amount)?, rounds)?])
}

/// Who writes on the machine.
struct Workload {
    rig: Rig,
    writers: Vec<(Thread, Handle)>,
}

impl Workload {
    fn new(driver: &Path) -> Result<Self> {
        let rig = Rig::new(driver, 2)?;
        let mut writers = Vec::new();
        for number in 0..PROCESSES {
            let image = format!(r"C:\Program Files\application {number}\application.exe");
            let process = rig.sim.add_process(ProcessSpec::new(&image))?;
            let thread = rig.sim.add_thread(process, None)?;
            for file in 0..FILES {
                let path = format!(r"\Users\user\Documents\folder {number}\document {file}.docx");
                writers.push((thread, rig.open(thread, &path)?));
            }
        }
        Ok(Self { rig, writers })
    }

    /// The write with this number; the first round gives every file something to copy.
    fn write(&self, number: usize) -> Result<()> {
        let Self { rig, writers } = self;
        let (round, place) = (number / writers.len(), number % writers.len());
        let (thread, destination) = writers[place];
        let at = i64::try_from(round)? * i64::from(WRITE_BYTES);
        let (owner, source) = writers[(place + 1) % writers.len()];
        if round > 0 && number.is_multiple_of(COPY_EVERY) && owner == thread {
            let chunk = ChunkSpec {
                source,
                destination,
                source_offset: 0,
                destination_offset: at,
                length: WRITE_BYTES,
            };
            return rig.sim.copy_file_chunk(thread, &chunk).map(drop).map_err(failed);
        }
        let spec = WriteSpec::new(WriteOffset::At(at), WRITE_BYTES);
        rig.sim.write(thread, destination, &spec).map(drop).map_err(failed)
    }
}

/// All the way, with the program connected.
#[expect(clippy::cast_precision_loss, reason = "far less than 2^52")]
fn end_to_end(driver: &Path, amount: usize) -> Result<Rate> {
    let work = Workload::new(driver)?;
    let (mut consumer, bytes_out) = lines()?;
    let bytes_in = Arc::new(AtomicU64::new(0));
    let came_in = Arc::clone(&bytes_in);
    let (failure, failed) = channel();
    let connection = work.rig.connect(Box::new(move |message| {
        came_in.fetch_add(message.len() as u64, Ordering::Relaxed);
        if let Err(error) = consumer.on_message(message) {
            // Nobody listens any more only if an earlier one has ended the measurement.
            let _ = failure.send(error);
        }
    }))?;
    let begin = Instant::now();
    (0..amount).try_for_each(|number| work.write(number))?;
    work.rig.sim.settle();
    let rate = amount as f64 / begin.elapsed().as_secs_f64();
    connection.disconnect();
    if let Ok(error) = failed.try_recv() {
        return Err(error.into());
    }
    work.rig.unload()?;
    let loaded = |bytes: &AtomicU64| bytes.load(Ordering::Relaxed);
    Ok(Rate {
        what: "writes on the simulated machine to JSON Lines".to_owned(),
        records: amount as u64,
        bytes: (loaded(&bytes_in), loaded(&bytes_out)),
        per_second: Spread { median: rate, low: rate, high: rate },
        goal: None,
    })
}

/// The stream of so many writes, in batches as a busy machine has them: the consumer comes when many wait.
fn record(driver: &Path, amount: usize) -> Result<Saved> {
    let work = Workload::new(driver)?;
    let saved: Arc<Mutex<Saved>> = Arc::default();
    let mut written = 0;
    while written < amount {
        let until = amount.min(written + WAITING);
        (written..until).try_for_each(|number| work.write(number))?;
        written = until;
        let kept = Arc::clone(&saved);
        let connection = work.rig.connect(Box::new(move |message| {
            kept.lock().unwrap_or_else(PoisonError::into_inner).push(message.to_vec());
        }))?;
        connection.disconnect();
    }
    work.rig.unload()?;
    let saved = std::mem::take(&mut *saved.lock().unwrap_or_else(PoisonError::into_inner));
    let arrived = records(&saved)?;
    if arrived != amount as u64 {
        bail!("of {amount} writes {arrived} arrived");
    }
    Ok(saved)
}

/// Writes in a stream.
fn records(saved: &Saved) -> Result<u64> {
    let mut records = 0;
    for message in saved {
        let batch = Batch::parse(message).ok().context("a message that cannot be read")?;
        records += batch.records().filter(|record| matches!(record, Ok(Record::Write(_)))).count() as u64;
    }
    Ok(records)
}

#[expect(clippy::cast_precision_loss, reason = "far less than 2^52")]
fn decoding(saved: &Saved, rounds: usize) -> Result<Rate> {
    let records = records(saved)?;
    let mut rates = Vec::new();
    let mut bytes_out = 0;
    for _ in 0..rounds {
        let (mut consumer, bytes) = lines()?;
        let begin = Instant::now();
        for message in saved {
            consumer.on_message(message)?;
        }
        rates.push(records as f64 / begin.elapsed().as_secs_f64());
        bytes_out = bytes.load(Ordering::Relaxed);
    }
    Ok(Rate {
        what: "a saved stream to JSON Lines".to_owned(),
        records,
        bytes: (saved.iter().map(|message| message.len() as u64).sum(), bytes_out),
        per_second: Spread::of(rates).context("no samples")?,
        goal: Some(DECODING_GOAL),
    })
}
