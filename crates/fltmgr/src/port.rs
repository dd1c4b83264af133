//! Communication ports with one connection at a time.

use core::ptr::{self, NonNull};
use core::slice;
use core::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

use wdk_sys::{
    LARGE_INTEGER, NTSTATUS, OBJ_CASE_INSENSITIVE, OBJ_KERNEL_HANDLE, OBJECT_ATTRIBUTES, PVOID, ULONG,
};

use crate::irql::{self, APC_LEVEL, PASSIVE_LEVEL};
use crate::raw::{
    FLT_FILTER, FLT_PORT, FltCloseClientPort, FltCloseCommunicationPort, FltCreateCommunicationPort,
    FltSendMessage, PFLT_PORT,
};
use crate::{FilterRef, NtStatus, Result, SecurityDescriptor, structure_size, unicode_string};

/// What happens at a port.
pub trait PortHandler {
    /// Somebody connects, with this context (`lpContext` of `FilterConnectCommunicationPort`), which is a copy. The port
    /// refuses further connections until this one is closed.
    ///
    /// IRQL: `PASSIVE_LEVEL`.
    ///
    /// # Errors
    ///
    /// Any error refuses the connection.
    fn connected(client: ClientPort, context: &[u8]) -> Result<()>;

    /// The other side closed its handle, or the minifilter is being unloaded. May come when the connection
    /// has been closed already; the [`ClientSlot`] is to be closed.
    ///
    /// IRQL: `PASSIVE_LEVEL`.
    fn disconnected();
}

/// The end of a port that waits for connections; dropping it stops that, and leaves a connection as it is.
///
/// To be dropped before the minifilter is unregistered.
pub struct ServerPort {
    port: NonNull<FLT_PORT>,
}

// SAFETY: the Filter Manager lets any thread use the handle.
unsafe impl Send for ServerPort {}
// SAFETY: as above; there is nothing to do with a shared one.
unsafe impl Sync for ServerPort {}

impl ServerPort {
    /// Opens a port. The handler may be called before this returns.
    ///
    /// Maximum IRQL: `PASSIVE_LEVEL` ("`FltCreateCommunicationPort` function (fltkernel.h)").
    ///
    /// # Errors
    ///
    /// What `FltCreateCommunicationPort` returns, such as `STATUS_OBJECT_NAME_COLLISION`.
    pub fn open<H: PortHandler>(
        filter: FilterRef<'_>,
        name: &[u16],
        security: &SecurityDescriptor,
    ) -> Result<Self> {
        irql::assert_at_most(PASSIVE_LEVEL);
        let mut name = unicode_string(name);
        let mut attributes = OBJECT_ATTRIBUTES {
            Length: structure_size::<OBJECT_ATTRIBUTES>(),
            RootDirectory: ptr::null_mut(),
            ObjectName: &raw mut name,
            // without OBJ_KERNEL_HANDLE the call fails
            Attributes: OBJ_KERNEL_HANDLE | OBJ_CASE_INSENSITIVE,
            SecurityDescriptor: security.as_raw(),
            SecurityQualityOfService: ptr::null_mut(),
        };
        let mut port = ptr::null_mut();
        // SAFETY: all that the attributes point to lives through the call; the cookie is the registered
        // minifilter, and no connection is accepted once it is not.
        let status = unsafe {
            FltCreateCommunicationPort(
                filter.as_raw(),
                &raw mut port,
                &raw mut attributes,
                filter.as_raw().cast(),
                Some(connect::<H>),
                Some(disconnect::<H>),
                None,
                1,
            )
        };
        NtStatus::from_raw(status).ok()?;
        NonNull::new(port).map(|port| Self { port }).ok_or(NtStatus::INTERNAL_ERROR)
    }
}

impl Drop for ServerPort {
    /// Maximum IRQL: `PASSIVE_LEVEL` ("`FltCloseCommunicationPort` function (fltkernel.h)").
    fn drop(&mut self) {
        irql::assert_at_most(PASSIVE_LEVEL);
        // SAFETY: opened by `open`, and closed here alone.
        unsafe { FltCloseCommunicationPort(self.port.as_ptr()) };
    }
}

unsafe extern "C" fn connect<H: PortHandler>(
    client: PFLT_PORT,
    filter: PVOID,
    context: PVOID,
    context_size: ULONG,
    connection_cookie: *mut PVOID,
) -> NTSTATUS {
    // SAFETY: the Filter Manager passes a variable for the cookie.
    unsafe { connection_cookie.write(ptr::null_mut()) };
    let (Some(port), Some(filter)) = (NonNull::new(client), NonNull::new(filter.cast::<FLT_FILTER>())) else {
        return NtStatus::INVALID_PARAMETER.as_raw();
    };
    let context: &[u8] = match NonNull::new(context.cast::<u8>()) {
        // SAFETY: the Filter Manager copies the context into memory of its own, of that size, for the time of the callback.
        Some(context) => unsafe { slice::from_raw_parts(context.as_ptr(), context_size as usize) },
        None => &[],
    };
    match H::connected(ClientPort { port, filter }, context) {
        Ok(()) => NtStatus::SUCCESS.as_raw(),
        Err(status) => status.as_raw(),
    }
}

