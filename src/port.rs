//! The ports: one for whoever takes the records, one for whoever changes parameters.

use fltmgr::{
    ClientPort, ClientSlot, FilterRef, NtStatus, PortHandler, Result, SecurityDescriptor, ServerPort, utf16,
};

use crate::state::{self, State};

const NAME: [u16; 13] = utf16("\\WhoWrotePort");
const CONTROL_NAME: [u16; 20] = utf16("\\WhoWroteControlPort");

/// The ports, both open to SYSTEM and administrators.
pub(crate) struct Ports {
    _records: ServerPort,
    _control: ServerPort,
}

/// Opens the ports.
///
/// Maximum IRQL: `PASSIVE_LEVEL`.
pub(crate) fn open(filter: FilterRef<'_>) -> Result<Ports> {
    let administrators = SecurityDescriptor::for_administrators()?;
    Ok(Ports {
        _records: ServerPort::open::<Records>(filter, &NAME, &administrators)?,
        _control: ServerPort::open::<Control>(filter, &CONTROL_NAME, &administrators)?,
    })
}

/// Closes the connections when dropped, if there are any.
pub(crate) struct OpenConnections(());

impl OpenConnections {
    /// Maximum IRQL: any.
    pub(crate) fn guard() -> Self {
        Self(())
    }
}

impl Drop for OpenConnections {
    /// Maximum IRQL: `PASSIVE_LEVEL`.
    fn drop(&mut self) {
        Records::disconnected();
        Control::disconnected();
    }
}

/// Who takes the records.
enum Records {}

impl PortHandler for Records {
    /// Maximum IRQL: `PASSIVE_LEVEL`.
    fn connected(client: ClientPort, _context: &[u8]) -> Result<()> {
        let state = state::get().ok_or(NtStatus::DEVICE_NOT_READY)?;
        state.client.occupy(client)?;
        state.connection.begin();
        state.wake.set();
        Ok(())
    }

    /// Maximum IRQL: `PASSIVE_LEVEL`.
    fn disconnected() {
        if let Some(state) = state::get() {
            state.connection.end();
            state.client.close();
            // The ring is a flight recorder again.
            state.wake.set();
        }
    }
}

/// Who changes parameters: all that he says is in the connection's context, and the answer is whether he is connected.
enum Control {}

impl PortHandler for Control {
    /// Maximum IRQL: `PASSIVE_LEVEL`.
    fn connected(client: ClientPort, context: &[u8]) -> Result<()> {
        let state: &'static State = state::get().ok_or(NtStatus::DEVICE_NOT_READY)?;
        state.parameters.change(state, context)?;
        let controller: &'static ClientSlot = &state.controller;
        controller.occupy(client)
    }

    /// Maximum IRQL: `PASSIVE_LEVEL`.
    fn disconnected() {
        if let Some(state) = state::get() {
            state.controller.close();
        }
    }
}
