//! `NtFsControlFile`: what changes data without a write.

use std::sync::Arc;

use super::features::Features;
use super::file::File;
use super::request::{IoStatus, file_of};
use super::volume::{CLUSTER_BYTES, round_up};
use super::{file_object, irp, send};
use crate::abi::{
    DuplicateExtentsData, DuplicateExtentsDataEx, FileSystemControlParameters, OFFLOAD_TOKEN_BYTES,
    OffloadReadInput, OffloadReadOutput, OffloadWriteInput, OffloadWriteOutput, Parameters, Ptr,
    ZeroDataInformation,
};
use crate::cc::pages;
use crate::cc::write_out::{Writer, write_out};
use crate::ex::block::{Block, Content};
use crate::fltmgr::{Kind, Operation};
use crate::ke::Cpu;
use crate::sim::{Access, CloneSpec, Handle, Major, OffloadToken, OffloadWriteSpec};
use crate::status::NtStatus;

/// `FSCTL_SET_ZERO_DATA`
const SET_ZERO_DATA: u32 = 0x0009_80C8;
/// `FSCTL_DUPLICATE_EXTENTS_TO_FILE`
const DUPLICATE_EXTENTS_TO_FILE: u32 = 0x0009_8344;
/// `FSCTL_DUPLICATE_EXTENTS_TO_FILE_EX`
const DUPLICATE_EXTENTS_TO_FILE_EX: u32 = 0x0009_83E8;
/// `FSCTL_OFFLOAD_READ`
const OFFLOAD_READ: u32 = 0x0009_4264;
/// `FSCTL_OFFLOAD_WRITE`
const OFFLOAD_WRITE: u32 = 0x0009_8268;

/// Bits of a control code that say which access the handle needs.
const ACCESS_SHIFT: u32 = 14;
const ACCESS_READ: u32 = 1;
const ACCESS_WRITE: u32 = 2;

/// `FSCTL_SET_ZERO_DATA` by the current thread: what lies from one offset up to another reads as zeroes.
pub(crate) fn zero_data(cpu: &Cpu, handle: Handle, from: i64, to: i64) -> Result<(), NtStatus> {
    let file = file_of(cpu.kernel(), &cpu.thread(), handle)?;
    let input = ZeroDataInformation { file_offset: from, beyond_final_zero: to };
    control(cpu, &file, SET_ZERO_DATA, input, 0, |cpu, target, buffer| {
        if !features(target).zero_data {
            return IoStatus::plain(NtStatus::INVALID_DEVICE_REQUEST);
        }
        let ZeroDataInformation { file_offset: from, beyond_final_zero: to } = buffer.cast().read();
        if from < 0 || to < from || target.fcb().is_none() {
            return IoStatus::plain(NtStatus::INVALID_PARAMETER);
        }
        if let Some(fcb) = target.fcb() {
            // Whole pages of zeroes need not be written any more.
            pages::discard(cpu, fcb, &(from..to));
        }
        IoStatus::plain(NtStatus::SUCCESS)
    })
    .map(|_| ())
}

/// A block clone by the current thread.
pub(crate) fn duplicate_extents(cpu: &Cpu, handle: Handle, spec: &CloneSpec) -> Result<(), NtStatus> {
    let file = file_of(cpu.kernel(), &cpu.thread(), handle)?;
    let asked = Clone {
        source: Ptr::at(usize::try_from(spec.source.0).map_err(|_| NtStatus::INVALID_HANDLE)?),
        from: number(spec.source_offset)?,
        to: number(spec.target_offset)?,
        bytes: number(spec.length)?,
    };
    let ended = if spec.extended {
        control(cpu, &file, DUPLICATE_EXTENTS_TO_FILE_EX, asked.extended(), 0, |cpu, target, buffer| {
            IoStatus::plain(Clone::of_extended(buffer.cast().read()).run(cpu, target))
        })
    } else {
        control(cpu, &file, DUPLICATE_EXTENTS_TO_FILE, asked.plain(), 0, |cpu, target, buffer| {
            IoStatus::plain(Clone::of_plain(buffer.cast().read()).run(cpu, target))
        })
    };
    ended.map(|_| ())
}

