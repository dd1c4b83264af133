//! Security identifiers.

use core::fmt;

use super::payload::Payload;

/// A user's security identifier (`SID`), well-formed.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sid {
    bytes: [u8; Self::MAX_SIZE],
    /// How many sub-authorities there are: at most 15.
    sub_authorities: u8,
}

impl Sid {
    /// The most bytes a security identifier has (`SECURITY_MAX_SID_SIZE`).
    pub const MAX_SIZE: usize = 68;

    const REVISION: u8 = 1;
    /// Revision, count and authority.
    const FIXED_SIZE: usize = 8;
    const MAX_SUB_AUTHORITIES: u8 = 15;

    /// The identifier at the beginning of `bytes`, which may go on behind it; `None` if there is none.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Option<Self> {
        let mut read = Self { bytes: [0; Self::MAX_SIZE], sub_authorities: 0 };
        for (to, from) in read.bytes.iter_mut().zip(bytes) {
            *to = *from;
        }
        let [revision, count, ..] = read.bytes;
        read.sub_authorities = count;
        if revision != Self::REVISION || count > Self::MAX_SUB_AUTHORITIES || bytes.len() < read.size() {
            return None;
        }
        let size = read.size();
        for rest in read.bytes.iter_mut().skip(size) {
            *rest = 0;
        }
        Some(read)
    }

    pub(super) fn in_payload(mut payload: Payload<'_>) -> Option<Self> {
        let size = payload.len();
        let mut bytes = [0; Self::MAX_SIZE];
        for to in &mut bytes {
            *to = payload.next_byte().unwrap_or(0);
        }
        Self::new(&bytes).filter(|sid| sid.size() == size)
    }

    fn size(&self) -> usize {
        usize::from(self.sub_authorities).wrapping_mul(4).wrapping_add(Self::FIXED_SIZE)
    }

    /// Its bytes and zeros behind them.
    #[must_use]
    pub const fn in_full(&self) -> &[u8; Self::MAX_SIZE] {
        &self.bytes
    }

    /// Its bytes, as Windows has them in memory.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.size()).unwrap_or(&self.bytes)
    }
}

/// `S-1-5-21-…`, as Windows writes it.
impl fmt::Display for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [revision, _, sub_authorities @ ..] = self.bytes;
        let (authority, sub_authorities) = sub_authorities.split_at(6);
        let authority = authority.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        // Windows writes an authority of more than 32 bits in hexadecimal.
        match u32::try_from(authority) {
            Ok(authority) => write!(f, "S-{revision}-{authority}")?,
            Err(_) => write!(f, "S-{revision}-{authority:#014x}")?,
        }
        let (sub_authorities, _) = sub_authorities.as_chunks();
        sub_authorities
            .iter()
            .take(usize::from(self.sub_authorities))
            .try_for_each(|sub_authority| write!(f, "-{}", u32::from_le_bytes(*sub_authority)))
    }
}

impl fmt::Debug for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
