//! Model filters that watch: every operation is shown in their name, down and up, whether a driver wants it or not.

use std::sync::{Arc, Mutex};

use super::machine_without_driver;
use crate::sim::{CreateSpec, FilterSpec, Major, Phase, Setting, WriteSpec};
use crate::{NtStatus, Windows};

#[test]
fn a_watching_filter_sees_every_operation_down_and_up() {
    let (sim, _, thread) = machine_without_driver(Windows::Win11_22H2);
    sim.add_filter(FilterSpec::new("watcher", "389999").watching()).expect("the altitude is free");
    let seen = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&seen);
    sim.set_observer(Box::new(move |callback| {
        assert_eq!(callback.driver, "watcher");
        into.lock().expect("nobody panics").push((callback.major, callback.phase, callback.status));
    }));
    let handle = sim.create(thread, &CreateSpec::new(r"C:\a")).expect("the volume is there");
    sim.write(thread, handle, &WriteSpec::at(0, 10)).expect("it is open for writing");
    sim.set_information(thread, handle, Setting::EndOfFile(5)).expect("it is open for writing");
    sim.close(thread, handle).expect("it is open");
    // What was written through the cache keeps the file object until it is on disk.
    sim.lazy_write();
    let seen = seen.lock().expect("nobody panics");
    for major in [Major::Create, Major::Write, Major::SetInformation, Major::Cleanup, Major::Close] {
        assert!(seen.contains(&(major, Phase::Pre, None)), "{major} on its way down");
        assert!(seen.contains(&(major, Phase::Post, Some(NtStatus::SUCCESS))), "{major} on its way up");
    }
}
