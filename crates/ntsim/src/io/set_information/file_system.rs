//! The file system's part: what is set is what the request's buffer says when it gets there.

use super::{DISPOSITION_DELETE, DISPOSITION_POSIX_SEMANTICS, class, name};
use crate::abi::{Ptr, SetFileInformationParameters};
use crate::cc::pages;
use crate::fltmgr::Arrival;
use crate::io::features::Features;
use crate::io::file::File;
use crate::ke::Cpu;
use crate::status::NtStatus;

/// `NtSetInformationFile`, as the lowest filter left it.
pub(in crate::io) fn set_as_asked(cpu: &Cpu, arrival: &Arrival<'_>) -> Result<(), NtStatus> {
    // SAFETY: this is a request to set information.
    let asked = unsafe { arrival.parameters.set_file_information };
    let file = arrival.file;
    match asked.file_information_class {
        class::BASIC | class::POSITION => Ok(()),
        class::END_OF_FILE => set_end(cpu, file, number(&asked)?, false),
        class::ALLOCATION => set_end(cpu, file, number(&asked)?, true),
        class::VALID_DATA_LENGTH => set_valid(file, number(&asked)?),
        class::DISPOSITION => dispose(file, first::<u8>(&asked)? != 0, false),
        class::DISPOSITION_EX => {
            let flags = i64::from(first::<u32>(&asked)?);
            dispose(file, flags & DISPOSITION_DELETE != 0, flags & DISPOSITION_POSIX_SEMANTICS != 0)
        }
        class::RENAME | class::RENAME_EX => name::rename_as_asked(cpu, file, &asked),
        class::LINK | class::LINK_EX => name::link_as_asked(cpu, file, &asked),
        _ => Err(NtStatus::INVALID_PARAMETER),
    }
}

/// What the buffer begins with.
fn first<T: Copy>(asked: &SetFileInformationParameters) -> Result<T, NtStatus> {
    if (asked.length as usize) < size_of::<T>() {
        return Err(NtStatus::INFO_LENGTH_MISMATCH);
    }
    let place: Ptr<T> = asked.info_buffer.cast();
    Ok(place.read())
}

fn number(asked: &SetFileInformationParameters) -> Result<i64, NtStatus> {
    let value: i64 = first(asked)?;
    if value < 0 { Err(NtStatus::INVALID_PARAMETER) } else { Ok(value) }
}

/// Sets the end of a file, or what is allocated for it.
fn set_end(cpu: &Cpu, file: &File, value: i64, allocation: bool) -> Result<(), NtStatus> {
    let fcb = file.fcb().ok_or(NtStatus::INVALID_PARAMETER)?;
    let node = fcb.node();
    // Neither can cut off what is mapped (ntifs, `MmCanFileBeTruncated`).
    if value < node.size() && fcb.pages().is_mapped() {
        return Err(NtStatus::USER_MAPPED_FILE);
    }
    if allocation {
        node.set_allocation(value);
    } else {
        node.set_end(value);
    }
    pages::discard(cpu, fcb, &(node.size()..i64::MAX));
    Ok(())
}

fn set_valid(file: &File, value: i64) -> Result<(), NtStatus> {
    let node = file.fcb().ok_or(NtStatus::INVALID_PARAMETER)?.node();
    let sizes = node.sizes();
    let can = Features::of(file.volume().spec().file_system).valid_data;
    if !can || value < sizes.valid || value > sizes.file {
        return Err(NtStatus::INVALID_PARAMETER);
    }
    node.set_valid(value);
    Ok(())
}

fn dispose(file: &File, delete: bool, posix: bool) -> Result<(), NtStatus> {
    let fcb = file.fcb().ok_or(NtStatus::INVALID_PARAMETER)?;
    let name = file.current_name().filter(|_| delete);
    fcb.node().set_deleted(name.as_deref());
    file.delete_at_once(delete && posix);
    file.set_delete_pending(delete);
    Ok(())
}
