//! Security identifiers.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// `SID_REVISION`.
pub(super) const REVISION: u8 = 1;
/// `SID_MAX_SUB_AUTHORITIES`.
pub(super) const MAX_SUB_AUTHORITIES: usize = 15;
/// Bytes before the first sub-authority: revision, count, 48-bit authority.
pub(super) const HEADER_BYTES: usize = 8;

/// A security identifier in its binary form.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Sid(Box<[u8]>);

/// Text that is no SID.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is not a SID of the form S-1-5-21-…")]
pub struct InvalidSid(String);

impl Sid {
    /// `S-1-5-18`, the account of the operating system.
    #[must_use]
    pub fn local_system() -> Self {
        Self::new(5, &[18])
    }

    /// A SID of the NT authority.
    pub(super) fn of_nt_authority(sub_authorities: &[u32]) -> Self {
        Self::new(5, sub_authorities)
    }

    pub(super) fn everyone() -> Self {
        Self::new(1, &[0])
    }

    pub(super) fn authenticated_users() -> Self {
        Self::of_nt_authority(&[11])
    }

    pub(super) fn administrators() -> Self {
        Self::of_nt_authority(&[32, 544])
    }

    /// The SID of an integrity level.
    pub(super) fn integrity(level: u32) -> Self {
        Self::new(16, &[level])
    }

    /// What has the form of a SID.
    pub(super) fn from_bytes(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }

    /// Of an account of a domain or machine, another with this RID; any other SID itself.
    pub(super) fn sibling(&self, rid: u32) -> Self {
        const OF_DOMAIN: u8 = 5;
        let mut bytes = self.0.to_vec();
        if bytes[1] == OF_DOMAIN {
            let at = bytes.len() - size_of::<u32>();
            bytes[at..].copy_from_slice(&rid.to_le_bytes());
        }
        Self(bytes.into())
    }

    fn new(authority: u64, sub_authorities: &[u32]) -> Self {
        let count = u8::try_from(sub_authorities.len()).expect("callers keep to SID_MAX_SUB_AUTHORITIES");
        let mut bytes = vec![REVISION, count];
        bytes.extend_from_slice(&authority.to_be_bytes()[2..]);
        for sub_authority in sub_authorities {
            bytes.extend_from_slice(&sub_authority.to_le_bytes());
        }
        Self(bytes.into_boxed_slice())
    }

    /// The `SID` structure, byte by byte.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl FromStr for Sid {
    type Err = InvalidSid;

    fn from_str(text: &str) -> Result<Self, InvalidSid> {
        let invalid = || InvalidSid(text.to_owned());
        let mut parts = text.split('-');
        if !parts.next().is_some_and(|part| part.eq_ignore_ascii_case("S")) || parts.next() != Some("1") {
            return Err(invalid());
        }
        let authority = parts.next().and_then(|part| part.parse::<u64>().ok()).ok_or_else(invalid)?;
        let sub_authorities =
            parts.map(str::parse).collect::<Result<Vec<u32>, _>>().map_err(|_| invalid())?;
        let fits = authority < 1 << 48 && (1..=MAX_SUB_AUTHORITIES).contains(&sub_authorities.len());
        if fits { Ok(Self::new(authority, &sub_authorities)) } else { Err(invalid()) }
    }
}

impl fmt::Display for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (header, sub_authorities) = self.0.split_at(HEADER_BYTES);
        let authority = header[2..].iter().fold(0u64, |value, byte| value << 8 | u64::from(*byte));
        write!(f, "S-{REVISION}-{authority}")?;
        for bytes in sub_authorities.chunks_exact(4) {
            let value = bytes.iter().rev().fold(0u32, |value, byte| value << 8 | u32::from(*byte));
            write!(f, "-{value}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sid_reads_back_its_own_text() {
        for text in ["S-1-5-18", "S-1-5-21-1004336348-1177238915-682003330-512", "S-1-16-12288"] {
            assert_eq!(text.parse::<Sid>().expect("valid").to_string(), text);
        }
    }

    #[test]
    fn the_binary_form_is_the_documented_one() {
        let sid: Sid = "S-1-5-21-258".parse().expect("valid");
        assert_eq!(sid.as_bytes(), [1, 2, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0, 2, 1, 0, 0]);
    }

    #[test]
    fn text_that_is_no_sid_is_refused() {
        for text in ["", "S-1", "S-1-5", "S-2-5-18", "S-1-5-x", "S-1-5-4294967296", "S-1-281474976710656-1"] {
            assert!(text.parse::<Sid>().is_err(), "{text}");
        }
    }
}
