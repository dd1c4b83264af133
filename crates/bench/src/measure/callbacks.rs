//! What the callbacks of each operation cost.

use std::path::Path;

use anyhow::Result;
use bench::measures::{COPY_WRITE, Callback, EXCLUDED_PROCESS, PAGING_WRITE, USER_WRITE};
use ntsim::{ChunkSpec, FastIo, Protection, SectionSpec, WriteOffset, WriteSpec};

use super::meter::callbacks;
use super::rig::{EXCLUDED_IMAGES, EXCLUDED_PATHS, IMAGE_NAME, Rig, failed};

/// How often each is done before it is measured.
const WARM_UP: usize = 200;
const WRITE_BYTES: u32 = 4096;
const CHUNK_BYTES: u32 = 65536;
const PAGE: u64 = 4096;

/// All of them, each on a machine of its own to which nobody is connected; in `rounds`, of which the records fit into
/// the ring.
pub(crate) fn measure(driver: &Path, rounds: usize) -> Result<Vec<Callback>> {
    let mut all = Vec::new();
    for (operation, body) in OPERATIONS {
        let rig = Rig::new(driver, 1)?;
        all.extend(body(&rig, operation, rounds)?);
        rig.unload()?;
    }
    for (operation, list, excluded) in EXCLUDED {
        let rig = Rig::with(driver, 1, &[(list, vec![excluded.to_owned()])])?;
        all.extend(write(&rig, operation, rounds, FastIo::No)?);
        rig.unload()?;
    }
    Ok(all)
}

/// User writes that are left out: by which list of the driver's parameters, and which entry of it.
const EXCLUDED: [(&str, &str, &str); 2] = [
    (EXCLUDED_PROCESS, EXCLUDED_IMAGES, IMAGE_NAME),
    ("write to an excluded file", EXCLUDED_PATHS, r"\Device\HarddiskVolume3\file"),
];

type Operation = fn(&Rig, &str, usize) -> Result<Vec<Callback>>;

const OPERATIONS: [(&str, Operation); 5] = [
    ("create", |rig, operation, rounds| {
        let work = || {
            let handle = rig.open(rig.thread, r"\created")?;
            rig.sim.close(rig.thread, handle).map_err(failed)
        };
        warmed(rig, operation, rounds, work)
    }),
    (USER_WRITE, |rig, operation, rounds| write(rig, operation, rounds, FastIo::No)),
    ("fast I/O write", |rig, operation, rounds| write(rig, operation, rounds, FastIo::Accepted)),
    (COPY_WRITE, |rig, operation, rounds| {
        let [source, destination] =
            [rig.open(rig.thread, r"\source")?, rig.open(rig.thread, r"\destination")?];
        let fill = WriteSpec::new(WriteOffset::At(0), CHUNK_BYTES);
        rig.sim.write(rig.thread, source, &fill).map_err(failed)?;
        let (source_offset, destination_offset) = (0, 0);
        let chunk = ChunkSpec { source, destination, source_offset, destination_offset, length: CHUNK_BYTES };
        let work = || rig.sim.copy_file_chunk(rig.thread, &chunk).map(drop).map_err(failed);
        warmed(rig, operation, rounds, work)
    }),
    (PAGING_WRITE, |rig, operation, rounds| {
        let file = rig.open(rig.thread, r"\mapped")?;
        let spec = SectionSpec::new(Protection::ReadWrite).size(PAGE);
        let section = rig.sim.create_section(rig.thread, file, &spec).map_err(failed)?;
        let view = rig.sim.map_view(rig.thread, section).map_err(failed)?;
        let work = || {
            rig.sim.dirty_view(rig.thread, view, 0, PAGE).map_err(failed)?;
            rig.sim.flush_view(rig.thread, view, 0, PAGE).map_err(failed)
        };
        warmed(rig, operation, rounds, work)
    }),
];

fn write(rig: &Rig, operation: &str, rounds: usize, fast_io: FastIo) -> Result<Vec<Callback>> {
    let file = rig.open(rig.thread, r"\file")?;
    let spec = WriteSpec { fast_io, ..WriteSpec::new(WriteOffset::At(0), WRITE_BYTES) };
    warmed(rig, operation, rounds, || rig.sim.write(rig.thread, file, &spec).map(drop).map_err(failed))
}

fn warmed(
    rig: &Rig,
    operation: &str,
    rounds: usize,
    mut work: impl FnMut() -> Result<()>,
) -> Result<Vec<Callback>> {
    (0..WARM_UP).try_for_each(|_| work())?;
    callbacks(&rig.sim, operation, rounds, work)
}
