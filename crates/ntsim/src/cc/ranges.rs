//! Sets of byte ranges.

use std::ops::Range;

/// Ranges that neither overlap nor touch, in order.
#[derive(Default, Debug)]
pub(super) struct Ranges(Vec<Range<i64>>);

impl Ranges {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The ranges that touch another one or overlap it, as positions.
    fn touching(&self, range: &Range<i64>) -> Range<usize> {
        let first = self.0.partition_point(|known| known.end < range.start);
        let last = self.0.partition_point(|known| known.start <= range.end);
        first..last.max(first)
    }

    /// Adds a range.
    pub(super) fn insert(&mut self, range: Range<i64>) {
        if range.is_empty() {
            return;
        }
        let touching = self.touching(&range);
        let touched = &self.0[touching.clone()];
        let start = touched.first().map_or(range.start, |first| first.start.min(range.start));
        let end = touched.last().map_or(range.end, |last| last.end.max(range.end));
        self.0.splice(touching, std::iter::once(start..end));
    }

    /// Takes a range away.
    pub(super) fn remove(&mut self, range: &Range<i64>) {
        if range.is_empty() || self.0.is_empty() {
            return;
        }
        let touching = self.touching(range);
        let left: Vec<_> = self.0[touching.clone()]
            .iter()
            .flat_map(|known| {
                [known.start..known.end.min(range.start), known.start.max(range.end)..known.end]
            })
            .filter(|left| !left.is_empty())
            .collect();
        self.0.splice(touching, left);
    }

    /// Takes away what lies in `within` of the first range there, at most `limit` bytes.
    pub(super) fn take_first(&mut self, within: &Range<i64>, limit: i64) -> Option<Range<i64>> {
        let found = self.0.iter().find(|known| known.end > within.start && known.start < within.end)?;
        let start = found.start.max(within.start);
        let end = found.end.min(within.end).min(start.saturating_add(limit));
        self.remove(&(start..end));
        Some(start..end)
    }

    /// The first part of a range that no range covers, at most `limit` bytes of it.
    pub(super) fn first_gap(&self, within: &Range<i64>, limit: i64) -> Option<Range<i64>> {
        let mut start = within.start;
        let first = self.0.partition_point(|known| known.end <= start);
        let mut end = within.end;
        for known in &self.0[first..] {
            if known.start > start {
                end = end.min(known.start);
                break;
            }
            start = known.end;
        }
        let end = end.min(start.saturating_add(limit));
        (start < end).then_some(start..end)
    }

    /// Whether anything of it lies in a range.
    pub(super) fn overlaps(&self, range: &Range<i64>) -> bool {
        self.0.iter().any(|known| known.start < range.end && range.start < known.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(ranges: &[Range<i64>]) -> Ranges {
        let mut set = Ranges::default();
        for range in ranges {
            set.insert(range.clone());
        }
        set
    }

    #[test]
    fn ranges_that_touch_become_one() {
        assert_eq!(of(&[0..10, 10..20, 30..31]).0, [0..20, 30..31]);
        assert_eq!(of(&[30..40, 0..10, 5..35, 50..51]).0, [0..40, 50..51]);
        assert_eq!(of(&[0..10, 20..30, 12..13]).0, [0..10, 12..13, 20..30]);
        assert!(of(&[7..7, 5..5]).is_empty());
    }

    #[test]
    fn what_is_removed_splits_and_cuts() {
        let mut set = of(&[0..10, 20..30]);
        set.remove(&(5..25));
        assert_eq!(set.0, [0..5, 25..30]);
        set.remove(&(1..2));
        assert_eq!(set.0, [0..1, 2..5, 25..30]);
        set.remove(&(0..100));
        assert!(set.is_empty());
    }

    #[test]
    fn what_is_taken_first_is_bounded_by_range_and_limit() {
        let mut set = of(&[0..10, 20..40]);
        assert_eq!(set.take_first(&(5..100), 100), Some(5..10));
        assert_eq!(set.take_first(&(5..100), 8), Some(20..28));
        assert_eq!(set.take_first(&(50..100), 8), None);
        assert_eq!(set.0, [0..5, 28..40]);
        assert!(set.overlaps(&(39..50)) && !set.overlaps(&(40..50)));
    }

    /// Against a set of single bytes, with numbers from a linear congruential generator.
    #[test]
    fn a_random_sequence_gives_what_single_bytes_give() {
        use std::collections::BTreeSet;
        let mut state = 1u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            i64::try_from(state >> 58).expect("six bits")
        };
        let (mut set, mut bytes) = (Ranges::default(), BTreeSet::new());
        for step in 0..2000 {
            let start = next();
            let range = start..start + next() / 4;
            if step % 3 == 0 {
                set.remove(&range);
                bytes.retain(|byte| !range.contains(byte));
            } else {
                bytes.extend(range.clone());
                set.insert(range);
            }
            let all: BTreeSet<_> = set.0.iter().cloned().flatten().collect();
            assert_eq!(all, bytes, "step {step}");
            assert!(set.0.windows(2).all(|pair| pair[0].end < pair[1].start), "{set:?}");
        }
    }

    #[test]
    fn the_first_gap_is_what_nothing_covers() {
        let set = of(&[0..10, 20..30]);
        assert_eq!(set.first_gap(&(0..40), 100), Some(10..20));
        assert_eq!(set.first_gap(&(0..40), 5), Some(10..15));
        assert_eq!(set.first_gap(&(20..40), 100), Some(30..40));
        assert_eq!(set.first_gap(&(0..10), 100), None);
        assert_eq!(set.first_gap(&(12..15), 100), Some(12..15));
        assert_eq!(of(&[]).first_gap(&(5..5), 100), None);
    }
}
