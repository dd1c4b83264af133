//! Communication ports.

use wdk_sys::{ACCESS_MASK, NTSTATUS, PVOID, ULONG};

use super::PFLT_PORT;

pub const FLT_PORT_CONNECT: ACCESS_MASK = 0x0001;
/// `FLT_PORT_CONNECT | STANDARD_RIGHTS_ALL`
pub const FLT_PORT_ALL_ACCESS: ACCESS_MASK = FLT_PORT_CONNECT | 0x001F_0000;

pub type PFLT_CONNECT_NOTIFY = Option<
    unsafe extern "C" fn(
        ClientPort: PFLT_PORT,
        ServerPortCookie: PVOID,
        ConnectionContext: PVOID,
        SizeOfContext: ULONG,
        ConnectionPortCookie: *mut PVOID,
    ) -> NTSTATUS,
>;
pub type PFLT_DISCONNECT_NOTIFY = Option<unsafe extern "C" fn(ConnectionCookie: PVOID)>;
pub type PFLT_MESSAGE_NOTIFY = Option<
    unsafe extern "C" fn(
        PortCookie: PVOID,
        InputBuffer: PVOID,
        InputBufferLength: ULONG,
        OutputBuffer: PVOID,
        OutputBufferLength: ULONG,
        ReturnOutputBufferLength: *mut ULONG,
    ) -> NTSTATUS,
>;
