//! `FltSendMessage`.

use std::sync::Arc;

use super::port::{self, ClientPort};
use crate::abi::Ptr;
use crate::ex::push_lock;
use crate::ke::Cpu;
use crate::sim::PortReply;
use crate::status::NtStatus;
use crate::verifier::{Rule, calls};

/// `FltSendMessage`. A timeout of zero, like none, lets it wait for ever.
#[expect(clippy::too_many_arguments, reason = "the routine has as many")]
pub(crate) fn send_message(
    cpu: &Cpu,
    filter: Ptr,
    port: Ptr<Ptr>,
    message: Ptr<u8>,
    bytes: u32,
    reply: Ptr<u8>,
    reply_bytes: Ptr<u32>,
    timeout: Ptr<i64>,
) -> NtStatus {
    let kernel = cpu.kernel();
    if kernel.filters.filter(cpu, filter).is_none() {
        return NtStatus::INVALID_PARAMETER;
    }
    if message.is_null() || bytes == 0 || !reply.is_null() && reply_bytes.is_null() {
        cpu.violation(Rule::InvalidParameter, "sends no message, or expects a reply of no length");
        return NtStatus::INVALID_PARAMETER;
    }
    calls::check_wait(cpu, "sends a message, and so waits for its consumer,");
    push_lock::check_call_out(cpu);
    let Some(ptr) = port.read().non_null() else { return NtStatus::PORT_DISCONNECTED };
    let Some(client) = client_read(cpu, port, ptr).filter(|client| client.is_connected()) else {
        return NtStatus::PORT_DISCONNECTED;
    };
    let message = message.read_slice(bytes as usize);
    let answer = (*client.handler.lock())(&message);
    match answer {
        PortReply::Reply(_) | PortReply::Silent if reply.is_null() => NtStatus::SUCCESS,
        PortReply::Reply(answer) => {
            cpu.heard.set(true);
            give(&answer, reply, reply_bytes)
        }
        PortReply::Silent => {
            let timeout = timeout.non_null().map(Ptr::read).filter(|timeout| *timeout != 0);
            let deadline = timeout.map(|timeout| kernel.clock.deadline(timeout));
            let disconnected =
                kernel.scheduler.wait(cpu, client.ptr().address(), deadline, || !client.is_connected());
            if disconnected { NtStatus::PORT_DISCONNECTED } else { NtStatus::TIMEOUT }
        }
        PortReply::Disconnect => {
            port::disconnect_soon(cpu, &client);
            NtStatus::PORT_DISCONNECTED
        }
    }
}

/// The connection that was read from the driver's variable.
pub(crate) fn client_read(cpu: &Cpu, port: Ptr<Ptr>, read: Ptr) -> Option<Arc<ClientPort>> {
    let client = cpu.kernel().filters.ports.client(read);
    // Who closes a port clears the variable first: if it is another now, a thread has closed it meanwhile.
    if client.is_none() && port.read() == read {
        cpu.violation(Rule::Port, format!("sends to {read:?}, which is no client port (any more)"));
    }
    client
}

/// Stores as much of the answer as there is room for.
fn give(answer: &[u8], reply: Ptr<u8>, reply_bytes: Ptr<u32>) -> NtStatus {
    let room = reply_bytes.read() as usize;
    let stored = answer.len().min(room);
    reply.write_slice(&answer[..stored]);
    reply_bytes.write(u32::try_from(stored).expect("at most the room, which is a u32"));
    if answer.len() > room { NtStatus::BUFFER_OVERFLOW } else { NtStatus::SUCCESS }
}
