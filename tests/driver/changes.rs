//! What changes a file without a write.

use audit::record::{Operation, WriteFlags};
use ntsim::{
    Access, CloneSpec, Config, CreateOptions, CreateSpec, Handle, NtStatus, OffloadWriteSpec, Replace,
    Setting, Thread, VolumeSpec, Windows, WriteSpec,
};

use crate::rig::{Inbox, Machine, ReceivedChange, image};

/// With one processor, so that records come in the order of what they tell.
fn machine() -> Machine {
    Machine::recording_all(Config::new(Windows::Win11_24H2).processors(1))
}

/// The changes recorded of what `play` does on a machine with the driver, which leaves nothing behind.
fn recorded(machine: &Machine, play: impl FnOnce()) -> Option<Vec<ReceivedChange>> {
    let driver = machine.load(&image()?);
    let inbox = Inbox::default();
    machine.connect(&inbox).expect("nobody else is connected");
    play();
    machine.sim.settle();
    machine.unload(&driver);
    Some(inbox.changes())
}

fn told(changes: &[ReceivedChange]) -> Vec<(Operation, Option<&str>)> {
    changes.iter().map(|received| (received.change.operation, received.path.as_deref())).collect()
}

fn set(machine: &Machine, handle: Handle, setting: Setting) -> Result<(), NtStatus> {
    machine.sim.set_information(machine.thread, handle, setting)
}

fn open(machine: &Machine, thread: Thread, spec: &CreateSpec) -> Handle {
    machine.sim.create(thread, spec).expect("the path is good")
}

/// The routine that gives pool.
const POOL: &str = "ExAllocatePool2";

const FILE: Option<&str> = Some(r"\Device\HarddiskVolume3\f");

#[test]
fn sizes_are_told_with_where_the_end_was() {
    let machine = machine();
    let Some(changes) = recorded(&machine, || {
        let handle = machine.open(r"C:\f");
        for setting in [
            Setting::EndOfFile(1000),
            Setting::EndOfFile(1000),
            Setting::EndOfFile(10),
            Setting::Allocation(1 << 20),
            Setting::Allocation(0),
            Setting::EndOfFile(4096),
            Setting::ValidDataLength(4096),
            Setting::Basic,
        ] {
            set(&machine, handle, setting).expect("it is good");
        }
        set(&machine, handle, Setting::ValidDataLength(1 << 40)).expect_err("it is beyond the end");
    }) else {
        return;
    };
    let sizes: Vec<_> = changes
        .iter()
        .map(|received| {
            let change = &received.change;
            assert_eq!((received.path.as_deref(), change.flags), (FILE, WriteFlags::USER_MODE));
            assert_eq!(change.originator.map(|actor| (actor.pid, actor.tid)), Some((3756, 4660)));
            (change.operation, change.size(), change.end_before())
        })
        .collect();
    assert_eq!(
        sizes,
        [
            (Operation::Create, None, None),
            (Operation::SetEndOfFile, Some(1000), Some(0)),
            // Set to where it is, it changes nothing.
            (Operation::SetEndOfFile, Some(10), Some(1000)),
            (Operation::SetAllocation, Some(1 << 20), Some(10)),
            (Operation::SetAllocation, Some(0), Some(10)),
            (Operation::SetEndOfFile, Some(4096), Some(0)),
            (Operation::SetValidData, Some(4096), None),
        ]
    );
}

#[test]
fn a_rename_ties_the_names_together_and_what_follows_has_the_new_one() {
    let machine = machine();
    let Some(changes) = recorded(&machine, || {
        let handle = open(
            &machine,
            machine.thread,
            &CreateSpec::new(r"C:\f").access(Access::WRITE_DATA | Access::DELETE),
        );
        machine.sim.rename(machine.thread, handle, r"C:\g").expect("it is free");
        set(&machine, handle, Setting::EndOfFile(1)).expect("it is good");
        machine.sim.rename(machine.thread, handle, r"D:\g").expect_err("another volume");
    }) else {
        return;
    };
    let new = Some(r"\Device\HarddiskVolume3\g");
    assert_eq!(
        told(&changes),
        [(Operation::Create, FILE), (Operation::Rename, FILE), (Operation::SetEndOfFile, new)]
    );
    assert_eq!(changes[1].to.as_deref(), new);
    assert_eq!(
        changes[1].change.new_name(),
        Some(changes[2].change.file),
        "it is the file's key from then on"
    );
}

