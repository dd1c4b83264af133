//! Security descriptors in a driver's memory.

use super::acl::{self, ACL_BYTES};
use super::{Access, Dacl, Sid, sid_routines};
use crate::abi::Ptr;
use crate::ke::Cpu;
use crate::status::NtStatus;

/// `SECURITY_DESCRIPTOR_REVISION`
const REVISION: u8 = 1;
/// `sizeof(SECURITY_DESCRIPTOR)`, `sizeof(SECURITY_DESCRIPTOR_RELATIVE)`
pub(super) const ABSOLUTE_BYTES: usize = 40;
const RELATIVE_BYTES: usize = 20;
/// Where both have `Control`.
const CONTROL: usize = 2;

/// `SECURITY_DESCRIPTOR_CONTROL`
const SELF_RELATIVE: u16 = 0x8000;

/// A part of a descriptor: where it is in both forms, and the flags that belong to it.
#[derive(Clone, Copy)]
pub(super) struct Part {
    absolute: usize,
    relative: usize,
    /// `SE_*_PRESENT`; 0 where the pointer itself tells.
    present: u16,
    /// `SE_*_DEFAULTED`
    defaulted: u16,
    is_acl: bool,
}

const OWNER: Part = Part { absolute: 8, relative: 4, present: 0, defaulted: 0x0001, is_acl: false };
const GROUP: Part = Part { absolute: 16, relative: 8, present: 0, defaulted: 0x0002, is_acl: false };
const SACL: Part = Part { absolute: 24, relative: 12, present: 0x0010, defaulted: 0x0020, is_acl: true };
const DACL: Part = Part { absolute: 32, relative: 16, present: 0x0004, defaulted: 0x0008, is_acl: true };

/// In the order in which a self-relative descriptor has them.
const PARTS: [Part; 4] = [SACL, DACL, OWNER, GROUP];

fn control(descriptor: Ptr<u8>) -> u16 {
    descriptor.byte_offset::<u16>(CONTROL).read()
}

fn set_control(descriptor: Ptr<u8>, flags: u16, set: bool) {
    let old = control(descriptor);
    descriptor.byte_offset::<u16>(CONTROL).write(if set { old | flags } else { old & !flags });
}

/// Where a part is, in either form; NULL if there is none.
fn part(descriptor: Ptr<u8>, part: Part) -> Ptr<u8> {
    let flags = control(descriptor);
    if part.present != 0 && flags & part.present == 0 {
        return Ptr::NULL;
    }
    if flags & SELF_RELATIVE == 0 {
        return descriptor.byte_offset::<Ptr<u8>>(part.absolute).read();
    }
    match descriptor.byte_offset::<u32>(part.relative).read() {
        0 => Ptr::NULL,
        offset => descriptor.offset(offset as usize),
    }
}

fn part_bytes(cpu: &Cpu, place: Ptr<u8>, part: Part) -> Vec<u8> {
    if place.is_null() {
        Vec::new()
    } else if part.is_acl {
        let bytes = usize::from(place.byte_offset::<u16>(2).read());
        place.read_slice(bytes.max(ACL_BYTES))
    } else {
        sid_routines::bytes_of(cpu, place)
    }
}

/// `RtlCreateSecurityDescriptor`.
pub(crate) fn create(_cpu: &Cpu, descriptor: Ptr<u8>, revision: u32) -> NtStatus {
    if revision != u32::from(REVISION) {
        return NtStatus::UNKNOWN_REVISION;
    }
    descriptor.write_slice(&[0; ABSOLUTE_BYTES]);
    descriptor.write(REVISION);
    NtStatus::SUCCESS
}

fn is_revision(descriptor: Ptr<u8>) -> bool {
    descriptor.read() == REVISION
}

/// Sets a part of an absolute descriptor.
fn set(descriptor: Ptr<u8>, part: Part, place: Ptr<u8>, defaulted: u8) -> NtStatus {
    if !is_revision(descriptor) {
        return NtStatus::UNKNOWN_REVISION;
    }
    if control(descriptor) & SELF_RELATIVE != 0 {
        return NtStatus::INVALID_SECURITY_DESCR;
    }
    descriptor.byte_offset::<Ptr<u8>>(part.absolute).write(place);
    set_control(descriptor, part.defaulted, defaulted != 0);
    NtStatus::SUCCESS
}

