//! Executive: pool, push locks, and work for System's worker threads.

pub(crate) mod block;
pub(crate) mod pool;
pub(crate) mod push_lock;
#[allow(dead_code, unused_imports, reason = "asynchronous requests of the I/O system follow")]
pub(crate) mod work;
