//! What routines refuse, and which mistakes they report: lists of descriptors, access control lists, mutexes, semaphores, timers.

use super::Machine;
use super::driver::{Filter, NON_PAGED, PAGED, TAG, allocate, free, nt, status};
use crate::abi::{DeviceObject, DriverObject, Mdl, Ptr, SecuritySubjectContext, Shared, SharedText};
use crate::status::NtStatus;

/// Runs a driver that does this in `DriverEntry`; returns the details of the rules that it broke.
macro_rules! run {
    ($body:expr) => {{
        extern "win64" fn entry(driver: usize, _: usize) -> u32 {
            $body;
            Filter::default().start(driver)
        }
        let machine = Machine::new(entry);
        machine.sim.violations().into_iter().map(|violation| violation.detail).collect::<Vec<_>>()
    }};
}

/// Fails unless each of these was reported, in this order, and nothing else.
fn expect(reported: &[String], expected: &[&str]) {
    assert_eq!(reported.len(), expected.len(), "{reported:#?}");
    for (reported, expected) in reported.iter().zip(expected) {
        assert!(reported.contains(expected), "{reported:?} does not say {expected:?}");
    }
}

/// `S-1-1-0` at a place.
fn everybody(place: usize) -> usize {
    Ptr::at(place).write_slice(&[1u8, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]);
    place
}

#[test]
fn lists_of_access_take_what_has_their_form() {
    let reported = run!({
        let memory = allocate(NON_PAGED, 512);
        let (sid, acl, list) = (everybody(memory.address()), memory.address() + 64, memory.address() + 256);
        let no_sid = memory.address() + 40;
        Ptr::at(no_sid).write_slice(&[9u8; 12]);
        assert_eq!(status("RtlCreateAcl", &[acl, 7, 2]), NtStatus::BUFFER_TOO_SMALL);
        assert_eq!(status("RtlCreateAcl", &[acl, 70, 2]), NtStatus::SUCCESS);
        assert_eq!(Ptr::<u16>::at(acl + 2).read(), 68, "whole words");
        let add = |revision: usize, flags: usize, sid: usize| {
            status("RtlAddAccessAllowedAceEx", &[acl, revision, flags, 1, sid])
        };
        assert_eq!(add(2, 0, no_sid), NtStatus::INVALID_SID);
        assert_eq!(add(2, 0x20, sid), NtStatus::INVALID_PARAMETER);
        assert_eq!(add(9, 0, sid), NtStatus::REVISION_MISMATCH);
        assert_eq!(add(2, 3, sid), NtStatus::SUCCESS);
        assert_eq!(status("RtlAddAccessDeniedAce", &[acl, 2, 6, sid]), NtStatus::SUCCESS);
        // Two more in front of the last, as bytes.
        let ace = |kind: u8, mask: u8| [kind, 0, 20, 0, mask, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0];
        Ptr::at(list).write_slice(&ace(0, 8));
        let insert = |revision: usize, bytes: usize| status("RtlAddAce", &[acl, revision, 1, list, bytes]);
        assert_eq!(insert(9, 20), NtStatus::INVALID_PARAMETER);
        assert_eq!(insert(2, 19), NtStatus::INVALID_PARAMETER, "the entry is longer");
        Ptr::<u16>::at(list + 2).write(7);
        assert_eq!(insert(2, 7), NtStatus::INVALID_PARAMETER, "no entry is so short");
        Ptr::at(list).write_slice(&ace(0, 8));
        Ptr::at(list + 20).write_slice(&ace(0, 9));
        assert_eq!(insert(2, 40), NtStatus::BUFFER_TOO_SMALL, "both have no room");
        assert_eq!(insert(2, 20), NtStatus::SUCCESS);
        let place = Shared::new(0usize);
        let get = |index: usize| {
            let found = status("RtlGetAce", &[acl, index, place.ptr().address()]);
            found
                .is_success()
                .then(|| (Ptr::<u8>::at(place.get()).read(), Ptr::<u8>::at(place.get() + 4).read()))
        };
        assert_eq!([get(0), get(1), get(2), get(3)], [Some((0, 1)), Some((0, 8)), Some((1, 6)), None]);
        assert_eq!(status("RtlDeleteAce", &[acl, 0]), NtStatus::SUCCESS);
        assert_eq!(status("RtlDeleteAce", &[acl, 2]), NtStatus::INVALID_PARAMETER);
        assert_eq!([get(0), get(1), get(2)], [Some((0, 8)), Some((1, 6)), None]);
        // An entry that says to be longer than the list ends it.
        Ptr::<u16>::at(acl + 8 + 2).write(200);
        assert_eq!(get(0), None);
        assert_eq!(add(2, 0, sid), NtStatus::INVALID_ACL);
        free(memory, TAG);
    });
    expect(&reported, &[]);
}

