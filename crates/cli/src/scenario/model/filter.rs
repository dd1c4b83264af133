//! Other filters on the machine.

/// A filter that does one thing to some operations.
#[derive(Clone, Debug)]
pub(crate) struct Filter {
    pub(crate) name: String,
    pub(crate) altitude: String,
    pub(crate) operation: Operation,
    pub(crate) act: Act,
    /// Every n-th of these operations.
    pub(crate) every: u64,
    /// A part of the paths that it cares for.
    pub(crate) path: Option<String>,
    /// Paging I/O too.
    pub(crate) paging: bool,
}

/// Which operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Create,
    Read,
    Write,
    SetInformation,
    Control,
    Cleanup,
    Close,
}

/// What it does to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// Pends, and has a worker send it on.
    Repost,
    /// Pends until `release-held`.
    Hold,
    /// Sends a copy, and completes the operation as that ends.
    Reissue,
    /// Writes something of its own first.
    Write { offset: u64, length: u32 },
    /// Completes in an arbitrary thread at `DISPATCH_LEVEL`.
    CompleteAtDispatch,
    /// Fails it with `STATUS_ACCESS_DENIED`.
    Deny,
}
