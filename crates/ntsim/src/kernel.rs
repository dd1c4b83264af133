//! The kernel: its components together.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::{panic, process};

use crate::abi::Address;
use crate::cc::CacheManager;
use crate::cm::Registry;
use crate::ex::locks::Locks;
use crate::ex::pool::Pool;
use crate::ex::push_lock::PushLocks;
use crate::ex::work::WorkQueues;
use crate::exports::{DataCells, DataExport};
use crate::fltmgr::FilterManager;
use crate::fltmgr::ecp::EcpLists;
use crate::io::device::Devices;
use crate::io::driver::Driver;
use crate::io::in_flight::InFlight;
use crate::io::irp_sent::Irps;
use crate::io::transaction::Transactions;
use crate::io::waiting::Waiting;
use crate::io::work_item::IoWorkItems;
use crate::io::{FileHandles, VolumeTable};
use crate::ke::clock::Clock;
use crate::ke::crash::Crash;
use crate::ke::dispatcher::Dispatcher;
use crate::ke::dpc::Dpcs;
use crate::ke::gate::Gate;
use crate::ke::meter::Meter;
use crate::ke::scheduler::Scheduler;
use crate::ke::timer::Timers;
use crate::mm::mdl::Mdls;
use crate::mm::section::Sections;
use crate::ob::callbacks::Callbacks;
use crate::ob::event::NamedEvents;
use crate::ob::{Arena, HandleTable, Objects};
use crate::ps::notify::{ProcessNotify, ThreadNotify};
use crate::ps::{Process, ProcessTable, Thread, ThreadKind};
use crate::rtl::exception;
use crate::rtl::generic_table::GenericTables;
use crate::se::SeExports;
use crate::sim::{Config, Observer, SpecError};
use crate::util::Lock;
use crate::verifier::Verifier;
use crate::verifier::ecp::EcpContexts;
use crate::verifier::user_buffer::UserBuffers;

/// Receives what drivers print.
type Print = Box<dyn FnMut(&str) + Send>;

/// `NtBuildNumber` has this beside the number in a release build of the system.
const FREE_BUILD: usize = 0xF000_0000;

/// A simulated kernel.
pub(crate) struct Kernel {
    pub(crate) config: Config,
    /// Held by whoever acts on the machine from outside.
    pub(crate) machine: Lock<()>,
    /// Held while filters attach to volumes or leave them, callbacks included: neither mounts nor loads nor unloads miss
    /// each other.
    pub(crate) attaching: Gate,
    pub(crate) clock: Clock,
    pub(crate) scheduler: Scheduler,
    pub(crate) cells: DataCells,
    pub(crate) arena: Arena,
    pub(crate) objects: Objects,
    pub(crate) handles: HandleTable,
    pub(crate) pool: Pool,
    pub(crate) user_buffers: UserBuffers,
    pub(crate) ecp_contexts: EcpContexts,
    pub(crate) push_locks: PushLocks,
    pub(crate) locks: Locks,
    pub(crate) generic_tables: GenericTables,
    pub(crate) named_events: NamedEvents,
    pub(crate) work: WorkQueues,
    pub(crate) processes: ProcessTable,
    pub(crate) process_notify: ProcessNotify,
    pub(crate) thread_notify: ThreadNotify,
    pub(crate) volumes: VolumeTable,
    pub(crate) file_handles: FileHandles,
    pub(crate) cache: CacheManager,
    pub(crate) sections: Sections,
    pub(crate) mdls: Mdls,
    pub(crate) registry: Registry,
    pub(crate) callbacks: Callbacks,
    pub(crate) dispatcher: Dispatcher,
    pub(crate) dpcs: Dpcs,
    pub(crate) timers: Timers,
    pub(crate) io_work_items: IoWorkItems,
    pub(crate) devices: Devices,
    pub(crate) irps: Irps,
    /// What the variable `SeExports` points to.
    #[expect(dead_code, reason = "it is drivers who read it")]
    pub(crate) se_exports: SeExports,
    pub(crate) in_flight: InFlight,
    pub(crate) waiting: Waiting,
    pub(crate) transactions: Transactions,
    pub(crate) ecps: EcpLists,
    pub(crate) drivers: Lock<Vec<Arc<Driver>>>,
    pub(crate) filters: FilterManager,
    pub(crate) verifier: Verifier,
    pub(crate) meter: Meter,
    pub(crate) observer: Lock<Option<Observer>>,
    pub(crate) system: Arc<Process>,
    /// The System worker that is there from the beginning.
    worker: Arc<Thread>,
    /// Those in whose name nobody acts.
    idle_workers: Lock<Vec<Arc<Thread>>>,
    print: Lock<Option<Print>>,
    crash: Lock<Option<Ended>>,
    crashed: AtomicBool,
    last_id: AtomicU64,
}

