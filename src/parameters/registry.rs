//! The `Parameters` key of the driver's service.

use core::mem::{offset_of, size_of};
use core::ptr;

use audit::parameters::{Defect, MAX_BYTES, Parameter, Raw, Refusal};
use fltmgr::irql::{PASSIVE_LEVEL, assert_at_most};
use fltmgr::pool::PoolArray;
use fltmgr::{NtStatus, Result, unicode_string};
use wdk_sys::ntddk::{ZwClose, ZwQueryValueKey};
use wdk_sys::{
    _KEY_VALUE_INFORMATION_CLASS, HANDLE, KEY_READ, KEY_VALUE_PARTIAL_INFORMATION, NTSTATUS, PDRIVER_OBJECT,
    ULONG,
};

use super::Name;
use crate::memory::TAG;

// "IoOpenDriverRegistryKey function (wdm.h)": Windows 10, version 1803, and later.
#[link(name = "ntoskrnl.exe", kind = "raw-dylib", modifiers = "+verbatim")]
unsafe extern "C" {
    fn IoOpenDriverRegistryKey(
        driver: PDRIVER_OBJECT,
        kind: i32,
        access: ULONG,
        flags: ULONG,
        key: *mut HANDLE,
    ) -> NTSTATUS;
}

/// `DriverRegKeyParameters`
const PARAMETERS: i32 = 0;

/// What stands before the data of a value.
const HEAD: usize = offset_of!(KEY_VALUE_PARTIAL_INFORMATION, Data);
/// Room for a number, which needs no second question.
const ROOM_FOR_NUMBER: usize = HEAD + size_of::<u32>();
/// How often a value is asked for that grows from one question to the next.
const ATTEMPTS: usize = 4;

/// The key, open; dropping it closes it.
pub(super) struct Key {
    handle: HANDLE,
}

/// A value as the registry has it.
pub(super) struct Stored {
    /// With its head.
    information: PoolArray<u8>,
    /// Bytes of all that, though there may be fewer here.
    length: usize,
}

impl Key {
    /// Opens the key.
    ///
    /// Maximum IRQL: `PASSIVE_LEVEL` ("`IoOpenDriverRegistryKey` function (wdm.h)").
    ///
    /// # Safety
    ///
    /// `driver` is the driver object that `DriverEntry` got.
    pub(super) unsafe fn open(driver: PDRIVER_OBJECT) -> Result<Self> {
        assert_at_most(PASSIVE_LEVEL);
        let mut handle = ptr::null_mut();
        // SAFETY: the driver object is valid by the function's own condition; the result goes to a variable of its type.
        let status = unsafe { IoOpenDriverRegistryKey(driver, PARAMETERS, KEY_READ, 0, &raw mut handle) };
        NtStatus::from_raw(status).ok()?;
        Ok(Self { handle })
    }

    /// The value of a parameter; `None` if there is none of its name.
    ///
    /// Maximum IRQL: `PASSIVE_LEVEL` ("`ZwQueryValueKey` function (wdm.h)").
    pub(super) fn value(&self, parameter: Parameter) -> Result<Option<Stored>> {
        assert_at_most(PASSIVE_LEVEL);
        let name = Name::of(parameter);
        let mut room = ROOM_FOR_NUMBER;
        for _ in 0..ATTEMPTS {
            let mut information = PoolArray::try_from_fn(room, TAG, |_| 0_u8)?;
            let (status, needed) = self.query(name.units(), &mut information);
            match status {
                NtStatus::OBJECT_NAME_NOT_FOUND => return Ok(None),
                // What is too long for any parameter need not be read.
                NtStatus::BUFFER_OVERFLOW if needed > HEAD + MAX_BYTES => {
                    return Ok(Some(Stored { information, length: needed }));
                }
                NtStatus::BUFFER_OVERFLOW if needed > room => room = needed,
                status => {
                    status.ok()?;
                    return Ok(Some(Stored { information, length: needed }));
                }
            }
        }
        Err(NtStatus::BUFFER_OVERFLOW)
    }

    /// Maximum IRQL: `PASSIVE_LEVEL`.
    fn query(&self, name: &[u16], information: &mut [u8]) -> (NtStatus, usize) {
        let mut name = unicode_string(name);
        let room = ULONG::try_from(information.len()).unwrap_or(ULONG::MAX);
        let mut needed: ULONG = 0;
        // SAFETY: the key is open; name and buffer live through the call, the buffer has as many bytes as is said.
        let status = unsafe {
            ZwQueryValueKey(
                self.handle,
                &raw mut name,
                _KEY_VALUE_INFORMATION_CLASS::KeyValuePartialInformation,
                information.as_mut_ptr().cast(),
                room,
                &raw mut needed,
            )
        };
        (NtStatus::from_raw(status), needed as usize)
    }
}

impl Drop for Key {
    /// Maximum IRQL: `PASSIVE_LEVEL` ("`ZwClose` function (ntifs.h)").
    fn drop(&mut self) {
        assert_at_most(PASSIVE_LEVEL);
        // SAFETY: the handle is open and not used again.
        let _closed = unsafe { ZwClose(self.handle) };
    }
}

impl Stored {
    /// The value.
    ///
    /// Maximum IRQL: any.
    ///
    /// # Errors
    ///
    /// It was too long to be read.
    pub(super) fn raw(&self) -> core::result::Result<Raw<'_>, Refusal> {
        const TYPE: usize = offset_of!(KEY_VALUE_PARTIAL_INFORMATION, Type);
        let Self { information, length } = self;
        let size = length.saturating_sub(HEAD);
        let kind = information.get(TYPE..).and_then(<[u8]>::first_chunk);
        let data = information.get(HEAD..*length);
        kind.zip(data)
            .map(|(kind, data)| Raw { kind: u32::from_le_bytes(*kind), data })
            .ok_or(Refusal::of(Defect::Size, size as u64))
    }
}
