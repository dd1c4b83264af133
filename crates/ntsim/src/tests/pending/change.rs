//! Order of filters, and what they change.

use super::*;

#[test]
fn drivers_are_stacked_by_altitude_whatever_the_order_in_which_they_come() {
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        Filter::default().on(Major::Write, watch, Some(finish)).start(driver)
    }
    let (sim, _, thread) = crate::tests::machine_without_driver(crate::Windows::Win11_24H2);
    sim.set_altitude("test", "40000.5").expect("a good altitude");
    sim.set_altitude("upper", "385971").expect("a good altitude");
    assert!(sim.set_altitude("other", "x").is_err());
    let driver = sim.load_native(driver::pointer(entry), "test").expect("the driver loads");
    let upper = sim.load_native(driver::pointer(entry), "upper").expect("the driver loads");
    let machine = Machine { sim, driver, thread };
    let handle = machine.open(r"C:\a");
    let log = note(&machine);
    assert_eq!(write(&machine, handle), Ok(10));
    let order = ["upper pre", "test pre", "test post", "upper post"];
    assert_eq!(notes(&log), order.map(|callback| format!("{callback} at 0 in caller")));
    let _ = upper;
}

#[test]
fn a_change_that_is_marked_is_seen_below_and_not_above() {
    static SEEN: Mutex<Vec<(&str, u32)>> = Mutex::new(Vec::new());
    fn length(data: Data) -> u32 {
        // SAFETY: this is a write.
        unsafe { driver::iopb(data).parameters.write.length }
    }
    extern "win64" fn change(data: Data, _: Objects, _: Ptr<usize>) -> u32 {
        assert_eq!(nt("FltIsCallbackDataDirty", &[data.address()]) & 0xFF, 0);
        let to = data.read().iopb;
        let mut iopb = to.read();
        iopb.parameters.write.length = 5;
        to.write(iopb);
        nt("FltSetCallbackDataDirty", &[data.address()]);
        assert_eq!(nt("FltIsCallbackDataDirty", &[data.address()]) & 0xFF, 1);
        SUCCESS_WITH_CALLBACK
    }
    extern "win64" fn after(data: Data, _: Objects, _: usize, _: u32) -> u32 {
        SEEN.lock().unwrap().push(("upper post", length(data)));
        FINISHED_PROCESSING
    }
    extern "win64" fn look(data: Data, _: Objects, _: Ptr<usize>) -> u32 {
        SEEN.lock().unwrap().push(("lower pre", length(data)));
        SUCCESS_WITH_CALLBACK
    }
    extern "win64" fn look_again(data: Data, _: Objects, _: usize, _: u32) -> u32 {
        SEEN.lock().unwrap().push(("lower post", length(data)));
        FINISHED_PROCESSING
    }
    extern "win64" fn lower(driver: usize, _: usize) -> u32 {
        Filter::default().on(Major::Write, look, Some(look_again)).start(driver)
    }
    let machine = machine!(change, Some(after));
    machine.sim.load_native(driver::pointer(lower), "lower").expect("the driver loads");
    let handle = machine.open(r"C:\a");
    let arrived = machine.sim.inside(machine.thread, |cpu| {
        let file = cpu.kernel().file_handles.get(cpu.thread().process(), handle.0).expect("it is open");
        let operation = Operation::new(Major::Write, Kind::Irp, file, Some(cpu.thread()));
        let mut parameters = Parameters { words: [0; 6] };
        // The field is an integer, like all of the union.
        parameters.write.length = 10;
        let length = fltmgr::dispatch(cpu, operation, parameters, |_, arrival| {
            // SAFETY: this is a write.
            let length = unsafe { arrival.parameters.write.length };
            Answer::Complete(IoStatus::new(NtStatus::SUCCESS, length as usize))
        });
        length.information
    });
    assert_eq!(arrived, 5, "the file system gets what the filter left");
    assert_eq!(*SEEN.lock().unwrap(), [("lower pre", 5), ("lower post", 5), ("upper post", 10)]);
    machine.expect_no_violation();
}

#[test]
fn a_status_that_a_filter_changes_on_the_way_up_is_the_operation_s() {
    extern "win64" fn fail(data: Data, _: Objects, _: usize, _: u32) -> u32 {
        let mut changed = data.read();
        changed.io_status.status = NtStatus::DISK_FULL.0;
        data.write(changed);
        FINISHED_PROCESSING
    }
    let machine = machine!(watch, Some(fail));
    let handle = machine.open(r"C:\a");
    assert_eq!(write(&machine, handle), Err(NtStatus::DISK_FULL));
    machine.expect_no_violation();
}
