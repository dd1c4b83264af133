//! `FltCreateFile` and its variants, and `FltClose`.

use crate::abi::{FileObject, IoStatusBlock, ObjectAttributes, Ptr};
use crate::ex::push_lock;
use crate::io;
use crate::io::by_handle::{self, Asked};
use crate::ke::Cpu;
use crate::sim::Share;
use crate::status::NtStatus;

/// `IO_IGNORE_SHARE_ACCESS_CHECK`
const IO_IGNORE_SHARE_ACCESS_CHECK: u32 = 0x0800;

/// `FltCreateFile`.
#[expect(clippy::too_many_arguments, reason = "the routine has as many")]
pub(crate) fn create_file(
    cpu: &Cpu,
    filter: Ptr,
    instance: Ptr,
    handle: Ptr<usize>,
    access: u32,
    attributes: Ptr<ObjectAttributes>,
    status: Ptr<IoStatusBlock>,
    allocation: Ptr<i64>,
    file_attributes: u32,
    share: u32,
    disposition: u32,
    options: u32,
    ea: Ptr,
    ea_length: u32,
    flags: u32,
) -> NtStatus {
    let file = Ptr::NULL;
    create_file_ex(
        cpu,
        filter,
        instance,
        handle,
        file,
        access,
        attributes,
        status,
        allocation,
        file_attributes,
        share,
        disposition,
        options,
        ea,
        ea_length,
        flags,
    )
}

/// `FltCreateFileEx2`.
#[expect(clippy::too_many_arguments, reason = "the routine has as many")]
pub(crate) fn create_file_ex2(
    cpu: &Cpu,
    filter: Ptr,
    instance: Ptr,
    handle: Ptr<usize>,
    file: Ptr<Ptr<FileObject>>,
    access: u32,
    attributes: Ptr<ObjectAttributes>,
    status: Ptr<IoStatusBlock>,
    allocation: Ptr<i64>,
    file_attributes: u32,
    share: u32,
    disposition: u32,
    options: u32,
    ea: Ptr,
    ea_length: u32,
    flags: u32,
    _context: Ptr,
) -> NtStatus {
    create_file_ex(
        cpu,
        filter,
        instance,
        handle,
        file,
        access,
        attributes,
        status,
        allocation,
        file_attributes,
        share,
        disposition,
        options,
        ea,
        ea_length,
        flags,
    )
}

/// `FltCreateFileEx`: only instances below see the create, and everything that follows on the file object.
#[expect(clippy::too_many_arguments, reason = "the routine has as many")]
pub(crate) fn create_file_ex(
    cpu: &Cpu,
    filter: Ptr,
    instance: Ptr,
    handle: Ptr<usize>,
    file: Ptr<Ptr<FileObject>>,
    access: u32,
    attributes: Ptr<ObjectAttributes>,
    status: Ptr<IoStatusBlock>,
    _allocation: Ptr<i64>,
    _file_attributes: u32,
    share: u32,
    disposition: u32,
    options: u32,
    _ea: Ptr,
    _ea_length: u32,
    flags: u32,
) -> NtStatus {
    push_lock::check_call_out(cpu);
    let filters = &cpu.kernel().filters;
    if filters.filter(cpu, filter).is_none() {
        return NtStatus::INVALID_PARAMETER;
    }
    let below = match instance.non_null() {
        None => None,
        Some(instance) => match filters.instance(cpu, instance) {
            Some(instance) if instance.is_tearing_down() => return NtStatus::FLT_DELETING_OBJECT,
            Some(instance) => Some(instance.altitude()),
            None => return NtStatus::INVALID_PARAMETER,
        },
    };
    let asked = Asked { attributes, access, share, disposition, options };
    let spec = match asked.spec(cpu) {
        Ok(spec) if flags & IO_IGNORE_SHARE_ACCESS_CHECK != 0 => spec.share(Share::all()),
        Ok(spec) => spec,
        Err(status) => return status,
    };
    let (opened, ended) = match io::create::create_below(cpu, &spec, below) {
        Ok(opened) => opened,
        Err(status) => return status,
    };
    let status = by_handle::give(cpu, (&opened, ended), status, handle);
    if let Some(file) = file.non_null() {
        cpu.kernel().objects.reference(opened.ptr().cast(), cpu.owner());
        file.write(opened.ptr());
    }
    status
}
