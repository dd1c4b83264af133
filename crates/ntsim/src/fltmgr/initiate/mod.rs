//! What filters send themselves: those below see it, marked `FLTFL_CALLBACK_DATA_GENERATED_IO`.

pub(crate) mod callback_data;
pub(crate) mod cancel_open;
pub(crate) mod create;
pub(crate) mod directory;
pub(crate) mod requests;
pub(crate) mod transfer;

use std::sync::Arc;

use super::instance::Instance;
use crate::abi::{FileObject, Ptr};
use crate::ex::push_lock;
use crate::io::file::File;
use crate::ke::Cpu;
use crate::status::NtStatus;
use crate::verifier::Rule;

/// The instance that sends something, and the file that it is about.
fn sender(cpu: &Cpu, instance: Ptr, file: Ptr<FileObject>) -> Result<(Arc<Instance>, Arc<File>), NtStatus> {
    push_lock::check_call_out(cpu);
    let instance = cpu.kernel().filters.instance(cpu, instance).ok_or(NtStatus::INVALID_PARAMETER)?;
    let Some(file) = cpu.kernel().objects.file(file.cast()) else {
        cpu.violation(Rule::ObjectReference, format!("{file:?} is no file object (any more)"));
        return Err(NtStatus::INVALID_PARAMETER);
    };
    if !Arc::ptr_eq(file.volume(), instance.volume()) {
        cpu.violation(
            Rule::InvalidParameter,
            "sends a request for a file on another volume than its instance's",
        );
        return Err(NtStatus::INVALID_PARAMETER);
    }
    if instance.is_tearing_down() {
        return Err(NtStatus::FLT_DELETING_OBJECT);
    }
    Ok((instance, file))
}
