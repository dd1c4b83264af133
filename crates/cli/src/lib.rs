//! The program `whowrote`: plays scenarios and Process Monitor captures through the driver, and reads the live one.

pub mod capture;
pub mod consumer;
#[cfg(test)]
mod fake;
pub mod model;
pub mod output;
pub mod place;
