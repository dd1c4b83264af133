//! Memory descriptor lists: built, locked and mapped in order, and given back.

use super::Machine;
use super::driver::{Filter, NON_PAGED, PAGED, TAG, allocate, free, nt, status};
use crate::abi::{Mdl, Ptr};
use crate::mm::mdl::flags;
use crate::status::NtStatus;
use crate::verifier::Rule;

/// `LOCK_OPERATION`
const READ_ACCESS: usize = 0;
const WRITE_ACCESS: usize = 1;

/// A driver that does this in `DriverEntry`.
macro_rules! machine {
    ($body:expr) => {{
        extern "win64" fn entry(driver: usize, _: usize) -> u32 {
            $body;
            Filter::default().start(driver)
        }
        Machine::new(entry)
    }};
}

fn list(address: usize, bytes: usize) -> Ptr<Mdl> {
    Ptr::at(nt("IoAllocateMdl", &[address, bytes, 0, 0, 0]))
}

fn lock(mdl: Ptr<Mdl>, operation: usize) -> NtStatus {
    status("MmProbeAndLockPages", &[mdl.address(), 0, operation])
}

fn map(mdl: Ptr<Mdl>) -> usize {
    nt("MmMapLockedPagesSpecifyCache", &[mdl.address(), 0, 1, 0, 0, 16])
}

/// A list that has been used and given back leaves nothing; a list of pool is mapped where the pool is.
#[test]
fn pages_are_described_locked_mapped_and_given_back() {
    let machine = machine!({
        let block = allocate(NON_PAGED, 10_000);
        let mdl = list(block.address() + 100, 9000);
        let value = mdl.read();
        assert_eq!(
            (value.start_va.address(), value.byte_offset, value.byte_count),
            (block.address(), 100, 9000)
        );
        assert_eq!(usize::try_from(value.size).expect("positive"), nt("MmSizeOfMdl", &[100, 9000]));
        assert_eq!(value.size, 48 + 3 * 8);
        nt("MmBuildMdlForNonPagedPool", &[mdl.address()]);
        let value = mdl.read();
        assert_eq!(value.flags, flags::SOURCE_IS_NONPAGED_POOL);
        assert_eq!(value.mapped_system_va.address(), block.address() + 100);
        let frames = mdl.byte_offset::<usize>(48).read_slice(3);
        assert_eq!(frames[2], (block.address() >> 12) + 2);
        nt("IoFreeMdl", &[mdl.address()]);
        free(block, TAG);

        let block = allocate(PAGED, 50);
        let mdl = list(block.address(), 50);
        assert_eq!(lock(mdl, WRITE_ACCESS), NtStatus::SUCCESS);
        assert_eq!(mdl.read().flags, flags::PAGES_LOCKED | flags::WRITE_OPERATION);
        assert_eq!(map(mdl), block.address());
        nt("MmUnmapLockedPages", &[block.address(), mdl.address()]);
        nt("MmUnlockPages", &[mdl.address()]);
        assert_eq!(mdl.read().flags, 0);
        nt("IoFreeMdl", &[mdl.address()]);
        free(block, TAG);
    });
    machine.unload_cleanly();
    machine.expect_no_violation();
}

#[test]
fn pages_that_are_not_there_cannot_be_locked() {
    let machine = machine!({
        let mdl = list(0x10000, 4096);
        assert_eq!(lock(mdl, READ_ACCESS), NtStatus::ACCESS_VIOLATION);
        nt("IoFreeMdl", &[mdl.address()]);
    });
    machine.unload_cleanly();
    machine.expect_no_violation();
}

#[test]
fn a_partial_list_describes_what_its_source_does() {
    let machine = machine!({
        let block = allocate(NON_PAGED, 8192);
        let (whole, part) = (list(block.address(), 8192), list(block.address() + 4096, 4096));
        nt("MmBuildMdlForNonPagedPool", &[whole.address()]);
        nt("IoBuildPartialMdl", &[whole.address(), part.address(), block.address() + 5000, 100]);
        let value = part.read();
        assert_eq!((value.byte_offset, value.byte_count), (904, 100));
        assert_eq!(value.mapped_system_va.address(), block.address() + 5000);
        nt("IoFreeMdl", &[part.address()]);
        nt("IoFreeMdl", &[whole.address()]);
        free(block, TAG);
    });
    machine.unload_cleanly();
    machine.expect_no_violation();
}

