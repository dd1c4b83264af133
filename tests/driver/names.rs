//! What keys stand for.

use audit::attribution::ProcessKind;
use ntsim::{
    Access, ChunkSpec, CreateOptions, CreateSpec, NtStatus, Outcome, ProcessSpec, Sid, VolumeSpec, Windows,
    WriteSpec,
};

use crate::rig::{EXPLORER, Inbox, Machine, image};

#[test]
fn a_process_is_told_with_all_that_is_known_of_it() {
    let Some(image) = image() else { return };
    let machine = Machine::new(Windows::Win11_24H2);
    let user: Sid = "S-1-5-21-1-2-3-1001".parse().expect("a good identifier");
    let before =
        ProcessSpec::new(r"\Device\HarddiskVolume3\before.exe").parent(3756).user(user.clone()).session(7);
    let before = machine.sim.add_process(before).expect("a new pid");
    let before_thread = machine.sim.add_thread(before, None).expect("it lives");
    let driver = machine.load(&image);
    let inbox = Inbox::default();
    machine.connect(&inbox).expect("nobody else is connected");
    // One that ran before the driver is met when it opens a file, one that begins is met then.
    machine.sim.create(before_thread, &CreateSpec::new(r"C:\x")).expect("the path is good");
    let after = ProcessSpec::new(r"\Device\HarddiskVolume3\after.exe").parent(3756).user(user).session(7);
    let after = machine.sim.add_process(after).expect("a new pid");
    machine.flush();
    let explorer = machine.sim.process_info(machine.explorer).expect("it is there");
    for process in [before, after] {
        let info = machine.sim.process_info(process).expect("it is there");
        let known = inbox.with(|contents| {
            contents.processes.iter().find(|(_, known)| known.pid == info.pid).map(|(k, v)| (*k, v.clone()))
        });
        let (key, known) = known.unwrap_or_else(|| panic!("{} is not told", info.image));
        assert_eq!(key.0, info.start_key);
        assert_eq!(known.image, info.image);
        assert_eq!(known.created, info.created);
        assert_eq!((known.parent.0, known.parent_pid), (explorer.start_key, 3756));
        assert_eq!(known.user.as_deref(), Some("S-1-5-21-1-2-3-1001"));
        assert_eq!(known.session, Some(7));
        assert_eq!(known.kind, ProcessKind::User);
    }
    let system = inbox.with(|contents| contents.processes.values().find(|known| known.pid == 4).cloned());
    assert_eq!(system.expect("System is told").kind, ProcessKind::Kernel);
    machine.unload(&driver);
}

#[test]
fn a_process_that_opened_its_files_before_the_driver_came_is_looked_up() {
    let Some(image) = image() else { return };
    let machine = Machine::new(Windows::Win11_24H2);
    let handle = machine.open(r"C:\early.txt");
    let driver = machine.load(&image);
    let inbox = Inbox::default();
    machine.connect(&inbox).expect("nobody else is connected");
    machine.write(handle, &WriteSpec::at(0, 1));
    let writes = inbox.writes();
    assert_eq!(writes.len(), 1);
    assert_eq!(writes[0].image.as_deref(), Some(EXPLORER));
    // The file was opened before the driver could learn its name.
    assert!(!writes[0].write.file.is_known());
    machine.unload(&driver);
}

#[test]
fn a_process_that_ended_keeps_its_name_and_its_successor_does_not_inherit_it() {
    let Some(image) = image() else { return };
    let machine = Machine::new(Windows::Win11_24H2);
    let driver = machine.load(&image);
    let mut keys = Vec::new();
    let names = [r"\Device\HarddiskVolume3\first.exe", r"\Device\HarddiskVolume3\second.exe"];
    for name in names {
        let process = machine.sim.add_process(ProcessSpec::new(name).pid(5000)).expect("the pid is free");
        let thread = machine.sim.add_thread(process, Some(5004)).expect("it lives");
        let handle = machine.sim.create(thread, &CreateSpec::new(r"C:\same.txt")).expect("a good path");
        machine.sim.write(thread, handle, &WriteSpec::at(0, 1)).expect("a good write");
        keys.push(machine.sim.process_info(process).expect("it is there").start_key);
        machine.sim.exit_process(process).expect("it lives");
        machine.sim.advance(std::time::Duration::from_secs(1));
    }
    let inbox = Inbox::default();
    machine.connect(&inbox).expect("nobody else is connected");
    let writes = inbox.writes();
    let seen: Vec<_> = writes.iter().map(|received| received.image.as_deref()).collect();
    assert_eq!(seen, names.map(Some));
    let seen: Vec<_> =
        writes.iter().map(|received| received.write.originator.map(|actor| actor.process.0)).collect();
    assert_eq!(seen, [Some(keys[0]), Some(keys[1])]);
    machine.unload(&driver);
}

