//! What a token says of itself: `SeQueryInformationToken`, `ZwQueryInformationToken`.

use super::{Sid, Token};
use crate::abi::{Address, Ptr};
use crate::ke::Cpu;
use crate::ob::Object;
use crate::status::NtStatus;
use crate::verifier::Rule;

/// `TOKEN_INFORMATION_CLASS`
mod class {
    pub(super) const USER: u32 = 1;
    pub(super) const GROUPS: u32 = 2;
    pub(super) const PRIVILEGES: u32 = 3;
    pub(super) const OWNER: u32 = 4;
    pub(super) const PRIMARY_GROUP: u32 = 5;
    pub(super) const TYPE: u32 = 8;
    pub(super) const STATISTICS: u32 = 10;
    pub(super) const SESSION_ID: u32 = 12;
    pub(super) const ELEVATION_TYPE: u32 = 18;
    pub(super) const ELEVATION: u32 = 20;
    pub(super) const INTEGRITY_LEVEL: u32 = 25;
    pub(super) const UI_ACCESS: u32 = 26;
    pub(super) const IS_APP_CONTAINER: u32 = 29;
}

/// `SE_GROUP_MANDATORY | SE_GROUP_ENABLED_BY_DEFAULT | SE_GROUP_ENABLED`
const GROUP_ENABLED: u32 = 7;
/// `SE_GROUP_INTEGRITY | SE_GROUP_INTEGRITY_ENABLED`
const GROUP_INTEGRITY: u32 = 0x60;
/// `SE_PRIVILEGE_ENABLED | SE_PRIVILEGE_ENABLED_BY_DEFAULT`
const PRIVILEGE_ENABLED: u32 = 3;
/// `TokenPrimary`
const TOKEN_PRIMARY: u32 = 1;
/// `TOKEN_ELEVATION_TYPE`
const ELEVATION_DEFAULT: u32 = 1;
const ELEVATION_FULL: u32 = 2;
/// `sizeof(SID_AND_ATTRIBUTES)`
const SID_AND_ATTRIBUTES_BYTES: usize = 16;
/// The RID of the group of all users of a domain (`DOMAIN_GROUP_RID_USERS`).
const DOMAIN_USERS: u32 = 513;

/// A structure that is put together, with pointers into itself as it lies at an address.
struct Content {
    bytes: Vec<u8>,
    base: Address,
}

impl Content {
    fn number(&mut self, value: u32) -> &mut Self {
        self.bytes.extend(value.to_le_bytes());
        self
    }

    fn wide(&mut self, value: u64) -> &mut Self {
        self.bytes.extend(value.to_le_bytes());
        self
    }

    /// SIDs with their attributes, the SIDs themselves behind all of that.
    fn sids(&mut self, sids: &[(Sid, u32)]) {
        let mut place = self.base + self.bytes.len() + SID_AND_ATTRIBUTES_BYTES * sids.len();
        for (sid, attributes) in sids {
            self.wide(place as u64).number(*attributes).number(0);
            place += sid.as_bytes().len();
        }
        for (sid, _) in sids {
            self.bytes.extend(sid.as_bytes());
        }
    }

    /// A pointer to a SID, and the SID.
    fn sid(&mut self, sid: &Sid) {
        let place = self.base + self.bytes.len() + size_of::<Ptr>();
        self.wide(place as u64).bytes.extend(sid.as_bytes());
    }
}

