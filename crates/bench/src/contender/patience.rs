//! How those wait who spin for a lock.

use std::cell::Cell;
use std::hint::spin_loop;
use std::thread;

use spin::RelaxStrategy;

/// Spins, and now and then lets others run. In a kernel nobody is taken off the processor while he holds a spin lock; here
/// he may be, and who spins for him all the time would keep him from it.
pub(super) struct Patience;

/// Longer than the lock is ever held by somebody who runs: two microseconds or more.
const SPINS: u32 = 50;

impl RelaxStrategy for Patience {
    fn relax() {
        thread_local! {
            static SPUN: Cell<u32> = const { Cell::new(0) };
        }
        let spun = SPUN.get().wrapping_add(1);
        SPUN.set(spun);
        if spun.is_multiple_of(SPINS) {
            thread::yield_now();
        } else {
            spin_loop();
        }
    }
}
