//! Messages: a header, then records; and the consumer's reply.
//!
//! The driver closes a batch, sends it with `FltSendMessage`, and keeps it until a reply
//! [acknowledges](Acknowledgement) it; without one it sends the same bytes again, marked as
//! [redelivered](mark_redelivered). Layout: `docs/record-format.md`.

mod acknowledgement;
mod header;
mod reader;
mod writer;

pub use acknowledgement::{Acknowledgement, Status};
pub use header::{BatchFlags, HEADER_SIZE, Header, MAJOR, MAX_MESSAGE_SIZE, MINOR, mark_redelivered};
pub use reader::{Batch, Records};
pub use writer::{BatchWriter, BufferTooSmall, NoRoom};
