//! `SeExports`: the well-known privileges and security identifiers.

use super::Sid;
use crate::abi::{Address, Ptr};

/// A member of `SE_EXPORTS`.
enum Member {
    /// `SE_*_PRIVILEGE`, a LUID.
    Privilege(u64),
    /// A pointer to a SID, by its text.
    Sid(&'static str),
}

use Member::{Privilege as P, Sid as S};

/// The members in their order ("`SE_EXPORTS` structure (ntifs.h)"), up to those of Windows 10.
const MEMBERS: [Member; 69] = [
    P(2),
    P(3),
    P(4),
    P(5),
    P(6),
    P(7),
    P(8),
    P(9),
    P(10),
    P(15),
    P(14),
    P(11),
    P(12),
    P(13),
    P(16),
    P(17),
    P(18),
    P(19),
    P(20),
    P(21),
    P(22),
    P(23),
    P(24),
    S("S-1-0-0"),
    S("S-1-1-0"),
    S("S-1-2-0"),
    S("S-1-3-0"),
    S("S-1-3-1"),
    // The authority itself, a SID without sub-authorities.
    S("S-1-5"),
    S("S-1-5-1"),
    S("S-1-5-2"),
    S("S-1-5-3"),
    S("S-1-5-4"),
    S("S-1-5-18"),
    S("S-1-5-32-544"),
    S("S-1-5-32-545"),
    S("S-1-5-32-546"),
    S("S-1-5-32-547"),
    S("S-1-5-32-548"),
    S("S-1-5-32-549"),
    S("S-1-5-32-550"),
    S("S-1-5-32-551"),
    S("S-1-5-11"),
    S("S-1-5-12"),
    S("S-1-5-7"),
    P(25),
    P(26),
    P(27),
    S("S-1-5-19"),
    S("S-1-5-20"),
    P(28),
    P(29),
    P(30),
    P(31),
    P(32),
    P(33),
    P(34),
    P(35),
    S("S-1-5-17"),
    S("S-1-16-0"),
    S("S-1-16-4096"),
    S("S-1-16-8192"),
    S("S-1-16-12288"),
    S("S-1-16-16384"),
    S("S-1-3-4"),
    S("S-1-15-2-1"),
    S("S-1-5-84-0-0-0-0-0"),
    S("S-1-19-1024-8192"),
    S("S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464"),
];

/// The structure, and the SIDs that it points to.
pub(crate) struct SeExports {
    members: Box<[u64]>,
    _sids: Vec<Sid>,
}

impl SeExports {
    pub(crate) fn new() -> Self {
        let mut sids = Vec::new();
        let mut members: Vec<u64> = MEMBERS
            .iter()
            .map(|member| match member {
                Member::Privilege(number) => *number,
                Member::Sid(text) => {
                    let sid = if *text == "S-1-5" {
                        Sid::of_nt_authority(&[])
                    } else {
                        text.parse().expect("each is a SID")
                    };
                    let place = Ptr::of(sid.as_bytes().as_ptr()).address() as u64;
                    sids.push(sid);
                    place
                }
            })
            .collect();
        // `SeDelegateSessionUserImpersonatePrivilege`, since Windows 10.
        members.push(36);
        Self { members: members.into_boxed_slice(), _sids: sids }
    }

    pub(crate) fn address(&self) -> Address {
        Ptr::of(self.members.as_ptr()).address()
    }
}
