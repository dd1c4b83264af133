//! A simulated Windows NT kernel and Filter Manager that runs a real minifilter driver image on x86-64 Linux.
//!
//! A [`Sim`] is a machine. A harness mounts volumes, starts processes, loads a `.sys` file, and issues file operations
//! in the name of threads; ntsim calls the driver's callbacks as Windows would, and reports every rule that the
//! driver breaks.

// Drivers run natively, by way of Linux's memory protection and signals: elsewhere the crate is empty.
#![cfg(all(target_arch = "x86_64", target_os = "linux"))]

mod abi;
mod cc;
mod cm;
mod ex;
mod exports;
mod fltmgr;
mod image;
mod io;
mod ke;
mod kernel;
mod mm;
mod ob;
mod ps;
mod rtl;
mod se;
mod sim;
mod status;
mod symbols;
#[cfg(test)]
mod tests;
mod util;
mod verifier;
mod windows;

pub use se::{InvalidSid, Sid};
pub use sim::*;
pub use status::NtStatus;
pub use verifier::{FaultPlan, FaultRoutines, HeldCall, Rule, Violation};
pub use windows::{UnknownWindows, Windows};
