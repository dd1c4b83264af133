//! Kernel-mode copy: `NtCopyFileChunk`, and `CopyFile2` as each Windows version does it.
//!
//! Since Windows 11 22H2 the read runs in the caller's thread; then a System worker issues the write IRP, which still
//! belongs to the caller's thread. Both are `KernelMode`, carry the copy information, and are never fast I/O
//! (windows-driver-docs, ifs/km-file-copy).

use std::sync::Arc;

use super::create::create;
use super::data::{ReadTarget, WriteTarget};
use super::file::File;
use super::request::{IoStatus, file_of};
use super::set_information::set_information;
use super::transfer::{self, irp_flags, read_parameters, write_parameters};
use super::volume::SECTOR_BYTES;
use super::{close, file_object, irp, send};
use crate::abi::{FileObject, Ptr};
use crate::fltmgr::{CopyOrigin, Kind, Operation};
use crate::ke::Cpu;
use crate::ps::Thread;
use crate::sim::{
    Access, ChunkSpec, CopyIntent, CopyReport, CopySpec, CreateOptions, CreateSpec, Disposition, Handle,
    Major, Mode, ReadSpec, Setting, WriteSpec,
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

/// `NtCopyFileChunk` by the current thread, with synchronous handles.
pub(crate) fn copy_file_chunk(cpu: &Cpu, spec: &ChunkSpec) -> Result<u32, NtStatus> {
    if !cpu.kernel().config.windows.has_kernel_copy() {
        return Err(NtStatus::NOT_IMPLEMENTED);
    }
    let caller = cpu.thread();
    let source = file_of(cpu.kernel(), &caller, spec.source)?;
    let destination = file_of(cpu.kernel(), &caller, spec.destination)?;
    check(spec, &source, &destination)?;
    let origin = CopyOrigin { file: Arc::clone(&source), offset: spec.source_offset };
    let bytes = read_chunk(cpu, &source, &caller, spec, origin.clone()).bytes()?;
    let length = if destination.has(file_object::NO_INTERMEDIATE_BUFFERING) {
        // The last chunk is padded with zeroes to whole sectors.
        bytes.next_multiple_of(SECTOR_BYTES)
    } else {
        bytes
    };
    let worker = Arc::clone(cpu.system_worker());
    let written = cpu.in_thread(&worker, || {
        write_chunk(cpu, &destination, caller, spec.destination_offset, length, origin)
    });
    written.bytes()?;
    Ok(bytes)
}

fn check(spec: &ChunkSpec, source: &File, destination: &File) -> Result<(), NtStatus> {
    let writable = destination.access().intersects(Access::WRITE_DATA | Access::APPEND_DATA);
    if !source.access().contains(Access::READ_DATA) || !writable {
        return Err(NtStatus::ACCESS_DENIED);
    }
    if spec.length == 0 || spec.source_offset < 0 || spec.destination_offset < 0 {
        return Err(NtStatus::INVALID_PARAMETER);
    }
    let unaligned = |offset: i64| offset % i64::from(SECTOR_BYTES) != 0;
    let non_cached =
        [source, destination].iter().any(|file| file.has(file_object::NO_INTERMEDIATE_BUFFERING));
    if non_cached
        && (unaligned(i64::from(spec.length))
            || unaligned(spec.source_offset)
            || unaligned(spec.destination_offset))
    {
        return Err(NtStatus::INVALID_PARAMETER);
    }
    Ok(())
}

/// The read of a chunk, in the caller's thread.
fn read_chunk(
    cpu: &Cpu,
    source: &Arc<File>,
    caller: &Arc<Thread>,
    spec: &ChunkSpec,
    origin: CopyOrigin,
) -> IoStatus {
    let operation = Operation {
        irp_flags: irp_flags(source, irp::READ_OPERATION, false, false, false),
        mode: Mode::Kernel,
        copy: Some(origin),
        offset: Some(spec.source_offset),
        length: Some(spec.length),
        ..Operation::new(Major::Read, Kind::Irp, Arc::clone(source), Some(Arc::clone(caller)))
    };
    let parameters = read_parameters(cpu, spec.source_offset, spec.length);
    let target = ReadTarget::new(source, spec.source_offset, spec.length);
    send::send(cpu, operation, parameters, move |cpu| target.run(cpu))
}

/// The write of a chunk, in a System worker's thread but as the caller's request.
fn write_chunk(
    cpu: &Cpu,
    destination: &Arc<File>,
    caller: Arc<Thread>,
    offset: i64,
    length: u32,
    origin: CopyOrigin,
) -> IoStatus {
    let operation = Operation {
        irp_flags: irp_flags(destination, irp::WRITE_OPERATION, false, false, false),
        mode: Mode::Kernel,
        copy: Some(origin),
        offset: Some(offset),
        length: Some(length),
        ..Operation::new(Major::Write, Kind::Irp, Arc::clone(destination), Some(caller))
    };
    let parameters = write_parameters(cpu, offset, length);
    let target = WriteTarget::new(destination, offset, length);
    send::send(cpu, operation, parameters, move |cpu| target.run(cpu))
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
    let mut report = CopyReport { writes: 0, bytes: 0 };
    let mut offset = 0;
    while offset < size {
        let bytes = copy_step(cpu, source, destination, offset, spec.chunk)?;
        report.writes += 1;
        report.bytes += u64::from(bytes);
        offset += i64::from(bytes);
    }
    set_information(cpu, destination, Setting::Basic)?;
    Ok(report)
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
        return copy_file_chunk(cpu, &spec);
    }
    let thread = cpu.thread();
    let bytes = transfer::read(cpu, &thread, source, &ReadSpec::at(offset, chunk))?;
    transfer::write(cpu, &thread, None, destination, &WriteSpec::at(offset, bytes))
}
