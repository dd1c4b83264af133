//! Scenarios: small texts in KDL that say what happens on a machine and what must be recorded of it.
//!
//! The format is described in `docs/scenarios.md`.

pub(crate) mod model;
mod node;
mod parse;
mod scope;
mod time;
mod words;
mod write;

pub use self::model::Scenario;
pub(crate) use self::scope::SYSTEM;

#[cfg(test)]
mod tests;