/// What both forms of the control say.
#[derive(Clone, Copy)]
struct Clone {
    source: Ptr,
    from: i64,
    to: i64,
    bytes: i64,
}

impl Clone {
    fn of_plain(asked: DuplicateExtentsData) -> Self {
        Self {
            source: asked.file_handle,
            from: asked.source_file_offset,
            to: asked.target_file_offset,
            bytes: asked.byte_count,
        }
    }

    fn of_extended(asked: DuplicateExtentsDataEx) -> Self {
        Self {
            source: asked.file_handle,
            from: asked.source_file_offset,
            to: asked.target_file_offset,
            bytes: asked.byte_count,
        }
    }

    fn plain(self) -> DuplicateExtentsData {
        DuplicateExtentsData {
            file_handle: self.source,
            source_file_offset: self.from,
            target_file_offset: self.to,
            byte_count: self.bytes,
        }
    }

    fn extended(self) -> DuplicateExtentsDataEx {
        DuplicateExtentsDataEx {
            size: size_of::<DuplicateExtentsDataEx>(),
            file_handle: self.source,
            source_file_offset: self.from,
            target_file_offset: self.to,
            byte_count: self.bytes,
            flags: 0,
            alignment: 0,
        }
    }

    /// The file system's part. It takes the handle in the context of the requestor.
    fn run(self, cpu: &Cpu, target: &Arc<File>) -> NtStatus {
        if !features(target).block_clone {
            return NtStatus::INVALID_DEVICE_REQUEST;
        }
        let source = match file_of(cpu.kernel(), &cpu.thread(), Handle(self.source.address() as u64)) {
            Ok(source) => source,
            Err(status) => return status,
        };
        let (Some(from), Some(to)) = (source.fcb(), target.fcb()) else {
            return NtStatus::INVALID_PARAMETER;
        };
        if !Arc::ptr_eq(source.volume(), target.volume()) {
            return NtStatus::NOT_SAME_DEVICE;
        }
        // Win32's "Block Cloning": whole clusters, except at the end of the file, and nothing is extended.
        let source_end = from.node().size();
        let ends_with_file = self.from.checked_add(self.bytes) == Some(source_end);
        let aligned = |offset: i64| offset % CLUSTER_BYTES == 0;
        if !aligned(self.from) || !aligned(self.to) || !(aligned(self.bytes) || ends_with_file) {
            return NtStatus::INVALID_PARAMETER;
        }
        let past = |offset: i64, end: i64| offset.checked_add(self.bytes).is_none_or(|last| last > end);
        if past(self.from, round_up(source_end, CLUSTER_BYTES))
            || past(self.to, round_up(to.node().size(), CLUSTER_BYTES))
        {
            return NtStatus::END_OF_FILE;
        }
        // What is cloned is what is on disk (ntifs, `CcCoherencyFlushAndPurgeCache`).
        let cloned = self.from..self.from + self.bytes;
        if let Err(status) = write_out(cpu, from, &cloned, Writer::FileSystem) {
            return status;
        }
        pages::discard(cpu, to, &(self.to..self.to + self.bytes));
        target.add_flags(file_object::FILE_MODIFIED);
        NtStatus::SUCCESS
    }
}

