//! Security identifiers, lists, descriptors and tokens as drivers use them.

use super::driver::{Filter, NON_PAGED, TAG, allocate, free, nt, status};
use super::{Machine, PID, machine_without_driver};
use crate::abi::{Ptr, SecuritySubjectContext, Shared, UnicodeString};
use crate::exports::DataExport;
use crate::ke::cpu;
use crate::status::NtStatus;
use crate::verifier::Rule;
use crate::{Config, Windows};

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

/// Administrators, as a driver writes it.
fn administrators(place: Ptr<u8>) -> usize {
    let authority = Shared::new([0u8, 0, 0, 0, 0, 5]);
    let sid = place.address();
    assert_eq!(status("RtlInitializeSid", &[sid, authority.ptr().address(), 2]), NtStatus::SUCCESS);
    for (index, value) in [32u32, 544].into_iter().enumerate() {
        Ptr::at(nt("RtlSubAuthoritySid", &[sid, index])).write(value);
    }
    sid
}

#[test]
fn a_descriptor_is_built_and_read_back() {
    let machine = machine!({
        let memory = allocate(NON_PAGED, 512);
        let sid = administrators(memory);
        assert_eq!(nt("RtlLengthSid", &[sid]) & 0xFFFF, 16);
        let copy = sid + 64;
        assert_eq!(status("RtlCopySid", &[15, copy, sid]), NtStatus::BUFFER_TOO_SMALL);
        assert_eq!(status("RtlCopySid", &[16, copy, sid]), NtStatus::SUCCESS);
        assert_eq!(nt("RtlEqualSid", &[copy, sid]) & 0xFF, 1);
        let (acl, descriptor) = (sid + 128, sid + 256);
        assert_eq!(status("RtlCreateAcl", &[acl, 32, 9]), NtStatus::INVALID_PARAMETER);
        assert_eq!(status("RtlCreateAcl", &[acl, 32, 2]), NtStatus::SUCCESS);
        assert_eq!(status("RtlAddAccessAllowedAceEx", &[acl, 2, 0, 0x1F_0001, sid]), NtStatus::SUCCESS);
        assert_eq!(status("RtlAddAccessAllowedAce", &[acl, 2, 1, sid]), NtStatus::ALLOTTED_SPACE_EXCEEDED);
        assert_eq!(status("RtlCreateSecurityDescriptor", &[descriptor, 1]), NtStatus::SUCCESS);
        assert_eq!(status("RtlSetDaclSecurityDescriptor", &[descriptor, 1, acl, 0]), NtStatus::SUCCESS);
        let out = Shared::new([0usize; 3]);
        let at = out.ptr().address();
        assert_eq!(
            status("RtlGetDaclSecurityDescriptor", &[descriptor, at, at + 8, at + 16]),
            NtStatus::SUCCESS
        );
        assert_eq!((out.get()[0] & 0xFF, out.get()[1]), (1, acl));
        let (relative, room) = (sid + 300, Shared::new(20u32));
        let arguments = [descriptor, relative, room.ptr().address()];
        assert_eq!(status("RtlAbsoluteToSelfRelativeSD", &arguments), NtStatus::BUFFER_TOO_SMALL);
        assert_eq!(room.get(), 52);
        assert_eq!(status("RtlAbsoluteToSelfRelativeSD", &arguments), NtStatus::SUCCESS);
        assert_eq!(nt("RtlLengthSecurityDescriptor", &[relative]) & 0xFFFF, 52);
        assert_eq!(
            status("RtlGetDaclSecurityDescriptor", &[relative, at, at + 8, at + 16]),
            NtStatus::SUCCESS
        );
        assert_eq!(out.get()[1], relative + 20);
        free(memory, TAG);
    });
    machine.unload_cleanly();
    machine.expect_no_violation();
}

#[test]
fn a_sid_is_told_as_text() {
    let machine = machine!({
        let memory = allocate(NON_PAGED, 64);
        let sid = administrators(memory);
        let string = Shared::new(UnicodeString { length: 0, maximum_length: 0, buffer: Ptr::NULL });
        let place = string.ptr().address();
        assert_eq!(status("RtlConvertSidToUnicodeString", &[place, sid, 0]), NtStatus::BUFFER_OVERFLOW);
        assert_eq!(status("RtlConvertSidToUnicodeString", &[place, sid, 1]), NtStatus::SUCCESS);
        assert_eq!(crate::rtl::read_unicode_string(string.ptr()), "S-1-5-32-544");
        nt("RtlFreeUnicodeString", &[place]);
        free(memory, TAG);
    });
    machine.unload_cleanly();
    machine.expect_no_violation();
}

