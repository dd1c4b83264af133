//! Requests whose callers do not wait for them.

/// A request that its caller did not wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Request(pub(crate) u64);

/// How the caller of an asynchronous request learns of its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Notice {
    /// By an event (overlapped): the end of the thread waits for the request.
    Event,
    /// By an APC (`WriteFileEx`): the end of the thread waits for the request.
    Apc,
    /// By a completion port: the request outlives the thread.
    Port,
}