/// `FSCTL_OFFLOAD_READ` by the current thread.
pub(crate) fn offload_read(
    cpu: &Cpu,
    handle: Handle,
    offset: u64,
    length: u64,
) -> Result<OffloadToken, NtStatus> {
    let kernel = cpu.kernel();
    let file = file_of(kernel, &cpu.thread(), handle)?;
    let input = OffloadReadInput {
        size: bytes_of::<OffloadReadInput>(),
        flags: 0,
        token_time_to_live: 0,
        reserved: 0,
        file_offset: offset,
        copy_length: length,
    };
    number(offset)?;
    let given = Arc::new(crate::util::Lock::new(None));
    let token = Arc::clone(&given);
    control(cpu, &file, OFFLOAD_READ, input, size_of::<OffloadReadOutput>(), move |cpu, target, buffer| {
        let Some(fcb) = target.fcb().filter(|_| features(target).offload) else {
            return IoStatus::plain(NtStatus::INVALID_DEVICE_REQUEST);
        };
        let OffloadReadInput { file_offset, copy_length: length, .. } = buffer.cast().read();
        let Ok(start) = number(file_offset) else { return IoStatus::plain(NtStatus::INVALID_PARAMETER) };
        let rest = u64::try_from(fcb.node().size().saturating_sub(start)).unwrap_or(0);
        let transfer = rest.min(length);
        if transfer == 0 {
            return IoStatus::plain(NtStatus::END_OF_FILE);
        }
        let end = start.saturating_add(i64::try_from(transfer).unwrap_or(i64::MAX));
        if let Err(status) = write_out(cpu, fcb, &(start..end), Writer::FileSystem) {
            return IoStatus::plain(status);
        }
        let id = cpu.kernel().volumes.offload.issue(transfer);
        *token.lock() = Some(OffloadToken { id, length: transfer });
        buffer.cast().write(OffloadReadOutput {
            size: bytes_of::<OffloadReadOutput>(),
            flags: 0,
            transfer_length: transfer,
            token: token_bytes(id),
        });
        IoStatus::new(NtStatus::SUCCESS, size_of::<OffloadReadOutput>())
    })?;
    let token = *given.lock();
    token.ok_or(NtStatus::INVALID_DEVICE_REQUEST)
}

/// `FSCTL_OFFLOAD_WRITE` by the current thread; returns the bytes written.
pub(crate) fn offload_write(cpu: &Cpu, handle: Handle, spec: &OffloadWriteSpec) -> Result<u64, NtStatus> {
    let file = file_of(cpu.kernel(), &cpu.thread(), handle)?;
    let input = OffloadWriteInput {
        size: bytes_of::<OffloadWriteInput>(),
        flags: 0,
        file_offset: spec.offset,
        copy_length: spec.length,
        transfer_offset: spec.token_offset,
        token: token_bytes(spec.token.id),
    };
    number(spec.offset.checked_add(spec.length).ok_or(NtStatus::INVALID_PARAMETER)?)?;
    control(
        cpu,
        &file,
        OFFLOAD_WRITE,
        input,
        size_of::<OffloadWriteOutput>(),
        move |cpu, target, buffer| {
            let Some(fcb) = target.fcb().filter(|_| features(target).offload) else {
                return IoStatus::plain(NtStatus::INVALID_DEVICE_REQUEST);
            };
            let asked: OffloadWriteInput = buffer.cast().read();
            let past_end = asked.file_offset.checked_add(asked.copy_length).map(number);
            let (Ok(start), Some(Ok(end))) = (number(asked.file_offset), past_end) else {
                return IoStatus::plain(NtStatus::INVALID_PARAMETER);
            };
            let Some(known) = cpu.kernel().volumes.offload.length(token_id(&asked.token)) else {
                return IoStatus::plain(NtStatus::INVALID_TOKEN);
            };
            // ifs/fsctl-offload-write: it does not extend the file.
            let past_token =
                asked.transfer_offset.checked_add(asked.copy_length).is_none_or(|last| last > known);
            if past_token || end > fcb.node().size() {
                return IoStatus::plain(NtStatus::INVALID_PARAMETER);
            }
            pages::discard(cpu, fcb, &(start..end));
            fcb.node().written_to(end);
            target.add_flags(file_object::FILE_MODIFIED);
            buffer.cast().write(OffloadWriteOutput {
                size: bytes_of::<OffloadWriteOutput>(),
                flags: 0,
                length_written: asked.copy_length,
            });
            IoStatus::new(NtStatus::SUCCESS, size_of::<OffloadWriteOutput>())
        },
    )?;
    Ok(spec.length)
}

