//! Access control lists in a driver's memory.

use super::sid_routines;
use crate::abi::Ptr;
use crate::ke::Cpu;
use crate::status::NtStatus;

/// `ACL_REVISION`, `ACL_REVISION_DS`: what `AclRevision` may be.
const ACL_REVISIONS: std::ops::RangeInclusive<u32> = 2..=4;
/// `sizeof(ACL)`
pub(super) const ACL_BYTES: usize = 8;
/// Where an `ACL` has its size and the number of its entries.
const ACL_SIZE: usize = 2;
const ACE_COUNT: usize = 4;
/// An ACE's header and mask, before the SID.
const ACE_BYTES: usize = 8;
/// Where an ACE has its flags, size and mask.
const ACE_FLAGS: usize = 1;
const ACE_SIZE: usize = 2;
const ACE_MASK: usize = 4;
/// `ACCESS_ALLOWED_ACE_TYPE`, `ACCESS_DENIED_ACE_TYPE`
pub(super) const ALLOWED: u8 = 0;
pub(super) const DENIED: u8 = 1;
/// `VALID_INHERIT_FLAGS`
const VALID_INHERIT_FLAGS: u32 = 0x1F;

/// An entry: its type, its rights, and whose they are.
pub(super) struct Ace {
    pub(super) kind: u8,
    pub(super) mask: u32,
    pub(super) sid: Vec<u8>,
}

fn size(acl: Ptr<u8>) -> usize {
    usize::from(acl.byte_offset::<u16>(ACL_SIZE).read())
}

fn count(acl: Ptr<u8>) -> u16 {
    acl.byte_offset::<u16>(ACE_COUNT).read()
}

/// Where each entry begins, and where the first free byte is; `None` if the list is damaged.
fn walk(acl: Ptr<u8>) -> Option<(Vec<usize>, usize)> {
    let mut place = ACL_BYTES;
    let mut entries = Vec::new();
    for _ in 0..count(acl) {
        let bytes = usize::from(acl.byte_offset::<u16>(place + ACE_SIZE).read());
        if bytes < ACE_BYTES || place + bytes > size(acl) {
            return None;
        }
        entries.push(place);
        place += bytes;
    }
    (ACL_REVISIONS.contains(&u32::from(acl.read())) && place <= size(acl)).then_some((entries, place))
}

/// The entries that allow or deny.
pub(super) fn read(cpu: &Cpu, acl: Ptr<u8>) -> Vec<Ace> {
    let (entries, _) = walk(acl).unwrap_or_default();
    let places = entries.into_iter().map(|place| acl.offset(place));
    let simple = places.filter(|ace| matches!(ace.read(), ALLOWED | DENIED));
    simple
        .map(|ace| Ace {
            kind: ace.read(),
            mask: ace.byte_offset::<u32>(ACE_MASK).read(),
            sid: sid_routines::bytes_of(cpu, ace.offset(ACE_BYTES)),
        })
        .collect()
}

/// `RtlCreateAcl`.
pub(crate) fn create(_cpu: &Cpu, acl: Ptr<u8>, bytes: u32, revision: u32) -> NtStatus {
    if (bytes as usize) < ACL_BYTES {
        return NtStatus::BUFFER_TOO_SMALL;
    }
    let Ok(bytes) = u16::try_from(bytes) else { return NtStatus::INVALID_PARAMETER };
    let Some(revision) = u8::try_from(revision).ok().filter(|_| ACL_REVISIONS.contains(&revision)) else {
        return NtStatus::INVALID_PARAMETER;
    };
    acl.write_slice(&[0; ACL_BYTES]);
    acl.write(revision);
    acl.byte_offset::<u16>(ACL_SIZE).write(bytes & !3);
    NtStatus::SUCCESS
}