#[test]
fn a_process_that_ended_unmet_is_told_as_what_is_left_of_it() {
    let Some(image) = image() else { return };
    let machine = Machine::new(Windows::Win11_24H2);
    let handle = machine.open(r"C:\early.txt");
    let driver = machine.load(&image);
    machine.write(handle, &WriteSpec::at(0, 1));
    machine.sim.exit_process(machine.explorer).expect("it lives");
    let other = machine
        .sim
        .add_process(ProcessSpec::new(r"\Device\HarddiskVolume3\other.exe").pid(3756))
        .expect("the pid is free");
    let inbox = Inbox::default();
    machine.connect(&inbox).expect("nobody else is connected");
    let writes = inbox.writes();
    assert_eq!(writes.len(), 1);
    assert_eq!(writes[0].image.as_deref(), Some(""), "nobody's name is better than another's");
    let other = machine.sim.process_info(other).expect("it is there").start_key;
    assert_ne!(writes[0].write.originator.map(|actor| actor.process.0), Some(other));
    machine.unload(&driver);
}

#[test]
fn streams_of_a_file_are_told_apart_and_opens_of_one_are_not() {
    let Some(image) = image() else { return };
    let machine = Machine::new(Windows::Win11_24H2);
    let driver = machine.load(&image);
    let inbox = Inbox::default();
    machine.connect(&inbox).expect("nobody else is connected");
    for path in [r"C:\a.txt", r"C:\a.txt:hidden", r"C:\a.txt"] {
        let handle = machine.open(path);
        machine.write(handle, &WriteSpec::at(0, 1));
    }
    let writes = inbox.writes();
    let keys: Vec<_> = writes.iter().map(|received| received.write.file).collect();
    assert_eq!(keys.len(), 3);
    assert_eq!(keys[0], keys[2]);
    assert_ne!(keys[0], keys[1]);
    assert_eq!(writes[1].path.as_deref(), Some(r"\Device\HarddiskVolume3\a.txt:hidden"));
    machine.unload(&driver);
}

#[test]
fn files_that_are_only_read_are_not_told() {
    let Some(image) = image() else { return };
    let machine = Machine::new(Windows::Win11_24H2);
    machine.sim.add_file(r"C:\read.txt", 10).expect("the volume is there");
    let driver = machine.load(&image);
    let inbox = Inbox::default();
    machine.connect(&inbox).expect("nobody else is connected");
    let open = CreateSpec::new(r"C:\read.txt").access(Access::GENERIC_READ);
    machine.sim.create(machine.thread, &open).expect("it exists");
    machine.sim.advance(std::time::Duration::from_secs(1));
    machine.sim.settle();
    // The volume itself is among the files.
    assert_eq!(
        inbox.with(|contents| contents.files.values().map(|(_, path)| path.clone()).collect::<Vec<_>>()),
        [""]
    );
    machine.unload(&driver);
}

#[test]
fn volumes_that_come_later_are_told_too() {
    let Some(image) = image() else { return };
    let machine = Machine::new(Windows::Win11_24H2);
    let driver = machine.load(&image);
    let inbox = Inbox::default();
    machine.connect(&inbox).expect("nobody else is connected");
    machine.sim.add_volume(VolumeSpec::new(r"\Device\HarddiskVolume9").dos("E:")).expect("a new name");
    let handle = machine.open(r"E:\stick.txt");
    machine.write(handle, &WriteSpec::at(0, 1));
    assert_eq!(inbox.writes()[0].path.as_deref(), Some(r"\Device\HarddiskVolume9\stick.txt"));
    let volumes = inbox.with(|contents| contents.volumes.values().cloned().collect::<Vec<_>>());
    assert_eq!(volumes.len(), 2);
    assert_eq!(volumes[0].1, r"\??\Volume{0c1f2b3a-0000-0000-0000-100000000000}");
    machine.unload(&driver);
}

