//! Counting instructions: images that a test assembles, so that the right numbers are known.

use super::image::{Recipe, build, relative};
use super::machine_without_driver;
use crate::{Instructions, Windows};

/// `DriverEntry` that executes a known number of instructions: a loop, a repeated string instruction, a call of the
/// first import (or none).
fn code(rounds: u8, calls: bool) -> impl Fn(u32) -> Vec<u8> {
    move |first_import| {
        let mut code = vec![0x57, 0x48, 0x83, 0xEC, 0x40]; // push rdi; sub rsp, 40h
        code.extend([0xB9, rounds, 0, 0, 0]); // mov ecx, rounds
        code.extend([0xFF, 0xC9, 0x75, 0xFC]); // dec ecx; jnz back
        code.extend([0x48, 0x8D, 0x7C, 0x24, 0x20]); // lea rdi, [rsp + 20h]
        code.extend([0xB9, 16, 0, 0, 0, 0xF3, 0xAA]); // mov ecx, 16; rep stosb
        if calls {
            relative(&mut code, &[0xFF, 0x15], first_import); // call [import]
        }
        code.extend([0x33, 0xC0, 0x48, 0x83, 0xC4, 0x40, 0x5F, 0xC3]); // xor eax, eax; add rsp, 40h; pop rdi; ret
        code
    }
}

/// Instructions of that code: three before the loop, two in each round, three after it, four at the end.
fn expected(rounds: u8, calls: bool) -> u64 {
    3 + 2 * u64::from(rounds) + 3 + 4 + u64::from(calls)
}

/// What loading such a driver takes.
fn counted(rounds: u8, calls: bool) -> Instructions {
    counted_by(crate::Metering::Instructions, rounds, calls)
}

fn counted_by(metering: crate::Metering, rounds: u8, calls: bool) -> Instructions {
    let (sim, ..) = machine_without_driver(Windows::Win11_24H2);
    let image = build(&Recipe { code: &code(rounds, calls), ..Recipe::default() });
    sim.set_metering(metering);
    sim.load(&image, "tiny").expect("the image loads");
    let costs = sim.take_calls();
    assert_eq!(costs.len(), 1, "{costs:?}");
    assert_eq!((costs[0].driver.as_str(), costs[0].callback.as_str()), ("tiny", "DriverEntry"));
    costs[0].instructions
}

#[test]
fn the_instructions_of_a_driver_are_counted_exactly() {
    for rounds in [1, 2, 100] {
        let counts = counted(rounds, false);
        assert_eq!((counts.driver, counts.routines), (expected(rounds, false), 0), "{rounds} rounds");
    }
}

#[test]
fn the_instructions_of_a_routine_are_told_from_the_driver_s() {
    let counts = counted(5, true);
    assert_eq!(counts.driver, expected(5, true));
    assert!(counts.routines > 10, "{counts:?}");
    assert_eq!(counted(5, true).driver, counts.driver, "the routine's own are none of the driver's");
}

/// Stepping through everything, drivers' instructions being all that was asked for, took minutes for a few scenarios.
#[test]
fn a_driver_s_instructions_are_the_same_where_nothing_else_is_stepped_through() {
    for calls in [false, true] {
        let alone = counted_by(crate::Metering::DriverInstructions, 5, calls);
        assert_eq!((alone.driver, alone.routines), (expected(5, calls), 0));
    }
}

/// A worker that a crash, or the end of the simulation, made leave what it did was left with the trap flag set, and
/// the trap that came while the host's thread ended, where all signals are blocked, killed the process.
#[test]
fn stepping_ends_with_a_worker_that_is_left_early() {
    for metering in [crate::Metering::Instructions, crate::Metering::DriverInstructions] {
        super::crashes::end_in_a_worker(metering);
    }
}

#[test]
fn stepping_ends_with_a_thread_that_ends_itself() {
    super::threads::with_a_thread_that_ends_itself(crate::Metering::Instructions);
    super::threads::with_a_thread_that_ends_itself(crate::Metering::DriverInstructions);
}

#[test]
fn counting_ends_with_what_is_counted() {
    let (sim, ..) = machine_without_driver(Windows::Win11_24H2);
    let ((), nothing) = sim.count_instructions(|| ());
    assert!(nothing.total() < 100, "{nothing:?}"); // a debug build calls what a release build inlines
    let (time, counts) = sim.count_instructions(|| sim.time());
    assert!(time > 0 && counts.simulator > nothing.simulator, "{counts:?}");
    assert_eq!((counts.driver, counts.routines), (0, 0));
    assert_eq!(crate::ke::step::counted(), None);
}

/// Where all signals are blocked, as while a thread of the host is made, a trap once killed the process.
#[test]
fn a_thread_of_the_host_is_made_without_stepping_through_it() {
    let (sim, ..) = machine_without_driver(Windows::Win11_24H2);
    let make = || crate::ke::step::unstepped(|| std::thread::spawn(|| 7).join());
    let (joined, counts) = sim.count_instructions(|| (make().ok(), sim.time()).0);
    assert_eq!(joined, Some(7));
    assert!(counts.simulator > 0, "stepping goes on afterwards");
}

/// A virtual machine short of processors loses what the processor says of a trap. Such a one was taken for a breakpoint,
/// which killed the process, ended the simulation, or had it step through the making of its report for an hour.
#[test]
fn a_trap_of_which_nothing_is_said_is_a_step() {
    let (sim, ..) = machine_without_driver(Windows::Win11_24H2);
    let ((), counts) = sim.count_instructions(|| {
        // SAFETY: `int1` does nothing but trap, with an empty status, and the handler returns to what follows it.
        unsafe { std::arch::asm!(".byte 0xF1") };
    });
    assert!(counts.simulator > 0);
}

#[test]
fn a_call_takes_time_where_that_is_wanted_and_its_routines_are_told_apart() {
    let timed = |metering, calls| {
        let (sim, ..) = machine_without_driver(Windows::Win11_24H2);
        let image = build(&Recipe { code: &code(5, calls), ..Recipe::default() });
        sim.set_metering(metering);
        sim.load(&image, "tiny").expect("the image loads");
        let [call] = sim.take_calls().try_into().expect("one call");
        (call.ticks.driver > 0, call.ticks.routines > 0, call.routine_calls)
    };
    assert_eq!(timed(crate::Metering::Time, true), (true, true, 1));
    assert_eq!(timed(crate::Metering::Time, false), (true, false, 0));
    assert_eq!(timed(crate::Metering::Calls, true), (false, false, 1));
}