/// How the simulation ended.
struct Ended {
    crash: Crash,
    message: String,
}

impl Kernel {
    pub(crate) fn new(config: Config) -> Arc<Self> {
        let arena = Arena::new();
        let objects = Objects::new(config.reuse_threads);
        let processes = ProcessTable::default();
        let system = processes.create_system(&arena, &objects, config.start_time);
        let worker = processes
            .create_thread(&arena, &objects, &system, None, ThreadKind::System, config.processors)
            .expect("no thread has the first number yet");
        let cells = DataCells::new();
        cells.set(DataExport::PsInitialSystemProcess, system.ptr().address());
        cells.set(DataExport::IoFileObjectType, arena.allocate().address());
        cells.set(DataExport::PsProcessType, arena.allocate().address());
        cells.set(DataExport::PsThreadType, arena.allocate().address());
        cells.set(DataExport::ExEventObjectType, arena.allocate().address());
        cells.set(DataExport::SeTokenObjectType, arena.allocate().address());
        cells.set(DataExport::TmTransactionObjectType, arena.allocate().address());
        cells.set(DataExport::MmUserProbeAddress, exception::USER_PROBE_ADDRESS);
        cells.set(DataExport::MmHighestUserAddress, exception::USER_PROBE_ADDRESS - 1);
        cells.set(DataExport::MmSystemRangeStart, exception::SYSTEM_RANGE_START);
        cells.set(DataExport::NtBuildNumber, FREE_BUILD | config.windows.build() as usize);
        cells.set(DataExport::KdDebuggerNotPresent, 1);
        let se_exports = SeExports::new();
        cells.set(DataExport::SeExports, se_exports.address());
        Arc::new(Self {
            machine: Lock::default(),
            attaching: Gate::default(),
            clock: Clock::new(config.start_time),
            scheduler: Scheduler::new(config.schedule),
            cells,
            arena,
            objects,
            handles: HandleTable::new(),
            pool: Pool::new(config.watch),
            user_buffers: UserBuffers::default(),
            ecp_contexts: EcpContexts::default(),
            push_locks: PushLocks::default(),
            locks: Locks::default(),
            generic_tables: GenericTables::default(),
            named_events: NamedEvents::default(),
            work: WorkQueues::default(),
            processes,
            process_notify: ProcessNotify::default(),
            thread_notify: ThreadNotify::default(),
            volumes: VolumeTable::default(),
            file_handles: FileHandles::default(),
            cache: CacheManager::default(),
            sections: Sections::default(),
            mdls: Mdls::default(),
            registry: Registry::default(),
            callbacks: Callbacks::default(),
            dispatcher: Dispatcher::default(),
            dpcs: Dpcs::default(),
            timers: Timers::default(),
            io_work_items: IoWorkItems::default(),
            devices: Devices::default(),
            irps: Irps::default(),
            se_exports,
            in_flight: InFlight::default(),
            waiting: Waiting::default(),
            transactions: Transactions::default(),
            ecps: EcpLists::default(),
            drivers: Lock::default(),
            filters: FilterManager::default(),
            verifier: Verifier::new(),
            meter: Meter::default(),
            observer: Lock::default(),
            system,
            idle_workers: Lock::new(vec![Arc::clone(&worker)]),
            worker,
            print: Lock::default(),
            crash: Lock::default(),
            crashed: AtomicBool::new(false),
            last_id: AtomicU64::new(0),
            config,
        })
    }

