//! `FltCancelFileOpen`.

use crate::abi::{FileObject, Ptr};
use crate::io::{close, file_object};
use crate::ke::{Cpu, Entry};
use crate::sim::Major;
use crate::verifier::Rule;

/// `FltCancelFileOpen`: those below see the file closed, those above a create that fails.
pub(crate) fn cancel_file_open(cpu: &Cpu, instance: Ptr, file: Ptr<FileObject>) {
    let Some(instance) = cpu.kernel().filters.instance(cpu, instance) else { return };
    let Some(file) = cpu.kernel().objects.file(file.cast()) else {
        cpu.violation(Rule::ObjectReference, format!("{file:?} is no file object (any more)"));
        return;
    };
    let wrong = if cpu.entry() != Some(Entry::Post(Major::Create)) {
        Some("cancels the opening of a file elsewhere than in a post-create callback")
    } else if file.has(file_object::HANDLE_CREATED) {
        Some("cancels the opening of a file that has handles")
    } else if file.has(file_object::FILE_OPEN_CANCELLED) {
        Some("cancels the opening of a file twice")
    } else if file.fcb().is_none() {
        Some("cancels the opening of a file that was not opened")
    } else {
        None
    };
    if let Some(detail) = wrong {
        cpu.violation(Rule::InvalidParameter, detail);
        return;
    }
    close::cancel_open(cpu, &file, instance.altitude());
}