/// `RtlSetDaclSecurityDescriptor`.
pub(crate) fn set_dacl(
    _cpu: &Cpu,
    descriptor: Ptr<u8>,
    present: u8,
    acl: Ptr<u8>,
    defaulted: u8,
) -> NtStatus {
    let (acl, defaulted) = if present == 0 { (Ptr::NULL, 0) } else { (acl, defaulted) };
    let status = set(descriptor, DACL, acl, defaulted);
    if status.is_success() {
        set_control(descriptor, DACL.present, present != 0);
    }
    status
}

/// `RtlSetOwnerSecurityDescriptor`.
pub(crate) fn set_owner(_cpu: &Cpu, descriptor: Ptr<u8>, owner: Ptr<u8>, defaulted: u8) -> NtStatus {
    set(descriptor, OWNER, owner, defaulted)
}

/// `RtlSetGroupSecurityDescriptor`.
pub(crate) fn set_group(_cpu: &Cpu, descriptor: Ptr<u8>, group: Ptr<u8>, defaulted: u8) -> NtStatus {
    set(descriptor, GROUP, group, defaulted)
}

fn get_acl(
    which: Part,
    descriptor: Ptr<u8>,
    present: Ptr<u8>,
    acl: Ptr<Ptr<u8>>,
    defaulted: Ptr<u8>,
) -> NtStatus {
    if !is_revision(descriptor) {
        return NtStatus::UNKNOWN_REVISION;
    }
    let flags = control(descriptor);
    let is_present = flags & which.present != 0;
    present.write(u8::from(is_present));
    if is_present {
        acl.write(part(descriptor, which));
        defaulted.write(u8::from(flags & which.defaulted != 0));
    }
    NtStatus::SUCCESS
}

/// `RtlGetDaclSecurityDescriptor`.
pub(crate) fn get_dacl(
    _cpu: &Cpu,
    descriptor: Ptr<u8>,
    present: Ptr<u8>,
    acl: Ptr<Ptr<u8>>,
    defaulted: Ptr<u8>,
) -> NtStatus {
    get_acl(DACL, descriptor, present, acl, defaulted)
}

/// `RtlGetSaclSecurityDescriptor`.
pub(crate) fn get_sacl(
    _cpu: &Cpu,
    descriptor: Ptr<u8>,
    present: Ptr<u8>,
    acl: Ptr<Ptr<u8>>,
    defaulted: Ptr<u8>,
) -> NtStatus {
    get_acl(SACL, descriptor, present, acl, defaulted)
}

fn get_sid(which: Part, descriptor: Ptr<u8>, sid: Ptr<Ptr<u8>>, defaulted: Ptr<u8>) -> NtStatus {
    if !is_revision(descriptor) {
        return NtStatus::UNKNOWN_REVISION;
    }
    sid.write(part(descriptor, which));
    defaulted.write(u8::from(control(descriptor) & which.defaulted != 0));
    NtStatus::SUCCESS
}

/// `RtlGetOwnerSecurityDescriptor`.
pub(crate) fn get_owner(_cpu: &Cpu, descriptor: Ptr<u8>, sid: Ptr<Ptr<u8>>, defaulted: Ptr<u8>) -> NtStatus {
    get_sid(OWNER, descriptor, sid, defaulted)
}

/// `RtlGetGroupSecurityDescriptor`.
pub(crate) fn get_group(_cpu: &Cpu, descriptor: Ptr<u8>, sid: Ptr<Ptr<u8>>, defaulted: Ptr<u8>) -> NtStatus {
    get_sid(GROUP, descriptor, sid, defaulted)
}

/// `RtlValidSecurityDescriptor`.
pub(crate) fn valid(_cpu: &Cpu, descriptor: Ptr<u8>) -> u8 {
    let is_valid_sid = |which| {
        let place = part(descriptor, which);
        place.is_null() || sid_routines::is_valid(place)
    };
    u8::from(!descriptor.is_null() && is_revision(descriptor) && is_valid_sid(OWNER) && is_valid_sid(GROUP))
}

/// Every part, each at a multiple of four bytes.
fn parts(cpu: &Cpu, descriptor: Ptr<u8>) -> [(Part, Vec<u8>); 4] {
    PARTS.map(|which| {
        let mut bytes = part_bytes(cpu, part(descriptor, which), which);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        (which, bytes)
    })
}

