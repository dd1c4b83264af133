//! Tokens of offloaded copies: what they stand for, as far as the reads that gave them were seen.

use audit::key::FileKey;
use audit::record::CopySource;
use fltmgr::irql::{APC_LEVEL, assert_at_most};
use fltmgr::pool::PoolArray;
use fltmgr::{PushLock, Result};

use crate::memory::TAG;

/// Bytes of a token (`STORAGE_OFFLOAD_TOKEN`, "ntddstor.h").
pub(crate) const TOKEN_BYTES: usize = 512;
/// So many tokens are remembered, the newest. Windows gives one for each part of a file, which is written at once.
const REMEMBERED: usize = 64;

/// A token as it travels.
pub(crate) type Token = [u8; TOKEN_BYTES];

/// The tokens that were given last.
pub(crate) struct Tokens {
    given: PushLock<Given>,
}

struct Given {
    places: PoolArray<Place>,
    /// Where the next one goes.
    next: usize,
}

#[derive(Clone, Copy)]
struct Place {
    token: Token,
    source: CopySource,
    /// Bytes that it stands for; 0 where there is none.
    length: u64,
}

const FREE: Place =
    Place { token: [0; TOKEN_BYTES], source: CopySource { file: FileKey::UNKNOWN, offset: 0 }, length: 0 };

impl Tokens {
    /// Maximum IRQL: `APC_LEVEL`.
    pub(crate) fn try_new() -> Result<Self> {
        assert_at_most(APC_LEVEL);
        let places = PoolArray::try_from_fn(REMEMBERED, TAG, |_| FREE)?;
        Ok(Self { given: PushLock::try_new(Given { places, next: 0 }, TAG)? })
    }

    /// A token was given for so many bytes of a file.
    ///
    /// Maximum IRQL: `APC_LEVEL`.
    pub(crate) fn remember(&self, token: &Token, source: CopySource, length: u64) {
        assert_at_most(APC_LEVEL);
        let mut given = self.given.exclusive();
        let Given { places, next } = &mut *given;
        if let Some(place) = places.get_mut(*next) {
            *place = Place { token: *token, source, length };
        }
        *next = next.wrapping_add(1) & (REMEMBERED - 1);
    }

    /// Where the data comes from that a token gives from this offset on; `None` if the token is not known.
    ///
    /// Maximum IRQL: `APC_LEVEL`.
    pub(crate) fn source(&self, token: &Token, offset: u64) -> Option<CopySource> {
        assert_at_most(APC_LEVEL);
        let given = self.given.shared();
        let place = given.places.iter().find(|place| offset < place.length && place.token == *token)?;
        let CopySource { file, offset: begin } = place.source;
        Some(CopySource { file, offset: begin.wrapping_add(offset.cast_signed()) })
    }
}