#[test]
fn descriptors_and_identifiers_of_another_form_are_refused() {
    let reported = run!({
        let memory = allocate(NON_PAGED, 512);
        let base = memory.address();
        let (sid, descriptor, relative) = (everybody(base), base + 64, base + 256);
        assert_eq!(status("RtlCreateSecurityDescriptor", &[descriptor, 2]), NtStatus::UNKNOWN_REVISION);
        status("RtlCreateSecurityDescriptor", &[descriptor, 1]);
        assert_eq!(status("RtlSetOwnerSecurityDescriptor", &[descriptor, sid, 1]), NtStatus::SUCCESS);
        assert_eq!(status("RtlSetGroupSecurityDescriptor", &[descriptor, sid, 0]), NtStatus::SUCCESS);
        let out = Shared::new([9usize; 3]);
        let at = out.ptr().address();
        assert_eq!(status("RtlGetOwnerSecurityDescriptor", &[descriptor, at, at + 8]), NtStatus::SUCCESS);
        assert_eq!((out.get()[0], out.get()[1] & 0xFF), (sid, 1));
        status("RtlGetGroupSecurityDescriptor", &[descriptor, at, at + 8]);
        assert_eq!((out.get()[0], out.get()[1] & 0xFF), (sid, 0));
        // A list that is set and taken back is not there.
        status("RtlSetDaclSecurityDescriptor", &[descriptor, 1, base + 128, 1]);
        status("RtlGetDaclSecurityDescriptor", &[descriptor, at, at + 8, at + 16]);
        assert_eq!((out.get()[0] & 0xFF, out.get()[1], out.get()[2] & 0xFF), (1, base + 128, 1));
        status("RtlSetDaclSecurityDescriptor", &[descriptor, 0, base + 128, 1]);
        out.ptr().write([9; 3]);
        status("RtlGetDaclSecurityDescriptor", &[descriptor, at, at + 8, at + 16]);
        assert_eq!((out.get()[0] & 0xFF, out.get()[1], out.get()[2]), (0, 9, 9), "the rest is not written");
        assert_eq!(nt("RtlLengthSecurityDescriptor", &[descriptor]) & 0xFFFF, 40 + 12 + 12);
        let room = Shared::new(512u32);
        let arguments = [descriptor, relative, room.ptr().address()];
        assert_eq!(status("RtlAbsoluteToSelfRelativeSD", &arguments), NtStatus::SUCCESS);
        assert_eq!(room.get(), 20 + 12 + 12);
        // One in one piece is read, but neither changed nor made so again.
        status("RtlGetOwnerSecurityDescriptor", &[relative, at, at + 8]);
        assert_eq!(out.get()[0], relative + 20);
        let set = status("RtlSetOwnerSecurityDescriptor", &[relative, sid, 0]);
        assert_eq!(set, NtStatus::INVALID_SECURITY_DESCR);
        let again = [relative, base + 400, room.ptr().address()];
        assert_eq!(status("RtlAbsoluteToSelfRelativeSD", &again), NtStatus::BAD_DESCRIPTOR_FORMAT);
        assert_eq!(nt("RtlValidSecurityDescriptor", &[relative]) & 0xFF, 1);
        Ptr::at(descriptor).write(7u8);
        for routine in ["RtlGetOwnerSecurityDescriptor", "RtlGetDaclSecurityDescriptor"] {
            assert_eq!(status(routine, &[descriptor, at, at + 8, at + 16]), NtStatus::UNKNOWN_REVISION);
        }
        let set = status("RtlSetOwnerSecurityDescriptor", &[descriptor, sid, 0]);
        assert_eq!(set, NtStatus::UNKNOWN_REVISION);
        assert_eq!(nt("RtlValidSecurityDescriptor", &[descriptor]) & 0xFF, 0);
        // Identifiers.
        let authority = Shared::new([0u8; 6]);
        let many = status("RtlInitializeSid", &[base + 400, authority.ptr().address(), 16]);
        assert_eq!(many, NtStatus::INVALID_PARAMETER);
        Ptr::at(base + 400).write_slice(&[2u8, 1]);
        assert_eq!(nt("RtlValidSid", &[base + 400]) & 0xFF, 0);
        assert_eq!(status("RtlConvertSidToUnicodeString", &[at, base + 400, 1]), NtStatus::INVALID_SID);
        assert_eq!(nt("RtlLengthSid", &[base + 400]) & 0xFFFF, 0);
        assert_eq!(nt("RtlSubAuthoritySid", &[sid, 1]), sid + 12);
        free(memory, TAG);
    });
    expect(&reported, &["which is no SID", "sub-authority 1 of 1"]);
}