#[test]
fn a_link_has_a_name_of_its_own() {
    let machine = machine();
    let Some(changes) = recorded(&machine, || {
        let handle = machine.open(r"C:\f");
        machine.sim.link(machine.thread, handle, r"C:\g").expect("it is free");
        let taken = machine.sim.link_replacing(machine.thread, handle, r"C:\g", Replace::Never);
        taken.expect_err("it is taken");
        set(&machine, handle, Setting::EndOfFile(1)).expect("it is good");
    }) else {
        return;
    };
    assert_eq!(
        told(&changes),
        [(Operation::Create, FILE), (Operation::Link, FILE), (Operation::SetEndOfFile, FILE)]
    );
    assert_eq!(changes[1].to.as_deref(), Some(r"\Device\HarddiskVolume3\g"));
}

#[test]
fn a_file_is_gone_when_its_last_handle_is_and_by_whom_is_told() {
    let machine = machine();
    let other = machine.sim.add_thread(machine.explorer, Some(4664)).expect("a new tid");
    let Some(changes) = recorded(&machine, || {
        let handle = machine.open(r"C:\f");
        let delete = open(&machine, other, &CreateSpec::new(r"C:\f").access(Access::DELETE));
        let dispose = |delete_it| {
            let setting = Setting::Disposition { delete: delete_it };
            machine.sim.set_information(other, delete, setting).expect("it is good");
        };
        dispose(true);
        dispose(false);
        dispose(true);
        machine.sim.close(other, delete).expect("it is open");
        machine.sim.close(machine.thread, handle).expect("it is open");
    }) else {
        return;
    };
    let tids = |received: &ReceivedChange| {
        let tid = |actor: audit::record::Actor| actor.tid;
        (received.change.operation, received.change.originator.map(tid), received.change.executor.map(tid))
    };
    assert!(changes.iter().all(|received| received.path.as_deref() == FILE));
    assert_eq!(
        changes.iter().map(tids).collect::<Vec<_>>(),
        [
            (Operation::Create, Some(4660), None),
            (Operation::DeletePending, Some(4664), None),
            (Operation::DeleteCancelled, Some(4664), None),
            (Operation::DeletePending, Some(4664), None),
            (Operation::Delete, Some(4664), Some(4660)),
        ]
    );
}

#[test]
fn what_is_to_be_deleted_and_stays_is_not_told_as_deleted() {
    let machine = machine();
    let Some(changes) = recorded(&machine, || {
        let handle = machine.open(r"C:\f");
        machine.sim.link(machine.thread, handle, r"C:\g").expect("it is free");
        let delete = open(
            &machine,
            machine.thread,
            &CreateSpec::new(r"C:\g").access(Access::DELETE).options(CreateOptions::DELETE_ON_CLOSE),
        );
        machine.sim.close(machine.thread, delete).expect("it is open");
        machine.sim.close(machine.thread, handle).expect("it is open");
    }) else {
        return;
    };
    let operations: Vec<Operation> = changes.iter().map(|received| received.change.operation).collect();
    assert_eq!(
        operations,
        [Operation::Create, Operation::Link, Operation::DeletePending],
        "it has another name left"
    );
}

#[test]
fn a_clone_names_its_source_even_if_that_was_only_read() {
    let machine = machine();
    machine
        .sim
        .add_volume(
            VolumeSpec::new(r"\Device\HarddiskVolume9").dos("R:").file_system(ntsim::FileSystem::Refs),
        )
        .expect("a new name");
    let made = machine.open(r"R:\from");
    machine.write(made, &WriteSpec::at(0, 65_536));
    machine.sim.close(machine.thread, made).expect("it is open");
    let Some(changes) = recorded(&machine, || {
        let from = open(&machine, machine.thread, &CreateSpec::new(r"R:\from").access(Access::READ_DATA));
        let to = machine.open(r"R:\to");
        set(&machine, to, Setting::EndOfFile(65_536)).expect("it is good");
        for (extended, target_offset) in [(false, 0), (true, 4096)] {
            let spec = CloneSpec { source: from, source_offset: 8192, target_offset, length: 4096, extended };
            machine.sim.duplicate_extents(machine.thread, to, &spec).expect("it is aligned");
        }
        let beyond = CloneSpec {
            source: from,
            source_offset: 1 << 40,
            target_offset: 0,
            length: 4096,
            extended: false,
        };
        machine.sim.duplicate_extents(machine.thread, to, &beyond).expect_err("there is nothing");
    }) else {
        return;
    };
    let clones: Vec<_> = changes
        .iter()
        .filter(|received| received.change.operation == Operation::Clone)
        .map(|received| {
            let from = received.change.source.map(|source| source.offset);
            (received.path.as_deref(), received.change.range(), received.source.as_deref(), from)
        })
        .collect();
    let (to, from) = (Some(r"\Device\HarddiskVolume9\to"), Some(r"\Device\HarddiskVolume9\from"));
    assert_eq!(clones, [(to, Some((0, 4096)), from, Some(8192)), (to, Some((4096, 4096)), from, Some(8192))]);
}