/// Any other control by the current thread, without buffers; the file system takes it and does nothing.
pub(crate) fn other(cpu: &Cpu, handle: Handle, code: u32) -> Result<(), NtStatus> {
    let file = file_of(cpu.kernel(), &cpu.thread(), handle)?;
    control(cpu, &file, code, (), 0, |_, _, _| IoStatus::plain(NtStatus::SUCCESS)).map(|_| ())
}

fn number(value: u64) -> Result<i64, NtStatus> {
    i64::try_from(value).map_err(|_| NtStatus::INVALID_PARAMETER)
}

fn bytes_of<T>() -> u32 {
    u32::try_from(size_of::<T>()).expect("the structures are small")
}

fn features(file: &File) -> &'static Features {
    Features::of(file.volume().spec().file_system)
}

/// An opaque token, which a copy engine takes from the read to the write.
fn token_bytes(id: u64) -> [u8; OFFLOAD_TOKEN_BYTES] {
    let mut bytes = [0; OFFLOAD_TOKEN_BYTES];
    bytes[..size_of::<u64>()].copy_from_slice(&id.to_le_bytes());
    bytes
}

/// What stands in a token.
fn token_id(token: &[u8; OFFLOAD_TOKEN_BYTES]) -> u64 {
    let mut id = [0; size_of::<u64>()];
    id.copy_from_slice(&token[..size_of::<u64>()]);
    u64::from_le_bytes(id)
}

/// Sends a control of the method `METHOD_BUFFERED`: input and output share the system buffer, which `target` gets with the file
/// as the lowest filter left them.
pub(super) fn control<T: Copy>(
    cpu: &Cpu,
    file: &Arc<File>,
    code: u32,
    input: T,
    output_bytes: usize,
    target: impl FnOnce(&Cpu, &Arc<File>, Ptr) -> IoStatus + Send + 'static,
) -> Result<IoStatus, NtStatus> {
    let wants = |bit| (code >> ACCESS_SHIFT) & bit != 0;
    if wants(ACCESS_READ) && !file.access().contains(Access::READ_DATA)
        || wants(ACCESS_WRITE) && !file.access().contains(Access::WRITE_DATA)
    {
        return Err(NtStatus::ACCESS_DENIED);
    }
    let buffer = Block::new(size_of::<T>().max(output_bytes).max(1), Content::Zeroed);
    if size_of::<T>() > 0 {
        buffer.ptr().write(input);
    }
    let place = buffer.ptr();
    let length = |bytes: usize| u32::try_from(bytes).map_err(|_| NtStatus::INVALID_PARAMETER);
    let (input_buffer_length, output_buffer_length) = (length(size_of::<T>())?, length(output_bytes)?);
    let parameters = Parameters::zeroed_then(|parameters| {
        parameters.file_system_control = FileSystemControlParameters {
            output_buffer_length,
            alignment: 0,
            input_buffer_length,
            alignment2: 0,
            fs_control_code: code,
            alignment3: 0,
            system_buffer: place,
        };
    });
    let flag = |set, flag| if set { flag } else { 0 };
    let operation = Operation {
        irp_flags: irp::BUFFERED_IO
            | irp::DEALLOCATE_BUFFER
            | irp::DEFER_IO_COMPLETION
            | flag(output_bytes > 0, irp::INPUT_OPERATION)
            | flag(file.has(file_object::SYNCHRONOUS_IO), irp::SYNCHRONOUS_API),
        ..Operation::new(Major::FileSystemControl, Kind::Irp, Arc::clone(file), Some(cpu.thread()))
    };
    let ended = send::send(cpu, operation, parameters, move |cpu, arrival| {
        // SAFETY: this is a file system control.
        let asked = unsafe { arrival.parameters.file_system_control };
        target(cpu, arrival.file, asked.system_buffer)
    });
    ended.status.ok()?;
    Ok(ended)
}
