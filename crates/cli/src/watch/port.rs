//! The boundary to Windows: the driver's communication port, the drives, and Ctrl-C.
//!
//! All `unsafe` of this crate is here. Handles are owned by [`OwnedHandle`], which closes each once.

use std::os::windows::io::{AsRawHandle as _, FromRawHandle as _, OwnedHandle};
use std::sync::OnceLock;

use audit::batch::{Acknowledgement, MAX_MESSAGE_SIZE};
use windows::Win32::Foundation::{ERROR_IO_PENDING, HANDLE, STATUS_SUCCESS, WAIT_FAILED, WAIT_OBJECT_0};
use windows::Win32::Storage::FileSystem::{GetLogicalDrives, QueryDosDeviceW};
use windows::Win32::Storage::InstallableFileSystems::{
    FILTER_MESSAGE_HEADER, FILTER_REPLY_HEADER, FilterConnectCommunicationPort, FilterGetMessage,
    FilterReplyMessage,
};
use windows::Win32::System::Console::SetConsoleCtrlHandler;
use windows::Win32::System::IO::{CancelIoEx, GetOverlappedResult, OVERLAPPED};
use windows::Win32::System::Threading::{CreateEventW, INFINITE, SetEvent, WaitForMultipleObjects};
use windows::core::{BOOL, Error, HRESULT, PCWSTR, Result, w};

use crate::consumer::names::Drives;

/// The driver's port.
const PORT: PCWSTR = w!(r"\WhoWrotePort");
/// Room for a message and its header.
const BUFFER: usize = size_of::<FILTER_MESSAGE_HEADER>() + MAX_MESSAGE_SIZE;
/// Room for the device name behind a drive letter.
const DEVICE_NAME: usize = 1024;

/// An event that stays set until it is reset.
struct Event(OwnedHandle);

impl Event {
    fn new() -> Result<Self> {
        // SAFETY: no pointer is passed; the name is null.
        let handle = unsafe { CreateEventW(None, true, false, PCWSTR::null()) }?;
        // SAFETY: the handle was just created, is valid, and nobody else has it.
        Ok(Self(unsafe { OwnedHandle::from_raw_handle(handle.0) }))
    }

    fn handle(&self) -> HANDLE {
        HANDLE(self.0.as_raw_handle())
    }
}

/// Set by Ctrl-C.
static STOP: OnceLock<Event> = OnceLock::new();

