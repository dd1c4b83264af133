//! Executive: pool and push locks.

pub(crate) mod block;
pub(crate) mod pool;
pub(crate) mod push_lock;
