//! Mapped writes: who may have changed what memory management writes.

use audit::attribution::{Basis, Confidence};
use audit::record::{Code, Operation, WriteFlags};
use ntsim::{
    CreateSpec, Driver, Handle, ProcessSpec, Protection, RegistryValue, Section, SectionSpec, Thread, View,
    Windows, WriteSpec,
};

use crate::rig::{Inbox, Machine, Received, image};

const PATH: &str = r"C:\data\ledger.db";
const PAGE: u64 = 4096;
/// `Audit`: writes, mapped writes, other changes.
const ALL: u32 = 7;

struct Mapping {
    machine: Machine,
    driver: Driver,
    inbox: Inbox,
}

impl Mapping {
    fn new(image: &[u8], audit: u32) -> Self {
        Self::with(image, &RegistryValue::Dword(audit))
    }

    fn with(image: &[u8], audit: &RegistryValue) -> Self {
        let machine = Machine::new(Windows::Win11_24H2);
        machine.sim.set_parameter("whowrote", "Audit", audit);
        let driver = machine.load(image);
        let inbox = Inbox::default();
        machine.connect(&inbox).expect("nobody else is connected");
        let handle = machine.open(PATH);
        machine.write(handle, &WriteSpec::at(0, 8192));
        machine.sim.flush(machine.thread, handle).expect("it is open");
        machine.sim.settle();
        machine.sim.close(machine.thread, handle).expect("it is open");
        Self { machine, driver, inbox }
    }

    /// Another process, by its thread.
    fn process(&self, pid: u32) -> Thread {
        let process = ProcessSpec::new(r"\Device\HarddiskVolume3\ledger.exe").pid(pid);
        let process = self.machine.sim.add_process(process).expect("a new process");
        self.machine.sim.add_thread(process, None).expect("a new thread")
    }

    fn map(&self, thread: Thread, protection: Protection) -> (Handle, Section, View) {
        let sim = &self.machine.sim;
        let handle = sim.create(thread, &CreateSpec::new(PATH)).expect("the file is there");
        let section = sim.create_section(thread, handle, &SectionSpec::new(protection)).expect("allowed");
        let view = sim.map_view(thread, section).expect("it has a section");
        (handle, section, view)
    }

    fn dirty(&self, thread: Thread, view: View, page: u64) {
        self.machine.sim.dirty_view(thread, view, page * PAGE, 1).expect("the view can be written to");
    }

    /// The mapped writes that have come, after memory management has written all.
    fn mapped(&self) -> Vec<Received> {
        self.machine.sim.modified_write();
        self.machine.sim.settle();
        let is_mapped = |received: &Received| received.write.operation == Code::Known(Operation::MappedWrite);
        self.inbox.writes().into_iter().filter(is_mapped).collect()
    }

    fn pids(&self, received: &Received) -> Vec<u32> {
        self.inbox.with(|contents| {
            received.write.candidates.named().map(|key| contents.processes[&key].pid).collect()
        })
    }
}

#[test]
fn those_who_made_a_writable_section_are_candidates() {
    let Some(image) = image() else { return };
    let mapping = Mapping::new(&image, ALL);
    let pids = [8000, 8004, 8008, 8012, 8016];
    for (number, pid) in pids.into_iter().enumerate() {
        let thread = mapping.process(pid);
        let (_, _, view) = mapping.map(thread, Protection::ReadWrite);
        // The second time he is a candidate already.
        mapping.map(thread, Protection::ExecuteReadWrite);
        mapping.dirty(thread, view, 1);
        let mapped = mapping.mapped();
        assert_eq!(mapped.len(), number + 1, "{mapped:#?}");
        let write = mapped[number].write;
        assert_eq!(mapping.pids(&mapped[number]), pids[..(number + 1).min(4)]);
        assert_eq!(write.candidates.others, number == 4, "the fifth is not named");
        let basis = (write.basis, write.confidence, write.originator);
        assert_eq!(basis, (Code::Known(Basis::Section), Code::Known(Confidence::Likely), None));
        assert_eq!(write.flags, WriteFlags::PAGING | WriteFlags::NON_CACHED, "by the writer of mapped pages");
        assert_eq!(write.executor.expect("a thread of System").pid, 4);
        assert_eq!(mapped[number].path.as_deref(), Some(r"\Device\HarddiskVolume3\data\ledger.db"));
    }
    mapping.machine.unload(&mapping.driver);
}