/// What the token of System says; of an ordinary user's see the next test.
#[test]
fn a_token_tells_who_it_is() {
    /// `TOKEN_INFORMATION_CLASS`
    const GROUPS: usize = 2;
    const ELEVATION: usize = 20;
    const INTEGRITY_LEVEL: usize = 25;
    let machine = machine!({
        let process = nt("IoGetCurrentProcess", &[]);
        let token = nt("PsReferencePrimaryToken", &[process]);
        let out = Shared::new(0usize);
        let query = |class| status("SeQueryInformationToken", &[token, class, out.ptr().address()]);
        assert_eq!(query(INTEGRITY_LEVEL), NtStatus::SUCCESS);
        assert_eq!(out.get(), 0x4000);
        assert_eq!(query(ELEVATION), NtStatus::SUCCESS);
        assert_eq!(Ptr::<u32>::at(out.get()).read(), 1);
        nt("ExFreePool", &[out.get()]);
        assert_eq!(query(GROUPS), NtStatus::SUCCESS);
        let groups = out.get();
        assert_eq!(Ptr::<u32>::at(groups).read(), 4);
        let first = Ptr::<usize>::at(groups + 8).read();
        assert_eq!(nt("RtlLengthSid", &[first]) & 0xFF, 16);
        nt("ExFreePool", &[groups]);
        assert_eq!(query(77), NtStatus::INVALID_INFO_CLASS);
        assert_eq!(nt("SeTokenIsAdmin", &[token]) & 0xFF, 1);
        assert_eq!(nt("SeTokenIsRestricted", &[token]) & 0xFF, 0);
        nt("PsDereferencePrimaryToken", &[token]);
    });
    machine.unload_cleanly();
    machine.expect_no_violation();
}

#[test]
fn a_subject_context_left_behind_is_reported() {
    let machine = machine!({
        let context = Shared::new([0u8; 32]);
        nt("SeCaptureSubjectContext", &[context.ptr().address()]);
    });
    let report = machine.sim.unload(&machine.driver).expect("the driver unloads");
    let leaks: Vec<_> = report.leaks.iter().map(ToString::to_string).collect();
    assert_eq!(leaks, ["1 × reference token"]);
}

#[test]
fn a_subject_context_released_twice_is_reported() {
    let machine = machine!({
        let context = Shared::new([0u8; 32]);
        nt("SeCaptureSubjectContext", &[context.ptr().address()]);
        let copy = Shared::new(context.ptr().cast::<SecuritySubjectContext>().read());
        nt("SeReleaseSubjectContext", &[context.ptr().address()]);
        nt("SeReleaseSubjectContext", &[copy.ptr().address()]);
    });
    machine.expect_violation(Rule::ObjectReference, "test DriverEntry");
}

/// An ordinary user has few privileges, is no administrator, and is not let in where only administrators are.
#[test]
fn rights_and_privileges_are_those_of_the_token() {
    /// `SE_TCB_PRIVILEGE`, `SE_CHANGE_NOTIFY_PRIVILEGE`
    const TCB: usize = 7;
    const CHANGE_NOTIFY: usize = 23;
    let user: crate::Sid = "S-1-5-21-1-2-3-1001".parse().expect("a SID");
    let (sim, ..) = super::configured(Config::new(Windows::Win11_24H2));
    let process =
        sim.add_process(crate::ProcessSpec::new(r"C:\user.exe").user(user)).expect("the PID is free");
    let thread = sim.add_thread(process, None).expect("it starts");
    sim.inside(thread, |cpu| {
        use crate::se::{Dacl, descriptor::DefaultDescriptor, descriptor::read_dacl, subject};
        assert_eq!(subject::single_privilege_check(cpu, TCB as u64, 1), 0);
        assert_eq!(subject::single_privilege_check(cpu, TCB as u64, 0), 1);
        assert_eq!(subject::single_privilege_check(cpu, CHANGE_NOTIFY as u64, 1), 1);
        let default = DefaultDescriptor::new(0x1F_0001);
        let block = crate::ex::block::Block::new(default.bytes(), crate::ex::block::Content::Zeroed);
        default.write(block.ptr());
        let token = cpu.thread().process().token().clone();
        assert!(!read_dacl(cpu, block.ptr()).grants(&token, 1));
        assert!(read_dacl(cpu, block.ptr()).grants(cpu.kernel().system.token(), 1));
        assert!(Dacl::everybody().grants(&token, 1));
    });
}

#[test]
fn the_well_known_identifiers_are_exported() {
    let (sim, ..) = machine_without_driver(Windows::Win11_24H2);
    let members = Ptr::<usize>::at(sim.kernel_for_test().cells.get(DataExport::SeExports));
    assert!(!cpu::is_inside() && PID != 0);
    // 23 privileges come before the SIDs; the second of these is that of everybody.
    assert_eq!(members.offset(22).read(), 24);
    assert_eq!(Ptr::<u8>::at(members.offset(24).read()).read_slice(12), [1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]);
    assert_eq!(Ptr::<u8>::at(members.offset(34).read()).read_slice(2), [1, 2]);
}
