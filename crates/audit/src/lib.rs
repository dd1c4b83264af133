//! Who wrote that file: from facts to attribution, record, ring and message.
//!
//! Portable policy of the whowrote driver and its consumer, without `unsafe`, allocation or floating
//! point. Data flows one way through the modules:
//!
//! | module | turns | into |
//! |---|---|---|
//! | [`attribution`] | what the Filter Manager says about an operation | who wrote, on what basis |
//! | [`record`] | an attributed write, a process, a volume, a file, a loss | 64-byte slots, and back |
//! | [`ring`] | event records from every processor | one stream ordered by time |
//! | [`batch`] | slots | the message a consumer receives and acknowledges |
//!
//! [`dictionary`] keeps what keys stand for until it was sent; [`key`] names processes, files and volumes; [`index`] finds a file's key by its address without a
//! call; [`ledger`] proves that every record was delivered or counted as lost.
//!
//! The wire layout is documented byte by byte in `docs/record-format.md`.
//!
//! # IRQL
//!
//! Everything here may be called at any IRQL at which the memory handed in may be touched: nothing
//! waits, allocates or calls out. Where a caller must raise the IRQL for another reason, the function
//! says so.

#![cfg_attr(not(any(test, loom)), no_std)]
#![forbid(unsafe_code)]

pub mod attribution;
pub mod batch;
pub mod dictionary;
#[cfg(loom)]
pub mod fault;
pub mod index;
pub mod key;
pub mod ledger;
pub mod record;
pub mod ring;

#[cfg(not(loom))]
mod fault;
mod sync;
