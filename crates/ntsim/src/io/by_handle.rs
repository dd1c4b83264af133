//! What routines have in common that open a file by handle: `ZwCreateFile` and `FltCreateFile` with their variants.

use std::sync::Arc;

use super::create::disposition_of;
use super::file::File;
use super::request::IoStatus;
use crate::abi::{IoStatusBlock, ObjectAttributes, Ptr};
use crate::ke::Cpu;
use crate::ob::Object;
use crate::ob::routines::OBJ_KERNEL_HANDLE;
use crate::rtl;
use crate::sim::{Access, CreateOptions, CreateSpec, Mode, Share};
use crate::status::NtStatus;
use crate::verifier::Rule;

/// The parameters of such a routine that say what to open, and how.
pub(crate) struct Asked {
    pub(crate) attributes: Ptr<ObjectAttributes>,
    pub(crate) access: u32,
    pub(crate) share: u32,
    pub(crate) disposition: u32,
    pub(crate) options: u32,
}

impl Asked {
    /// The create that they describe.
    pub(crate) fn spec(&self, cpu: &Cpu) -> Result<CreateSpec, NtStatus> {
        let Some(disposition) = disposition_of(self.disposition) else {
            cpu.violation(Rule::InvalidParameter, format!("{} is no CreateDisposition", self.disposition));
            return Err(NtStatus::INVALID_PARAMETER);
        };
        let attributes = self.attributes.read();
        if attributes.attributes & OBJ_KERNEL_HANDLE == 0 && !cpu.thread().process().is_system() {
            let detail = "opens a file without OBJ_KERNEL_HANDLE in the context of a user process";
            cpu.violation(Rule::InvalidParameter, detail);
        }
        let spec = CreateSpec::new(&path_of(cpu, &attributes)?)
            .access(Access::from_bits_retain(self.access))
            .disposition(disposition)
            .options(CreateOptions::from_bits_truncate(self.options))
            .share(Share::from_bits_truncate(self.share))
            .mode(Mode::Kernel);
        Ok(spec)
    }
}

/// Gives the driver a handle of a file that has been opened, and tells it how that ended.
pub(crate) fn give(
    cpu: &Cpu,
    (opened, ended): (&Arc<File>, IoStatus),
    status: Ptr<IoStatusBlock>,
    handle: Ptr<usize>,
) -> NtStatus {
    let owner = cpu.owner();
    cpu.kernel().objects.reference(opened.ptr().cast(), owner);
    handle.write(cpu.kernel().handles.open(Object::File(Arc::clone(opened)), owner));
    ended.tell(status)
}

/// The path that object attributes name, which may be relative to an open directory.
fn path_of(cpu: &Cpu, attributes: &ObjectAttributes) -> Result<String, NtStatus> {
    let name = attributes.object_name.non_null().map(rtl::read_unicode_string).unwrap_or_default();
    let Some(root) = attributes.root_directory.non_null() else { return Ok(name) };
    match cpu.kernel().handles.get(root.address()) {
        Some(Object::File(directory)) => Ok(format!("{}\\{name}", directory.path())),
        Some(_) => Err(NtStatus::OBJECT_TYPE_MISMATCH),
        None => Err(NtStatus::INVALID_HANDLE),
    }
}
