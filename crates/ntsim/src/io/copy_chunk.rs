//! `NtCopyFileChunk` (windows-driver-docs, ifs/km-file-copy; ntifs, `NtCopyFileChunk`).
//!
//! The read runs in the caller's thread; when it is complete a System worker issues the write, which still belongs to
//! the caller's thread. Both are `KernelMode`, carry the copy information, and are never fast I/O. When the call returns
//! depends on the handles: asynchronous both, once the read is queued; synchronous source and asynchronous destination,
//! once the write is queued; synchronous destination, once the write is complete.

use std::sync::Arc;

use super::data::{ReadTarget, WriteTarget};
use super::file::File;
use super::in_flight::Request;
use super::request::{IoStatus, file_of};
use super::transfer::{irp_flags, read_parameters, write_parameters};
use super::volume::SECTOR_BYTES;
use super::{file_object, irp};
use crate::ex::work::{self, Queue};
use crate::fltmgr::{self, Answer, CopyOrigin, Kind, Operation};
use crate::ke::Cpu;
use crate::sim::{Access, ChunkSpec, Major, Mode};
use crate::status::NtStatus;

/// `NtCopyFileChunk` by the current thread, which waits for the end; returns the bytes read.
pub(crate) fn copy(cpu: &Cpu, spec: &ChunkSpec) -> Result<u32, NtStatus> {
    begin(cpu, spec)?.wait(cpu).bytes()
}

/// `NtCopyFileChunk` by the current thread, up to where it returns; the result can be fetched by the number.
pub(crate) fn start(cpu: &Cpu, spec: &ChunkSpec) -> Result<u64, NtStatus> {
    let request = begin(cpu, spec)?;
    Ok(cpu.kernel().in_flight.add(request))
}

/// A chunk on its way.
struct Chunk {
    request: Arc<Request>,
    source: Arc<File>,
    destination: Arc<File>,
    spec: ChunkSpec,
}

fn begin(cpu: &Cpu, spec: &ChunkSpec) -> Result<Arc<Request>, NtStatus> {
    if !cpu.kernel().config.windows.has_kernel_copy() {
        return Err(NtStatus::NOT_IMPLEMENTED);
    }
    let caller = cpu.thread();
    let source = file_of(cpu.kernel(), &caller, spec.source)?;
    let destination = file_of(cpu.kernel(), &caller, spec.destination)?;
    check(spec, &source, &destination)?;
    // Nothing says that the end of the caller's thread waits for its copies [inf].
    let request = Request::begin(cpu, &[&source, &destination], false);
    let chunk = Chunk { request: Arc::clone(&request), source, destination, spec: *spec };
    let waits_for_write = chunk.destination.has(file_object::SYNCHRONOUS_IO);
    chunk.read(cpu);
    if waits_for_write {
        request.wait(cpu);
    }
    Ok(request)
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

impl Chunk {
    fn operation(&self, major: Major, file: &Arc<File>, kind: u32, offset: i64, length: u32) -> Operation {
        let origin = CopyOrigin { file: Arc::clone(&self.source), offset: self.spec.source_offset };
        let thread = Arc::clone(self.request.thread());
        Operation {
            irp_flags: irp_flags(file, kind, false, false, false),
            mode: Mode::Kernel,
            copy: Some(origin),
            offset: Some(offset),
            length: Some(length),
            ..Operation::new(major, Kind::Irp, Arc::clone(file), Some(thread))
        }
    }

    /// The read, in the caller's thread. One from an asynchronous handle is completed elsewhere.
    fn read(self, cpu: &Cpu) {
        let (offset, length) = (self.spec.source_offset, self.spec.length);
        let operation = self.operation(Major::Read, &self.source, irp::READ_OPERATION, offset, length);
        let parameters = read_parameters(cpu, offset, length);
        let target = ReadTarget::new(&self.source, offset, length);
        if self.source.has(file_object::SYNCHRONOUS_IO) {
            let ended = fltmgr::dispatch(cpu, operation, parameters, move |cpu, arrival| {
                Answer::Complete(target.heed(arrival).run(cpu))
            });
            self.after_read(cpu, ended);
            return;
        }
        fltmgr::submit(
            cpu,
            operation,
            parameters,
            move |cpu, arrival| {
                // What is dirty is written here; the data come when the disk has them.
                let ended = target.heed(arrival).run(cpu);
                Answer::later(move |_| ended)
            },
            move |cpu, ended| self.after_read(cpu, ended),
        );
    }

    /// The read is complete: a System worker writes what was read.
    fn after_read(self, cpu: &Cpu, read: IoStatus) {
        let bytes = match read.bytes() {
            Ok(bytes) => bytes,
            Err(status) => {
                let request = Arc::clone(&self.request);
                return request.complete(cpu, IoStatus::plain(status));
            }
        };
        let synchronous = |file: &File| file.has(file_object::SYNCHRONOUS_IO);
        if synchronous(&self.source) && synchronous(&self.destination) {
            // The caller waits, so that it can as well act as the worker.
            let worker = Arc::clone(cpu.system_worker());
            cpu.in_thread(&worker, || self.write(cpu, bytes));
        } else {
            work::queue(cpu, Queue::Critical, move |cpu| self.write(cpu, bytes));
        }
    }

    /// The write, in a System worker's thread but as the caller's request.
    fn write(self, cpu: &Cpu, bytes: u32) {
        let non_cached = self.destination.has(file_object::NO_INTERMEDIATE_BUFFERING);
        // Past the cache the last chunk is padded with zeroes to whole sectors.
        let length = if non_cached { bytes.next_multiple_of(SECTOR_BYTES) } else { bytes };
        let offset = self.spec.destination_offset;
        let operation = self.operation(Major::Write, &self.destination, irp::WRITE_OPERATION, offset, length);
        let parameters = write_parameters(cpu, offset, length);
        let target = WriteTarget::new(&self.destination, offset, length);
        let copied = move |written: IoStatus| IoStatus { information: bytes as usize, ..written };
        if self.destination.has(file_object::SYNCHRONOUS_IO) {
            let ended = fltmgr::dispatch(cpu, operation, parameters, move |cpu, arrival| {
                Answer::Complete(target.heed(arrival).run(cpu))
            });
            self.request.complete(cpu, copied(ended));
            return;
        }
        let request = self.request;
        fltmgr::submit(
            cpu,
            operation,
            parameters,
            move |cpu, arrival| target.heed(arrival).answer(cpu),
            move |cpu, ended| request.complete(cpu, copied(ended)),
        );
    }
}