/// Adds an entry at the end.
fn add(cpu: &Cpu, acl: Ptr<u8>, revision: u32, flags: u32, mask: u32, sid: Ptr<u8>, kind: u8) -> NtStatus {
    if !sid_routines::is_valid(sid) {
        return NtStatus::INVALID_SID;
    }
    if flags & !VALID_INHERIT_FLAGS != 0 {
        return NtStatus::INVALID_PARAMETER;
    }
    if !ACL_REVISIONS.contains(&revision) || u32::from(acl.read()) > *ACL_REVISIONS.end() {
        return NtStatus::REVISION_MISMATCH;
    }
    let Some((_, place)) = walk(acl) else { return NtStatus::INVALID_ACL };
    let sid = sid_routines::bytes_of(cpu, sid);
    let bytes = ACE_BYTES + sid.len();
    if place + bytes > size(acl) {
        return NtStatus::ALLOTTED_SPACE_EXCEEDED;
    }
    let ace = acl.offset(place);
    ace.write(kind);
    ace.offset(ACE_FLAGS).write(flags.to_le_bytes()[0]);
    ace.byte_offset::<u16>(ACE_SIZE).write(u16::try_from(bytes).unwrap_or(u16::MAX));
    ace.byte_offset::<u32>(ACE_MASK).write(mask);
    ace.offset(ACE_BYTES).write_slice(&sid);
    let revision = u8::try_from(revision).unwrap_or(0).max(acl.read());
    acl.write(revision);
    acl.byte_offset::<u16>(ACE_COUNT).write(count(acl) + 1);
    NtStatus::SUCCESS
}

/// `RtlAddAccessAllowedAce`.
pub(crate) fn add_allowed(cpu: &Cpu, acl: Ptr<u8>, revision: u32, mask: u32, sid: Ptr<u8>) -> NtStatus {
    add(cpu, acl, revision, 0, mask, sid, ALLOWED)
}

/// `RtlAddAccessAllowedAceEx`.
pub(crate) fn add_allowed_ex(
    cpu: &Cpu,
    acl: Ptr<u8>,
    revision: u32,
    flags: u32,
    mask: u32,
    sid: Ptr<u8>,
) -> NtStatus {
    add(cpu, acl, revision, flags, mask, sid, ALLOWED)
}

/// `RtlAddAccessDeniedAce`.
pub(crate) fn add_denied(cpu: &Cpu, acl: Ptr<u8>, revision: u32, mask: u32, sid: Ptr<u8>) -> NtStatus {
    add(cpu, acl, revision, 0, mask, sid, DENIED)
}

/// `RtlGetAce`.
pub(crate) fn get(_cpu: &Cpu, acl: Ptr<u8>, index: u32, ace: Ptr<Ptr<u8>>) -> NtStatus {
    let Some((entries, _)) = walk(acl) else { return NtStatus::INVALID_PARAMETER };
    match entries.get(index as usize) {
        Some(place) => {
            ace.write(acl.offset(*place));
            NtStatus::SUCCESS
        }
        None => NtStatus::INVALID_PARAMETER,
    }
}

/// `RtlDeleteAce`.
pub(crate) fn delete(_cpu: &Cpu, acl: Ptr<u8>, index: u32) -> NtStatus {
    let Some((entries, end)) = walk(acl) else { return NtStatus::INVALID_PARAMETER };
    let Some(place) = entries.get(index as usize).copied() else { return NtStatus::INVALID_PARAMETER };
    let next = entries.get(index as usize + 1).copied().unwrap_or(end);
    let rest = acl.offset(next).read_slice(end - next);
    acl.offset(place).write_slice(&rest);
    acl.offset(place + rest.len()).write_slice(&vec![0; next - place]);
    acl.byte_offset::<u16>(ACE_COUNT).write(count(acl) - 1);
    NtStatus::SUCCESS
}

/// `RtlAddAce`: entries that the caller has made; an index beyond the end adds them there.
pub(crate) fn add_list(
    _cpu: &Cpu,
    acl: Ptr<u8>,
    revision: u32,
    index: u32,
    list: Ptr<u8>,
    bytes: u32,
) -> NtStatus {
    if !ACL_REVISIONS.contains(&revision) {
        return NtStatus::INVALID_PARAMETER;
    }
    let Some((entries, end)) = walk(acl) else { return NtStatus::INVALID_PARAMETER };
    let new = list.read_slice(bytes as usize);
    let mut added = 0u16;
    let mut place = 0;
    while place < new.len() {
        let header = new.get(place + ACE_SIZE..place + ACE_BYTES);
        let size = header.map_or(0, |header| usize::from(u16::from_le_bytes([header[0], header[1]])));
        if size < ACE_BYTES || place + size > new.len() {
            return NtStatus::INVALID_PARAMETER;
        }
        place += size;
        added += 1;
    }
    if end + new.len() > size(acl) {
        return NtStatus::BUFFER_TOO_SMALL;
    }
    let at = entries.get(index as usize).copied().unwrap_or(end);
    let rest = acl.offset(at).read_slice(end - at);
    acl.offset(at).write_slice(&new);
    acl.offset(at + new.len()).write_slice(&rest);
    acl.byte_offset::<u16>(ACE_COUNT).write(count(acl) + added);
    NtStatus::SUCCESS
}
