//! Access tokens.

use super::Sid;
use crate::abi::Ptr;

/// `SECURITY_MANDATORY_*_RID`
const MEDIUM: u32 = 0x2000;
const HIGH: u32 = 0x3000;
const SYSTEM: u32 = 0x4000;

/// The logon sessions of the system's accounts (`SYSTEM_LUID`, `LOCALSERVICE_LUID`, `NETWORKSERVICE_LUID`).
const SYSTEM_LOGONS: [(u32, u64); 3] = [(18, 0x3E7), (19, 0x3E5), (20, 0x3E4)];
/// The first logon session of users here; there is one for each Terminal Services session.
const FIRST_USER_LOGON: u64 = 0x1_0000;

/// A privilege, as tokens have it.
pub(super) struct Privilege {
    /// `SE_*_PRIVILEGE`
    pub(super) number: u32,
    pub(super) enabled: bool,
}

/// The privileges of `LocalSystem`, and whether they are enabled when a process starts.
const SYSTEM_PRIVILEGES: [(u32, bool); 28] = [
    (3, false),
    (4, true),
    (5, false),
    (7, true),
    (8, false),
    (9, false),
    (10, false),
    (11, true),
    (12, false),
    (13, true),
    (14, true),
    (15, true),
    (16, true),
    (17, false),
    (18, false),
    (19, false),
    (20, true),
    (21, true),
    (22, false),
    (23, true),
    (25, false),
    (28, false),
    (29, true),
    (30, true),
    (33, true),
    (34, true),
    (35, true),
    (36, true),
];
/// Those of an administrator.
const ADMINISTRATOR_PRIVILEGES: [(u32, bool); 24] = [
    (5, false),
    (8, false),
    (9, false),
    (10, false),
    (11, false),
    (12, false),
    (13, false),
    (14, false),
    (15, false),
    (17, false),
    (18, false),
    (19, false),
    (20, false),
    (22, false),
    (23, true),
    (24, false),
    (25, false),
    (28, false),
    (29, true),
    (30, true),
    (33, false),
    (34, false),
    (35, false),
    (36, false),
];
/// Those of everybody else.
const USER_PRIVILEGES: [(u32, bool); 5] = [(19, false), (23, true), (25, false), (33, false), (34, false)];

/// The primary token of a process.
pub(crate) struct Token {
    ptr: Ptr,
    user: Sid,
    session: u32,
    administrator: bool,
}

impl Token {
    pub(crate) fn new(ptr: Ptr, user: Sid, session: u32, administrator: bool) -> Self {
        Self { ptr, user, session, administrator }
    }

    pub(crate) fn ptr(&self) -> Ptr {
        self.ptr
    }

    pub(crate) fn user(&self) -> &Sid {
        &self.user
    }

    pub(crate) fn session(&self) -> u32 {
        self.session
    }

    fn is_system(&self) -> bool {
        self.user == Sid::local_system()
    }

    /// Whether the default security descriptor of the Filter Manager lets it in: `LocalSystem` and administrators.
    pub(crate) fn is_privileged(&self) -> bool {
        self.administrator || self.is_system()
    }

    /// The groups that it carries, enabled: everyone, authenticated users, and administrators if it is one's.
    pub(super) fn groups(&self) -> Vec<Sid> {
        let mut groups = vec![Sid::everyone(), Sid::authenticated_users()];
        if self.is_privileged() {
            groups.insert(0, Sid::administrators());
        }
        groups
    }

    /// Whether it is of this account or group.
    pub(super) fn has(&self, sid: &[u8]) -> bool {
        self.user.as_bytes() == sid || self.groups().iter().any(|group| group.as_bytes() == sid)
    }

    /// The RID of its integrity level.
    pub(super) fn integrity(&self) -> u32 {
        match (self.is_system(), self.administrator) {
            (true, _) => SYSTEM,
            (false, true) => HIGH,
            (false, false) => MEDIUM,
        }
    }

    pub(super) fn privileges(&self) -> Vec<Privilege> {
        let privileges: &[_] = match (self.is_system(), self.administrator) {
            (true, _) => &SYSTEM_PRIVILEGES,
            (false, true) => &ADMINISTRATOR_PRIVILEGES,
            (false, false) => &USER_PRIVILEGES,
        };
        privileges.iter().map(|(number, enabled)| Privilege { number: *number, enabled: *enabled }).collect()
    }

    /// The LUID of its logon session.
    pub(super) fn logon(&self) -> u64 {
        let is = |rid: u32| self.user == Sid::of_nt_authority(&[rid]);
        let known = SYSTEM_LOGONS.iter().find(|(rid, _)| is(*rid)).map(|(_, logon)| *logon);
        known.unwrap_or(FIRST_USER_LOGON + u64::from(self.session))
    }

    /// Whether it is one that was elevated, of a user who is asked before.
    pub(super) fn is_elevated_user(&self) -> bool {
        self.administrator && !self.is_system()
    }
}