#[test]
fn a_parent_whose_id_was_taken_over_is_not_mistaken_for_its_successor() {
    let Some(image) = image() else { return };
    let machine = Machine::new(Windows::Win11_24H2);
    let parent = ProcessSpec::new(r"\Device\HarddiskVolume3\parent.exe").pid(5000);
    let parent = machine.sim.add_process(parent).expect("the pid is free");
    let child = ProcessSpec::new(r"\Device\HarddiskVolume3\child.exe").parent(5000);
    let child = machine.sim.add_process(child).expect("a new pid");
    let thread = machine.sim.add_thread(child, None).expect("it lives");
    machine.sim.exit_process(parent).expect("it lives");
    machine.sim.advance(std::time::Duration::from_mins(1));
    let successor = ProcessSpec::new(r"\Device\HarddiskVolume3\successor.exe").pid(5000);
    machine.sim.add_process(successor).expect("the pid is free");
    let driver = machine.load(&image);
    machine.sim.create(thread, &CreateSpec::new(r"C:\x")).expect("a good path");
    let inbox = Inbox::default();
    machine.connect(&inbox).expect("nobody else is connected");
    let known = inbox.with(|contents| {
        contents.processes.values().find(|known| known.image.ends_with("child.exe")).cloned()
    });
    let known = known.expect("it is told");
    assert_eq!(known.parent_pid, 5000);
    assert!(!known.parent.is_known(), "{known:?}");
    machine.unload(&driver);
}

#[test]
fn a_write_to_the_volume_itself_names_the_volume() {
    let Some(image) = image() else { return };
    let machine = Machine::new(Windows::Win11_24H2);
    let driver = machine.load(&image);
    let inbox = Inbox::default();
    machine.connect(&inbox).expect("nobody else is connected");
    let handle = machine.open("C:");
    // The simulated file system has no such writes; others do.
    let outcome = Outcome::Given(NtStatus::SUCCESS);
    machine.write(handle, &WriteSpec { non_cached: true, outcome, ..WriteSpec::at(0, 512) });
    assert_eq!(inbox.writes()[0].path.as_deref(), Some(r"\Device\HarddiskVolume3"));
    machine.unload(&driver);
}

#[test]
fn directories_are_not_among_the_files() {
    let Some(image) = image() else { return };
    let machine = Machine::new(Windows::Win11_24H2);
    let directory = CreateSpec::new(r"C:\folder").options(CreateOptions::DIRECTORY_FILE);
    machine.sim.create(machine.thread, &directory).expect("a good path");
    let driver = machine.load(&image);
    let inbox = Inbox::default();
    machine.connect(&inbox).expect("nobody else is connected");
    // To add files to it takes the same right as to write to a file, and it need not be called a directory.
    let again = CreateSpec::new(r"C:\folder").options(CreateOptions::SYNCHRONOUS_IO_NONALERT);
    for open in [&directory, &again] {
        machine.sim.create(machine.thread, open).expect("it exists");
    }
    machine.flush();
    inbox.with(|contents| {
        assert!(contents.files.values().all(|(_, path)| path != r"\folder"), "{:?}", contents.files);
    });
    machine.unload(&driver);
}

