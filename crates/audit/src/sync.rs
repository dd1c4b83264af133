//! The atomics of the ring and the index: `core`'s, or loom's when a model runs.

#[cfg(not(loom))]
pub(crate) use core::sync::atomic::{AtomicBool, AtomicU64};

pub(crate) use core::sync::atomic::Ordering;

#[cfg(loom)]
pub(crate) use modelled::{AtomicBool, AtomicU64};

/// Loom's atomics, made to conflict with themselves.
///
/// Loom 0.7 looks for an access that conflicts with the next one in the object's *last* access only. A
/// thread's own load before its exchange thus hides another thread's load from it, and orders that matter
/// are never tried. Here every access is preceded by a relaxed read-modify-write of a companion, which
/// conflicts with those of all other threads; being relaxed, and no fences being used, it orders nothing.
#[cfg(loom)]
mod modelled {
    use super::Ordering;

    macro_rules! atomic {
        ($name:ident, $value:ty, { $($access:ident($($argument:ident: $type:ty),*) -> $result:ty),* $(,)? }) => {
            #[derive(Debug, Default)]
            pub(crate) struct $name {
                value: loom::sync::atomic::$name,
                companion: loom::sync::atomic::AtomicBool,
            }

            impl $name {
                $(pub(crate) fn $access(&self, $($argument: $type),*) -> $result {
                    self.companion.swap(true, Ordering::Relaxed);
                    self.value.$access($($argument),*)
                })*
            }
        };
    }

    atomic!(AtomicU64, u64, {
        load(order: Ordering) -> u64,
        store(value: u64, order: Ordering) -> (),
        fetch_add(value: u64, order: Ordering) -> u64,
        fetch_or(value: u64, order: Ordering) -> u64,
        fetch_and(value: u64, order: Ordering) -> u64,
        fetch_max(value: u64, order: Ordering) -> u64,
        compare_exchange(current: u64, new: u64, success: Ordering, failure: Ordering) -> Result<u64, u64>,
        compare_exchange_weak(current: u64, new: u64, success: Ordering, failure: Ordering) -> Result<u64, u64>,
    });

    atomic!(AtomicBool, bool, {
        load(order: Ordering) -> bool,
        store(value: bool, order: Ordering) -> (),
        swap(value: bool, order: Ordering) -> bool,
        compare_exchange(current: bool, new: bool, success: Ordering, failure: Ordering) -> Result<bool, bool>,
    });
}