    /// An identity for something of this kernel, never used twice.
    pub(crate) fn next_id(&self) -> u64 {
        // Relaxed: the counter orders nothing but itself.
        self.last_id.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// The System worker that is there from the beginning: its identity, for whoever asks for it from outside.
    pub(crate) fn system_worker(&self) -> &Arc<Thread> {
        &self.worker
    }

    /// A System worker in whose name nobody acts.
    pub(crate) fn take_worker(&self) -> Arc<Thread> {
        let idle = self.idle_workers.lock().pop();
        idle.unwrap_or_else(|| {
            self.create_thread(&self.system, None, ThreadKind::System).expect("a number is free")
        })
    }

    /// Nobody acts in its name any more.
    pub(crate) fn return_worker(&self, worker: Arc<Thread>) {
        self.idle_workers.lock().push(worker);
    }

    pub(crate) fn create_thread(
        &self,
        process: &Arc<Process>,
        tid: Option<u32>,
        kind: ThreadKind,
    ) -> Result<Arc<Thread>, SpecError> {
        self.processes.create_thread(&self.arena, &self.objects, process, tid, kind, self.config.processors)
    }

    /// The driver whose image an address lies in.
    pub(crate) fn driver_at(&self, address: Address) -> Option<Arc<Driver>> {
        let drivers = self.drivers.lock();
        drivers.iter().find(|driver| driver.image().is_some_and(|image| image.contains(address))).cloned()
    }

    /// Where the images of the drivers are.
    pub(crate) fn image_ranges(&self) -> Vec<Range<Address>> {
        let drivers = self.drivers.lock();
        let images = drivers.iter().filter_map(|driver| driver.image());
        images.map(|image| image.base()..image.base() + image.bytes()).collect()
    }

    /// Passes on what a driver prints.
    pub(crate) fn print(&self, text: &str) {
        if let Some(print) = &mut *self.print.lock() {
            print(text);
        }
    }

    pub(crate) fn set_print(&self, print: Print) {
        *self.print.lock() = Some(print);
    }

    /// Notes how the simulation ended; what comes after the first end is its consequence.
    pub(crate) fn record_crash(&self, crash: Crash, (callback, operation): (String, String)) {
        let mut ended = self.crash.lock();
        if ended.is_none() {
            let message = format!("the simulation ended: {crash}, in {callback}, {operation}");
            *ended = Some(Ended { crash, message });
        }
        drop(ended);
        // Release: pairs with the Acquire in `has_crashed`, so that whoever sees it finds what happened.
        self.crashed.store(true, Ordering::Release);
        self.scheduler.crashed();
    }

    pub(crate) fn has_crashed(&self) -> bool {
        // Acquire: pairs with the Release in `record_crash`.
        self.crashed.load(Ordering::Acquire)
    }

    /// Ends the harness's call because the simulation has ended.
    pub(crate) fn raise(&self) -> ! {
        let mut ended = self.crash.lock();
        let Some(ended) = &mut *ended else {
            eprintln!("ntsim: a driver was left although nothing happened");
            process::abort();
        };
        match &mut ended.crash {
            Crash::Panic(payload) if !payload.is::<Taken>() => {
                let payload = std::mem::replace(payload, Box::new(Taken));
                panic::resume_unwind(payload)
            }
            _ => panic!("{}", ended.message),
        }
    }
}

/// Stands for a panic that has been passed on.
struct Taken;