/// The user's wish to end.
pub(super) struct Stop(&'static Event);

/// Takes Ctrl-C, and the closing of the window, for [`Received::Stopped`] instead of the end of the program.
pub(super) fn stop_on_ctrl_c() -> Result<Stop> {
    let event = Event::new()?;
    let stop = STOP.get_or_init(|| event);
    // SAFETY: `on_ctrl_c` has the type asked for, lives for ever, and touches nothing but a static.
    unsafe { SetConsoleCtrlHandler(Some(on_ctrl_c), true) }?;
    Ok(Stop(stop))
}

/// Runs in a thread of its own.
unsafe extern "system" fn on_ctrl_c(_: u32) -> BOOL {
    if let Some(stop) = STOP.get() {
        // SAFETY: the event of the static is never closed.
        let _ = unsafe { SetEvent(stop.handle()) };
    }
    true.into()
}

/// A connection to the driver.
pub(super) struct Port {
    handle: OwnedHandle,
    arrived: Event,
    /// The header and the message. Of `u64`, for the header's alignment.
    buffer: Box<[u64]>,
}

/// What came.
pub(super) enum Received<'b> {
    /// A message, to be answered under this number.
    Message { id: u64, bytes: &'b [u8] },
    /// The user wants to end.
    Stopped,
}

/// The reply as `FilterReplyMessage` takes it.
#[repr(C)]
struct Reply {
    header: FILTER_REPLY_HEADER,
    body: [u8; Acknowledgement::SIZE],
}

impl Port {
    pub(super) fn connect() -> Result<Self> {
        // SAFETY: the name is a static string with a NUL; the other pointers are null.
        let handle = unsafe { FilterConnectCommunicationPort(PORT, 0, None, 0, None) }?;
        // SAFETY: the handle was just created, is valid, and nobody else has it.
        let handle = unsafe { OwnedHandle::from_raw_handle(handle.0) };
        Ok(Self {
            handle,
            arrived: Event::new()?,
            buffer: vec![0; BUFFER.div_ceil(size_of::<u64>())].into_boxed_slice(),
        })
    }

    fn handle(&self) -> HANDLE {
        HANDLE(self.handle.as_raw_handle())
    }

    /// Waits for a message, or for Ctrl-C.
    pub(super) fn receive(&mut self, stop: &Stop) -> Result<Received<'_>> {
        let handle = self.handle();
        let mut overlapped = OVERLAPPED { hEvent: self.arrived.handle(), ..OVERLAPPED::default() };
        let header = self.buffer.as_mut_ptr().cast::<FILTER_MESSAGE_HEADER>();
        let size = u32::try_from(size_of_val(&*self.buffer)).unwrap_or(u32::MAX);
        // SAFETY: the buffer has `size` bytes and the header's alignment. It and `overlapped` outlive the operation:
        // this function does not return before the operation has ended, by itself or cancelled.
        let started = unsafe { FilterGetMessage(handle, header, size, Some(&raw mut overlapped)) };
        match started {
            Ok(()) => {}
            Err(error) if error.code() == HRESULT::from_win32(ERROR_IO_PENDING.0) => {
                let woken = self.wait(stop);
                if !matches!(woken, Ok(true)) {
                    // SAFETY: the operation was started on this handle with this structure.
                    let _ = unsafe { CancelIoEx(handle, Some(&raw const overlapped)) };
                    // A message that came all the same is not answered; the driver keeps it.
                    let _ = ended(handle, &overlapped);
                    return woken.map(|_| Received::Stopped);
                }
            }
            Err(error) => return Err(error),
        }
        let count = ended(handle, &overlapped)?;
        // SAFETY: the operation has ended, so nobody else writes; the header is at the beginning of the buffer, and any
        // bytes are a valid header.
        let FILTER_MESSAGE_HEADER { MessageId: id, .. } = unsafe { header.read() };
        let data = self.buffer.as_ptr().cast::<u8>();
        // SAFETY: the buffer is that long, has been initialised as a whole, and is borrowed for the slice's life.
        let bytes = unsafe { std::slice::from_raw_parts(data, size_of_val(&*self.buffer)) };
        let end = usize::try_from(count).unwrap_or(usize::MAX).min(bytes.len());
        let message = bytes.get(size_of::<FILTER_MESSAGE_HEADER>()..end).unwrap_or_default();
        Ok(Received::Message { id, bytes: message })
    }

    /// Waits until a message has come (true) or the user wants to end (false).
    fn wait(&self, stop: &Stop) -> Result<bool> {
        let handles = [self.arrived.handle(), stop.0.handle()];
        // SAFETY: both handles are of events that live as long as this call.
        let woken = unsafe { WaitForMultipleObjects(&handles, false, INFINITE) };
        if woken == WAIT_FAILED {
            return Err(Error::from_thread());
        }
        Ok(woken == WAIT_OBJECT_0)
    }

    /// Answers a message.
    pub(super) fn reply(&self, id: u64, body: [u8; Acknowledgement::SIZE]) -> Result<()> {
        let reply = Reply { header: FILTER_REPLY_HEADER { Status: STATUS_SUCCESS, MessageId: id }, body };
        let size = const { size_of::<FILTER_REPLY_HEADER>() + Acknowledgement::SIZE };
        let header = (&raw const reply).cast::<FILTER_REPLY_HEADER>();
        // SAFETY: `reply` begins with the header, has `size` bytes and outlives the call.
        unsafe { FilterReplyMessage(self.handle(), header, u32::try_from(size).unwrap_or(u32::MAX)) }
    }
}

/// Waits until an operation has ended; how many bytes it brought.
fn ended(handle: HANDLE, overlapped: &OVERLAPPED) -> Result<u32> {
    let mut count = 0;
    // SAFETY: the callers started the operation on this handle with this structure; both pointers outlive the call.
    unsafe { GetOverlappedResult(handle, overlapped, &raw mut count, true) }?;
    Ok(count)
}

/// Which drive letters stand for which devices, now.
pub(crate) fn drives() -> Drives {
    // SAFETY: takes nothing and touches nothing.
    let letters = unsafe { GetLogicalDrives() };
    let present = (b'A'..=b'Z').filter(|letter| letters >> (letter - b'A') & 1 == 1);
    Drives::new(
        present.filter_map(|letter| Some((device(letter)?, format!("{}:", char::from(letter))))).collect(),
    )
}

/// The device behind a drive letter.
fn device(letter: u8) -> Option<String> {
    let name = [u16::from(letter), u16::from(b':'), 0];
    let mut target = [0; DEVICE_NAME];
    // SAFETY: the name ends with a NUL and outlives the call; the target is a slice.
    let length = unsafe { QueryDosDeviceW(PCWSTR::from_raw(name.as_ptr()), Some(&mut target)) };
    let found = target.get(..usize::try_from(length).ok()?)?;
    let first = found.split(|unit| *unit == 0).next().filter(|units| !units.is_empty())?;
    Some(String::from_utf16_lossy(first))
}