/// What a class holds, as it lies at an address; `None` for a class that is not known here.
fn content(token: &Token, class: u32, base: Address) -> Option<Vec<u8>> {
    let mut content = Content { bytes: Vec::new(), base };
    match class {
        class::USER => content.sids(&[(token.user().clone(), 0)]),
        class::GROUPS => {
            let mut groups: Vec<_> = token.groups().into_iter().map(|group| (group, GROUP_ENABLED)).collect();
            groups.push((Sid::integrity(token.integrity()), GROUP_INTEGRITY));
            content.number(u32::try_from(groups.len()).unwrap_or(0)).number(0).sids(&groups);
        }
        class::PRIVILEGES => {
            let privileges = token.privileges();
            content.number(u32::try_from(privileges.len()).unwrap_or(0));
            for privilege in privileges {
                let attributes = if privilege.enabled { PRIVILEGE_ENABLED } else { 0 };
                content.number(privilege.number).number(0).number(attributes);
            }
        }
        class::OWNER if token.is_privileged() => content.sid(&Sid::administrators()),
        class::OWNER => content.sid(token.user()),
        class::PRIMARY_GROUP => content.sid(&token.user().sibling(DOMAIN_USERS)),
        class::TYPE => {
            content.number(TOKEN_PRIMARY);
        }
        class::STATISTICS => {
            let groups = u32::try_from(token.groups().len() + 1).unwrap_or(0);
            let privileges = u32::try_from(token.privileges().len()).unwrap_or(0);
            let identity = token.ptr().address() as u64;
            content.wide(identity).wide(token.logon()).wide(i64::MAX as u64);
            content.number(TOKEN_PRIMARY).number(0).number(0).number(0).number(groups).number(privileges);
            content.wide(identity);
        }
        class::SESSION_ID => {
            content.number(token.session());
        }
        class::ELEVATION_TYPE => {
            content.number(if token.is_elevated_user() { ELEVATION_FULL } else { ELEVATION_DEFAULT });
        }
        class::ELEVATION => {
            content.number(u32::from(token.is_privileged()));
        }
        class::INTEGRITY_LEVEL => content.sids(&[(Sid::integrity(token.integrity()), GROUP_INTEGRITY)]),
        class::UI_ACCESS | class::IS_APP_CONTAINER => {
            content.number(0);
        }
        _ => return None,
    }
    Some(content.bytes)
}

/// `SeQueryInformationToken`: the caller frees what it gets, except numbers that are stored in place of the pointer.
pub(crate) fn query_information(cpu: &Cpu, token: Ptr, class: u32, information: Ptr<Ptr>) -> NtStatus {
    let Some(token) = super::routines::token_at(cpu, token) else { return NtStatus::INVALID_PARAMETER };
    let in_place = match class {
        class::SESSION_ID => Some(token.session()),
        class::INTEGRITY_LEVEL => Some(token.integrity()),
        class::UI_ACCESS => Some(0),
        _ => None,
    };
    if let Some(value) = in_place {
        information.cast::<u32>().write(value);
        return NtStatus::SUCCESS;
    }
    let Some(bytes) = content(&token, class, 0) else { return NtStatus::INVALID_INFO_CLASS };
    let block: Ptr<u8> = cpu.kernel().pool.allocate_for_driver(cpu, bytes.len(), *b"SeTi");
    block.write_slice(&content(&token, class, block.address()).unwrap_or_default());
    information.write(block.cast());
    NtStatus::SUCCESS
}

/// `ZwQueryInformationToken`.
pub(crate) fn query_by_handle(
    cpu: &Cpu,
    token: usize,
    class: u32,
    buffer: Ptr<u8>,
    bytes: u32,
    needed: Ptr<u32>,
) -> NtStatus {
    let token = match cpu.kernel().handles.get(token) {
        Some(Object::Token(token)) => token,
        Some(_) => return NtStatus::OBJECT_TYPE_MISMATCH,
        None => {
            cpu.violation(Rule::ObjectReference, format!("queries handle 0x{token:X}, which is not open"));
            return NtStatus::INVALID_HANDLE;
        }
    };
    let Some(content) = content(&token, class, buffer.address()) else { return NtStatus::INVALID_INFO_CLASS };
    needed.write(u32::try_from(content.len()).unwrap_or(u32::MAX));
    if content.len() > bytes as usize {
        return NtStatus::BUFFER_TOO_SMALL;
    }
    buffer.write_slice(&content);
    NtStatus::SUCCESS
}
