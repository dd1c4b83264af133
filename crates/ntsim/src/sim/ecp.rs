//! Extra create parameters that a harness can give to a create.

use std::net::SocketAddr;

/// An extra create parameter.
#[derive(Clone, Debug)]
pub struct EcpSpec {
    /// What it is.
    pub ecp: Ecp,
    /// Whether the caller put it there from user mode: then it says nothing (`FltIsEcpFromUserMode`).
    pub from_user_mode: bool,
}

/// What an extra create parameter says.
#[derive(Clone, Debug)]
pub enum Ecp {
    /// `GUID_ECP_SRV_OPEN`: the SMB server opens the file for a remote client.
    SrvOpen {
        /// `ShareName`
        share: Option<String>,
        /// `SocketAddress`
        address: Option<SocketAddr>,
    },
    /// Any other.
    Other {
        /// Its GUID: the fields of the structure, the last eight bytes in order.
        guid: (u32, u16, u16, [u8; 8]),
        /// Its context.
        bytes: Vec<u8>,
    },
}

impl EcpSpec {
    /// The SMB server's own, of the kernel.
    #[must_use]
    pub fn srv_open(share: &str, address: SocketAddr) -> Self {
        let ecp = Ecp::SrvOpen { share: Some(share.to_owned()), address: Some(address) };
        Self { ecp, from_user_mode: false }
    }

    /// The same parameter, put there from user mode.
    #[must_use]
    pub fn forged(self) -> Self {
        Self { from_user_mode: true, ..self }
    }
}