#[test]
fn an_access_check_grants_what_was_asked_and_counts_privileges() {
    let reported = run!({
        let context = Shared::new([0u8; 32]);
        let place = context.ptr().address();
        nt("SeCaptureSubjectContext", &[place]);
        let captured = context.ptr().cast::<SecuritySubjectContext>().read();
        assert_eq!((captured.client_token.is_null(), captured.impersonation_level), (true, 0));
        let memory = allocate(NON_PAGED, 256);
        let (sid, acl, descriptor) =
            (everybody(memory.address()), memory.address() + 32, memory.address() + 128);
        status("RtlCreateAcl", &[acl, 64, 2]);
        status("RtlAddAccessDeniedAce", &[acl, 2, 4, sid]);
        status("RtlAddAccessAllowedAce", &[acl, 2, 7, sid]);
        status("RtlCreateSecurityDescriptor", &[descriptor, 1]);
        status("RtlSetDaclSecurityDescriptor", &[descriptor, 1, acl, 0]);
        let out = Shared::new([9u32; 2]);
        let at = out.ptr().address();
        let check = |descriptor: usize, desired: usize, mode: usize| {
            let arguments = [descriptor, place, 0, desired, 0x100, 0, 0, mode, at, at + 4];
            (nt("SeAccessCheck", &arguments) & 0xFF, out.get()[0], NtStatus(out.get()[1]))
        };
        assert_eq!(check(descriptor, 3, 1), (1, 0x103, NtStatus::SUCCESS));
        assert_eq!(check(descriptor, 4, 1), (0, 0, NtStatus::ACCESS_DENIED));
        assert_eq!(check(descriptor, 4, 0), (1, 0x104, NtStatus::SUCCESS), "the kernel may");
        // No list lets everybody in.
        status("RtlSetDaclSecurityDescriptor", &[descriptor, 1, 0, 0]);
        assert_eq!(check(descriptor, 4, 1).0, 1);
        // System has SeTcbPrivilege, and nobody the privilege 99.
        let check = |all: u32, numbers: [u32; 2], mode: usize| {
            let set = Shared::new([2, all, numbers[0], 0, 0, numbers[1], 0, 0]);
            let held = nt("SePrivilegeCheck", &[set.ptr().address(), place, mode]) & 0xFF;
            (held, set.get()[4] >> 31, set.get()[7] >> 31)
        };
        assert_eq!(check(1, [7, 23], 1), (1, 1, 1));
        assert_eq!(check(1, [7, 99], 1), (0, 1, 0));
        assert_eq!(check(0, [7, 99], 1), (1, 1, 0));
        assert_eq!(check(0, [98, 99], 1), (0, 0, 0));
        assert_eq!(check(0, [98, 99], 0), (1, 0, 0));
        nt("SeReleaseSubjectContext", &[place]);
        free(memory, TAG);
    });
    expect(&reported, &[]);
}

fn list(address: usize, bytes: usize) -> Ptr<Mdl> {
    Ptr::at(nt("IoAllocateMdl", &[address, bytes, 0, 0, 0]))
}

