//! Reads and writes that filters make themselves, for those below them (`FltReadFile`, `FltWriteFile`).

use std::sync::Arc;

use super::data::{ReadTarget, WriteTarget};
use super::file::File;
use super::request::IoStatus;
use super::transfer::{irp_flags, read_parameters, write_parameters};
use super::{irp, send};
use crate::fltmgr::{Altitude, Kind, Operation};
use crate::ke::Cpu;
use crate::sim::{Major, Mode};

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
    let parameters = write_parameters(cpu, offset, length);
    let target = WriteTarget::new(file, offset, length);
    send::send(cpu, operation, parameters, move |cpu| target.run(cpu))
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
    let parameters = read_parameters(cpu, offset, length);
    let target = ReadTarget::new(file, offset, length);
    send::send(cpu, operation, parameters, move |cpu| target.run(cpu))
}

fn of_filter(cpu: &Cpu, major: Major, file: &Arc<File>, below: Option<Altitude>, flags: u32) -> Operation {
    Operation {
        mode: Mode::Kernel,
        data_flags: flags,
        below,
        ..Operation::new(major, Kind::Irp, Arc::clone(file), Some(cpu.thread()))
    }
}
