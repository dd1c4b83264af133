//! Security: identifiers, access control lists, descriptors, tokens, access checks.

use crate::abi::{Ptr, SecuritySubjectContext, UnicodeString};
use crate::exports::rows::routines;
use crate::exports::{Module, Routine};
use crate::ke::irql::Irql;
use crate::se::{acl, descriptor, sid_routines, subject, token_query};
use crate::status::NtStatus;

routines! {
    after super::memory::END;

    Ntoskrnl: RtlLengthRequiredSid(sub_authorities: u32) -> u32, APC => sid_routines::length_required;
    Ntoskrnl: RtlValidSid(sid: Ptr<u8>) -> u8, APC => sid_routines::valid;
    Ntoskrnl: RtlLengthSid(sid: Ptr<u8>) -> u32, APC => sid_routines::length;
    Ntoskrnl: RtlInitializeSid(sid: Ptr<u8>, authority: Ptr<[u8; 6]>, sub_authorities: u8) -> NtStatus, APC,
        infallible => sid_routines::initialize;
    Ntoskrnl: RtlSubAuthoritySid(sid: Ptr<u8>, index: u32) -> Ptr, APC, infallible => sid_routines::sub_authority;
    Ntoskrnl: RtlSubAuthorityCountSid(sid: Ptr<u8>) -> Ptr, APC, infallible => sid_routines::sub_authority_count;
    Ntoskrnl: RtlCopySid(room: u32, destination: Ptr<u8>, source: Ptr<u8>) -> NtStatus, APC, infallible
        => sid_routines::copy;
    Ntoskrnl: RtlEqualSid(first: Ptr<u8>, second: Ptr<u8>) -> u8, HIGH => sid_routines::equal;
    Ntoskrnl: RtlConvertSidToUnicodeString(string: Ptr<UnicodeString>, sid: Ptr<u8>, allocate: u8) -> NtStatus, APC
        => sid_routines::to_unicode;

    Ntoskrnl: RtlCreateAcl(acl: Ptr<u8>, bytes: u32, revision: u32) -> NtStatus, APC, infallible => acl::create;
    Ntoskrnl: RtlAddAccessAllowedAce(acl: Ptr<u8>, revision: u32, mask: u32, sid: Ptr<u8>) -> NtStatus, APC,
        infallible => acl::add_allowed;
    Ntoskrnl: RtlAddAccessAllowedAceEx(acl: Ptr<u8>, revision: u32, flags: u32, mask: u32, sid: Ptr<u8>) -> NtStatus,
        APC, infallible => acl::add_allowed_ex;
    Ntoskrnl: RtlAddAccessDeniedAce(acl: Ptr<u8>, revision: u32, mask: u32, sid: Ptr<u8>) -> NtStatus, APC,
        infallible => acl::add_denied;
    Ntoskrnl: RtlAddAce(acl: Ptr<u8>, revision: u32, index: u32, list: Ptr<u8>, bytes: u32) -> NtStatus, APC,
        infallible => acl::add_list;
    Ntoskrnl: RtlGetAce(acl: Ptr<u8>, index: u32, ace: Ptr<Ptr<u8>>) -> NtStatus, APC, infallible => acl::get;
    Ntoskrnl: RtlDeleteAce(acl: Ptr<u8>, index: u32) -> NtStatus, APC, infallible => acl::delete;

    Ntoskrnl: RtlCreateSecurityDescriptor(descriptor: Ptr<u8>, revision: u32) -> NtStatus, PASSIVE, infallible
        => descriptor::create;
    Ntoskrnl: RtlValidSecurityDescriptor(descriptor: Ptr<u8>) -> u8, PASSIVE => descriptor::valid;
    Ntoskrnl: RtlLengthSecurityDescriptor(descriptor: Ptr<u8>) -> u32, PASSIVE => descriptor::length;
    Ntoskrnl: RtlSetDaclSecurityDescriptor(descriptor: Ptr<u8>, present: u8, acl: Ptr<u8>, defaulted: u8)
        -> NtStatus, PASSIVE, infallible => descriptor::set_dacl;
    Ntoskrnl: RtlGetDaclSecurityDescriptor(descriptor: Ptr<u8>, present: Ptr<u8>, acl: Ptr<Ptr<u8>>,
        defaulted: Ptr<u8>) -> NtStatus, APC, infallible => descriptor::get_dacl;
    Ntoskrnl: RtlGetSaclSecurityDescriptor(descriptor: Ptr<u8>, present: Ptr<u8>, acl: Ptr<Ptr<u8>>,
        defaulted: Ptr<u8>) -> NtStatus, APC, infallible => descriptor::get_sacl;
    Ntoskrnl: RtlSetOwnerSecurityDescriptor(descriptor: Ptr<u8>, owner: Ptr<u8>, defaulted: u8) -> NtStatus, APC,
        infallible => descriptor::set_owner;
    Ntoskrnl: RtlGetOwnerSecurityDescriptor(descriptor: Ptr<u8>, owner: Ptr<Ptr<u8>>, defaulted: Ptr<u8>)
        -> NtStatus, PASSIVE, infallible => descriptor::get_owner;
    Ntoskrnl: RtlSetGroupSecurityDescriptor(descriptor: Ptr<u8>, group: Ptr<u8>, defaulted: u8) -> NtStatus, APC,
        infallible => descriptor::set_group;
    Ntoskrnl: RtlGetGroupSecurityDescriptor(descriptor: Ptr<u8>, group: Ptr<Ptr<u8>>, defaulted: Ptr<u8>)
        -> NtStatus, APC, infallible => descriptor::get_group;
    Ntoskrnl: RtlAbsoluteToSelfRelativeSD(descriptor: Ptr<u8>, relative: Ptr<u8>, room: Ptr<u32>) -> NtStatus, APC,
        infallible => descriptor::to_self_relative;

    Ntoskrnl: SeTokenIsAdmin(token: Ptr) -> u8, PASSIVE => subject::is_admin;
    Ntoskrnl: SeTokenIsRestricted(token: Ptr) -> u8, PASSIVE => subject::is_restricted;
    Ntoskrnl: SeTokenType(token: Ptr) -> u32, PASSIVE => subject::token_type;
    Ntoskrnl: SeQueryAuthenticationIdToken(token: Ptr, id: Ptr<u64>) -> NtStatus, PASSIVE, infallible
        => subject::authentication_id;
    Ntoskrnl: SeCaptureSubjectContext(context: Ptr<SecuritySubjectContext>), PASSIVE => subject::capture;
    Ntoskrnl: SeLockSubjectContext(context: Ptr<SecuritySubjectContext>), PASSIVE => subject::lock;
    Ntoskrnl: SeUnlockSubjectContext(context: Ptr<SecuritySubjectContext>), PASSIVE => subject::lock;
    Ntoskrnl: SeReleaseSubjectContext(context: Ptr<SecuritySubjectContext>), PASSIVE => subject::release;
    Ntoskrnl: SeSinglePrivilegeCheck(privilege: u64, mode: i8) -> u8, PASSIVE => subject::single_privilege_check;
    Ntoskrnl: SePrivilegeCheck(set: Ptr<u8>, context: Ptr<SecuritySubjectContext>, mode: i8) -> u8, PASSIVE
        => subject::privilege_check;
    Ntoskrnl: SeAccessCheck(descriptor: Ptr<u8>, context: Ptr<SecuritySubjectContext>, locked: u8, desired: u32,
        granted_before: u32, privileges: Ptr<Ptr>, mapping: Ptr, mode: i8, granted: Ptr<u32>,
        status: Ptr<NtStatus>) -> u8, PASSIVE => subject::access_check;
    Ntoskrnl: ZwQueryInformationToken(token: usize, class: u32, buffer: Ptr<u8>, bytes: u32, needed: Ptr<u32>)
        -> NtStatus, PASSIVE => token_query::query_by_handle;
}
