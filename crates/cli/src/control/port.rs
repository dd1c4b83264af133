//! The driver's control port.

use std::os::windows::io::{FromRawHandle as _, OwnedHandle};

use windows::Win32::Foundation::ERROR_INVALID_PARAMETER;
use windows::Win32::Storage::InstallableFileSystems::FilterConnectCommunicationPort;
use windows::core::{HRESULT, PCWSTR, w};

use crate::failure::Failure;
use crate::watch::not_connected;

const PORT: PCWSTR = w!(r"\WhoWroteControlPort");

/// Hands the driver a message: as the context of a connection, which is made if all of it is in effect.
pub(super) fn send(message: &[u8]) -> Result<(), Failure> {
    let size = u16::try_from(message.len())
        .map_err(|_| Failure::Unusable("this is too long for a message".to_owned()))?;
    // SAFETY: the name is a static string with a NUL; the context has as many bytes as is said and outlives the call.
    let handle =
        unsafe { FilterConnectCommunicationPort(PORT, 0, Some(message.as_ptr().cast()), size, None) };
    match handle {
        Ok(handle) => {
            // SAFETY: the handle was just created, is valid, and nobody else has it.
            drop(unsafe { OwnedHandle::from_raw_handle(handle.0) });
            anstream::eprintln!("the driver's parameters are changed, until it is unloaded");
            Ok(())
        }
        Err(error) if error.code() == HRESULT::from_win32(ERROR_INVALID_PARAMETER.0) => {
            let message = "the driver refused something, in its registry or here\n  help: `whowrote watch` shows what, and why";
            Err(Failure::Broken(message.to_owned()))
        }
        Err(error) => Err(not_connected(&error)),
    }
}
