//! Sharing modes (wdm, `IoCheckShareAccess`): who opens a stream says what he does with it and what he lets others do.

use crate::sim::{Access, Share};
use crate::status::NtStatus;

/// What an open does and lets others do.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Claim {
    does: Share,
    lets: Share,
}

impl Claim {
    pub(super) fn new(access: Access, lets: Share) -> Self {
        let kinds = [
            (Access::READ_DATA | Access::EXECUTE, Share::READ),
            (Access::WRITE_DATA | Access::APPEND_DATA, Share::WRITE),
            (Access::DELETE, Share::DELETE),
        ];
        let does = kinds.into_iter().filter(|(rights, _)| access.intersects(*rights));
        Self { does: does.fold(Share::empty(), |does, (_, kind)| does | kind), lets }
    }

    /// The same for an open that overwrites what is there.
    pub(super) fn overwriting(self) -> Self {
        Self { does: self.does | Share::WRITE, ..self }
    }

    /// Who neither reads, writes nor deletes is nobody's concern.
    fn counts(self) -> bool {
        !self.does.is_empty()
    }

    fn goes_with(self, other: Self) -> bool {
        other.lets.contains(self.does) && self.lets.contains(other.does)
    }
}

/// The opens of a stream (`SHARE_ACCESS`).
#[derive(Debug, Default)]
pub(super) struct ShareAccess(Vec<Claim>);

impl ShareAccess {
    /// Whether one more open is compatible with those that are there.
    pub(super) fn check(&self, claim: Claim) -> Result<(), NtStatus> {
        if claim.counts() && !self.0.iter().all(|other| claim.goes_with(*other)) {
            return Err(NtStatus::SHARING_VIOLATION);
        }
        Ok(())
    }

    pub(super) fn add(&mut self, claim: Claim) {
        if claim.counts() {
            self.0.push(claim);
        }
    }

    /// An open has been cleaned up.
    pub(super) fn remove(&mut self, claim: Claim) {
        let found = self.0.iter().position(|other| other.does == claim.does && other.lets == claim.lets);
        if let Some(position) = found {
            self.0.swap_remove(position);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_must_agree_and_who_does_nothing_is_not_asked() {
        let claim = |access, lets| Claim::new(access, lets);
        let mut shares = ShareAccess::default();
        shares.add(claim(Access::READ_DATA, Share::READ));
        assert_eq!(shares.check(claim(Access::READ_DATA, Share::READ)), Ok(()));
        let refused = Err(NtStatus::SHARING_VIOLATION);
        assert_eq!(
            shares.check(claim(Access::READ_DATA, Share::WRITE)),
            refused,
            "it does not let others read"
        );
        assert_eq!(shares.check(claim(Access::APPEND_DATA, Share::all())), refused);
        assert_eq!(shares.check(claim(Access::READ_ATTRIBUTES, Share::empty())), Ok(()));
        assert_eq!(shares.check(claim(Access::READ_DATA, Share::READ).overwriting()), refused);
        shares.remove(claim(Access::READ_DATA, Share::READ));
        assert_eq!(shares.check(claim(Access::DELETE, Share::empty())), Ok(()));
    }
}
