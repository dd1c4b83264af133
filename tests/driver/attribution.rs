//! Who wrote.

use audit::attribution::{Basis, Confidence};
use audit::record::{Code, WriteFlags, WriteOffset};
use ntsim::{CopySpec, CreateSpec, FastIo, Mode, ProcessKind, ProcessSpec, Windows, WriteSpec};

use crate::rig::{EXPLORER, Inbox, Machine, image};

#[test]
fn an_ordinary_write_is_its_callers() {
    let Some(image) = image() else { return };
    for windows in Windows::ALL {
        let machine = Machine::new(windows);
        let driver = machine.load(&image);
        let inbox = Inbox::default();
        machine.connect(&inbox).expect("nobody else is connected");
        let handle = machine.open(r"C:\data\file.txt");
        machine.write(handle, &WriteSpec::at(4096, 512));
        let writes = inbox.writes();
        let [received] = &writes[..] else { panic!("{windows}: {writes:#?}") };
        let write = received.write;
        let originator = write.originator.expect("known");
        assert_eq!((originator.pid, originator.tid), (3756, 4660));
        assert_eq!(
            (write.basis, write.confidence),
            (Code::Known(Basis::Thread), Code::Known(Confidence::Certain))
        );
        assert_eq!((write.offset, write.length), (WriteOffset::At(4096), 512));
        assert_eq!(write.flags, WriteFlags::USER_MODE);
        assert_eq!((write.executor, write.copy), (None, None));
        assert_eq!(write.time, machine.sim.time());
        assert_eq!(received.image.as_deref(), Some(EXPLORER));
        assert_eq!(received.path.as_deref(), Some(r"\Device\HarddiskVolume3\data\file.txt"));
        let books = machine.unload(&driver);
        assert_eq!((books.produced, books.delivered), (1, 1));
    }
}

#[test]
fn a_copy_is_its_callers_whoever_issues_the_writes() {
    let Some(image) = image() else { return };
    for windows in Windows::ALL {
        let machine = Machine::new(windows);
        let driver = machine.load(&image);
        let inbox = Inbox::default();
        machine.connect(&inbox).expect("nobody else is connected");
        let copy = CopySpec::new(r"C:\from.bin", r"C:\to.bin", 5 << 19).chunk(1 << 20);
        let report = machine.sim.copy_file2(machine.thread, &copy).expect("the paths are good");
        machine.sim.settle();
        let writes = inbox.writes();
        assert_eq!(writes.len(), report.writes as usize, "{windows}: {writes:#?}");
        for (chunk, received) in writes.iter().enumerate() {
            let originator = received.write.originator.expect("known");
            assert_eq!((originator.pid, originator.tid), (3756, 4660), "{windows}");
            assert_eq!(received.path.as_deref(), Some(r"\Device\HarddiskVolume3\to.bin"));
            let offset = i64::try_from(chunk << 20).expect("small");
            assert_eq!(received.write.offset, WriteOffset::At(offset));
            if windows.has_kernel_copy() {
                let executor = received.write.executor.expect("a system worker");
                assert_eq!(executor.pid, 4);
                assert_ne!(received.executor, None);
                assert_eq!(received.write.copy.expect("a copy").offset, offset);
                assert_eq!(received.source.as_deref(), Some(r"\Device\HarddiskVolume3\from.bin"));
                assert!(!received.write.flags.contains(WriteFlags::USER_MODE));
            } else {
                assert_eq!((received.write.executor, received.write.copy), (None, None));
            }
        }
        machine.unload(&driver);
    }
}

#[test]
fn a_reposted_write_is_its_callers() {
    let Some(image) = image() else { return };
    let machine = Machine::new(Windows::Win10_2004);
    let driver = machine.load(&image);
    let inbox = Inbox::default();
    machine.connect(&inbox).expect("nobody else is connected");
    let handle = machine.open(r"C:\reposted.txt");
    let executor = Some(machine.sim.system_thread());
    machine.write(handle, &WriteSpec { executor, ..WriteSpec::at(0, 1) });
    let writes = inbox.writes();
    assert_eq!(writes.len(), 1);
    assert_eq!(writes[0].write.originator.map(|actor| (actor.pid, actor.tid)), Some((3756, 4660)));
    assert_eq!(writes[0].write.executor.map(|actor| actor.pid), Some(4));
    machine.unload(&driver);
}

