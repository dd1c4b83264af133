//! Routines on security identifiers in a driver's memory.

use super::Sid;
use super::sid::{HEADER_BYTES, MAX_SUB_AUTHORITIES, REVISION};
use crate::abi::{Ptr, UnicodeString};
use crate::ke::Cpu;
use crate::rtl;
use crate::status::NtStatus;
use crate::verifier::Rule;

/// Bytes of a sub-authority.
const SUB_AUTHORITY_BYTES: usize = 4;
/// Where a SID has the number of its sub-authorities, and its authority.
const COUNT: usize = 1;
const AUTHORITY: usize = 2;

/// `RtlLengthRequiredSid`.
pub(crate) fn length_required(_cpu: &Cpu, sub_authorities: u32) -> u32 {
    u32::try_from(HEADER_BYTES + SUB_AUTHORITY_BYTES * sub_authorities as usize).unwrap_or(u32::MAX)
}

fn count(sid: Ptr<u8>) -> usize {
    usize::from(sid.offset(COUNT).read())
}

/// Whether it has the form of a SID.
pub(super) fn is_valid(sid: Ptr<u8>) -> bool {
    !sid.is_null() && sid.read() == REVISION && count(sid) <= MAX_SUB_AUTHORITIES
}

/// `RtlValidSid`.
pub(crate) fn valid(_cpu: &Cpu, sid: Ptr<u8>) -> u8 {
    u8::from(is_valid(sid))
}

/// `RtlLengthSid`: of what is no SID it says nothing.
pub(crate) fn length(cpu: &Cpu, sid: Ptr<u8>) -> u32 {
    if !is_valid(sid) {
        cpu.violation(Rule::InvalidParameter, format!("asks for the length of {sid:?}, which is no SID"));
        return 0;
    }
    length_required(cpu, u32::from(sid.offset(COUNT).read()))
}

/// The bytes of a SID.
pub(super) fn bytes_of(cpu: &Cpu, sid: Ptr<u8>) -> Vec<u8> {
    sid.read_slice(length(cpu, sid) as usize)
}

/// `RtlInitializeSid`: the sub-authorities are the caller's to fill in.
pub(crate) fn initialize(_cpu: &Cpu, sid: Ptr<u8>, authority: Ptr<[u8; 6]>, sub_authorities: u8) -> NtStatus {
    if usize::from(sub_authorities) > MAX_SUB_AUTHORITIES {
        return NtStatus::INVALID_PARAMETER;
    }
    sid.write(REVISION);
    sid.offset(COUNT).write(sub_authorities);
    sid.offset(AUTHORITY).write_slice(&authority.read());
    NtStatus::SUCCESS
}

/// `RtlSubAuthoritySid`.
pub(crate) fn sub_authority(cpu: &Cpu, sid: Ptr<u8>, index: u32) -> Ptr {
    if index as usize >= count(sid) {
        cpu.violation(Rule::InvalidParameter, format!("asks for sub-authority {index} of {}", count(sid)));
    }
    sid.byte_offset(HEADER_BYTES + SUB_AUTHORITY_BYTES * index as usize)
}

/// `RtlSubAuthorityCountSid`.
pub(crate) fn sub_authority_count(_cpu: &Cpu, sid: Ptr<u8>) -> Ptr {
    sid.byte_offset(COUNT)
}

/// `RtlCopySid`.
pub(crate) fn copy(cpu: &Cpu, room: u32, destination: Ptr<u8>, source: Ptr<u8>) -> NtStatus {
    if room < length(cpu, source) {
        return NtStatus::BUFFER_TOO_SMALL;
    }
    destination.write_slice(&bytes_of(cpu, source));
    NtStatus::SUCCESS
}

/// `RtlEqualSid`.
pub(crate) fn equal(cpu: &Cpu, first: Ptr<u8>, second: Ptr<u8>) -> u8 {
    u8::from(bytes_of(cpu, first) == bytes_of(cpu, second))
}

/// `RtlConvertSidToUnicodeString`.
pub(crate) fn to_unicode(cpu: &Cpu, string: Ptr<UnicodeString>, sid: Ptr<u8>, allocate: u8) -> NtStatus {
    if !is_valid(sid) {
        return NtStatus::INVALID_SID;
    }
    let text: Vec<u16> = Sid::from_bytes(&bytes_of(cpu, sid)).to_string().encode_utf16().collect();
    if allocate != 0 {
        return rtl::unicode::give(cpu, string, &text);
    }
    // With room for the terminator, too.
    let bytes = size_of_val(text.as_slice());
    if usize::from(string.read().maximum_length) < bytes + size_of::<u16>() || !rtl::store_in(string, &text) {
        return NtStatus::BUFFER_OVERFLOW;
    }
    string.read().buffer.offset(text.len()).write(0);
    NtStatus::SUCCESS
}
