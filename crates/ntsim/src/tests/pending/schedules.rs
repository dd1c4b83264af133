//! All of it at once, in whatever order threads run.

use super::*;

/// A driver that defers every second operation to a worker and holds every third completion up, below one that reposts
/// and above one that completes late.
mod restless {
    use super::*;

    static TURN: AtomicUsize = AtomicUsize::new(0);

    extern "win64" fn send_on(item: usize, data: Data, _: usize) {
        nt("FltFreeDeferredIoWorkItem", &[item]);
        complete_pre(data, SUCCESS_WITH_CALLBACK, 1);
    }

    extern "win64" fn pre(data: Data, _: Objects, context: Ptr<usize>) -> u32 {
        match TURN.fetch_add(1, Ordering::SeqCst) % 3 {
            0 => defer(data, send_on),
            1 => SYNCHRONIZE,
            _ => {
                context.write(1);
                SUCCESS_WITH_CALLBACK
            }
        }
    }

    extern "win64" fn carry_on(item: usize, _: usize, data: usize) {
        nt("FltCompletePendedPostOperation", &[data]);
        nt("FltFreeGenericWorkItem", &[item]);
    }

    extern "win64" fn post(data: Data, objects: Objects, context: usize, flags: u32) -> u32 {
        if context == 0 || flags == DRAINING {
            return FINISHED_PROCESSING;
        }
        let item = nt("FltAllocateGenericWorkItem", &[]);
        let instance = objects.read().instance.address();
        let arguments = [item, instance, carry_on as *const () as usize, DELAYED_WORK_QUEUE, data.address()];
        if status("FltQueueGenericWorkItem", &arguments).is_success() {
            return MORE_PROCESSING_REQUIRED;
        }
        nt("FltFreeGenericWorkItem", &[item]);
        FINISHED_PROCESSING
    }

    pub(super) extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        Filter::default().on_with_flags(Major::Write, 1, pre, Some(post)).start(driver)
    }
}

fn stir(schedule: Schedule, writers: usize) {
    const WRITES: u32 = 40;
    let sim = Sim::new(Config::new(Windows::Win11_24H2).schedule(schedule));
    sim.add_volume(VolumeSpec::new(r"\Device\HarddiskVolume3").dos("C:")).expect("the names are free");
    let driver = sim.load_native(driver::pointer(restless::entry), "test").expect("the driver loads");
    let filters = [
        FilterSpec::new("above", "400000").act(When::every(Major::Write).nth(2), Act::Repost),
        FilterSpec::new("below", "40000").act(When::every(Major::Write).nth(2), Act::CompleteAtDispatch),
        FilterSpec::new("lowest", "30000").act(When::every(Major::Write).nth(5), Act::Repost),
    ];
    for filter in filters {
        sim.add_filter(filter).expect("the altitude is free");
    }
    let process = sim.add_process(crate::ProcessSpec::new(r"C:\app.exe")).expect("PIDs are free");
    std::thread::scope(|scope| {
        for writer in 0..writers {
            let sim = sim.clone();
            scope.spawn(move || {
                let thread = sim.add_thread(process, None).expect("TIDs are free");
                let handle = sim
                    .create(thread, &crate::CreateSpec::new(&format!(r"C:\{writer}")))
                    .expect("the file opens");
                for _ in 0..WRITES {
                    assert_eq!(sim.write(thread, handle, &WriteSpec::at(0, 10)), Ok(10));
                }
                sim.close(thread, handle).expect("it is open");
            });
        }
    });
    let report = sim.unload(&driver).expect("the driver unloads");
    assert!(report.is_clean(), "{report:?}");
    assert_eq!(sim.violations(), []);
}

#[test]
fn operations_reach_their_end_in_whatever_order_threads_run() {
    for seed in 0..20 {
        stir(Schedule::Seeded(seed), 1);
    }
}

#[test]
fn operations_reach_their_end_when_threads_run_at_once() {
    for _ in 0..3 {
        stir(Schedule::Threads, 4);
    }
}
