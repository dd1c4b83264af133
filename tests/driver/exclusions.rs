//! What is left out on purpose: judged once for each process and each file, counted and told.

use audit::omission::Because;
use audit::parameters::{Parameter, REG_MULTI_SZ};
use audit::record::{Code, Omission};
use ntsim::{
    ChunkSpec, CreateSpec, FastIo, Handle, NtStatus, ProcessSpec, RegistryValue, Thread, Windows, WriteSpec,
};

use crate::parameters::{control, multi};
use crate::rig::{EXPLORER, Inbox, KnownParameter, Machine, image};

const BACKUP: &str = r"\Device\HarddiskVolume3\Tools\backup.exe";

fn machine() -> Machine {
    Machine::new(Windows::Win11_24H2)
}

fn exclude(machine: &Machine, parameter: &str, rules: &[&str]) {
    let rules = rules.iter().map(|rule| (*rule).to_owned()).collect();
    machine.sim.set_parameter("whowrote", parameter, &RegistryValue::Texts(rules));
}

fn exclude_now(machine: &Machine, parameter: Parameter, rules: &[&str]) {
    let changed = control(machine, false, &[(parameter, REG_MULTI_SZ, &multi(rules))]);
    assert_eq!(changed, Ok(()));
}

/// A new process and a thread of it.
fn start(machine: &Machine, image: &str) -> Thread {
    let process = machine.sim.add_process(ProcessSpec::new(image)).expect("a new pid");
    machine.sim.add_thread(process, None).expect("it lives")
}

fn open_as(machine: &Machine, thread: Thread, path: &str) -> Handle {
    machine.sim.create(thread, &CreateSpec::new(path)).expect("the path is good")
}

fn write_as(machine: &Machine, thread: Thread, handle: Handle) {
    machine.sim.write(thread, handle, &WriteSpec::at(0, 1)).expect("the write is good");
    machine.sim.settle();
}

/// How many writes were recorded, and left out by image and by path as was told last.
fn seen(machine: &Machine, inbox: &Inbox) -> (usize, u64, u64) {
    // A record, so that what is left out is told.
    let system = machine.sim.add_process(ProcessSpec::new(r"\Device\HarddiskVolume3\teller.exe"));
    let teller = machine.sim.add_thread(system.expect("a new pid"), None).expect("it lives");
    let before = inbox.writes().len();
    let handle = open_as(machine, teller, r"C:\told");
    write_as(machine, teller, handle);
    machine.sim.close(teller, handle).expect("it is open");
    let total = |because: Because| {
        let is = |omission: &&Omission| omission.because == Code::Known(because);
        inbox.with(|contents| contents.omissions.iter().rfind(is).map_or(0, |omission| omission.total))
    };
    assert_eq!(inbox.writes().len(), before + 1);
    inbox.with(|contents| {
        for because in Because::ALL {
            let told = contents.omissions.iter().filter(|omission| omission.because == Code::Known(because));
            let counts: u64 = told.map(|omission| omission.count).sum();
            assert_eq!(counts, total_of(contents, because), "counts add up to totals");
        }
    });
    let recorded = inbox
        .writes()
        .iter()
        .filter(|write| write.path.as_deref().is_none_or(|path| !path.ends_with("told")))
        .count();
    (recorded, total(Because::Image), total(Because::Path))
}

fn total_of(contents: &crate::rig::Contents, because: Because) -> u64 {
    let is = |omission: &&Omission| omission.because == Code::Known(because);
    contents.omissions.iter().rfind(is).map_or(0, |omission| omission.total)
}

#[test]
fn what_an_excluded_process_writes_is_left_out_and_counted() {
    let Some(image) = image() else { return };
    for windows in Windows::ALL {
        let machine = Machine::new(windows);
        exclude(&machine, "ExcludeImages", &["BACKUP.exe"]);
        let driver = machine.load(&image);
        let inbox = Inbox::default();
        machine.connect(&inbox).expect("nobody else is connected");
        let backup = start(&machine, BACKUP);
        let handle = open_as(&machine, backup, r"C:\a");
        write_as(&machine, backup, handle);
        // Refused fast I/O comes again, and is one write.
        for fast_io in [FastIo::Accepted, FastIo::RefusedThenIrp] {
            let spec = WriteSpec { fast_io, ..WriteSpec::at(0, 1) };
            machine.sim.write(backup, handle, &spec).expect("the write is good");
        }
        // Somebody else's write to the same file is recorded.
        let other = machine.open(r"C:\a");
        machine.write(other, &WriteSpec::at(0, 1));
        assert_eq!(seen(&machine, &inbox), (1, 3, 0), "{windows}");
        assert_eq!(inbox.writes()[0].image.as_deref(), Some(EXPLORER));
        let books = machine.unload(&driver);
        assert_eq!(books.produced, 2);
        let printed = machine.printed.lock().expect("nobody panicked").clone();
        assert!(printed.contains("left out: by image 3, by path 0"), "{printed}");
    }
}

