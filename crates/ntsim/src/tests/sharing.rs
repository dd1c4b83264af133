//! Sharing modes, and locks of byte ranges, enforced by the file system.

use super::driver::{Filter, SUCCESS_NO_CALLBACK, iopb, nt};
use super::{Machine, machine_without_driver};
use crate::abi::{CallbackData, Ptr, RelatedObjects};
use crate::sim::{ChunkSpec, Major};
use crate::{
    Access, CreateSpec, Disposition, NtStatus, ProcessSpec, ReadSpec, SectionSpec, Share, Windows, WriteSpec,
};

#[test]
fn an_open_that_others_do_not_share_is_refused_until_they_are_gone() {
    let (sim, _, thread) = machine_without_driver(Windows::Win11_24H2);
    let open = |access, share| sim.create(thread, &CreateSpec::new(r"C:\a").access(access).share(share));
    let first = open(Access::GENERIC_READ, Share::READ).expect("it is the first");
    let violation = Err(NtStatus::SHARING_VIOLATION);
    assert_eq!(open(Access::GENERIC_WRITE, Share::all()), violation);
    assert_eq!(open(Access::DELETE, Share::all()), violation);
    assert_eq!(open(Access::GENERIC_READ, Share::WRITE), violation, "the first reads");
    let reads = open(Access::GENERIC_READ, Share::READ).expect("both share reading");
    let attributes = open(Access::READ_ATTRIBUTES, Share::empty()).expect("attributes concern nobody");
    sim.create(thread, &CreateSpec::new(r"C:\a:s").share(Share::empty())).expect("it is another stream");
    let overwrites =
        CreateSpec::new(r"C:\a").access(Access::READ_ATTRIBUTES).disposition(Disposition::Overwrite);
    assert_eq!(sim.create(thread, &overwrites), violation);
    for handle in [first, reads] {
        sim.close(thread, handle).expect("it is open");
    }
    let writes = open(Access::GENERIC_WRITE, Share::empty()).expect("nobody else is left");
    assert_eq!(open(Access::GENERIC_WRITE, Share::all()), violation);
    for handle in [writes, attributes] {
        sim.close(thread, handle).expect("it is open");
    }
    open(Access::GENERIC_READ, Share::empty()).expect("it is free");
}

#[test]
fn a_filter_can_widen_what_is_shared() {
    extern "win64" fn pre(data: Ptr<CallbackData>, _: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
        let mut changed = iopb(data);
        changed.parameters.create.share_access = 7;
        data.read().iopb.write(changed);
        nt("FltSetCallbackDataDirty", &[data.address()]);
        SUCCESS_NO_CALLBACK
    }
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        Filter::default().on(Major::Create, pre, None).start(driver)
    }
    let machine = Machine::new(entry);
    let spec = CreateSpec::new(r"C:\a").share(Share::empty());
    for _ in 0..2 {
        machine.sim.create(machine.thread, &spec).expect("the filter lets others in");
    }
}

#[test]
fn a_locked_range_is_its_owner_s() {
    let (sim, _, thread) = machine_without_driver(Windows::Win11_24H2);
    let other = sim.add_process(ProcessSpec::new(r"C:\other.exe")).expect("there is a free PID");
    let other = sim.add_thread(other, None).expect("there is a free TID");
    let open = |thread, path| sim.create(thread, &CreateSpec::new(path)).expect("the volume is there");
    let (own, others) = (open(thread, r"C:\a"), open(other, r"C:\a"));
    let write = |thread, handle, offset| sim.write(thread, handle, &WriteSpec::at(offset, 100));
    write(thread, own, 0).expect("nothing is locked");
    sim.lock(thread, own, 50, 100).expect("nothing is locked");
    let conflict = Err(NtStatus::FILE_LOCK_CONFLICT);
    assert_eq!(write(other, others, 0), conflict);
    assert_eq!(sim.read(other, others, &ReadSpec::at(0, 100)), conflict);
    assert_eq!(sim.read(other, others, &ReadSpec::at(0, 50)), Ok(50));
    assert_eq!(write(other, others, 150), Ok(100));
    assert_eq!(write(thread, own, 0), Ok(100));
    let paging = WriteSpec { paging: true, ..WriteSpec::at(0, 4096) };
    assert_eq!(sim.write(other, others, &paging), Ok(4096), "locks do not concern paging I/O");
    // What a view dirties no lock prevents.
    let section = sim.create_section(other, others, &SectionSpec::new(crate::Protection::ReadWrite));
    let view = sim.map_view(other, section.expect("it is not empty")).expect("it can be mapped");
    sim.dirty_view(other, view, 0, 100).expect("it is mapped");
    assert_eq!(sim.lock(other, others, 60, 1), Err(NtStatus::LOCK_NOT_GRANTED));
    assert_eq!(sim.unlock(thread, own, 50, 99), Err(NtStatus::RANGE_NOT_LOCKED));
    let source = open(other, r"C:\source");
    write(other, source, 0).expect("it can be written");
    let chunk =
        ChunkSpec { source, destination: others, source_offset: 0, destination_offset: 0, length: 100 };
    assert_eq!(sim.copy_file_chunk(other, &chunk), conflict, "a copy is its caller's");
    sim.unlock(thread, own, 50, 100).expect("it is locked");
    assert_eq!(write(other, others, 0), Ok(100));
    sim.lock_shared(thread, own, 0, 10).expect("nothing is locked");
    sim.lock_shared(other, others, 0, 10).expect("both share it");
    assert_eq!([write(thread, own, 0), write(other, others, 0)], [conflict; 2]);
    sim.close(thread, own).expect("it is open");
    sim.close(other, others).expect("it is open");
    assert_eq!(write(other, open(other, r"C:\a"), 0), Ok(100), "the locks went with the handles");
}
