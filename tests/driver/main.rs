//! The driver on a simulated machine: what it records, that all of it arrives, and that it leaves nothing
//! behind.

mod attribution;
mod changes;
mod clients;
mod concurrency;
mod cost;
mod delivery;
mod exclusions;
mod faults;
mod mapped;
mod names;
mod outcome;
mod parameters;
mod recorder;
mod redelivery;
mod rig;
mod threads;
