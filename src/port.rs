//! The port that a consumer connects to.

use fltmgr::{ClientPort, FilterRef, NtStatus, PortHandler, Result, SecurityDescriptor, ServerPort, utf16};

use crate::state;

const NAME: [u16; 13] = utf16("\\WhoWrotePort");

/// Opens the port to SYSTEM and administrators.
///
/// Maximum IRQL: `PASSIVE_LEVEL`.
pub(crate) fn open(filter: FilterRef<'_>) -> Result<ServerPort> {
    ServerPort::open::<Handler>(filter, &NAME, &SecurityDescriptor::for_administrators()?)
}

/// Closes the connection when dropped, if there is one.
pub(crate) struct OpenConnection(());

impl OpenConnection {
    /// Maximum IRQL: any.
    pub(crate) fn guard() -> Self {
        Self(())
    }
}

impl Drop for OpenConnection {
    /// Maximum IRQL: `PASSIVE_LEVEL`.
    fn drop(&mut self) {
        Handler::disconnected();
    }
}

enum Handler {}

impl PortHandler for Handler {
    /// Maximum IRQL: `PASSIVE_LEVEL`.
    fn connected(client: ClientPort) -> Result<()> {
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
        }
    }
}