/// A driver that breaks this rule in `DriverEntry`, once.
macro_rules! offender {
    ($name:ident, $rule:ident, $body:expr) => {
        #[test]
        fn $name() {
            machine!($body).expect_violation(Rule::$rule, "test DriverEntry");
        }
    };
}

offender!(a_list_freed_twice_is_reported, Pool, {
    let mdl = list(0x10000, 1);
    nt("IoFreeMdl", &[mdl.address()]);
    nt("IoFreeMdl", &[mdl.address()]);
});
offender!(paged_pool_taken_for_non_paged_is_reported, InvalidParameter, {
    let block = allocate(PAGED, 10);
    let mdl = list(block.address(), 10);
    nt("MmBuildMdlForNonPagedPool", &[mdl.address()]);
    nt("IoFreeMdl", &[mdl.address()]);
    free(block, TAG);
});
offender!(pages_unlocked_twice_are_reported, InvalidParameter, {
    let block = allocate(NON_PAGED, 10);
    let mdl = list(block.address(), 10);
    lock(mdl, READ_ACCESS);
    nt("MmUnlockPages", &[mdl.address()]);
    nt("MmUnlockPages", &[mdl.address()]);
    nt("IoFreeMdl", &[mdl.address()]);
    free(block, TAG);
});
offender!(pages_locked_twice_are_reported, InvalidParameter, {
    let block = allocate(NON_PAGED, 10);
    let mdl = list(block.address(), 10);
    lock(mdl, READ_ACCESS);
    lock(mdl, READ_ACCESS);
    nt("MmUnlockPages", &[mdl.address()]);
    nt("IoFreeMdl", &[mdl.address()]);
    free(block, TAG);
});
offender!(a_list_freed_while_locked_is_reported, InvalidParameter, {
    let block = allocate(NON_PAGED, 10);
    let mdl = list(block.address(), 10);
    lock(mdl, READ_ACCESS);
    nt("IoFreeMdl", &[mdl.address()]);
    free(block, TAG);
});
offender!(a_list_mapped_unlocked_is_reported, InvalidParameter, {
    let mdl = list(0x10000, 10);
    assert_eq!(map(mdl), 0);
    nt("IoFreeMdl", &[mdl.address()]);
});
offender!(a_list_mapped_twice_is_reported, InvalidParameter, {
    let block = allocate(NON_PAGED, 10);
    let mdl = list(block.address(), 10);
    lock(mdl, READ_ACCESS);
    map(mdl);
    map(mdl);
    nt("MmUnlockPages", &[mdl.address()]);
    nt("IoFreeMdl", &[mdl.address()]);
    free(block, TAG);
});
offender!(unmapping_from_where_nothing_is_mapped_is_reported, InvalidParameter, {
    let block = allocate(NON_PAGED, 10);
    let mdl = list(block.address(), 10);
    lock(mdl, READ_ACCESS);
    nt("MmUnmapLockedPages", &[map(mdl) + 1, mdl.address()]);
    nt("MmUnlockPages", &[mdl.address()]);
    nt("IoFreeMdl", &[mdl.address()]);
    free(block, TAG);
});

#[test]
fn lists_and_locked_pages_left_behind_are_reported() {
    let machine = machine!({
        static KEPT: [u8; 32] = [0; 32];
        list(0x10000, 10);
        lock(list(KEPT.as_ptr().addr(), 10), READ_ACCESS);
    });
    let report = machine.sim.unload(&machine.driver).expect("the driver unloads");
    let leaks: Vec<_> =
        report.leaks.iter().map(|leak| (leak.what, leak.which.as_str(), leak.count)).collect();
    assert_eq!(leaks, [("MDL", "not freed", 2), ("MDL", "with locked pages", 1)]);
}
