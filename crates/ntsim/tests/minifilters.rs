//! Drivers in C, compiled by the test: what compilers and headers of C put into a driver, and no Rust driver has.

#![cfg(all(target_arch = "x86_64", target_os = "linux"))]

mod c_driver;

use std::sync::{Arc, Mutex};

use ntsim::{
    Access, Act, Config, CreateSpec, FilterSpec, Major, Metering, ProcessSpec, Sim, VolumeSpec, When,
    Windows, WriteOffset, WriteSpec,
};

use c_driver::{CDriver, compile_defining};

const DEVICE: &str = r"\Device\HarddiskVolume3";

fn compile(source: &str) -> Option<CDriver> {
    compile_defining(source, &[])
}

/// What a driver prints while it is loaded, line by line.
fn printed(driver: &CDriver, windows: Windows) -> Vec<String> {
    let sim = Sim::new(Config::new(windows));
    let lines = prints(&sim, || sim.load(&driver.image, "test").unwrap_or_else(|error| panic!("{error}")));
    assert!(sim.violations().is_empty(), "{:?}", sim.violations());
    lines
}

/// What drivers print meanwhile, line by line.
fn prints<R>(sim: &Sim, work: impl FnOnce() -> R) -> Vec<String> {
    let text = Arc::new(Mutex::new(String::new()));
    let sink = Arc::clone(&text);
    sim.set_debug_print(Box::new(move |printed| sink.lock().expect("nothing panics").push_str(printed)));
    work();
    let text = text.lock().expect("nothing panics");
    text.lines().map(str::to_owned).collect()
}

#[test]
fn exceptions_reach_the_handler_that_wants_them() {
    let Some(driver) = compile("exceptions.c") else { return };
    let expected = [
        "plain c0000005",
        "raised c0000001",
        "probe ok 0",
        "probe kernel c0000005",
        "probe wraps c0000005",
        "probe empty 0",
        "probe misaligned 80000002",
        "probe write 0",
        "probe write nowhere c0000005",
        "copy 0",
        "copy from nowhere c0000005",
        "copy to nowhere c0000005",
        "divided c0000094",
        "nested 12",
        "kept 3063",
        "leaves 11",
        "noncanonical c0000005",
    ];
    assert_eq!(printed(&driver, Windows::Win11_24H2), expected);
}

#[test]
fn what_headers_make_inline_works() {
    let Some(driver) = compile("inline.c") else { return };
    for windows in Windows::ALL {
        let lines = printed(&driver, windows);
        assert_eq!(lines[0], format!("version 10.0.{}", windows.build()));
        assert_eq!(lines[1], format!("time {}", Sim::new(Config::new(windows)).time()));
        let rest: Vec<_> = lines[2..].iter().map(String::as_str).collect();
        assert_eq!(rest, ["ticks 1", "feature 1 0", "thread 1", "irql 0", "raised 2", "lowered 0"]);
    }
}

#[test]
fn what_no_handler_takes_ends_the_simulation() {
    for (kind, expected) in [
        ("OUTSIDE", "an access violation at 0x10000 at test.sys+"),
        ("KERNEL_ADDRESS", "an access violation at 0xFFFF800000001000 at test.sys+"),
        ("RAISED_IRQL", "an access violation at 0x10000 at test.sys+"),
        ("DECLINED", "an access violation at 0x10000 at test.sys+"),
        ("STATUS_RAISED", "bug check 0x0000001E (0xC0000001"),
        ("PRIVILEGED", "by the privileged instruction `wbinvd`"),
    ] {
        let Some(driver) = compile_defining("unhandled.c", &[&format!("KIND={kind}")]) else { return };
        let sim = Sim::new(Config::new(Windows::Win11_24H2));
        let load = std::panic::AssertUnwindSafe(|| sim.load(&driver.image, "test").map(|_| ()));
        let panic = std::panic::catch_unwind(load).expect_err(kind);
        let message = panic.downcast_ref::<String>().expect("it ends with a message");
        assert!(message.contains(expected), "{kind}: {message}");
    }
}

#[test]
fn what_inline_functions_stand_on_works() {
    let Some(driver) = compile("runtime.c") else { return };
    let sim = Sim::new(Config::new(Windows::Win11_24H2));
    let lines = prints(&sim, || sim.load(&driver.image, "test").expect_err("it says that it fails"));
    let expected = [
        "compare 1 1",
        "prefix 1 0",
        "append one two",
        "upper ONE TWO",
        "format 22 wide-narrow-7-0000beef",
        "case 0",
        "lookaside 1",
        "list 2 1 1",
        "mutex 1",
        "spin 0 2",
        "resource 1",
        "resource 0",
        "table new 0, three 1, nine 0",
        "table order 1234 count 5",
        "table count 0",
    ];
    assert_eq!(lines, expected);
    assert!(sim.violations().is_empty(), "{:?}", sim.violations());
}

