//! The driver's memory: non-paged pool under one tag.

use audit::dictionary::Memory;
use fltmgr::pool::{PoolArray, PoolTag};

/// What the driver's allocations are marked with: `!poolused 4 WhoW` shows them in a debugger.
pub(crate) const TAG: PoolTag = PoolTag::new(*b"WhoW");

/// The pool, as the dictionaries want it.
pub(crate) enum Pool {}

impl Memory for Pool {
    type Array<T> = PoolArray<T>;

    /// Maximum IRQL: `DISPATCH_LEVEL`.
    fn array<T>(length: usize, element: impl FnMut(usize) -> T) -> Option<PoolArray<T>> {
        PoolArray::try_from_fn(length, TAG, element).ok()
    }
}
