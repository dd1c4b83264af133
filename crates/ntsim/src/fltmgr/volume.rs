//! Routines that look at a volume.

use crate::abi::{Ptr, SharedText, UnicodeString};
use crate::ke::Cpu;
use crate::rtl;
use crate::status::NtStatus;
use crate::verifier::Rule;

/// Hands out a name, or tells how many bytes it needs.
fn give_name(name: &SharedText, string: Ptr<UnicodeString>, needed: Ptr<u32>) -> NtStatus {
    needed.write_if_given(u32::try_from(size_of_val(name.units())).expect("names are short"));
    let stored = string.non_null().is_some_and(|string| rtl::store_in(string, name.units()));
    if stored { NtStatus::SUCCESS } else { NtStatus::BUFFER_TOO_SMALL }
}

/// `FltGetVolumeName`.
pub(crate) fn volume_name(cpu: &Cpu, volume: Ptr, name: Ptr<UnicodeString>, needed: Ptr<u32>) -> NtStatus {
    let Some(volume) = cpu.kernel().filters.volume(cpu, volume) else { return NtStatus::INVALID_PARAMETER };
    if name.is_null() && needed.is_null() {
        cpu.violation(Rule::InvalidParameter, "asks for neither a volume's name nor its length");
        return NtStatus::INVALID_PARAMETER;
    }
    give_name(volume.device_name(), name, needed)
}

/// `FltGetVolumeGuidName`.
pub(crate) fn volume_guid_name(
    cpu: &Cpu,
    volume: Ptr,
    name: Ptr<UnicodeString>,
    needed: Ptr<u32>,
) -> NtStatus {
    let Some(volume) = cpu.kernel().filters.volume(cpu, volume) else { return NtStatus::INVALID_PARAMETER };
    if volume.is_network() {
        return NtStatus::INVALID_DEVICE_REQUEST;
    }
    match volume.guid_name() {
        Some(guid) => give_name(guid, name, needed),
        None => NtStatus::FLT_VOLUME_NOT_FOUND,
    }
}

/// `FltGetFileSystemType`.
pub(crate) fn file_system_type(cpu: &Cpu, object: Ptr, kind: Ptr<u32>) -> NtStatus {
    let Some(volume) = cpu.kernel().filters.volume_of(cpu, object) else {
        return NtStatus::INVALID_PARAMETER;
    };
    kind.write(volume.spec().file_system as u32);
    NtStatus::SUCCESS
}
