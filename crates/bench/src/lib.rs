//! What the driver, the ring and the program cost, and the ring against others and against the least that it could cost.
//!
//! `cargo xtask bench` runs `benches/` with criterion, then `bench-measure`, which runs the driver in the simulator, and then
//! `bench-report`, which makes `docs/performance.md` of what was measured.
//!
//! In `benches/`, all contenders get the same records, made the same way, each with a time stamp of the processor's counter, and have
//! the same number of slots for each producer.

pub mod busy;
pub mod contender;
pub mod load;
pub mod measures;
