//! Faults that a loom test can seed, to prove that its models notice them. Absent from other builds.

#![cfg_attr(not(loom), expect(unreachable_pub, reason = "public to loom tests alone"))]

/// A fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The ring publishes a slot without Release.
    PublishRelaxed,
    /// A producer takes the sleeper's bit without Acquire.
    SleeperRelaxed,
    /// The consumer sleeps without regard to what was reserved before.
    SleepUnchecked,
    /// A producer takes the slot of a record that nobody has taken.
    RoomUnchecked,
    /// The consumer frees a slot that it has not read.
    FreedUnread,
    /// The consumer keeps the last slots that it has read.
    RestNotFreed,
    /// A producer gives up the oldest record before it is published.
    GivenUpUnpublished,
    /// A producer counts records as given up that the consumer has taken, or another producer given up.
    GivenUpTwice,
    /// The consumer takes a record without regard to whether it was given up.
    ClaimUnchecked,
    /// The consumer goes over to dropping and lets producers overwrite.
    SwitchUntold,
    /// The consumer goes over to dropping and goes on from where the head was before.
    SwitchedInTwo,
    /// A record that is lost after it was pushed counts as produced once more.
    ProducedTwice,
    /// The index reads a way without regard to its version.
    VersionUnchecked,
    /// The index changes a way without Release.
    ChangeRelaxed,
    /// The index replaces a value so that readers take the way for changed.
    ReplacedLikeChanged,
}

/// Whether this fault is seeded.
#[cfg(not(loom))]
pub(crate) const fn seeded(_fault: Fault) -> bool {
    false
}

#[cfg(loom)]
mod seed {
    use super::Fault;

    std::thread_local! {
        // A model's threads all run on the system thread that runs the model.
        static SEED: std::cell::Cell<Option<Fault>> = const { std::cell::Cell::new(None) };
    }

    /// Whether this fault is seeded.
    pub(crate) fn seeded(fault: Fault) -> bool {
        SEED.get() == Some(fault)
    }

    /// Seeds a fault, or none, for what follows on this thread.
    pub fn seed(fault: Option<Fault>) {
        SEED.set(fault);
    }
}
#[cfg(loom)]
pub use seed::seed;
#[cfg(loom)]
pub(crate) use seed::seeded;
