//! Who did something that reaches the disk, or the driver, in another's name later.

use crate::output::explain::{Truth, Who};

/// Pages are written whole.
const PAGE: i64 = 4096;

/// Somebody's deed.
#[derive(Clone, Debug)]
pub(in crate::simulate) struct Claim {
    /// The file, as people write it.
    pub(in crate::simulate) path: String,
    /// Offset and length.
    pub(in crate::simulate) range: (i64, i64),
    pub(in crate::simulate) by: Means,
    pub(in crate::simulate) truth: Truth,
}

/// How it was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::simulate) enum Means {
    /// By a write at this very offset.
    Write,
    /// By writes somewhere in this range.
    Elsewhere,
    /// Through a mapped view, so that nothing but paging I/O tells of it.
    View,
}

impl Claim {
    /// Whether the operation on that file at `offset` has to do with it.
    fn meets(&self, path: &str, (offset, length): (i64, u32)) -> bool {
        let (from, bytes) = self.range;
        let begin = from / PAGE * PAGE;
        let end = from.saturating_add(bytes).saturating_add(PAGE - 1) / PAGE * PAGE;
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

    /// Who changed what is on its way to the disk there: through views, if somebody did, or else by writes that have been
    /// seen already.
    pub(super) fn dirtied(&self, path: &str, range: (i64, u32)) -> Truth {
        let mut mapped = self.writers(|claim| claim.by == Means::View && claim.meets(path, range));
        match mapped.len() {
            0 => Truth::Again(self.writers(|claim| claim.by != Means::View && claim.meets(path, range))),
            1 => Truth::User(mapped.remove(0)),
            _ => Truth::Several(mapped),
        }
    }

    /// The users behind some claims, each once.
    fn writers(&self, which: impl Fn(&Claim) -> bool) -> Vec<Who> {
        let mut writers: Vec<Who> = Vec::new();
        for claim in self.all.iter().filter(|claim| which(claim)) {
            if let Truth::User(who) = &claim.truth
                && !writers.iter().any(|other| other.pid == who.pid)
            {
                writers.push(who.clone());
            }
        }
        writers
    }

    /// Who asked for a write, last.
    pub(super) fn issued(&self, path: &str, (offset, length): (i64, u32)) -> Option<Truth> {
        let begins = |claim: &&Claim| {
            claim.by == Means::Write && claim.range.0 == offset && claim.meets(path, (offset, length))
        };
        self.all.iter().rev().find(begins).map(|claim| claim.truth.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(pid: u32, offset: i64, by: Means) -> Claim {
        let who = Who { pid, tid: pid + 4, image: "a.exe".to_owned() };
        Claim { path: r"C:\a".to_owned(), range: (offset, 10), by, truth: Truth::User(who) }
    }

    #[test]
    fn pages_belong_to_all_who_changed_them() {
        let mut claims = Claims::default();
        for (pid, offset) in [(8, 0), (12, 4000), (12, 8200)] {
            claims.add(claim(pid, offset, Means::View));
        }
        claims.add(claim(16, 0, Means::Write));
        claims.add(claim(20, 16384, Means::Write));
        let pids = |path: &str, offset| match claims.dirtied(path, (offset, 4096)) {
            Truth::User(who) => vec![who.pid],
            Truth::Several(all) => all.iter().map(|who| who.pid).collect(),
            Truth::Again(all) => all.iter().map(|who| who.pid + 1000).collect(),
            other => panic!("{other:?}"),
        };
        assert_eq!(pids(r"c:\A", 0), [8, 12]);
        assert_eq!(pids(r"C:\a", 8192), [12]);
        assert_eq!(pids(r"C:\a", 16384), [1020], "what was written before");
        assert!(pids(r"C:\a", 4096).is_empty() && pids(r"C:\b", 0).is_empty());
    }

    #[test]
    fn a_write_is_the_last_who_asked_for_it_there() {
        let mut claims = Claims::default();
        for (pid, offset) in [(8, 0), (12, 0), (16, 4096)] {
            claims.add(claim(pid, offset, Means::Write));
        }
        claims.add(claim(20, 0, Means::Elsewhere));
        let pid = |offset| match claims.issued(r"C:\a", (offset, 4096)) {
            Some(Truth::User(who)) => Some(who.pid),
            _ => None,
        };
        assert_eq!((pid(0), pid(4096), pid(8192)), (Some(12), Some(16), None));
    }
}
