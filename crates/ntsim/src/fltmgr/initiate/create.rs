//! `FltCreateFile` and its variants, and `FltClose`.

use crate::abi::{FileObject, IoStatusBlock, ObjectAttributes, Ptr};
use crate::ex::push_lock;
use crate::io;
use crate::ke::Cpu;
use crate::ob::Object;
use crate::ob::routines::OBJ_KERNEL_HANDLE;
use crate::rtl;
use crate::sim::{Access, CreateOptions, CreateSpec, Disposition, Mode, Share};
use crate::status::NtStatus;
use crate::verifier::Rule;

/// `IO_IGNORE_SHARE_ACCESS_CHECK`
const IO_IGNORE_SHARE_ACCESS_CHECK: u32 = 0x0800;

/// `CreateDisposition`, by value.
pub(crate) const DISPOSITIONS: [Disposition; 6] = [
    Disposition::Supersede,
    Disposition::Open,
    Disposition::Create,
    Disposition::OpenIf,
    Disposition::Overwrite,
    Disposition::OverwriteIf,
];

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
    let Some(disposition) = DISPOSITIONS.get(disposition as usize) else {
        cpu.violation(Rule::InvalidParameter, format!("{disposition} is no CreateDisposition"));
        return NtStatus::INVALID_PARAMETER;
    };
    let attributes = attributes.read();
    if attributes.attributes & OBJ_KERNEL_HANDLE == 0 && !cpu.thread().process().is_system() {
        let detail = "opens a file without OBJ_KERNEL_HANDLE in the context of a user process";
        cpu.violation(Rule::InvalidParameter, detail);
    }
    let path = match path_of(cpu, &attributes) {
        Ok(path) => path,
        Err(status) => return status,
    };
    let spec = CreateSpec::new(&path)
        .access(Access::from_bits_retain(access))
        .share(if flags & IO_IGNORE_SHARE_ACCESS_CHECK == 0 {
            Share::from_bits_truncate(share)
        } else {
            Share::all()
        })
        .disposition(*disposition)
        .options(CreateOptions::from_bits_truncate(options))
        .mode(Mode::Kernel);
    let (opened, ended) = match io::create::create_below(cpu, &spec, below) {
        Ok(opened) => opened,
        Err(status) => return status,
    };
    ended.tell(status);
    let address = opened.ptr().cast();
    let owner = cpu.owner();
    cpu.kernel().objects.reference(address, owner);
    handle.write(cpu.kernel().handles.open(Object::File(opened.clone()), owner));
    if let Some(file) = file.non_null() {
        cpu.kernel().objects.reference(address, owner);
        file.write(opened.ptr());
    }
    ended.status
}

/// The path that object attributes name, which may be relative to an open directory.
pub(crate) fn path_of(cpu: &Cpu, attributes: &ObjectAttributes) -> Result<String, NtStatus> {
    let name = attributes.object_name.non_null().map(rtl::read_unicode_string).unwrap_or_default();
    let Some(root) = attributes.root_directory.non_null() else { return Ok(name) };
    match cpu.kernel().handles.get(root.address()) {
        Some(Object::File(directory)) => Ok(format!("{}\\{name}", directory.path())),
        Some(_) => Err(NtStatus::OBJECT_TYPE_MISMATCH),
        None => Err(NtStatus::INVALID_HANDLE),
    }
}
