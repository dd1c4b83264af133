//! Executive: pool, locks, lookaside lists, and work for System's worker threads.

pub(crate) mod block;
pub(crate) mod fast_mutex;
pub(crate) mod interlocked;
pub(crate) mod locks;
pub(crate) mod lookaside;
pub(crate) mod pool;
pub(crate) mod pool_legacy;
pub(crate) mod push_lock;
pub(crate) mod resource;
pub(crate) mod rundown;
pub(crate) mod watched;
pub(crate) mod work;
