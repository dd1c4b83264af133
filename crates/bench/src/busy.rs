//! Whether the machine has anything else to do.

use std::thread;
use std::time::Duration;

/// How long is looked.
const LOOK: Duration = Duration::from_secs(1);
/// Columns of the first line of `/proc/stat`: all time, and of it what was idle or waited for a disk (`proc(5)`).
const IDLE: [usize; 2] = [3, 4];

/// The share of the processors' time that other programs used during one second in which this one slept; `None` where
/// that cannot be told.
#[must_use]
pub fn busy() -> Option<f64> {
    let before = times()?;
    thread::sleep(LOOK);
    share(&before, &times()?)
}

fn times() -> Option<Vec<u64>> {
    let text = std::fs::read_to_string("/proc/stat").ok()?;
    let columns = text.lines().next()?.strip_prefix("cpu ")?;
    columns.split_whitespace().map(|column| column.parse().ok()).collect()
}

#[expect(clippy::cast_precision_loss, reason = "ticks of a second")]
fn share(before: &[u64], after: &[u64]) -> Option<f64> {
    let passed: Vec<u64> =
        after.iter().zip(before).map(|(after, before)| after.saturating_sub(*before)).collect();
    let all: u64 = passed.iter().sum();
    let idle: u64 = IDLE.iter().filter_map(|column| passed.get(*column)).sum();
    (all > 0).then(|| 1.0 - idle as f64 / all as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_idle_is_busy() {
        let busy = share(&[0, 0, 0, 0, 0], &[10, 0, 10, 70, 10]).expect("time has passed");
        assert!((busy - 0.2).abs() < 1e-9, "{busy}");
        assert_eq!(share(&[1], &[1]), None);
    }
}