/// A whole minifilter: it sees operations, asks for names, and survives a buffer that it must not touch.
#[test]
fn a_minifilter_in_c_filters() {
    let Some(driver) = compile("spy.c") else { return };
    let sim = Sim::new(Config::new(Windows::Win11_24H2));
    sim.add_volume(VolumeSpec::new(DEVICE).dos("C:")).expect("the names are free");
    sim.add_file(&format!(r"{DEVICE}\folder\file.txt"), 0).expect("the volume is there");
    let process = sim.add_process(ProcessSpec::new(r"C:\app.exe")).expect("it starts");
    let thread = sim.add_thread(process, None).expect("it starts");
    sim.set_metering(Metering::Calls);
    let loaded = sim.load(&driver.image, "spy").unwrap_or_else(|error| panic!("{error}"));
    let lines = prints(&sim, || {
        let spec = CreateSpec::new(&format!(r"{DEVICE}\folder\file.txt"))
            .access(Access::GENERIC_WRITE | Access::SYNCHRONIZE);
        let file = sim.create(thread, &spec).expect("it opens");
        sim.write(thread, file, &WriteSpec::new(WriteOffset::At(0), 16)).expect("it is written");
        sim.close(thread, file).expect("it closes");
    });
    // What programs wrote is not kept: it reads as zeroes.
    assert_eq!(lines, [r"create file.txt in \folder\, extension txt", "write of 0"]);
    let called: Vec<String> = sim.take_calls().into_iter().map(|call| call.callback).collect();
    assert_eq!(called[..4], ["DriverEntry", "pre-create", "post-create", "pre-write"]);
    assert_eq!(sim.violations(), [], "in a __try, in the context of its process, the buffer may be touched");
    assert!(sim.unload(&loaded).expect("it unloads").is_clean());
}

/// In another process's context the address is somebody else's, and the handler does not make the touch right.
#[test]
fn a_buffer_is_not_touched_in_another_context() {
    let Some(driver) = compile("spy.c") else { return };
    let sim = Sim::new(Config::new(Windows::Win11_24H2));
    sim.add_volume(VolumeSpec::new(DEVICE).dos("C:")).expect("the names are free");
    let process = sim.add_process(ProcessSpec::new(r"C:\app.exe")).expect("it starts");
    let thread = sim.add_thread(process, None).expect("it starts");
    let reposts = FilterSpec::new("above", "400000").act(When::every(Major::Write), Act::Repost);
    sim.add_filter(reposts).expect("the altitude is free");
    let loaded = sim.load(&driver.image, "spy").unwrap_or_else(|error| panic!("{error}"));
    let lines = prints(&sim, || {
        let spec = CreateSpec::new(&format!(r"{DEVICE}\a.txt")).access(Access::GENERIC_WRITE);
        let file = sim.create(thread, &spec).expect("it opens");
        sim.write(thread, file, &WriteSpec::new(WriteOffset::At(0), 16)).expect("it is written");
        sim.close(thread, file).expect("it closes");
    });
    assert_eq!(lines.last().map(String::as_str), Some("write c0000005"));
    let [violation] = sim.violations().try_into().expect("one rule is broken, once");
    assert_eq!((violation.rule.name(), violation.callback.as_str()), ("user-buffer", "spy pre-write"));
    assert!(sim.unload(&loaded).expect("it unloads").is_clean());
}

#[test]
fn a_driver_of_an_older_windows_loads_and_runs() {
    let Some(driver) = compile("vista.c") else { return };
    let sim = Sim::new(Config::new(Windows::Win11_24H2));
    sim.add_volume(VolumeSpec::new(DEVICE).dos("C:")).expect("the names are free");
    let mut loaded = None;
    let lines = prints(&sim, || {
        loaded = Some(sim.load(&driver.image, "vista").unwrap_or_else(|error| panic!("{error}")));
    });
    assert_eq!(lines, ["device of type 3", "11: 12 and wide", "expected 1 0"]);
    assert!(sim.unload(&loaded.expect("it was loaded")).expect("it unloads").is_clean());
    assert!(sim.violations().is_empty(), "{:?}", sim.violations());
}