#[test]
fn what_a_worker_writes_for_an_excluded_process_is_left_out() {
    let Some(image) = image() else { return };
    let machine = machine();
    exclude(&machine, "ExcludeImages", &[r"\Tools"]);
    let driver = machine.load(&image);
    let inbox = Inbox::default();
    machine.connect(&inbox).expect("nobody else is connected");
    let backup = start(&machine, BACKUP);
    let source = open_as(&machine, backup, r"C:\from");
    let destination = open_as(&machine, backup, r"C:\to");
    write_as(&machine, backup, source);
    let chunk = ChunkSpec { source, destination, source_offset: 0, destination_offset: 0, length: 1 };
    machine.sim.copy_file_chunk(backup, &chunk).expect("the chunk is good");
    let executor = Some(machine.sim.system_thread());
    let reposted = WriteSpec { executor, ..WriteSpec::at(0, 1) };
    machine.sim.write(backup, source, &reposted).expect("the write is good");
    assert_eq!(seen(&machine, &inbox), (0, 3, 0));
    machine.unload(&driver);
}

#[test]
fn a_process_that_was_there_before_is_judged_when_it_opens_a_file() {
    let Some(image) = image() else { return };
    let machine = machine();
    exclude(&machine, "ExcludeImages", &[EXPLORER]);
    let driver = machine.load(&image);
    let inbox = Inbox::default();
    machine.connect(&inbox).expect("nobody else is connected");
    let handle = machine.open(r"C:\a");
    machine.write(handle, &WriteSpec::at(0, 1));
    assert_eq!(seen(&machine, &inbox), (0, 1, 0));
    machine.unload(&driver);
}

/// What it writes until then is recorded: nobody has looked at its image yet.
#[test]
fn a_process_that_opened_its_file_before_is_judged_when_its_first_write_is_delivered() {
    let Some(image) = image() else { return };
    let machine = machine();
    exclude(&machine, "ExcludeImages", &[EXPLORER]);
    let handle = machine.open(r"C:\a");
    let driver = machine.load(&image);
    let inbox = Inbox::default();
    machine.connect(&inbox).expect("nobody else is connected");
    machine.write(handle, &WriteSpec::at(0, 1));
    machine.write(handle, &WriteSpec::at(0, 1));
    assert_eq!(seen(&machine, &inbox), (1, 1, 0));
    machine.unload(&driver);
}

#[test]
fn a_process_is_excluded_by_itself_and_not_by_its_pid() {
    let Some(image) = image() else { return };
    let machine = machine();
    exclude(&machine, "ExcludeImages", &["backup.exe"]);
    let driver = machine.load(&image);
    let inbox = Inbox::default();
    machine.connect(&inbox).expect("nobody else is connected");
    let spec = |image: &str| ProcessSpec::new(image).pid(9000);
    for (image, tid) in [(BACKUP, 9004), (r"\Device\HarddiskVolume3\other.exe", 9004), (BACKUP, 9004)] {
        let process = machine.sim.add_process(spec(image)).expect("the pid is free");
        let thread = machine.sim.add_thread(process, Some(tid)).expect("the tid is free");
        let handle = open_as(&machine, thread, r"C:\a");
        write_as(&machine, thread, handle);
        machine.sim.close(thread, handle).expect("it is open");
        machine.sim.exit_process(process).expect("it lives");
    }
    assert_eq!(seen(&machine, &inbox), (1, 2, 0));
    machine.unload(&driver);
}

#[test]
fn what_goes_to_an_excluded_path_is_left_out_and_counted() {
    let Some(image) = image() else { return };
    for windows in Windows::ALL {
        let machine = Machine::new(windows);
        exclude(&machine, "ExcludePaths", &[r"\Logs", r"\Device\HarddiskVolume3\one.txt"]);
        let driver = machine.load(&image);
        let inbox = Inbox::default();
        machine.connect(&inbox).expect("nobody else is connected");
        for path in [r"C:\logs\deep\a.log", r"C:\ONE.txt", r"C:\one.txt:stream"] {
            let handle = machine.open(path);
            machine.write(handle, &WriteSpec::at(0, 1));
            let spec = WriteSpec { fast_io: FastIo::Accepted, ..WriteSpec::at(0, 1) };
            machine.write(handle, &spec);
        }
        let handle = machine.open(r"C:\Logs2\a.log");
        machine.write(handle, &WriteSpec::at(0, 1));
        assert_eq!(seen(&machine, &inbox), (1, 0, 6), "{windows}");
        assert_eq!(inbox.writes()[0].path.as_deref(), Some(r"\Device\HarddiskVolume3\Logs2\a.log"));
        machine.unload(&driver);
    }
}

