//! Who did something that reaches the disk, or the driver, in another's name later.

use crate::output::explain::{Truth, Who};

/// Pages are written whole.
const PAGE: i64 = 4096;

/// Somebody's deed.
#[derive(Clone, Debug)]
pub(in crate::simulate) struct Claim {
    /// The file, as people write it.
    pub(in crate::simulate) path: String,
    pub(in crate::simulate) offset: i64,
    pub(in crate::simulate) length: i64,
    /// Whether it was done through a mapped view, so that nothing but paging I/O tells of it.
    pub(in crate::simulate) mapped: bool,
    pub(in crate::simulate) truth: Truth,
}

impl Claim {
    /// Whether the operation on that file at `offset` has to do with it.
    fn meets(&self, path: &str, (offset, length): (i64, u32)) -> bool {
        let begin = self.offset / PAGE * PAGE;
        let end = self.offset.saturating_add(self.length).saturating_add(PAGE - 1) / PAGE * PAGE;
        self.path.eq_ignore_ascii_case(path) && offset < end && begin < offset.saturating_add(length.into())
    }
}

/// All of them, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Claims {
    all: Vec<Claim>,
}

impl Claims {
    pub(super) fn add(&mut self, claim: Claim) {
        self.all.push(claim);
    }

    /// Who changed pages through views; `None` if nobody.
    pub(super) fn mapped(&self, path: &str, range: (i64, u32)) -> Option<Truth> {
        let mut writers: Vec<Who> = Vec::new();
        for claim in self.all.iter().filter(|claim| claim.mapped && claim.meets(path, range)) {
            if let Truth::User(who) = &claim.truth
                && !writers.iter().any(|other| other.pid == who.pid)
            {
                writers.push(who.clone());
            }
        }
        match writers.len() {
            0 => None,
            1 => writers.pop().map(Truth::User),
            _ => Some(Truth::Several(writers)),
        }
    }

    /// Who asked for a write, last.
    pub(super) fn issued(&self, path: &str, (offset, length): (i64, u32)) -> Option<Truth> {
        let begins = |claim: &&Claim| claim.offset == offset && claim.meets(path, (offset, length));
        self.all.iter().rev().filter(|claim| !claim.mapped).find(begins).map(|claim| claim.truth.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(pid: u32, offset: i64, mapped: bool) -> Claim {
        let who = Who { pid, tid: pid + 4, image: "a.exe".to_owned() };
        Claim { path: r"C:\a".to_owned(), offset, length: 10, mapped, truth: Truth::User(who) }
    }

    #[test]
    fn pages_belong_to_all_who_changed_them() {
        let mut claims = Claims::default();
        for (pid, offset) in [(8, 0), (12, 4000), (12, 8200)] {
            claims.add(claim(pid, offset, true));
        }
        claims.add(claim(16, 0, false));
        let pids = |path: &str, offset| match claims.mapped(path, (offset, 4096)) {
            None => vec![],
            Some(Truth::User(who)) => vec![who.pid],
            Some(Truth::Several(all)) => all.iter().map(|who| who.pid).collect(),
            Some(other) => panic!("{other:?}"),
        };
        assert_eq!(pids(r"c:\A", 0), [8, 12]);
        assert_eq!(pids(r"C:\a", 8192), [12]);
        assert!(pids(r"C:\a", 4096).is_empty() && pids(r"C:\b", 0).is_empty());
    }

    #[test]
    fn a_write_is_the_last_who_asked_for_it_there() {
        let mut claims = Claims::default();
        for (pid, offset) in [(8, 0), (12, 0), (16, 4096)] {
            claims.add(claim(pid, offset, false));
        }
        let pid = |offset| match claims.issued(r"C:\a", (offset, 4096)) {
            Some(Truth::User(who)) => Some(who.pid),
            _ => None,
        };
        assert_eq!((pid(0), pid(4096), pid(8192)), (Some(12), Some(16), None));
    }
}
