//! How a simulation ends: with a report, whatever the driver did.

use super::driver::{EntryPoint, Filter, nt};
use super::{Machine, driver};
use crate::abi::{CallbackData, Ptr, RelatedObjects, Shared};
use crate::sim::CreateSpec;
use crate::status::NtStatus;
use crate::verifier::Rule;
use crate::{Metering, Windows};

/// The message with which the simulation ends when a driver does this in `DriverEntry`.
fn end_of(entry: EntryPoint) -> (String, Vec<Rule>) {
    end_of_metered(entry, Metering::Off)
}

fn end_of_metered(entry: EntryPoint, metering: Metering) -> (String, Vec<Rule>) {
    let (sim, _, thread) = super::machine_without_driver(Windows::Win11_24H2);
    sim.set_metering(metering);
    let load = std::panic::AssertUnwindSafe(|| sim.load_native(driver::pointer(entry), "test"));
    let panic = std::panic::catch_unwind(load).expect_err("the simulation ends");
    let message = panic.downcast_ref::<String>().expect("it ends with a message").clone();
    let again = std::panic::AssertUnwindSafe(|| sim.create(thread, &CreateSpec::new(r"C:\a")));
    assert!(std::panic::catch_unwind(again).is_err(), "nothing goes on after the end");
    (message, sim.violations().into_iter().map(|violation| violation.rule).collect())
}

#[test]
fn a_bug_check_ends_it_with_code_and_parameters() {
    extern "win64" fn entry(_: usize, _: usize) -> u32 {
        nt("KeBugCheckEx", &[0xC4, 1, 2, 3, 0xABC]);
        unreachable!("a bug check does not return");
    }
    let (message, rules) = end_of(entry);
    assert_eq!(
        message,
        "the simulation ended: bug check 0x000000C4 (0x1, 0x2, 0x3, 0xABC), in test DriverEntry, KeBugCheckEx"
    );
    assert_eq!(rules, [Rule::Crash]);
}

#[test]
fn a_bad_pointer_passed_to_a_routine_ends_it_with_the_routine_s_name() {
    extern "win64" fn entry(_: usize, _: usize) -> u32 {
        nt("KeQuerySystemTimePrecise", &[0x10]);
        0
    }
    let (message, _) = end_of(entry);
    assert!(message.contains("access violation at 0x10 in KeQuerySystemTimePrecise"), "{message}");
}

#[test]
fn looking_inside_an_opaque_object_ends_it() {
    extern "win64" fn entry(_: usize, _: usize) -> u32 {
        let process = nt("IoGetCurrentProcess", &[]);
        Ptr::<u32>::at(process).read()
    }
    let (message, rules) = end_of(entry);
    assert!(message.contains("access violation"), "{message}");
    assert_eq!(rules, [Rule::Crash]);
}

#[test]
fn a_trap_instruction_ends_it() {
    extern "win64" fn entry(_: usize, _: usize) -> u32 {
        // SAFETY: the instruction raises an exception, which the simulation catches.
        unsafe { std::arch::asm!("ud2") }
        0
    }
    assert!(end_of(entry).0.contains("illegal instruction"));
}

#[test]
fn a_crash_below_a_nested_callback_leaves_all_of_them() {
    extern "win64" fn setup(_: usize, _: u32, _: u32, _: u32) -> u32 {
        nt("KeBugCheckEx", &[1, 0, 0, 0, 0]);
        0
    }
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        Filter::default().instance_setup(setup).start(driver)
    }
    let (message, _) = end_of(entry);
    assert!(message.contains("in test instance setup"), "{message}");
}

#[test]
fn a_crash_of_a_driver_s_thread_ends_it_in_the_harness() {
    extern "win64" fn start(_: usize) {
        nt("KeBugCheckEx", &[7, 0, 0, 0, 0]);
    }
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        let handle = Shared::new(0usize);
        let arguments = [handle.ptr().address(), 0, 0, 0, 0, start as *const () as usize, 0];
        assert_eq!(driver::status("PsCreateSystemThread", &arguments), NtStatus::SUCCESS);
        Filter::default().start(driver)
    }
    let (message, rules) = end_of(entry);
    assert!(
        message.contains("bug check 0x00000007") && message.contains("in test system thread"),
        "{message}"
    );
    assert_eq!(rules, [Rule::Crash]);
}

/// For the test of what is counted: calls are metered, and a worker crashes in a work item of the driver.
pub(super) fn end_in_a_worker(metering: Metering) {
    extern "win64" fn work(_: usize) {
        nt("KeBugCheckEx", &[7, 0, 0, 0, 0]);
    }
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        // `WORK_QUEUE_ITEM`: a list entry, the routine and its parameter.
        let item = driver::allocate(driver::NON_PAGED, 32).address();
        Ptr::<[usize; 4]>::at(item).write([0, 0, work as *const () as usize, 0]);
        nt("ExQueueWorkItem", &[item, 1]);
        Filter::default().start(driver)
    }
    let (message, _) = end_of_metered(entry, metering);
    assert!(message.contains("bug check 0x00000007"), "{message}");
}

#[test]
fn touching_a_user_buffer_ends_it() {
    extern "win64" fn pre(data: Ptr<CallbackData>, _: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
        // SAFETY: this is a write.
        let write = unsafe { driver::iopb(data).parameters.write };
        u32::from(write.write_buffer.cast::<u8>().read())
    }
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        Filter::default().on(crate::Major::Write, pre, None).start(driver)
    }
    let machine = Machine::new(entry);
    let handle = machine.open(r"C:\a");
    let write = || machine.sim.write(machine.thread, handle, &crate::WriteSpec::at(0, 1));
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(write)).is_err());
    machine.expect_violation(Rule::UserBuffer, "test pre-write");
}

#[test]
fn simulations_are_independent() {
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        Filter::default().start(driver)
    }
    extern "win64" fn crash(_: usize, _: usize) -> u32 {
        nt("KeBugCheckEx", &[1, 0, 0, 0, 0]);
        0
    }
    let survivor = Machine::new(entry);
    end_of(crash);
    survivor.open(r"C:\a");
    survivor.unload_cleanly();
    survivor.expect_no_violation();
}

#[test]
#[should_panic(expected = "an observer or message handler cannot act on the machine")]
fn an_observer_cannot_act_on_the_machine() {
    extern "win64" fn pre(_: Ptr<CallbackData>, _: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
        driver::SUCCESS_NO_CALLBACK
    }
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        Filter::default().on(crate::Major::Create, pre, None).start(driver)
    }
    let machine = Machine::new(entry);
    let sim = machine.sim.clone();
    machine.sim.set_observer(Box::new(move |_| sim.settle()));
    machine.open(r"C:\a");
}