#[test]
fn the_source_of_a_copy_is_named_wherever_it_is() {
    let Some(image) = image() else { return };
    let machine = machine();
    exclude(&machine, "ExcludePaths", &[r"\secret"]);
    let driver = machine.load(&image);
    let inbox = Inbox::default();
    machine.connect(&inbox).expect("nobody else is connected");
    let source = machine.open(r"C:\secret\from");
    machine.write(source, &WriteSpec::at(0, 1));
    let destination = machine.open(r"C:\to");
    let chunk = ChunkSpec { source, destination, source_offset: 0, destination_offset: 0, length: 1 };
    machine.sim.copy_file_chunk(machine.thread, &chunk).expect("the chunk is good");
    assert_eq!(seen(&machine, &inbox), (1, 0, 1));
    assert_eq!(inbox.writes()[0].source.as_deref(), Some(r"\Device\HarddiskVolume3\secret\from"));
    machine.unload(&driver);
}

#[test]
fn exclusions_that_change_while_the_driver_runs_hold_for_whoever_and_whatever_is_there() {
    let Some(image) = image() else { return };
    let machine = machine();
    let driver = machine.load(&image);
    let inbox = Inbox::default();
    machine.connect(&inbox).expect("nobody else is connected");
    let handle = machine.open(r"C:\logs\a");
    let write = || machine.write(handle, &WriteSpec::at(0, 1));
    write();
    assert_eq!(seen(&machine, &inbox), (1, 0, 0));
    exclude_now(&machine, Parameter::ExcludeImages, &["explorer.exe"]);
    write();
    assert_eq!(seen(&machine, &inbox), (1, 1, 0));
    // Both apply: it counts once.
    exclude_now(&machine, Parameter::ExcludePaths, &[r"\logs"]);
    write();
    assert_eq!(seen(&machine, &inbox), (1, 2, 0));
    exclude_now(&machine, Parameter::ExcludeImages, &[]);
    write();
    assert_eq!(seen(&machine, &inbox), (1, 2, 1));
    exclude_now(&machine, Parameter::ExcludePaths, &[]);
    write();
    assert_eq!(seen(&machine, &inbox), (2, 2, 1));
    machine.unload(&driver);
}

#[test]
fn with_ten_thousand_rules_each_is_found() {
    let Some(image) = image() else { return };
    let machine = machine();
    let rules: Vec<String> = (0..10_000).map(|number| format!(r"\folder {number}")).collect();
    exclude(&machine, "ExcludePaths", &rules.iter().map(String::as_str).collect::<Vec<_>>());
    let driver = machine.load(&image);
    let inbox = Inbox::default();
    machine.connect(&inbox).expect("nobody else is connected");
    for number in [0, 4711, 9_999, 10_000] {
        let handle = machine.open(&format!(r"C:\folder {number}\a"));
        machine.write(handle, &WriteSpec::at(0, 1));
    }
    assert_eq!(seen(&machine, &inbox), (1, 0, 3));
    machine.unload(&driver);
}

#[test]
fn where_there_is_no_memory_for_rules_everything_is_recorded_and_that_is_told() {
    let Some(image) = image() else { return };
    let mut refusals = 0;
    for call in 1..40 {
        let machine = machine();
        exclude(&machine, "ExcludeImages", &["explorer.exe"]);
        machine.sim.fail_nth("ExAllocatePool2", call, NtStatus::INSUFFICIENT_RESOURCES);
        let Ok(driver) = machine.sim.load(&image, "whowrote") else { continue };
        let inbox = Inbox::default();
        let Ok(_connection) = machine.connect(&inbox) else { continue };
        let handle = machine.open(r"C:\a");
        machine.write(handle, &WriteSpec::at(0, 1));
        let is_refused = |known: &KnownParameter| known.name == "ExcludeImages" && known.refused.is_some();
        let refused = inbox.with(|contents| contents.parameters.iter().any(is_refused));
        refusals += usize::from(refused);
        let recorded = inbox.writes().len();
        // Without a refusal it is left out, unless it was the process or its place among the excluded that had no memory.
        assert!(recorded == 1 || !refused, "call {call}: {recorded} recorded");
        machine.unload(&driver);
    }
    assert!(refusals > 0, "memory for rules was refused");
}
