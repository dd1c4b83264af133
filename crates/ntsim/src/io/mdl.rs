//! Writes whose data are put straight into the cache by way of an MDL, as the SMB server does (`ifs/flt-parameters-for-irp-mj-write`,
//! ntifs, `CcPrepareMdlWrite`): prepared, filled by the caller, completed.

use std::sync::Arc;

use super::data::WriteTarget;
use super::file::File;
use super::request::{IoStatus, file_of};
use super::transfer::irp_flags;
use super::{file_object, irp, send};
use crate::abi::{MdlWriteCompleteParameters, Parameters, Ptr, Shared, WriteParameters};
use crate::fltmgr::{Kind, Operation};
use crate::ke::Cpu;
use crate::sim::{Handle, Major, MdlWriteSpec, Mode};
use crate::status::NtStatus;

/// `IRP_MN_MDL`
pub(super) const MDL: u8 = 2;
/// `IRP_MN_COMPLETE_MDL`
pub(super) const COMPLETE_MDL: u8 = 6;

/// A prepared and completed MDL write by the current thread, of the kernel; returns the bytes written.
pub(crate) fn write(cpu: &Cpu, handle: Handle, spec: &MdlWriteSpec) -> Result<u32, NtStatus> {
    let file = file_of(cpu.kernel(), &cpu.thread(), handle)?;
    let offset = i64::try_from(spec.offset).map_err(|_| NtStatus::INVALID_PARAMETER)?;
    if file.has(file_object::NO_INTERMEDIATE_BUFFERING) {
        return Err(NtStatus::INVALID_PARAMETER);
    }
    let write = MdlWrite { file, offset, length: spec.length, mdl: cpu.kernel().arena.allocate() };
    let by_fast_io = spec.fast_io && write.prepare_fast(cpu)?;
    if !by_fast_io {
        write.by_irp(cpu, MDL).status.ok()?;
    }
    // Between the two the caller fills the pages; nobody can see that.
    if by_fast_io && write.complete_fast(cpu)? {
        return Ok(spec.length);
    }
    write.by_irp(cpu, COMPLETE_MDL).status.ok()?;
    Ok(spec.length)
}

struct MdlWrite {
    file: Arc<File>,
    offset: i64,
    length: u32,
    /// An address that stands for the MDL.
    mdl: Ptr,
}

impl MdlWrite {
    fn operation(&self, cpu: &Cpu, major: Major, kind: Kind) -> Operation {
        Operation {
            mode: Mode::Kernel,
            offset: Some(self.offset),
            length: Some(self.length),
            ..Operation::new(major, kind, Arc::clone(&self.file), Some(cpu.thread()))
        }
    }

    /// What is written when the pages have been filled.
    fn target(&self) -> WriteTarget {
        WriteTarget::new(&self.file, self.offset, self.length)
    }

    fn by_irp(&self, cpu: &Cpu, minor: u8) -> IoStatus {
        let operation = Operation {
            minor,
            irp_flags: irp_flags(&self.file, irp::WRITE_OPERATION, false, false, false),
            ..self.operation(cpu, Major::Write, Kind::Irp)
        };
        let completes = minor == COMPLETE_MDL;
        let parameters = Parameters::zeroed_then(|parameters| {
            parameters.write = WriteParameters {
                length: self.length,
                alignment: 0,
                key: 0,
                alignment2: 0,
                byte_offset: self.offset,
                write_buffer: Ptr::NULL,
                mdl_address: if completes { self.mdl } else { Ptr::NULL },
            };
        });
        let (target, prepared) = (self.target(), self.length as usize);
        send::send(cpu, operation, parameters, move |cpu, arrival| {
            if completes { target.heed(arrival).run(cpu) } else { IoStatus::new(NtStatus::SUCCESS, prepared) }
        })
    }

    /// `IRP_MJ_PREPARE_MDL_WRITE`. Returns whether it was taken; else the IRP follows.
    fn prepare_fast(&self, cpu: &Cpu) -> Result<bool, NtStatus> {
        let chain = Shared::new(Ptr::NULL);
        let parameters = Parameters::prepare_mdl(self.offset, self.length, chain.ptr());
        let prepared = IoStatus::new(NtStatus::SUCCESS, self.length as usize);
        let operation = self.operation(cpu, Major::PrepareMdlWrite, Kind::FastIo);
        taken(send::send(cpu, operation, parameters, move |_, _| prepared))
    }

    /// `IRP_MJ_MDL_WRITE_COMPLETE`. Returns whether it was taken; else the IRP follows.
    fn complete_fast(&self, cpu: &Cpu) -> Result<bool, NtStatus> {
        let parameters = Parameters::zeroed_then(|parameters| {
            parameters.mdl_write_complete =
                MdlWriteCompleteParameters { file_offset: self.offset, mdl_chain: self.mdl };
        });
        let target = self.target();
        let operation = self.operation(cpu, Major::MdlWriteComplete, Kind::FastIo);
        taken(send::send(cpu, operation, parameters, move |cpu, _| target.run(cpu)))
    }
}

/// Whether fast I/O was taken, as opposed to disallowed by a filter.
pub(super) fn taken(ended: IoStatus) -> Result<bool, NtStatus> {
    if ended.status == NtStatus::FLT_DISALLOW_FAST_IO {
        return Ok(false);
    }
    ended.status.ok().map(|()| true)
}
