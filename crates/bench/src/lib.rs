//! What the ring costs, against others and against the least that it could cost.
//!
//! `cargo xtask bench` runs `benches/` with criterion and then the program of this crate, which makes
//! `docs/performance.md` of what criterion measured.
//!
//! All contenders get the same records, made the same way, each with a time stamp of the processor's counter, and have
//! the same number of slots for each producer.

pub mod contender;
pub mod load;