#[test]
fn without_a_thread_nobody_is_accused() {
    let Some(image) = image() else { return };
    let machine = Machine::new(Windows::Win11_24H2);
    let driver = machine.load(&image);
    let inbox = Inbox::default();
    machine.connect(&inbox).expect("nobody else is connected");
    let handle = machine.open(r"C:\whose.txt");
    machine.write(handle, &WriteSpec { thread_null: true, ..WriteSpec::at(0, 1) });
    // A requestor process that is known all the same is a likely originator.
    let requestor = Some(machine.explorer);
    machine.write(handle, &WriteSpec { thread_null: true, requestor, ..WriteSpec::at(1, 1) });
    let writes = inbox.writes();
    assert_eq!(writes.len(), 2);
    assert_eq!(writes[0].write.originator, None);
    assert_eq!(writes[0].write.basis, Code::Known(Basis::Unknown));
    // Who ran is a fact, and told as what it is.
    assert_eq!(writes[0].write.executor.map(|actor| actor.tid), Some(4660));
    assert_eq!(writes[1].write.originator.map(|actor| (actor.pid, actor.tid)), Some((3756, 0)));
    assert_eq!(writes[1].write.basis, Code::Known(Basis::RequestorProcess));
    assert_eq!(writes[1].write.confidence, Code::Known(Confidence::Likely));
    machine.unload(&driver);
}

#[test]
fn the_kernels_own_writes_are_not_recorded() {
    let Some(image) = image() else { return };
    let machine = Machine::new(Windows::Win11_24H2);
    let registry = ProcessSpec::new("Registry").pid(124).kind(ProcessKind::Minimal);
    let registry = machine.sim.add_process(registry).expect("a new pid");
    let registry = machine.sim.add_thread(registry, None).expect("it lives");
    let driver = machine.load(&image);
    let inbox = Inbox::default();
    machine.connect(&inbox).expect("nobody else is connected");
    for thread in [machine.sim.system_thread(), registry] {
        let handle =
            machine.sim.create(thread, &CreateSpec::new(r"C:\kernel.dat")).expect("the path is good");
        // A driver may send requests that claim user mode from a system thread; they were once taken for a user's.
        for mode in [Mode::Kernel, Mode::User] {
            let spec = WriteSpec { mode, ..WriteSpec::at(0, 4096) };
            machine.sim.write(thread, handle, &spec).expect("the write is good");
        }
        machine.sim.settle();
    }
    // Nor is what memory management writes, in whoever's thread.
    let handle = machine.open(r"C:\mapped.dat");
    let paging = WriteSpec { paging: true, non_cached: true, mode: Mode::Kernel, ..WriteSpec::at(0, 4096) };
    machine.write(handle, &paging);
    machine.write(handle, &WriteSpec { synchronous_paging: true, ..paging });
    assert_eq!(inbox.writes().len(), 0);
    assert_eq!(machine.unload(&driver).produced, 0);
}

#[test]
fn a_fast_io_write_is_one_write_refused_or_not() {
    let Some(image) = image() else { return };
    let machine = Machine::new(Windows::Win10_22H2);
    let driver = machine.load(&image);
    let inbox = Inbox::default();
    machine.connect(&inbox).expect("nobody else is connected");
    let handle = machine.open(r"C:\fast.txt");
    for (number, fast_io) in
        [FastIo::Accepted, FastIo::Refused, FastIo::RefusedThenIrp].into_iter().enumerate()
    {
        let offset = i64::try_from(number).expect("small");
        let spec = WriteSpec { fast_io, ..WriteSpec::at(offset, 1) };
        // A refusal that nothing follows is an error to the caller.
        let _refused = machine.sim.write(machine.thread, handle, &spec);
        machine.sim.settle();
    }
    let writes = inbox.writes();
    let seen: Vec<_> = writes
        .iter()
        .map(|received| (received.write.offset, received.write.flags.contains(WriteFlags::FAST_IO)))
        .collect();
    assert_eq!(seen, [(WriteOffset::At(0), true), (WriteOffset::At(2), false)]);
    machine.unload(&driver);
}

#[test]
fn circumstances_are_told() {
    let Some(image) = image() else { return };
    let machine = Machine::new(Windows::Win10_22H2);
    let driver = machine.load(&image);
    let inbox = Inbox::default();
    machine.connect(&inbox).expect("nobody else is connected");
    let handle = machine.open(r"C:\flags.txt");
    let plain = WriteSpec::new(ntsim::WriteOffset::EndOfFile, 8);
    machine.write(handle, &plain);
    machine.write(handle, &WriteSpec { non_cached: true, ..WriteSpec::at(0, 512) });
    machine.write(handle, &WriteSpec { write_through: true, ..WriteSpec::at(0, 1) });
    machine.write(handle, &WriteSpec { generated: true, mode: Mode::Kernel, ..WriteSpec::at(0, 1) });
    machine.write(handle, &WriteSpec { reissued: true, ..WriteSpec::at(0, 1) });
    let writes = inbox.writes();
    let flags: Vec<_> = writes.iter().map(|received| received.write.flags).collect();
    let user = WriteFlags::USER_MODE;
    let expected = [
        user,
        user | WriteFlags::NON_CACHED,
        user | WriteFlags::WRITE_THROUGH,
        WriteFlags::GENERATED,
        user | WriteFlags::REISSUED,
    ];
    assert_eq!(flags, expected);
    assert_eq!(writes[0].write.offset, WriteOffset::EndOfFile);
    machine.unload(&driver);
}