unsafe extern "C" fn disconnect<H: PortHandler>(_connection_cookie: PVOID) {
    H::disconnected();
}

/// A connection that is being made. It is used through a [`ClientSlot`]; dropped, the connection is refused.
#[must_use = "put it into a ClientSlot, or the connection is of no use"]
pub struct ClientPort {
    port: NonNull<FLT_PORT>,
    filter: NonNull<FLT_FILTER>,
}

/// The place of a connection. The Filter Manager needs the handle at one address for as long as it is used,
/// so the slot has to stay where it is while it is occupied: in a static, or in pool.
pub struct ClientSlot {
    /// Null while there is no connection; the Filter Manager sets it to null as it closes one.
    port: AtomicPtr<FLT_PORT>,
    filter: AtomicPtr<FLT_FILTER>,
    /// Whether the connection is still to be closed: that may be asked for twice, and is done once.
    open: AtomicBool,
}

impl ClientSlot {
    /// No connection.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            port: AtomicPtr::new(ptr::null_mut()),
            filter: AtomicPtr::new(ptr::null_mut()),
            open: AtomicBool::new(false),
        }
    }

    /// Takes a connection in.
    ///
    /// Maximum IRQL: any.
    ///
    /// # Errors
    ///
    /// `STATUS_CONNECTION_COUNT_LIMIT` while there is one.
    #[expect(clippy::needless_pass_by_value, reason = "a connection is taken in once")]
    pub fn occupy(&'static self, client: ClientPort) -> Result<()> {
        let ClientPort { port, filter } = client;
        self.filter.store(filter.as_ptr(), Ordering::Relaxed);
        self.port
            .compare_exchange(ptr::null_mut(), port.as_ptr(), Ordering::Relaxed, Ordering::Relaxed)
            .map_err(|_| NtStatus::CONNECTION_COUNT_LIMIT)?;
        // Release: pairs with the Acquires in `send` and `close`, so that they find port and minifilter.
        self.open.store(true, Ordering::Release);
        Ok(())
    }

    /// Sends a message and waits up to `timeout` for it to be taken and again for the reply, which goes to
    /// `reply`. Returns the length of the reply.
    ///
    /// Maximum IRQL: `APC_LEVEL` ("`FltSendMessage` function (fltkernel.h)").
    ///
    /// # Errors
    ///
    /// `STATUS_TIMEOUT`, `STATUS_PORT_DISCONNECTED`, or what else `FltSendMessage` returns.
    pub fn send(&'static self, message: &[u8], reply: &mut [u8], timeout: Timeout) -> Result<usize> {
        irql::assert_at_most(APC_LEVEL);
        // Acquire: pairs with the Release in `occupy`.
        if !self.open.load(Ordering::Acquire) {
            return Err(NtStatus::PORT_DISCONNECTED);
        }
        let filter = self.filter.load(Ordering::Relaxed);
        let length = ULONG::try_from(message.len()).map_err(|_| NtStatus::INVALID_PARAMETER)?;
        let mut reply_length = ULONG::try_from(reply.len()).map_err(|_| NtStatus::INVALID_PARAMETER)?;
        let mut timeout = LARGE_INTEGER { QuadPart: timeout.0 };
        // SAFETY: message and reply live through the call, the slot forever; should the connection be closed
        // meanwhile, the Filter Manager synchronizes with that through the variable, to which end it gets its
        // address.
        let status = unsafe {
            FltSendMessage(
                filter,
                self.port.as_ptr(),
                message.as_ptr().cast_mut().cast(), // only read
                length,
                reply.as_mut_ptr().cast(),
                &raw mut reply_length,
                &raw mut timeout,
            )
        };
        match NtStatus::from_raw(status) {
            // a success code, though nothing was delivered
            NtStatus::TIMEOUT => Err(NtStatus::TIMEOUT),
            status => status.ok().map(|_| reply_length as usize),
        }
    }

    /// Closes the connection, if there is one.
    ///
    /// Maximum IRQL: `PASSIVE_LEVEL` ("`FltCloseClientPort` function (fltkernel.h)").
    pub fn close(&'static self) {
        irql::assert_at_most(PASSIVE_LEVEL);
        // Acquire: pairs with the Release in `occupy`.
        if self.open.swap(false, Ordering::Acquire) {
            let filter = self.filter.load(Ordering::Relaxed);
            // SAFETY: the connection came from the Filter Manager, and whoever takes `open` alone closes it.
            unsafe { FltCloseClientPort(filter, self.port.as_ptr()) };
        }
    }
}

impl Default for ClientSlot {
    fn default() -> Self {
        Self::new()
    }
}

/// How long to wait, in the kernel's terms.
#[derive(Clone, Copy)]
pub struct Timeout(i64);

impl Timeout {
    /// So many milliseconds from now.
    #[must_use]
    pub const fn milliseconds(milliseconds: u32) -> Self {
        const UNITS_PER_MILLISECOND: i64 = 10_000; // of 100 ns
        Self(-(milliseconds as i64) * UNITS_PER_MILLISECOND) // negative: relative to now
    }

    /// As the waiting routines want it: 100 ns units, negative for a time from now.
    #[must_use]
    pub const fn as_raw(self) -> i64 {
        self.0
    }
}
