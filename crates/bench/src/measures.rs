//! What `bench-measure` measures and `bench-report` shows.

use serde::{Deserialize, Serialize};

/// A quantity measured several times.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// The median.
    pub median: f64,
    /// Where the middle half begins.
    pub low: f64,
    /// Where the middle half ends.
    pub high: f64,
}

impl Spread {
    /// The spread of some samples; `None` of none.
    #[must_use]
    pub fn of(mut samples: Vec<f64>) -> Option<Self> {
        samples.sort_by(f64::total_cmp);
        let at = |quarter: usize| samples.get(samples.len().saturating_sub(1) * quarter / 4).copied();
        Some(Self { median: at(2)?, low: at(1)?, high: at(3)? })
    }
}

/// [`Callback::operation`] of those that there are goals for.
pub const USER_WRITE: &str = "user write";
/// As above.
pub const COPY_WRITE: &str = "copy write";
/// As above.
pub const PAGING_WRITE: &str = "paging write of a mapped view";
/// As above.
pub const EXCLUDED_PROCESS: &str = "write of an excluded process";

/// What a callback of the driver costs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Callback {
    /// The operation.
    pub operation: String,
    /// Which of its callbacks.
    pub callback: String,
    /// Instructions in the driver's image.
    pub instructions: u64,
    /// Calls of kernel routines.
    pub calls: u64,
    /// Nanoseconds in the driver.
    pub driver: Spread,
    /// Nanoseconds in the routines, as the simulator has them.
    pub routines: Spread,
}

impl Callback {
    /// What an operation costs that the driver is not called for.
    #[must_use]
    pub fn not_called(operation: &str) -> Self {
        let nothing = Spread { median: 0.0, low: 0.0, high: 0.0 };
        Self {
            operation: operation.to_owned(),
            callback: "none".to_owned(),
            instructions: 0,
            calls: 0,
            driver: nothing,
            routines: nothing,
        }
    }
}

/// How the cost of a write depends on how much there is of something.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Growth {
    /// Of what.
    pub of: String,
    /// Smallest first.
    pub points: Vec<Point>,
}

/// What a write costs where there is so much of something.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Point {
    /// How much.
    pub size: u64,
    /// Instructions in the driver's image, on average.
    pub instructions: f64,
    /// Nanoseconds in the driver.
    pub driver: Spread,
}

/// What the ring costs with so many shards, in nanoseconds per record.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Shards {
    /// How many.
    pub shards: usize,
    /// To push, to one shard after the other.
    pub push: Spread,
    /// To take out, merged.
    pub drain: Spread,
}

/// Records a second from one place to another.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Rate {
    /// From where to where.
    pub what: String,
    /// Records in one run.
    pub records: u64,
    /// Bytes of those records, and of the lines made of them.
    pub bytes: (u64, u64),
    /// Records a second.
    pub per_second: Spread,
    /// The least it is to be, if there is a goal.
    pub goal: Option<f64>,
}

/// All of it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Measures {
    /// The share of the processors' time that other programs used, before and after.
    pub busy: Option<f64>,
    /// Of the driver.
    pub callbacks: Vec<Callback>,
    /// Of the driver.
    pub growth: Vec<Growth>,
    /// Of the ring.
    pub shards: Vec<Shards>,
    /// Of the whole, and of the program alone.
    pub rates: Vec<Rate>,
}
