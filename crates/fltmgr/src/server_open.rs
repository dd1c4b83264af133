//! What the SMB server says of a create.

use core::ffi::c_void;
use core::marker::PhantomData;
use core::mem::{offset_of, size_of};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::ptr::{self, NonNull};
use core::slice;

use wdk_sys::{GUID, PECP_LIST, PUNICODE_STRING, ULONG};

use crate::irql::{self, APC_LEVEL};
use crate::raw::{FltFindExtraCreateParameter, FltGetEcpListFromCallbackData, FltIsEcpFromUserMode};
use crate::{CallbackData, FilterRef, NtStatus};

/// `GUID_ECP_SRV_OPEN` (ntifs.h).
static GUID_ECP_SRV_OPEN: GUID = GUID {
    Data1: 0xBEBF_AEBC,
    Data2: 0xAABF,
    Data3: 0x489D,
    Data4: [0x9D, 0x2C, 0xE9, 0xE3, 0x61, 0x10, 0x28, 0x53],
};

/// The beginning of `SRV_OPEN_ECP_CONTEXT`: its oldest members, all that is looked at.
#[repr(C)]
struct ServerOpenContext {
    share_name: PUNICODE_STRING,
    /// `PSOCKADDR_STORAGE_NFS`
    socket_address: *const c_void,
}

// As "SRV_OPEN_ECP_CONTEXT structure (ntifs.h)" has it.
const _: () =
    assert!(size_of::<ServerOpenContext>() == 16 && offset_of!(ServerOpenContext, socket_address) == 8);

/// `AF_INET` and `AF_INET6`, and where their addresses begin: "sockaddr" and "`SOCKADDR_IN6_LH` structure (ws2ipdef.h)".
const AF_INET: u16 = 2;
const AF_INET6: u16 = 23;
const ADDRESS_V4: usize = 4;
const ADDRESS_V6: usize = 8;

/// The server's own extra create parameter, for as long as the create.
pub struct ServerOpen<'cb> {
    context: NonNull<ServerOpenContext>,
    callback: PhantomData<&'cb ()>,
}

impl<'cb> ServerOpen<'cb> {
    /// What the server says, if it is the server that opens the file. A parameter that came from user mode says nothing.
    ///
    /// Maximum IRQL: `APC_LEVEL` ("`FltGetEcpListFromCallbackData`", "`FltFindExtraCreateParameter`" and
    /// "`FltIsEcpFromUserMode` function (fltkernel.h)").
    #[must_use]
    pub fn of(filter: FilterRef<'_>, data: CallbackData<'cb>) -> Option<Self> {
        irql::assert_at_most(APC_LEVEL);
        let mut list: PECP_LIST = ptr::null_mut();
        // SAFETY: filter and callback data are borrowed from a running callback, the result goes to a variable of its type.
        let status = unsafe { FltGetEcpListFromCallbackData(filter.as_raw(), data.as_raw(), &raw mut list) };
        if !NtStatus::from_raw(status).is_success() || list.is_null() {
            return None;
        }
        let mut context = ptr::null_mut();
        let mut size: ULONG = 0;
        // SAFETY: the list is the create's, and the results go to variables of their types.
        let status = unsafe {
            FltFindExtraCreateParameter(
                filter.as_raw(),
                list,
                &raw const GUID_ECP_SRV_OPEN,
                &raw mut context,
                &raw mut size,
            )
        };
        NtStatus::from_raw(status).ok().ok()?;
        let context = NonNull::new(context)?;
        // SAFETY: the context is one of the create's.
        let forged = unsafe { FltIsEcpFromUserMode(filter.as_raw(), context.as_ptr()) } != 0;
        if forged || (size as usize) < size_of::<ServerOpenContext>() {
            return None;
        }
        Some(Self { context: context.cast(), callback: PhantomData })
    }

    fn context(&self) -> &ServerOpenContext {
        // SAFETY: the parameter is the kernel's and as large as this, and stays for the create, which 'cb does not outlast.
        unsafe { self.context.as_ref() }
    }

    /// The name of the share that the client came by; `None` if the server does not tell.
    ///
    /// Maximum IRQL: `APC_LEVEL`: the memory may be paged.
    #[must_use]
    pub fn share(&self) -> Option<&[u16]> {
        irql::assert_at_most(APC_LEVEL);
        // SAFETY: null, or a string that the server keeps for the create.
        let name = unsafe { self.context().share_name.as_ref() }?;
        let units = usize::from(name.Length) / size_of::<u16>();
        if name.Buffer.is_null() || units == 0 {
            return None;
        }
        // SAFETY: the server keeps the buffer, of at least `Length` bytes, for the create.
        Some(unsafe { slice::from_raw_parts(name.Buffer, units) })
    }

    /// Where the client is; `None` if the server does not tell, or by another protocol than IP.
    ///
    /// Maximum IRQL: `APC_LEVEL`: the memory may be paged.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        irql::assert_at_most(APC_LEVEL);
        let address = NonNull::new(self.context().socket_address.cast_mut())?;
        // SAFETY: a `SOCKADDR_STORAGE` begins with the family, whatever that is.
        let family = unsafe { address.cast::<u16>().read_unaligned() };
        match family {
            AF_INET => {
                // SAFETY: in an address of this family the four bytes are there.
                let bytes = unsafe { address.byte_add(ADDRESS_V4) }.cast::<[u8; 4]>();
                // SAFETY: as above; the server keeps them for the create.
                let bytes = unsafe { bytes.read_unaligned() };
                Some(IpAddr::V4(Ipv4Addr::from(bytes)))
            }
            AF_INET6 => {
                // SAFETY: in an address of this family the sixteen bytes are there.
                let bytes = unsafe { address.byte_add(ADDRESS_V6) }.cast::<[u8; 16]>();
                // SAFETY: as above; the server keeps them for the create.
                let bytes = unsafe { bytes.read_unaligned() };
                // One of version 4 that a socket for both versions has.
                Some(IpAddr::V6(Ipv6Addr::from(bytes)).to_canonical())
            }
            _ => None,
        }
    }
}
