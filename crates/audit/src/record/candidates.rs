//! Those who may have made a change, where nobody can tell which of them did.

use crate::key::ProcessKey;

/// So many are named at most.
pub const MAX_CANDIDATES: usize = 4;

/// Processes one or some of which changed a file through a mapped view.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Candidates {
    keys: [ProcessKey; MAX_CANDIDATES],
    /// Whether there are others: more than can be named, or the kernel.
    pub others: bool,
}

impl Candidates {
    /// There are none: the operation tells who it was, or nothing does.
    pub const NONE: Self = Self { keys: [ProcessKey::UNKNOWN; MAX_CANDIDATES], others: false };

    /// These, and maybe others.
    #[must_use]
    pub const fn new(keys: [ProcessKey; MAX_CANDIDATES], others: bool) -> Self {
        Self { keys, others }
    }

    /// Those that are named, in the order in which they came to be candidates.
    pub fn named(&self) -> impl Iterator<Item = ProcessKey> + '_ {
        self.keys.iter().copied().filter(|key| key.is_known())
    }

    /// The only one, if there is just one.
    #[must_use]
    pub fn only(&self) -> Option<ProcessKey> {
        let mut named = self.named();
        match (named.next(), named.next(), self.others) {
            (Some(only), None, false) => Some(only),
            _ => None,
        }
    }

    /// Whether there is nobody.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let [first, second, third, fourth] = self.words();
        !self.others && first | second | third | fourth == 0
    }

    /// The keys as they stand in a record: 0 where there is none.
    #[inline]
    pub(super) const fn words(&self) -> [u64; MAX_CANDIDATES] {
        let [first, second, third, fourth] = self.keys;
        [first.0, second.0, third.0, fourth.0]
    }
}
