//! `CopyFile2` as each Windows version does it: by reading and writing, since Windows 11 22H2 by `NtCopyFileChunk`, and on
//! `ReFS` since 24H2 by cloning blocks.

use std::sync::Arc;

use super::create::create;
use super::request::file_of;
use super::set_information::set_information;
use super::{close, copy_chunk, fs_control, transfer};
use crate::abi::{FileObject, Ptr};
use crate::ke::Cpu;
use crate::sim::{
    Access, ChunkSpec, CloneSpec, CopyIntent, CopyReport, CopySpec, CreateOptions, CreateSpec, Disposition,
    FileSystem, Handle, ReadSpec, Setting, WriteSpec,
};
use crate::status::NtStatus;
use crate::verifier::Rule;

/// `IoCheckFileObjectOpenedAsCopySource`.
pub(crate) fn opened_as_copy_source(cpu: &Cpu, file: Ptr<FileObject>) -> u8 {
    opened_as(cpu, file, CopyIntent::Source)
}

/// `IoCheckFileObjectOpenedAsCopyDestination`.
pub(crate) fn opened_as_copy_destination(cpu: &Cpu, file: Ptr<FileObject>) -> u8 {
    opened_as(cpu, file, CopyIntent::Destination)
}

fn opened_as(cpu: &Cpu, file: Ptr<FileObject>, intent: CopyIntent) -> u8 {
    let Some(file) = cpu.kernel().objects.file(file.cast()) else {
        cpu.violation(Rule::ObjectReference, format!("{file:?} is no file object (any more)"));
        return 0;
    };
    u8::from(file.copy_intent() == Some(intent))
}

/// `CopyFile2` by the current thread.
pub(crate) fn copy_file2(cpu: &Cpu, spec: &CopySpec) -> Result<CopyReport, NtStatus> {
    let size = i64::try_from(spec.size).map_err(|_| NtStatus::INVALID_PARAMETER)?;
    if spec.chunk == 0 {
        return Err(NtStatus::INVALID_PARAMETER);
    }
    cpu.kernel().volumes.add_file(&spec.source, size)?;
    let options = CreateOptions::SYNCHRONOUS_IO_NONALERT
        | CreateOptions::NON_DIRECTORY_FILE
        | CreateOptions::SEQUENTIAL_ONLY;
    let source = CreateSpec::new(&spec.source)
        .access(Access::GENERIC_READ | Access::SYNCHRONIZE)
        .disposition(Disposition::Open)
        .options(options)
        .copy(CopyIntent::Source);
    let source = create(cpu, &source)?;
    let copied = copy_from(cpu, spec, source, size, options);
    close::close(cpu, source)?;
    copied
}

fn copy_from(
    cpu: &Cpu,
    spec: &CopySpec,
    source: Handle,
    size: i64,
    options: CreateOptions,
) -> Result<CopyReport, NtStatus> {
    let destination = CreateSpec::new(&spec.destination)
        .access(Access::GENERIC_WRITE | Access::READ_ATTRIBUTES | Access::DELETE | Access::SYNCHRONIZE)
        .disposition(Disposition::OverwriteIf)
        .options(options)
        .copy(CopyIntent::Destination);
    let destination = create(cpu, &destination)?;
    let copied = copy_content(cpu, spec, source, destination, size);
    close::close(cpu, destination)?;
    copied
}

fn copy_content(
    cpu: &Cpu,
    spec: &CopySpec,
    source: Handle,
    destination: Handle,
    size: i64,
) -> Result<CopyReport, NtStatus> {
    set_information(cpu, destination, Setting::EndOfFile(spec.size))?;
    let mut report = CopyReport { writes: 0, bytes: 0, cloned: 0 };
    let mut offset = 0;
    if can_clone(cpu, source, destination)? {
        report.cloned = clone_content(cpu, spec, source, destination)?;
        offset = size;
    }
    while offset < size {
        let bytes = copy_step(cpu, source, destination, offset, spec.chunk)?;
        report.writes += 1;
        report.bytes += u64::from(bytes);
        offset += i64::from(bytes);
    }
    set_information(cpu, destination, Setting::Basic)?;
    Ok(report)
}

/// Whether the copy engine clones by itself: on `ReFS` (a Dev Drive), within a volume. (Win32, "Block Cloning": "natively in
/// supported Windows copy operations"; ntsim's versions take it with 24H2.)
fn can_clone(cpu: &Cpu, source: Handle, destination: Handle) -> Result<bool, NtStatus> {
    let kernel = cpu.kernel();
    let thread = cpu.thread();
    let (source, destination) = (file_of(kernel, &thread, source)?, file_of(kernel, &thread, destination)?);
    let is_refs = source.volume().spec().file_system == FileSystem::Refs;
    let same_volume = Arc::ptr_eq(source.volume(), destination.volume());
    Ok(kernel.config.windows.clones_copies() && is_refs && same_volume)
}

/// Bytes of a clone at most: less than 4 GiB (Win32, "Block Cloning"), in whole clusters.
const MAX_CLONE_BYTES: u64 = 2 << 30;

/// Clones a whole file; returns the bytes cloned.
fn clone_content(cpu: &Cpu, spec: &CopySpec, source: Handle, destination: Handle) -> Result<u64, NtStatus> {
    let mut offset = 0;
    while offset < spec.size {
        let length = (spec.size - offset).min(MAX_CLONE_BYTES);
        let clone =
            CloneSpec { source, source_offset: offset, target_offset: offset, length, extended: true };
        fs_control::duplicate_extents(cpu, destination, &clone)?;
        offset += length;
    }
    Ok(offset)
}

/// One chunk: in the kernel where that is possible, else read and written by the caller.
fn copy_step(
    cpu: &Cpu,
    source: Handle,
    destination: Handle,
    offset: i64,
    chunk: u32,
) -> Result<u32, NtStatus> {
    if cpu.kernel().config.windows.has_kernel_copy() {
        let spec = ChunkSpec {
            source,
            destination,
            source_offset: offset,
            destination_offset: offset,
            length: chunk,
        };
        return copy_chunk::copy(cpu, &spec);
    }
    let thread = cpu.thread();
    let bytes = transfer::read(cpu, &thread, source, &ReadSpec::at(offset, chunk))?;
    transfer::write(cpu, &thread, None, destination, &WriteSpec::at(offset, bytes))
}
