//! Subject contexts, privileges, and access checks.

use super::descriptor;
use super::routines::token_at;
use crate::abi::{Ptr, SecuritySubjectContext};
use crate::ke::Cpu;
use crate::ob::Released;
use crate::sim::Mode;
use crate::status::NtStatus;
use crate::verifier::Rule;

/// `SecurityImpersonation`
const SECURITY_IMPERSONATION: u32 = 2;
/// `MAXIMUM_ALLOWED`
const MAXIMUM_ALLOWED: u32 = 0x0200_0000;
/// `PRIVILEGE_SET_ALL_NECESSARY`
const ALL_NECESSARY: u32 = 1;
/// `SE_PRIVILEGE_USED_FOR_ACCESS`
const USED_FOR_ACCESS: u32 = 0x8000_0000;
/// Where a `PRIVILEGE_SET` has its privileges, and how long each is.
const PRIVILEGES: usize = 8;
const PRIVILEGE_BYTES: usize = 12;

/// `SeCaptureSubjectContext`: references both tokens.
pub(crate) fn capture(cpu: &Cpu, context: Ptr<SecuritySubjectContext>) {
    let thread = cpu.thread();
    let primary = thread.current_process().token().ptr();
    let client = thread.io().client().map_or(Ptr::NULL, |token| token.ptr());
    let owner = cpu.owner();
    for token in [primary, client].into_iter().filter_map(Ptr::non_null) {
        cpu.kernel().objects.reference(token, owner);
    }
    context.write(SecuritySubjectContext {
        client_token: client,
        impersonation_level: if client.is_null() { 0 } else { SECURITY_IMPERSONATION },
        primary_token: primary,
        process_audit_id: Ptr::at(thread.process().pid() as usize),
    });
}

/// `SeReleaseSubjectContext`.
pub(crate) fn release(cpu: &Cpu, context: Ptr<SecuritySubjectContext>) {
    let value = context.read();
    for token in [value.primary_token, value.client_token].into_iter().filter_map(Ptr::non_null) {
        let released = cpu.kernel().objects.dereference(token, cpu.owner());
        if matches!(released, Released::NotHeld(_) | Released::Unknown) {
            cpu.violation(Rule::ObjectReference, "releases a subject context that holds no token (any more)");
        }
    }
    context.write(SecuritySubjectContext { client_token: Ptr::NULL, primary_token: Ptr::NULL, ..value });
}

/// `SeLockSubjectContext`, `SeUnlockSubjectContext`: tokens never change here.
pub(crate) fn lock(_cpu: &Cpu, _context: Ptr<SecuritySubjectContext>) {}

/// The token that counts: the client's, if there is one (`SeQuerySubjectContextToken`).
fn effective(context: &SecuritySubjectContext) -> Ptr {
    context.client_token.non_null().unwrap_or(context.primary_token)
}

/// Whether a token has a privilege, enabled.
fn has_privilege(cpu: &Cpu, token: Ptr, privilege: u64) -> bool {
    let token = token_at(cpu, token);
    token.is_some_and(|token| {
        token.privileges().iter().any(|known| known.enabled && u64::from(known.number) == privilege)
    })
}

/// `SeSinglePrivilegeCheck`: the kernel has every privilege.
pub(crate) fn single_privilege_check(cpu: &Cpu, privilege: u64, mode: i8) -> u8 {
    let thread = cpu.thread();
    let token = thread.io().client().unwrap_or_else(|| thread.current_process().token().clone());
    u8::from(mode == Mode::Kernel as i8 || has_privilege(cpu, token.ptr(), privilege))
}

/// `SePrivilegeCheck`.
pub(crate) fn privilege_check(cpu: &Cpu, set: Ptr<u8>, context: Ptr<SecuritySubjectContext>, mode: i8) -> u8 {
    if mode == Mode::Kernel as i8 {
        return 1;
    }
    let [count, control] = [0, 4].map(|offset| set.byte_offset::<u32>(offset).read());
    let token = effective(&context.read());
    let mut held = 0;
    for index in 0..count as usize {
        let entry = set.offset(PRIVILEGES + PRIVILEGE_BYTES * index);
        if has_privilege(cpu, token, entry.cast::<u64>().read()) {
            held += 1;
            let attributes = entry.byte_offset::<u32>(8);
            attributes.write(attributes.read() | USED_FOR_ACCESS);
        }
    }
    u8::from(if control & ALL_NECESSARY != 0 { held == count } else { held > 0 })
}

/// `SeAccessCheck`.
#[expect(clippy::too_many_arguments, reason = "the routine has as many")]
pub(crate) fn access_check(
    cpu: &Cpu,
    descriptor: Ptr<u8>,
    context: Ptr<SecuritySubjectContext>,
    _locked: u8,
    desired: u32,
    previously_granted: u32,
    privileges: Ptr<Ptr>,
    _mapping: Ptr,
    mode: i8,
    granted: Ptr<u32>,
    status: Ptr<NtStatus>,
) -> u8 {
    privileges.write_if_given(Ptr::NULL);
    let asked = desired & !MAXIMUM_ALLOWED;
    let allowed = mode == Mode::Kernel as i8
        || descriptor.is_null()
        || token_at(cpu, effective(&context.read()))
            .is_some_and(|token| descriptor::read_dacl(cpu, descriptor).grants(&token, asked));
    granted.write(if allowed { asked | previously_granted } else { 0 });
    status.write(if allowed { NtStatus::SUCCESS } else { NtStatus::ACCESS_DENIED });
    u8::from(allowed)
}

/// `SeTokenIsAdmin`.
pub(crate) fn is_admin(cpu: &Cpu, token: Ptr) -> u8 {
    u8::from(token_at(cpu, token).is_some_and(|token| token.is_privileged()))
}

/// `SeTokenIsRestricted`: no token has restricting SIDs here.
pub(crate) fn is_restricted(cpu: &Cpu, token: Ptr) -> u8 {
    token_at(cpu, token);
    0
}

/// `SeTokenType`: all are primary tokens; a client's is that of its process.
pub(crate) fn token_type(cpu: &Cpu, token: Ptr) -> u32 {
    /// `TokenPrimary`
    const PRIMARY: u32 = 1;
    token_at(cpu, token);
    PRIMARY
}

/// `SeQueryAuthenticationIdToken`.
pub(crate) fn authentication_id(cpu: &Cpu, token: Ptr, id: Ptr<u64>) -> NtStatus {
    let Some(token) = token_at(cpu, token) else { return NtStatus::INVALID_PARAMETER };
    id.write(token.logon());
    NtStatus::SUCCESS
}
