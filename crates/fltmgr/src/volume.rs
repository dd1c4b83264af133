//! Volumes.

use core::marker::PhantomData;
use core::ptr::NonNull;

use wdk_sys::{NTSTATUS, PULONG, PUNICODE_STRING, UNICODE_STRING};

use crate::irql::{self, APC_LEVEL, PASSIVE_LEVEL};
use crate::pool::{PoolArray, PoolTag};
use crate::raw::{FLT_VOLUME, FltGetVolumeGuidName, FltGetVolumeName, PFLT_VOLUME};
use crate::{NtStatus, Result};

/// A volume, for as long as the callback that named it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Volume<'a> {
    volume: NonNull<FLT_VOLUME>,
    callback: PhantomData<&'a FLT_VOLUME>,
}

impl Volume<'_> {
    /// # Safety
    ///
    /// `volume` is a volume object that lives for as long as what this returns is used.
    pub(crate) unsafe fn from_raw(volume: PFLT_VOLUME) -> Self {
        // SAFETY: not null, by the function's own condition.
        Self { volume: unsafe { NonNull::new_unchecked(volume) }, callback: PhantomData }
    }

    /// The handle, for routines that are not here.
    #[must_use]
    pub fn as_raw(self) -> PFLT_VOLUME {
        self.volume.as_ptr()
    }

    /// A number that tells this volume from every other one that exists now.
    #[must_use]
    pub fn address(self) -> u64 {
        self.volume.addr().get() as u64
    }

    /// The name of the volume's device, such as `\Device\HarddiskVolume3`.
    ///
    /// Maximum IRQL: `APC_LEVEL` ("`FltGetVolumeName` function (fltkernel.h)").
    ///
    /// # Errors
    ///
    /// `STATUS_INSUFFICIENT_RESOURCES`
    pub fn device_name(self, tag: PoolTag) -> Result<PoolArray<u16>> {
        irql::assert_at_most(APC_LEVEL);
        // SAFETY: the volume lives, and `query` passes a string and a number that live through the call.
        query(tag, |name, needed| unsafe { FltGetVolumeName(self.as_raw(), name, needed) })
    }

    /// The name `\??\Volume{…}` that the volume keeps across restarts; network volumes have none.
    ///
    /// Maximum IRQL: `PASSIVE_LEVEL` ("`FltGetVolumeGuidName` function (fltkernel.h)").
    ///
    /// # Errors
    ///
    /// `STATUS_INSUFFICIENT_RESOURCES`, or why there is none: `STATUS_FLT_VOLUME_NOT_FOUND`,
    /// `STATUS_INVALID_DEVICE_REQUEST`.
    pub fn guid_name(self, tag: PoolTag) -> Result<PoolArray<u16>> {
        irql::assert_at_most(PASSIVE_LEVEL);
        // SAFETY: as in `device_name`.
        query(tag, |name, needed| unsafe { FltGetVolumeGuidName(self.as_raw(), name, needed) })
    }
}

/// Asks for the length, then for the name.
fn query(tag: PoolTag, ask: impl Fn(PUNICODE_STRING, PULONG) -> NTSTATUS) -> Result<PoolArray<u16>> {
    let mut needed = 0;
    let mut nothing = UNICODE_STRING { Length: 0, MaximumLength: 0, Buffer: core::ptr::null_mut() };
    match NtStatus::from_raw(ask(&raw mut nothing, &raw mut needed)) {
        NtStatus::BUFFER_TOO_SMALL => {}
        status => status.ok().map(|_| ())?,
    }
    let bytes = u16::try_from(needed).map_err(|_| NtStatus::INTERNAL_ERROR)?;
    let mut name = PoolArray::try_from_fn(usize::from(bytes).div_ceil(size_of::<u16>()), tag, |_| 0_u16)?;
    let mut string = UNICODE_STRING { Length: 0, MaximumLength: bytes & !1, Buffer: name.as_mut_ptr() };
    NtStatus::from_raw(ask(&raw mut string, &raw mut needed)).ok()?;
    if usize::from(string.Length) == size_of_val::<[u16]>(&name) {
        return Ok(name);
    }
    // SAFETY: the routine filled in `Length` bytes of the buffer, which `name` owns.
    PoolArray::try_copy_of(unsafe { crate::unicode::units(&string) }, tag)
}
