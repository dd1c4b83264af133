//! The program `whowrote`: plays scenarios and Process Monitor captures through the driver, and reads the live one.
//!
//! One way through the modules: a transport ([`simulate`] or [`watch`]) hands messages to the [`consumer`], which turns
//! them into what the [`model`] describes and gives that to an [`output`]. What is played comes from a [`scenario`] or a
//! [`capture`], read whole before anything happens; these three are there where the simulator runs, on x86-64 Linux.

pub mod args;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub mod capture;
pub mod consumer;
pub mod control;
pub mod date_order;
pub mod failure;
#[cfg(test)]
mod fake;
pub mod model;
pub mod output;
pub mod place;
pub mod run;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub mod scenario;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub mod simulate;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub mod torture;
pub mod watch;
pub mod windows_version;
