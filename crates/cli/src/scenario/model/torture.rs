//! How a scenario that a torture run left is played.

/// How a scenario that a torture run left is played. What must be recorded follows from its steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Torture {
    pub(crate) schedule: Schedule,
    pub(crate) faults: Faults,
    pub(crate) processors: u32,
}

/// Which thread runs when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Schedule {
    Fixed,
    /// In an order drawn from this seed.
    Seeded(u64),
    /// All at once; steps of different processes too, up to the next `settle`.
    Threads,
}

/// Which calls of the driver fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Faults {
    None,
    /// So many in a million, drawn from a seed.
    Drawn {
        seed: u64,
        per_million: u32,
    },
    /// This one (1 is the first) of those that can.
    Nth(u64),
}

/// What the consumer does with messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Takes and acknowledges them.
    Good,
    /// Takes them and never acknowledges.
    Silent,
    /// Takes them and acknowledges something else.
    Confused,
    /// Neither takes nor acknowledges them.
    Deaf,
}