/// `RtlLengthSecurityDescriptor`.
pub(crate) fn length(cpu: &Cpu, descriptor: Ptr<u8>) -> u32 {
    let header = if control(descriptor) & SELF_RELATIVE == 0 { ABSOLUTE_BYTES } else { RELATIVE_BYTES };
    let bytes = header + parts(cpu, descriptor).iter().map(|(_, bytes)| bytes.len()).sum::<usize>();
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

/// `RtlAbsoluteToSelfRelativeSD`.
pub(crate) fn to_self_relative(
    cpu: &Cpu,
    descriptor: Ptr<u8>,
    relative: Ptr<u8>,
    room: Ptr<u32>,
) -> NtStatus {
    /// `STATUS_BAD_DESCRIPTOR_FORMAT`
    const BAD_FORMAT: NtStatus = NtStatus::BAD_DESCRIPTOR_FORMAT;
    if control(descriptor) & SELF_RELATIVE != 0 {
        return BAD_FORMAT;
    }
    let parts = parts(cpu, descriptor);
    let needed = RELATIVE_BYTES + parts.iter().map(|(_, bytes)| bytes.len()).sum::<usize>();
    let needed = u32::try_from(needed).unwrap_or(u32::MAX);
    if room.read() < needed {
        room.write(needed);
        return NtStatus::BUFFER_TOO_SMALL;
    }
    room.write(needed);
    relative.write_slice(&[0; RELATIVE_BYTES]);
    relative.write(REVISION);
    relative.byte_offset::<u16>(CONTROL).write(control(descriptor) | SELF_RELATIVE);
    let mut place = RELATIVE_BYTES;
    for (which, bytes) in parts {
        if !bytes.is_empty() {
            relative.byte_offset::<u32>(which.relative).write(u32::try_from(place).unwrap_or(0));
            relative.offset(place).write_slice(&bytes);
            place += bytes.len();
        }
    }
    NtStatus::SUCCESS
}

/// Whom a descriptor lets in; one without a DACL, or none at all, lets everybody.
pub(crate) fn read_dacl(cpu: &Cpu, descriptor: Ptr<u8>) -> Dacl {
    if descriptor.is_null() {
        return Dacl::everybody();
    }
    let acl = part(descriptor, DACL);
    if acl.is_null() {
        return Dacl::everybody();
    }
    let entries = acl::read(cpu, acl).into_iter();
    Dacl::of(entries.map(|ace| Access { allows: ace.kind == acl::ALLOWED, mask: ace.mask, sid: ace.sid }))
}

/// The default descriptor of the Filter Manager: these rights for `LocalSystem` and administrators, whom it belongs to.
pub(crate) struct DefaultDescriptor(Vec<u8>);

impl DefaultDescriptor {
    pub(crate) fn new(access: u32) -> Self {
        const ACL_REVISION: u8 = 2;
        let mut acl = vec![ACL_REVISION, 0, 0, 0, 2, 0, 0, 0];
        for sid in [Sid::local_system(), Sid::administrators()] {
            let bytes = u8::try_from(8 + sid.as_bytes().len()).expect("both are short");
            acl.extend([acl::ALLOWED, 0, bytes, 0]);
            acl.extend(access.to_le_bytes());
            acl.extend(sid.as_bytes());
        }
        acl[2] = u8::try_from(acl.len()).expect("both entries are short");
        Self(acl)
    }

    /// How much memory it takes.
    pub(crate) fn bytes(&self) -> usize {
        ABSOLUTE_BYTES + self.0.len() + Sid::administrators().as_bytes().len()
    }

    pub(crate) fn write(&self, place: Ptr<u8>) {
        place.write_slice(&[0; ABSOLUTE_BYTES]);
        place.write(REVISION);
        set_control(place, DACL.present, true);
        let list = place.offset(ABSOLUTE_BYTES);
        list.write_slice(&self.0);
        place.byte_offset::<Ptr<u8>>(DACL.absolute).write(list);
        let owner = list.offset(self.0.len());
        owner.write_slice(Sid::administrators().as_bytes());
        place.byte_offset::<Ptr<u8>>(OWNER.absolute).write(owner);
    }
}