#[test]
fn mistakes_with_lists_of_pages_are_reported() {
    let reported = run!({
        let block = allocate(NON_PAGED, 100);
        let whole = list(block.address(), 100);
        let at = whole.address();
        let map = |mode: usize, cache: usize, wanted: usize| {
            nt("MmMapLockedPagesSpecifyCache", &[at, mode, cache, wanted, 0, 16])
        };
        assert_eq!(map(0, 1, 0), 0, "its pages are not locked");
        let part = list(block.address() + 10, 50);
        let partial = |from: usize, bytes: usize| {
            nt("IoBuildPartialMdl", &[at, part.address(), block.address() + from, bytes])
        };
        partial(10, 50);
        nt("MmBuildMdlForNonPagedPool", &[at]);
        partial(60, 41);
        partial(60, 0);
        assert_eq!(part.read().byte_count, 40, "up to the end of its source");
        assert_eq!(part.read().mapped_system_va.address(), block.address() + 60);
        map(0, 6, 0);
        nt("MmUnmapLockedPages", &[block.address(), at]);
        map(0, 1, 0x1000);
        nt("MmUnmapLockedPages", &[block.address(), at]);
        status("MmProbeAndLockPages", &[at, 0, 0]);
        nt("MmUnlockPages", &[at]);
        let paged = allocate(PAGED, 100);
        let of_paged = list(paged.address(), 100);
        status("MmProbeAndLockPages", &[of_paged.address(), 0, 3]);
        nt("MmUnlockPages", &[of_paged.address()]);
        let irql = nt("KeRaiseIrqlToDpcLevel", &[]);
        status("MmProbeAndLockPages", &[of_paged.address(), 0, 0]);
        nt("KeLowerIrql", &[irql & 0xFF]);
        for mdl in [part, whole, of_paged] {
            nt("IoFreeMdl", &[mdl.address()]);
        }
        // Of those that hang on a request, the second follows on the first.
        let irp = Shared::new([0usize; 4]);
        let chained =
            |secondary: usize| nt("IoAllocateMdl", &[block.address(), 8, secondary, 0, irp.ptr().address()]);
        let first = chained(0);
        let second = chained(1);
        assert_eq!(irp.get()[1], first);
        assert_eq!(Ptr::<Mdl>::at(first).read().next.address(), second);
        let other = chained(0);
        assert_eq!(irp.get()[1], other, "one that is not secondary takes its place");
        for mdl in [first, second, other] {
            nt("IoFreeMdl", &[mdl]);
        }
        assert_eq!(nt("IoAllocateMdl", &[block.address(), u32::MAX as usize, 0, 0, 0]), 0);
        free(paged, TAG);
        free(block, TAG);
    });
    expect(
        &reported,
        &[
            "maps an MDL whose pages are not locked",
            "from one whose pages are not locked",
            "for what its source does not describe",
            "6 is no MEMORY_CACHING_TYPE",
            "asks for an address",
            "that is locked or describes non-paged pool",
            "3 is no LOCK_OPERATION",
            "locks pageable pages",
        ],
    );
}

#[test]
fn mistakes_with_dispatcher_objects_are_reported() {
    let reported = run!({
        let memory = allocate(NON_PAGED, 256);
        let (mutex, semaphore, timer) = (memory.address(), memory.address() + 64, memory.address() + 128);
        nt("KeInitializeMutex", &[mutex, 0]);
        nt("KeReleaseMutex", &[mutex, 0]);
        nt("KeInitializeSemaphore", &[semaphore, 3, 2]);
        nt("KeInitializeSemaphore", &[semaphore, 0, 2]);
        let release = |count: usize| nt("KeReleaseSemaphore", &[semaphore, 0, count, 0]) & 0xFFFF;
        assert_eq!((release(2), release(1)), (0, 2));
        assert_eq!(nt("KeReadStateSemaphore", &[semaphore]) & 0xFF, 2, "beyond the limit it stays");
        nt("KeReleaseSemaphore", &[timer, 0, 1, 0]);
        nt("KeInitializeTimerEx", &[timer, 2]);
        nt("KeInitializeTimerEx", &[timer, 0]);
        let later = (-10_000_000i64).cast_unsigned();
        nt("KeSetTimer", &[timer, usize::try_from(later).expect("of one size"), 0]);
        nt("KeInitializeTimer", &[timer]);
        assert_eq!(nt("KeCancelTimer", &[timer]) & 0xFF, 1);
        let made = nt("ExAllocateTimer", &[0, 0, 0x10]);
        assert_eq!(nt("ExDeleteTimer", &[made, 0, 1, 0]) & 0xFF, 0);
        assert_eq!(nt("ExCancelTimer", &[made, 0]) & 0xFF, 0);
        free(memory, TAG);
    });
    expect(
        &reported,
        &[
            "releases the mutex",
            "a semaphore of 3 with the limit 2",
            "beyond its limit of 2",
            "the semaphore at",
            "beyond its limit of 0",
            "2 is no TIMER_TYPE",
            "which is set",
            "with the attributes 0x10",
            "with Wait but not Cancel",
            "is no timer of ExAllocateTimer's",
        ],
    );
}