/// Regression test of the driver's index of streams by address: an address is used again when its stream is
/// gone.
#[test]
fn a_stream_does_not_inherit_the_name_of_one_that_is_gone() {
    let Some(image) = image() else { return };
    let machine = Machine::new(Windows::Win11_24H2);
    for number in 0..50 {
        machine.sim.add_file(&format!(r"C:\source{number}"), 10).expect("the volume is there");
    }
    let driver = machine.load(&image);
    let inbox = Inbox::default();
    machine.connect(&inbox).expect("nobody else is connected");
    let destination = machine.open(r"C:\destination");
    for number in 0..50 {
        let handle = machine.open(&format!(r"C:\gone{number}"));
        machine.write(handle, &WriteSpec::at(0, 1));
        machine.sim.close(machine.thread, handle).expect("it is open");
        // Opened without the intent to be copied, the source has no key.
        let source = CreateSpec::new(&format!(r"C:\source{number}")).access(Access::GENERIC_READ);
        let source = machine.sim.create(machine.thread, &source).expect("it exists");
        let chunk = ChunkSpec { source, destination, source_offset: 0, destination_offset: 0, length: 10 };
        machine.sim.copy_file_chunk(machine.thread, &chunk).expect("both are open");
        machine.sim.close(machine.thread, source).expect("it is open");
    }
    machine.sim.settle();
    let copies: Vec<_> =
        inbox.writes().into_iter().filter(|received| received.write.copy.is_some()).collect();
    assert_eq!(copies.len(), 50);
    for received in copies {
        assert_eq!(received.source, None, "{received:?}");
    }
    machine.unload(&driver);
}

#[test]
fn a_renamed_file_is_told_under_its_new_name_when_it_is_opened_again() {
    let Some(image) = image() else { return };
    let machine = Machine::new(Windows::Win11_24H2);
    let driver = machine.load(&image);
    let inbox = Inbox::default();
    machine.connect(&inbox).expect("nobody else is connected");
    let access = Access::GENERIC_READ | Access::GENERIC_WRITE | Access::DELETE;
    let handle = CreateSpec::new(r"C:\temporary").access(access);
    let handle = machine.sim.create(machine.thread, &handle).expect("a good path");
    machine.write(handle, &WriteSpec::at(0, 1));
    machine.sim.rename(machine.thread, handle, r"C:\final").expect("the handle may");
    let again = machine.open(r"C:\final");
    machine.write(again, &WriteSpec::at(1, 1));
    // By now the old handle, too, writes to what is called so.
    machine.write(handle, &WriteSpec::at(2, 1));
    let writes = inbox.writes();
    let paths: Vec<_> = writes.iter().filter_map(|received| received.path.as_deref()).collect();
    let volume = r"\Device\HarddiskVolume3";
    assert_eq!(
        paths,
        [format!(r"{volume}\temporary"), format!(r"{volume}\final"), format!(r"{volume}\final")]
    );
    assert_eq!(writes[1].write.file, writes[2].write.file);
    for handle in [handle, again] {
        machine.sim.close(machine.thread, handle).expect("it is open");
    }
    machine.unload(&driver);
}

/// With nobody writing, what is opened and closed again still has to be let go.
#[test]
fn many_files_that_nobody_writes_to_do_not_pile_up() {
    let Some(image) = image() else { return };
    let machine = Machine::new(Windows::Win11_24H2);
    let driver = machine.load(&image);
    let inbox = Inbox::default();
    machine.connect(&inbox).expect("nobody else is connected");
    for number in 0..1000 {
        let handle = machine.open(&format!(r"C:\{number}"));
        machine.sim.close(machine.thread, handle).expect("it is open");
    }
    machine.sim.settle();
    let told = inbox.with(|contents| contents.files.len());
    assert!(told > 500, "{told}");
    machine.unload(&driver);
}

/// More streams at a time than the index of addresses holds: from then on the context tells.
#[test]
fn more_files_than_the_index_holds_have_their_names_all_the_same() {
    /// The index holds 131,072.
    const FILES: usize = 132_000;
    const STEP: usize = 50;
    let Some(image) = image() else { return };
    let machine = Machine::new(Windows::Win11_24H2);
    let driver = machine.load(&image);
    let inbox = Inbox::default();
    machine.connect(&inbox).expect("nobody else is connected");
    let handles: Vec<_> = (0..FILES).map(|number| machine.open(&format!(r"C:\{number}"))).collect();
    for handle in handles.iter().step_by(STEP) {
        machine.write(*handle, &WriteSpec::at(0, 1));
    }
    let writes = inbox.writes();
    assert_eq!(writes.len(), FILES / STEP);
    for (number, received) in writes.iter().enumerate() {
        let path = format!(r"\Device\HarddiskVolume3\{}", number * STEP);
        assert_eq!(received.path.as_ref(), Some(&path));
    }
    machine.unload(&driver);
}
