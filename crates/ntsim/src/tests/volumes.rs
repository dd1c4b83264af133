//! Volumes are locked and dismounted (winioctl, `FSCTL_LOCK_VOLUME`, `FSCTL_DISMOUNT_VOLUME`).

use super::driver::{self, Filter, SUCCESS_NO_CALLBACK};
use super::{Machine, machine_without_driver};
use crate::abi::{CallbackData, Ptr, RelatedObjects};
use crate::sim::{Access, CreateOptions, CreateSpec, LockSpec, Major, Notice, WriteSpec};
use crate::status::NtStatus;
use crate::{Handle, Sim, Thread, Windows};

fn open_volume(sim: &Sim, thread: Thread) -> Handle {
    let spec = CreateSpec::new(r"\\.\C:").access(Access::GENERIC_READ | Access::GENERIC_WRITE);
    sim.create(thread, &spec).expect("it opens")
}

#[test]
fn a_volume_is_locked_while_no_file_is_open_and_then_nobody_opens_one() {
    let (sim, _, thread) = machine_without_driver(Windows::Win11_24H2);
    let (volume, other) = (open_volume(&sim, thread), open_volume(&sim, thread));
    let file = sim.create(thread, &CreateSpec::new(r"C:\a")).expect("the file opens");
    assert_eq!(sim.lock_volume(thread, file), Err(NtStatus::INVALID_PARAMETER));
    assert_eq!(sim.unlock_volume(thread, volume), Err(NtStatus::NOT_LOCKED));
    sim.write(thread, file, &WriteSpec::at(0, 10)).expect("it can be written");
    assert_eq!(sim.lock_volume(thread, volume), Err(NtStatus::ACCESS_DENIED), "a file is open");
    sim.close(thread, file).expect("it is open");
    assert_eq!(sim.lock_volume(thread, volume), Ok(()), "what is only cached is written and let go");
    assert_eq!(sim.lock_volume(thread, other), Err(NtStatus::ACCESS_DENIED));
    assert_eq!(sim.unlock_volume(thread, other), Err(NtStatus::NOT_LOCKED));
    assert_eq!(sim.dismount(thread, other), Err(NtStatus::ACCESS_DENIED), "it is another's");
    let open = || sim.create(thread, &CreateSpec::new(r"C:\a")).map(|_| ());
    assert_eq!(open(), Err(NtStatus::ACCESS_DENIED));
    assert_eq!(sim.unlock_volume(thread, volume), Ok(()));
    assert_eq!(open(), Ok(()));
}

#[test]
fn a_lock_of_a_volume_goes_with_its_handle() {
    let (sim, _, thread) = machine_without_driver(Windows::Win11_24H2);
    let volume = open_volume(&sim, thread);
    sim.lock_volume(thread, volume).expect("nothing is open");
    sim.close(thread, volume).expect("it is open");
    let volume = open_volume(&sim, thread);
    sim.lock_volume(thread, volume).expect("nobody has it locked");
    sim.dismount(thread, volume).expect("who has locked it may");
}

#[test]
fn a_dismount_ends_requests_that_wait() {
    extern "win64" fn pre(_: Ptr<CallbackData>, _: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
        SUCCESS_NO_CALLBACK
    }
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        Filter::default().on(Major::LockControl, pre, None).unload(driver::unregister).start(driver)
    }
    let machine = Machine::new(entry);
    let (sim, thread) = (&machine.sim, machine.thread);
    let open = || {
        let spec = CreateSpec::new(r"C:\a").options(CreateOptions::empty());
        sim.create(thread, &spec).expect("the file opens")
    };
    let (own, other) = (open(), open());
    sim.lock(thread, own, 0, 10).expect("nothing is locked");
    let request = sim.start_lock(thread, other, &LockSpec::exclusive(0, 10), Notice::Event);
    let request = request.expect("it is open");
    assert_eq!(sim.request_result(request), None);
    let volume = open_volume(sim, thread);
    sim.dismount(thread, volume).expect("nobody refuses");
    assert_eq!(sim.request_result(request), Some(Err(NtStatus::VOLUME_DISMOUNTED)));
    for handle in [own, other, volume] {
        sim.close(thread, handle).expect("it is open");
    }
    machine.expect_no_violation();
    machine.unload_cleanly();
}