#[test]
fn devices_have_one_name_each_and_hang_on_their_driver() {
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        let [good, same, bad, link, no_link] =
            [r"\Device\One", r"\DEVICE\one", "One", r"\??\One", "One"].map(SharedText::new);
        let name = |text: &SharedText| Shared::new(text.descriptor());
        let device = Shared::new(0usize);
        let make = |owner: usize, text: Option<&SharedText>, extension: usize, exclusive: usize| {
            let name = text.map(name);
            let at = name.as_ref().map_or(0, |name| name.ptr().address());
            let made = [owner, extension, at, 0x22, 0x100, exclusive, device.ptr().address()];
            status("IoCreateDevice", &made)
        };
        assert_eq!(make(driver, Some(&bad), 0, 0), NtStatus::OBJECT_NAME_INVALID);
        assert_eq!(make(driver, Some(&good), 0, 1), NtStatus::SUCCESS);
        let first = Ptr::<DeviceObject>::at(device.get());
        // DO_DEVICE_INITIALIZING, DO_DEVICE_HAS_NAME, DO_EXCLUSIVE
        assert_eq!(first.read().flags, 0x80 | 0x40 | 0x08);
        assert_eq!(make(driver, Some(&same), 0, 0), NtStatus::OBJECT_NAME_COLLISION);
        assert_eq!(make(driver, None, 16, 0), NtStatus::SUCCESS);
        let second = Ptr::<DeviceObject>::at(device.get());
        assert_eq!(second.read().flags, 0x80);
        assert!(first.read().device_extension.is_null() && !second.read().device_extension.is_null());
        assert_eq!(make(driver, None, 0, 0), NtStatus::SUCCESS);
        let third = Ptr::<DeviceObject>::at(device.get());
        let chain = || {
            let mut all = Vec::new();
            let mut here = Ptr::<DriverObject>::at(driver).read().device_object;
            while let Some(device) = here.non_null() {
                all.push(device.address());
                here = device.cast::<DeviceObject>().read().next_device;
            }
            all
        };
        let [one, two, three] = [first, second, third].map(Ptr::address);
        assert_eq!(chain(), [three, two, one]);
        nt("IoDeleteDevice", &[two]);
        assert_eq!(chain(), [three, one]);
        nt("IoDeleteDevice", &[three]);
        assert_eq!(chain(), [one]);
        let (link_name, target) = (name(&link), name(&good));
        let arguments = [link_name.ptr().address(), target.ptr().address()];
        assert_eq!(status("IoCreateSymbolicLink", &arguments), NtStatus::SUCCESS);
        assert_eq!(status("IoCreateSymbolicLink", &arguments), NtStatus::OBJECT_NAME_COLLISION);
        let odd = name(&no_link);
        let wrong = [odd.ptr().address(), target.ptr().address()];
        assert_eq!(status("IoCreateSymbolicLink", &wrong), NtStatus::OBJECT_NAME_INVALID);
        let delete = || status("IoDeleteSymbolicLink", &[link_name.ptr().address()]);
        assert_eq!([delete(), delete()], [NtStatus::SUCCESS, NtStatus::OBJECT_NAME_NOT_FOUND]);
        nt("IoDeleteDevice", &[one]);
        assert!(chain().is_empty());
        nt("IoDeleteDevice", &[one]);
        assert_eq!(make(driver + 8, None, 0, 0), NtStatus::INVALID_PARAMETER);
        Filter::default().start(driver)
    }
    let machine = Machine::new(entry);
    let reported: Vec<_> = machine.sim.violations().into_iter().map(|violation| violation.detail).collect();
    expect(&reported, &["which is no device object", "not the driver's own driver object"]);
}