#[test]
fn an_offloaded_write_names_what_its_token_stands_for() {
    let machine = machine();
    let early = machine.open(r"C:\early");
    machine.write(early, &WriteSpec::at(0, 65_536));
    let unknown = machine.sim.offload_read(machine.thread, early, 0, 65_536).expect("it has data");
    let Some(changes) = recorded(&machine, || {
        let from = machine.open(r"C:\f");
        machine.write(from, &WriteSpec::at(0, 65_536));
        let to = machine.open(r"C:\to");
        set(&machine, to, Setting::EndOfFile(65_536)).expect("it is good");
        let token = machine.sim.offload_read(machine.thread, from, 4096, 8192).expect("it has data");
        for token in [token, unknown] {
            let spec = OffloadWriteSpec { token, token_offset: 4096, offset: 512, length: 4096 };
            machine.sim.offload_write(machine.thread, to, &spec).expect("it fits");
        }
    }) else {
        return;
    };
    let writes: Vec<_> = changes
        .iter()
        .filter(|received| received.change.operation == Operation::OffloadWrite)
        .map(|received| {
            let from = received.change.source.map(|source| source.offset);
            (received.change.range(), received.source.as_deref(), from)
        })
        .collect();
    let range = Some((512, 4096));
    // Nobody saw the read that gave the second token.
    assert_eq!(writes, [(range, FILE, Some(8192)), (range, None, Some(0))]);
}

#[test]
fn zeroes_are_told_with_their_range_and_failures_are_not() {
    let machine = machine();
    let Some(changes) = recorded(&machine, || {
        let handle = machine.open(r"C:\f");
        machine.write(handle, &WriteSpec::at(0, 65_536));
        machine.sim.zero_data(machine.thread, handle, 4096, 12_288).expect("it is good");
        machine.sim.zero_data(machine.thread, handle, 12_288, 4096).expect_err("it ends before it begins");
        machine.sim.zero_data(machine.thread, handle, 4096, 4096).expect("nothing, but good");
    }) else {
        return;
    };
    assert_eq!(told(&changes), [(Operation::Create, FILE), (Operation::Zero, FILE)]);
    assert_eq!(changes[1].change.range(), Some((4096, 8192)));
}

#[test]
fn the_kernels_own_changes_are_not_recorded() {
    let machine = machine();
    let system = machine.sim.add_thread(machine.sim.system(), None).expect("it is there");
    let Some(changes) = recorded(&machine, || {
        let handle =
            open(&machine, system, &CreateSpec::new(r"C:\f").access(Access::WRITE_DATA | Access::DELETE));
        machine.sim.set_information(system, handle, Setting::EndOfFile(1)).expect("it is good");
        let set = machine.sim.set_information(system, handle, Setting::Disposition { delete: true });
        set.expect("it is good");
        machine.sim.close(system, handle).expect("it is open");
    }) else {
        return;
    };
    assert_eq!(told(&changes), []);
}

#[test]
fn without_memory_what_is_not_recorded_is_counted() {
    let Some(image) = image() else { return };
    let machine = machine();
    let driver = machine.load(&image);
    let inbox = Inbox::default();
    machine.connect(&inbox).expect("nobody else is connected");
    let handle = machine.open(r"C:\f");
    let allocated = || machine.sim.calls().iter().find(|(name, _)| *name == POOL).map_or(0, |(_, n)| *n);
    let before = allocated();
    set(&machine, handle, Setting::EndOfFile(1)).expect("it is good");
    let taken = allocated() - before;
    assert_eq!(taken, 1, "what is carried from before the operation to after it");
    machine.sim.fail_nth(POOL, 1, NtStatus::INSUFFICIENT_RESOURCES);
    set(&machine, handle, Setting::EndOfFile(2)).expect("it is good, recorded or not");
    let books = machine.unload(&driver);
    assert_eq!((books.no_memory, inbox.changes().len()), (1, 2));
}
