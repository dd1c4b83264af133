//! whowrote: a minifilter that records who really wrote a file.
//!
//! ```text
//!  Filter Manager ── write ──► facts ──► audit::attribution ──► record ──► ring ─┐
//!        │                                                                      ├─ deliver ──► port ──► consumer
//!        └────────── create, instance, notify ──► dictionaries ─────────────────┘
//! ```
//!
//! * The originator of a write is the process of the thread that the operation records, whoever runs at the
//!   moment.
//! * On the way of a write there is no lock, no allocation, no name query and nothing paged.
//! * No operation waits for the consumer, and none is changed.
//! * Every record made is delivered or counted as lost, with the reason.
//! * Nothing that a callback was handed is kept after it: the binding crate's types see to that.
//! * A release build has no panic in it. Memory comes from pool, and may be refused.
//!
//! Each function states the highest interrupt request level it may be called at; builds with debug assertions
//! check.
//!
//! Without the feature `driver`, and for other targets than Windows, the crate is empty, so that the host
//! side needs no WDK.

#![cfg(all(feature = "driver", target_os = "windows", target_env = "msvc"))]
#![no_std]

mod changes;
mod create;
mod debug;
mod deliver;
mod diagnosis;
mod dictionary;
mod entry;
mod event;
mod exclusions;
mod exports;
mod facts;
mod heed;
mod instance;
mod irql;
mod mapped;
mod memory;
mod notify;
mod parameters;
mod port;
mod processor;
mod push;
mod registration;
mod state;
mod streams;
mod thread;
mod threads;
mod time;
mod write;

use wdk_panic as _;
