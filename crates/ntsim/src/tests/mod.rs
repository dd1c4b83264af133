//! Tests of the simulation with drivers whose code is linked into the test.

mod asynchronous;
mod cache;
mod cancelling;
mod changed;
mod concurrency;
mod context_kinds;
mod contexts;
mod copy;
mod cost;
mod crashes;
mod devices;
mod directories;
mod dispatcher;
mod driver;
mod ecps;
mod emulation;
mod enlistment;
mod faults;
mod files;
mod image;
mod locks;
mod mdls;
mod model_filters;
mod name_cache;
mod names;
mod objects;
mod operations;
mod own_io;
mod paging_reads;
mod pending;
mod ports;
mod processes;
mod queues;
mod references;
mod refusals;
mod registry;
mod registry_tables;
mod relations;
mod replacing;
mod requests;
mod run_time;
mod section_contexts;
mod sections;
mod security;
mod sharing;
mod symbols;
mod teardown;
mod threads;
mod transactions;
mod volumes;
mod watching;
mod zw_files;

use crate::verifier::Rule;
use crate::{
    Config, CreateSpec, Driver, Handle, Major, Process, ProcessSpec, Sim, Thread, VolumeSpec, Windows,
};

/// A machine with a volume, a process with a thread, and a driver.
struct Machine {
    sim: Sim,
    driver: Driver,
    thread: Thread,
}

/// Every major function there is.
const ALL_MAJORS: [Major; 22] = [
    Major::Create,
    Major::Close,
    Major::Read,
    Major::Write,
    Major::QueryInformation,
    Major::SetInformation,
    Major::FlushBuffers,
    Major::DirectoryControl,
    Major::FileSystemControl,
    Major::LockControl,
    Major::Cleanup,
    Major::VolumeDismount,
    Major::MdlWriteComplete,
    Major::PrepareMdlWrite,
    Major::MdlReadComplete,
    Major::MdlRead,
    Major::ReleaseForCcFlush,
    Major::AcquireForCcFlush,
    Major::ReleaseForModifiedPageWriter,
    Major::AcquireForModifiedPageWriter,
    Major::ReleaseForSectionSynchronization,
    Major::AcquireForSectionSynchronization,
];

const PID: u32 = 1000;
const TID: u32 = 1004;
const DEVICE: &str = r"\Device\HarddiskVolume3";

fn machine_without_driver(windows: Windows) -> (Sim, Process, Thread) {
    configured(Config::new(windows))
}

fn configured(config: Config) -> (Sim, Process, Thread) {
    let sim = Sim::new(config);
    sim.add_volume(VolumeSpec::new(DEVICE).dos("C:").guid(r"\??\Volume{3}")).expect("the names are free");
    let process = sim.add_process(ProcessSpec::new(r"C:\app.exe").pid(PID)).expect("the PID is free");
    let thread = sim.add_thread(process, Some(TID)).expect("the TID is free");
    (sim, process, thread)
}

impl Machine {
    /// Loads a driver, which must succeed.
    fn new(entry: driver::EntryPoint) -> Self {
        Self::of(Windows::Win11_24H2, entry)
    }

    fn of(windows: Windows, entry: driver::EntryPoint) -> Self {
        Self::with(Config::new(windows), entry)
    }

    fn with(config: Config, entry: driver::EntryPoint) -> Self {
        let (sim, _, thread) = configured(config);
        let driver = sim.load_native(driver::pointer(entry), "test").expect("the driver loads");
        Self { sim, driver, thread }
    }

    /// One whose files are in memory always, so that no pages are read.
    fn resident(windows: Windows, entry: driver::EntryPoint) -> Self {
        Self::with(Config::new(windows).paging_reads(false), entry)
    }

    fn open(&self, path: &str) -> Handle {
        self.sim.create(self.thread, &CreateSpec::new(path)).expect("the file opens")
    }

    /// The rules broken so far.
    fn broken(&self) -> Vec<Rule> {
        self.sim.violations().into_iter().map(|violation| violation.rule).collect()
    }

    /// Fails unless exactly this rule was broken, once, in this callback.
    fn expect_violation(&self, rule: Rule, callback: &str) {
        let violations = self.sim.violations();
        let found: Vec<_> =
            violations.iter().map(|violation| (violation.rule, violation.callback.as_str())).collect();
        assert_eq!(found, [(rule, callback)], "{violations:#?}");
    }

    fn expect_no_violation(&self) {
        let violations = self.sim.violations();
        assert!(violations.is_empty(), "{violations:#?}");
    }

    /// Unloads the driver, which must leave nothing behind.
    fn unload_cleanly(&self) {
        let report = self.sim.unload(&self.driver).expect("the driver unloads");
        assert!(report.is_clean(), "{report:?}");
    }
}
