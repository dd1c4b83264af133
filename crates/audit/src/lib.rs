//! Who wrote that file: from facts to attribution, record, ring and message.
//!
//! Portable policy of the whowrote driver and its consumer, without `unsafe` or floating point; it allocates nothing of
//! its own accord. Data flows one way through the modules:
//!
//! | module | turns | into |
//! |---|---|---|
//! | [`attribution`] | what the Filter Manager says about an operation | who wrote, on what basis |
//! | [`record`] | an attributed write, a process, a volume, a file, a loss | 64-byte slots, and back |
//! | [`ring`] | event records from every processor | one stream ordered by time |
//! | [`batch`] | slots | the message a consumer receives and acknowledges |
//!
//! [`key`] names processes, files and volumes; [`dictionary`] keeps what keys stand for until it was sent; [`index`]
//! finds a file's key by its address without a call, [`threads`] who a thread is, [`executor`] hands that on; [`ledger`]
//! proves that every record was delivered or counted as lost; [`parameters`] checks what an administrator sets and judges
//! exclusions, [`omission`] counts what they leave out; [`debug`] tells a debugger where all this is.
//!
//! The wire layout is documented byte by byte in `docs/record-format.md`.
//!
//! # IRQL
//!
//! Everything here but the dictionary may be called at any IRQL at which the memory handed in may be touched: nothing
//! waits, allocates or calls out. (The dictionary allocates through its caller's [`Memory`](dictionary::Memory).) Where
//! a caller should raise the IRQL for another reason, the function says so.
//!
//! # Checks that need flags of their own
//!
//! Every interleaving of small models, faults seeded to see that the models notice them, and the tests with real
//! threads under the sanitizers of a nightly toolchain:
//!
//! ```text
//! cargo xtask test interleavings sanitizers
//! ```

#![cfg_attr(not(any(test, loom)), no_std)]
#![forbid(unsafe_code)]

pub mod attribution;
pub mod batch;
pub mod debug;
pub mod dictionary;
pub mod executor;
#[cfg(loom)]
pub mod fault;
pub mod index;
pub mod key;
pub mod ledger;
pub mod omission;
pub mod parameters;
pub mod record;
pub mod ring;
pub mod threads;

#[cfg(not(loom))]
mod fault;
mod sync;
