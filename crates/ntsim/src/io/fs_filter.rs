//! Operations that the cache and memory managers announce to filters before they use a file (fltkernel,
//! `FLT_PARAMETERS for IRP_MJ_ACQUIRE_FOR_SECTION_SYNCHRONIZATION` and the pages beside it). They are no IRPs.

use std::sync::Arc;

use super::file::File;
use super::request::IoStatus;
use super::send;
use crate::abi::{
    AcquireForModWriteParameters, Parameters, Ptr, SectionSyncOutput, SectionSynchronizationParameters,
    Shared,
};
use crate::fltmgr::{Kind, Operation};
use crate::ke::Cpu;
use crate::sim::{Major, Mode};
use crate::status::NtStatus;

/// `FS_FILTER_SECTION_SYNC_TYPE`: `SyncTypeCreateSection`
const CREATE_SECTION: u32 = 1;

/// Before or after a flush.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flush {
    /// `IRP_MJ_ACQUIRE_FOR_CC_FLUSH`
    Acquire,
    /// `IRP_MJ_RELEASE_FOR_CC_FLUSH`
    Release,
}

/// A file is about to be flushed, or has been.
pub(crate) fn flush(cpu: &Cpu, file: &Arc<File>, which: Flush) -> Result<(), NtStatus> {
    let major = match which {
        Flush::Acquire => Major::AcquireForCcFlush,
        Flush::Release => Major::ReleaseForCcFlush,
    };
    request(cpu, file, major, Parameters::NONE)
}

/// The modified page writer is about to write pages up to an offset, or has done so.
pub(crate) fn modified_write(cpu: &Cpu, file: &Arc<File>, major: Major, end: i64) -> Result<(), NtStatus> {
    let ending_offset = Shared::new(end);
    let resource = Shared::new(Ptr::NULL);
    let parameters = Parameters::zeroed_then(|parameters| {
        // For the release only `ResourceToRelease` is there, as the first parameter.
        if major == Major::AcquireForModifiedPageWriter {
            parameters.acquire_for_mod_write = AcquireForModWriteParameters {
                ending_offset: ending_offset.ptr(),
                resource_to_release: resource.ptr(),
            };
        }
    });
    request(cpu, file, major, parameters)
}

/// A section of the file is about to be created with this page protection; both operations are sent.
pub(crate) fn create_section(
    cpu: &Cpu,
    file: &Arc<File>,
    page_protection: u32,
    allocation_attributes: u32,
    create: impl FnOnce(),
) -> Result<(), NtStatus> {
    let output = Shared::new(SectionSyncOutput {
        structure_size: u32::try_from(size_of::<SectionSyncOutput>()).expect("the structure is small"),
        size_returned: 0,
        flags: 0,
        desired_read_alignment: 0,
    });
    let parameters = Parameters::zeroed_then(|parameters| {
        parameters.section_synchronization = SectionSynchronizationParameters {
            sync_type: CREATE_SECTION,
            page_protection,
            output_information: output.ptr(),
            flags: 0,
            allocation_attributes,
        };
    });
    request(cpu, file, Major::AcquireForSectionSynchronization, parameters)?;
    create();
    // It cannot fail.
    let _ = request(cpu, file, Major::ReleaseForSectionSynchronization, Parameters::NONE);
    Ok(())
}

fn request(cpu: &Cpu, file: &Arc<File>, major: Major, parameters: Parameters) -> Result<(), NtStatus> {
    let operation = Operation {
        mode: Mode::Kernel,
        ..Operation::new(major, Kind::FsFilter, Arc::clone(file), Some(cpu.thread()))
    };
    send::send(cpu, operation, parameters, |_, _| IoStatus::plain(NtStatus::SUCCESS)).status.ok()
}
