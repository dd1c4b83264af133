//! Reads and writes that filters make themselves, for those below them (`FltReadFile`, `FltWriteFile`).

use std::sync::Arc;

use super::data::{ReadTarget, WriteTarget};
use super::file::File;
use super::request::IoStatus;
use super::transfer::{buffer_of, irp_flags, read_parameters};
use super::{irp, send};
use crate::abi::{Parameters, Ptr, WriteParameters};
use crate::fltmgr::{Altitude, Kind, Operation};
use crate::ke::Cpu;
use crate::sim::{Major, Mode, Outcome};

/// A write by a filter at an altitude, in the current thread; `flags` are `FLTFL_CALLBACK_DATA_*`.
pub(crate) fn write(
    cpu: &Cpu,
    file: &Arc<File>,
    offset: i64,
    length: u32,
    below: Option<Altitude>,
    flags: u32,
) -> IoStatus {
    let operation = Operation {
        irp_flags: irp_flags(file, irp::WRITE_OPERATION, false, false, false),
        offset: Some(offset),
        length: Some(length),
        ..of_filter(cpu, Major::Write, file, below, flags)
    };
    let parameters = Parameters {
        write: WriteParameters {
            length,
            alignment: 0,
            key: 0,
            alignment2: 0,
            byte_offset: offset,
            write_buffer: buffer_of(cpu, Mode::Kernel),
            mdl_address: Ptr::NULL,
        },
    };
    let target =
        WriteTarget { file: Arc::clone(file), offset, length, paging: false, outcome: Outcome::Model };
    send::send(cpu, operation, parameters, move |_| target.run())
}

/// A read by a filter, likewise.
pub(crate) fn read(
    cpu: &Cpu,
    file: &Arc<File>,
    offset: i64,
    length: u32,
    below: Option<Altitude>,
    flags: u32,
) -> IoStatus {
    let operation = Operation {
        irp_flags: irp_flags(file, irp::READ_OPERATION, false, false, false),
        offset: Some(offset),
        length: Some(length),
        ..of_filter(cpu, Major::Read, file, below, flags)
    };
    let parameters = read_parameters(cpu, Mode::Kernel, offset, length);
    let target = ReadTarget { file: Arc::clone(file), offset, length, outcome: Outcome::Model };
    send::send(cpu, operation, parameters, move |_| target.run())
}

fn of_filter(cpu: &Cpu, major: Major, file: &Arc<File>, below: Option<Altitude>, flags: u32) -> Operation {
    Operation {
        mode: Mode::Kernel,
        data_flags: flags,
        below,
        ..Operation::new(major, Kind::Irp, Arc::clone(file), Some(cpu.thread()))
    }
}
