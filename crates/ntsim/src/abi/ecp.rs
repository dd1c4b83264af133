//! Contexts of extra create parameters, which the layout table does not cover: after their reference pages.

use std::fmt;

use super::{Ptr, UnicodeString};

/// `GUID`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Guid {
    pub(crate) data1: u32,
    pub(crate) data2: u16,
    pub(crate) data3: u16,
    pub(crate) data4: [u8; 8],
}

impl Guid {
    pub(crate) fn from_fields((data1, data2, data3, data4): (u32, u16, u16, [u8; 8])) -> Self {
        Self { data1, data2, data3, data4 }
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{:08x}-{:04x}-{:04x}-", self.data1, self.data2, self.data3)?;
        for (index, byte) in self.data4.iter().enumerate() {
            write!(f, "{}{byte:02x}", if index == 2 { "-" } else { "" })?;
        }
        f.write_str("}")
    }
}

/// `SRV_OPEN_ECP_CONTEXT` (ntifs), with the members since Windows 10 version 1703.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct SrvOpenEcp {
    pub(crate) share_name: Ptr<UnicodeString>,
    pub(crate) socket_address: Ptr,
    pub(crate) oplock_block_state: u8,
    pub(crate) oplock_app_state: u8,
    pub(crate) oplock_final_state: u8,
    pub(crate) alignment: u8,
    pub(crate) version: u16,
    pub(crate) alignment2: u16,
    pub(crate) instance_type: u32,
    pub(crate) alignment3: u32,
}

const _: () = {
    assert!(size_of::<Guid>() == 16);
    assert!(size_of::<SrvOpenEcp>() == 32);
    assert!(std::mem::offset_of!(SrvOpenEcp, version) == 20);
    assert!(std::mem::offset_of!(SrvOpenEcp, instance_type) == 24);
};
