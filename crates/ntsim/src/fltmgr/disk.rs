//! What a volume lies on, and what the Filter Manager does to a volume for a filter.

use crate::abi::Ptr;
use crate::io::create;
use crate::ke::Cpu;
use crate::sim::{Access, CreateOptions, CreateSpec, Disposition, Mode};
use crate::status::NtStatus;
use crate::verifier::Rule;

/// `FltGetDiskDeviceObject`: what it gives is referenced.
pub(crate) fn disk_device_object(cpu: &Cpu, volume: Ptr, device: Ptr<Ptr>) -> NtStatus {
    let Some(volume) = cpu.kernel().filters.volume(cpu, volume) else { return NtStatus::INVALID_PARAMETER };
    let Some(disk) = volume.disk() else { return NtStatus::FLT_NO_DEVICE_OBJECT };
    cpu.kernel().objects.reference_device(&volume, disk, cpu.owner());
    device.write(disk);
    NtStatus::SUCCESS
}

/// `FltIsVolumeWritable`: no disk here is protected from writing.
pub(crate) fn is_volume_writable(cpu: &Cpu, object: Ptr, writable: Ptr<u8>) -> NtStatus {
    let Some(volume) = cpu.kernel().filters.volume_of(cpu, object) else {
        return NtStatus::INVALID_PARAMETER;
    };
    if volume.disk().is_none() {
        cpu.violation(Rule::InvalidParameter, "asks whether a volume is writable that is not local");
        return NtStatus::INVALID_DEVICE_REQUEST;
    }
    writable.write(1);
    NtStatus::SUCCESS
}

/// `FltCreateSystemVolumeInformationFolder`: the folder is there afterwards; those below the instance see it opened.
pub(crate) fn create_system_volume_information(cpu: &Cpu, instance: Ptr) -> NtStatus {
    let Some(instance) = cpu.kernel().filters.instance(cpu, instance) else {
        return NtStatus::INVALID_PARAMETER;
    };
    let path = format!(r"{}\System Volume Information", instance.volume().device_name().as_str());
    let spec = CreateSpec::new(&path)
        .access(Access::SYNCHRONIZE)
        .disposition(Disposition::OpenIf)
        .options(CreateOptions::DIRECTORY_FILE | CreateOptions::SYNCHRONOUS_IO_NONALERT)
        .mode(Mode::Kernel);
    match create::create_below(cpu, &spec, Some(instance.altitude())) {
        Ok((file, _)) => {
            crate::io::close::handle_closed(cpu, &file);
            NtStatus::SUCCESS
        }
        Err(status) => status,
    }
}
