//! Reads that get the cache's own pages by way of an MDL, as the SMB server does (ntifs, `CcMdlRead`): prepared, looked at by the
//! caller, completed.

use std::sync::Arc;

use super::data::ReadTarget;
use super::file::File;
use super::mdl::{COMPLETE_MDL, MDL, taken};
use super::request::{IoStatus, file_of};
use super::transfer::irp_flags;
use super::{file_object, irp, send};
use crate::abi::{Parameters, Ptr, ReadParameters, Shared};
use crate::fltmgr::{Arrival, Kind, Operation};
use crate::ke::Cpu;
use crate::sim::{Handle, Major, MdlReadSpec, Mode};
use crate::status::NtStatus;

/// A prepared and completed MDL read by the current thread, of the kernel; returns the bytes read.
pub(crate) fn read(cpu: &Cpu, handle: Handle, spec: &MdlReadSpec) -> Result<u32, NtStatus> {
    let file = file_of(cpu.kernel(), &cpu.thread(), handle)?;
    let offset = i64::try_from(spec.offset).map_err(|_| NtStatus::INVALID_PARAMETER)?;
    if file.has(file_object::NO_INTERMEDIATE_BUFFERING) {
        return Err(NtStatus::INVALID_PARAMETER);
    }
    let read = MdlRead { file, offset, length: spec.length, mdl: cpu.kernel().arena.allocate() };
    let by_fast_io = if spec.fast_io { read.prepare_fast(cpu)? } else { None };
    let bytes = match by_fast_io {
        Some(bytes) => bytes,
        None => read.by_irp(cpu, MDL).bytes()?,
    };
    // Between the two the caller looks at the pages; nobody can see that.
    if by_fast_io.is_none() || !read.complete_fast(cpu)? {
        read.by_irp(cpu, COMPLETE_MDL).status.ok()?;
    }
    Ok(bytes)
}

struct MdlRead {
    file: Arc<File>,
    offset: i64,
    length: u32,
    /// An address that stands for the MDL.
    mdl: Ptr,
}

impl MdlRead {
    fn operation(&self, cpu: &Cpu, major: Major, kind: Kind) -> Operation {
        Operation {
            mode: Mode::Kernel,
            offset: Some(self.offset),
            length: Some(self.length),
            ..Operation::new(major, kind, Arc::clone(&self.file), Some(cpu.thread()))
        }
    }

    fn by_irp(&self, cpu: &Cpu, minor: u8) -> IoStatus {
        let operation = Operation {
            minor,
            irp_flags: irp_flags(&self.file, irp::READ_OPERATION, false, false, false),
            ..self.operation(cpu, Major::Read, Kind::Irp)
        };
        let completes = minor == COMPLETE_MDL;
        let parameters = Parameters::zeroed_then(|parameters| {
            parameters.read = ReadParameters {
                length: self.length,
                alignment: 0,
                key: 0,
                alignment2: 0,
                byte_offset: self.offset,
                read_buffer: Ptr::NULL,
                mdl_address: if completes { self.mdl } else { Ptr::NULL },
            };
        });
        let target = ReadTarget::new(&self.file, self.offset, self.length);
        send::send(cpu, operation, parameters, move |cpu, arrival| {
            if completes { IoStatus::plain(NtStatus::SUCCESS) } else { target.heed(arrival).run(cpu) }
        })
    }

    /// `IRP_MJ_MDL_READ`. Returns how much is there if it was taken; else the IRP follows.
    fn prepare_fast(&self, cpu: &Cpu) -> Result<Option<u32>, NtStatus> {
        let chain = Shared::new(Ptr::NULL);
        let parameters = Parameters::prepare_mdl(self.offset, self.length, chain.ptr());
        let operation = self.operation(cpu, Major::MdlRead, Kind::FastIo);
        let target = |cpu: &Cpu, arrival: &Arrival<'_>| {
            // SAFETY: this is a fast MDL read, whose parameters are laid out as those of a fast MDL write.
            let asked = unsafe { arrival.parameters.prepare_mdl_write };
            ReadTarget::new(arrival.file, asked.file_offset, asked.length).run(cpu)
        };
        let ended = send::send(cpu, operation, parameters, target);
        if taken(ended)? { ended.bytes().map(Some) } else { Ok(None) }
    }

    /// `IRP_MJ_MDL_READ_COMPLETE`. Returns whether it was taken; else the IRP follows.
    fn complete_fast(&self, cpu: &Cpu) -> Result<bool, NtStatus> {
        let mdl = self.mdl.address() as u64;
        let parameters = Parameters::zeroed_then(|parameters| parameters.words = [mdl, 0, 0, 0, 0, 0]);
        let operation = self.operation(cpu, Major::MdlReadComplete, Kind::FastIo);
        taken(send::send(cpu, operation, parameters, |_, _| IoStatus::plain(NtStatus::SUCCESS)))
    }
}
