//! Devices of drivers, as programs use them.

use super::{Sim, Thread};
use crate::io::irp_sent;
use crate::status::NtStatus;

/// A driver's device that a program has open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DeviceHandle(u64);

impl Sim {
    /// Opens a driver's device by a symbolic link such as `\\.\Name`, or by its own name: `IRP_MJ_CREATE`.
    ///
    /// # Errors
    ///
    /// `STATUS_OBJECT_NAME_NOT_FOUND`, or what the driver answers.
    pub fn open_device(&self, thread: Thread, name: &str) -> Result<DeviceHandle, NtStatus> {
        self.as_thread(thread, |cpu| irp_sent::open(cpu, name).map(DeviceHandle))
    }

    /// `DeviceIoControl`: `IRP_MJ_DEVICE_CONTROL`, its buffers as the control code says. Returns the output.
    ///
    /// # Errors
    ///
    /// What the driver answers.
    pub fn device_control(
        &self,
        thread: Thread,
        device: DeviceHandle,
        code: u32,
        input: &[u8],
        output_bytes: u32,
    ) -> Result<Vec<u8>, NtStatus> {
        self.as_thread(thread, |cpu| irp_sent::control(cpu, device.0, code, input, output_bytes))
    }

    /// Closes a device: `IRP_MJ_CLEANUP`, `IRP_MJ_CLOSE`.
    ///
    /// # Errors
    ///
    /// `STATUS_INVALID_HANDLE`.
    pub fn close_device(&self, thread: Thread, device: DeviceHandle) -> Result<(), NtStatus> {
        self.as_thread(thread, |cpu| irp_sent::close(cpu, device.0))
    }
}
