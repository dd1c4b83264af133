//! The consumer's end of a communication port.

use super::Sim;

/// What a consumer does with a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PortReply {
    /// `FilterReplyMessage` with these bytes after the header.
    Reply(Vec<u8>),
    /// It takes the message and never answers.
    Silent,
    /// It closes its handle instead of answering.
    Disconnect,
}

/// Receives each message, without the header that the Filter Manager puts before it.
pub type MessageHandler = Box<dyn FnMut(&[u8]) -> PortReply + Send>;

/// A connection of a user process to a filter's port.
#[derive(Clone)]
pub struct Connection {
    pub(crate) sim: Sim,
    pub(crate) id: u64,
}
