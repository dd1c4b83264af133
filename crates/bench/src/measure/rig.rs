//! A simulated machine with the driver on it.

use std::path::Path;

use anyhow::{Context, Result, anyhow};
use audit::batch::{Acknowledgement, Batch};
use ntsim::{
    Access, Config, Connection, CreateSpec, Driver, Handle, NtStatus, PortReply, Process, ProcessSpec,
    RegistryValue, Sim, Thread, VolumeSpec, Windows,
};

const DEVICE: &str = r"\Device\HarddiskVolume3";
/// Lists of the driver's parameters: what of writes is left out.
pub(crate) const EXCLUDED_IMAGES: &str = "ExcludeImages";
pub(crate) const EXCLUDED_PATHS: &str = "ExcludePaths";
const SERVICE: &str = "whowrote";
/// What the machine's process runs.
const IMAGE: &str = r"C:\app.exe";
pub(crate) const IMAGE_NAME: &str = "app.exe";
const PORT: &str = r"\WhoWrotePort";
const CONSUMER: &str = r"C:\Program Files\whowrote\whowrote.exe";

/// The machine, with a volume, a process and a thread of it.
pub(crate) struct Rig {
    pub(crate) sim: Sim,
    pub(crate) thread: Thread,
    driver: Driver,
}

/// Takes each message of the driver.
pub(crate) type Take = Box<dyn FnMut(&[u8]) + Send>;

impl Rig {
    /// The machine, with the driver on it.
    pub(crate) fn new(driver: &Path, processors: u32) -> Result<Self> {
        Self::with(driver, processors, &[])
    }

    /// The same, where the driver's lists of these names in the registry have these texts.
    pub(crate) fn with(driver: &Path, processors: u32, lists: &[(&str, Vec<String>)]) -> Result<Self> {
        // Not watched: guarding memory takes time, and makes a page of each block.
        let sim = Sim::new(Config::new(Windows::Win11_24H2).watch(false).processors(processors));
        sim.add_volume(VolumeSpec::new(DEVICE).dos("C:"))?;
        let process = sim.add_process(ProcessSpec::new(IMAGE))?;
        let thread = sim.add_thread(process, None)?;
        for (name, texts) in lists {
            sim.set_parameter(SERVICE, name, &RegistryValue::Texts(texts.clone()));
        }
        let driver = sim
            .load_file(driver, SERVICE)
            .map_err(|error| anyhow!("{error}"))
            .with_context(|| format!("the driver {} cannot be loaded", driver.display()))?;
        Ok(Self { sim, thread, driver })
    }

    /// Connects a consumer that acknowledges everything.
    pub(crate) fn connect(&self, mut take: Take) -> Result<Connection> {
        let process: Process = self.sim.add_process(ProcessSpec::new(CONSUMER).administrator())?;
        let handler = move |message: &[u8]| {
            take(message);
            match Batch::parse(message) {
                Ok(batch) => {
                    PortReply::Reply(Acknowledgement::accepted(batch.header().batch).encode().to_vec())
                }
                Err(_) => PortReply::Disconnect,
            }
        };
        let connection = self.sim.connect(PORT, process, &[], Box::new(handler)).map_err(failed)?;
        self.sim.settle();
        Ok(connection)
    }

    /// Has a consumer take all that is in the ring, and leave.
    pub(crate) fn empty_ring(&self) -> Result<()> {
        self.connect(Box::new(|_| ()))?.disconnect();
        Ok(())
    }

    /// Opens a file of the volume, which is made.
    pub(crate) fn open(&self, thread: Thread, path: &str) -> Result<Handle> {
        let access = Access::GENERIC_READ | Access::GENERIC_WRITE | Access::SYNCHRONIZE;
        self.sim.create(thread, &CreateSpec::new(&format!("{DEVICE}{path}")).access(access)).map_err(failed)
    }

    /// Unloads the driver.
    pub(crate) fn unload(self) -> Result<()> {
        self.sim.settle();
        self.sim.unload(&self.driver).map_err(|error| anyhow!("the driver cannot be unloaded: {error}"))?;
        Ok(())
    }
}

/// What was to be measured did not work.
pub(crate) fn failed(status: NtStatus) -> anyhow::Error {
    anyhow!("an operation that was to be measured failed with {status}")
}