#[test]
fn what_is_flushed_may_have_been_written_through_a_handle() {
    let Some(image) = image() else { return };
    let mapping = Mapping::new(&image, ALL);
    let thread = mapping.process(8000);
    let (handle, _, view) = mapping.map(thread, Protection::ReadWrite);
    mapping.dirty(thread, view, 0);
    mapping.machine.sim.flush(thread, handle).expect("it is open");
    let mapped = mapping.mapped();
    let [received] = &mapped[..] else { panic!("{mapped:#?}") };
    assert!(received.write.flags.contains(WriteFlags::MAY_BE_CACHED));
    assert_eq!(mapping.pids(received), [8000]);
    assert_eq!(received.write.executor, None, "it is the only candidate's own thread");
    mapping.machine.unload(&mapping.driver);
}

#[test]
fn who_cannot_change_the_file_is_no_candidate() {
    let Some(image) = image() else { return };
    let mapping = Mapping::new(&image, ALL);
    for (pid, protection) in
        [(8000, Protection::ReadOnly), (8004, Protection::WriteCopy), (8008, Protection::ExecuteRead)]
    {
        let thread = mapping.process(pid);
        mapping.map(thread, protection);
    }
    let handle = mapping.machine.open(PATH);
    mapping.machine.write(handle, &WriteSpec::at(0, 100));
    mapping.machine.sim.flush(mapping.machine.thread, handle).expect("it is open");
    assert!(mapping.mapped().is_empty(), "what goes to the disk was told when it was written");
    mapping.machine.unload(&mapping.driver);
}

#[test]
fn the_kernels_own_section_is_told_of_beside_a_users_and_is_nothing_alone() {
    let Some(image) = image() else { return };
    let mapping = Mapping::new(&image, ALL);
    let system = mapping.machine.sim.system_thread();
    let (_, _, view) = mapping.map(system, Protection::ReadWrite);
    mapping.dirty(system, view, 0);
    assert!(mapping.mapped().is_empty());
    let thread = mapping.process(8000);
    mapping.map(thread, Protection::ReadWrite);
    mapping.dirty(system, view, 0);
    let mapped = mapping.mapped();
    let [received] = &mapped[..] else { panic!("{mapped:#?}") };
    assert_eq!((mapping.pids(received), received.write.candidates.others), (vec![8000], true));
    mapping.machine.unload(&mapping.driver);
}

#[test]
fn without_the_parameter_the_way_of_paging_io_is_left_alone() {
    let Some(image) = image() else { return };
    let seen = |audit: &RegistryValue| {
        let mapping = Mapping::with(&image, audit);
        let count = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let counter = std::sync::Arc::clone(&count);
        mapping.machine.sim.set_observer(Box::new(move |callback| {
            if callback.driver == "whowrote" && callback.major != ntsim::Major::Create {
                counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            }
        }));
        let thread = mapping.process(8000);
        let (_, _, view) = mapping.map(thread, Protection::ReadWrite);
        mapping.dirty(thread, view, 0);
        let mapped = mapping.mapped().len();
        mapping.machine.unload(&mapping.driver);
        (mapped, count.load(std::sync::atomic::Ordering::Relaxed))
    };
    assert_eq!(seen(&RegistryValue::Dword(5)), (0, 0), "nothing comes to the driver");
    // Regression: a value that could not be used left everything audited, which is not the default.
    let refused = RegistryValue::Texts(vec!["all".to_owned()]);
    assert_eq!(seen(&refused), (0, 0), "the default is used");
    let (mapped, callbacks) = seen(&RegistryValue::Dword(ALL));
    assert!(mapped == 1 && callbacks > 0);
}
