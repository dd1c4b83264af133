//! The consumer's end of a communication port.

use std::sync::Arc;

use super::{Process, Sim};
use crate::fltmgr;
use crate::ps::{ThreadKind, lifecycle};
use crate::status::NtStatus;

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

impl Sim {
    /// `FilterConnectCommunicationPort` by a process; the handler receives each message.
    ///
    /// # Errors
    ///
    /// The status that the Filter Manager or the driver's connect callback gives.
    pub fn connect(
        &self,
        port: &str,
        process: Process,
        context: &[u8],
        handler: MessageHandler,
    ) -> Result<Connection, NtStatus> {
        let process = self.kernel().processes.process(process.0).filter(|process| process.is_alive());
        let process = process.ok_or(NtStatus::INVALID_CID)?;
        let thread = match self.kernel().processes.threads_of(&process).first() {
            Some(thread) => Arc::clone(thread),
            None => self
                .as_system(|cpu| lifecycle::start_thread(cpu, &process, None, ThreadKind::Simulated))
                .map_err(|_| NtStatus::INSUFFICIENT_RESOURCES)?,
        };
        let client =
            self.enter(thread, |cpu| fltmgr::port::connect(cpu, port, &process, context, handler))?;
        Ok(Connection { sim: self.clone(), id: client.id() })
    }
}

impl Connection {
    /// Closes the consumer's handle; the driver's disconnect callback runs.
    pub fn disconnect(&self) {
        let Some(client) = self.sim.kernel().filters.ports.connection(self.id) else { return };
        self.sim.as_system(|cpu| fltmgr::port::disconnect(cpu, &client));
    }

    /// `FilterSendMessage`; returns what the driver answers.
    ///
    /// # Errors
    ///
    /// `STATUS_PORT_DISCONNECTED`, `STATUS_INVALID_DEVICE_REQUEST` from a port that takes no messages, or the status that
    /// the driver's message callback returns.
    pub fn send(&self, input: &[u8], output_bytes: usize) -> Result<Vec<u8>, NtStatus> {
        let client = self.sim.kernel().filters.ports.connection(self.id);
        let client = client.ok_or(NtStatus::PORT_DISCONNECTED)?;
        self.sim.as_system(|cpu| fltmgr::port::send(cpu, &client, input, output_bytes))
    }

    /// Whether neither side has closed the connection.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        let client = self.sim.kernel().filters.ports.connection(self.id);
        client.is_some_and(|client| client.is_connected())
    }
}
