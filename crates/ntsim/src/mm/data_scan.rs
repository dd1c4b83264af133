//! Sections that filters make of files, to look at their data (fltkernel, `FltCreateSectionForDataScan`).

use std::sync::Arc;

use super::section::SEC_COMMIT;
use crate::abi::Ptr;
use crate::cc::pages::release_idle;
use crate::io::file::File;
use crate::io::fs_filter;
use crate::ke::Cpu;
use crate::status::NtStatus;

/// A section of a file; it lives while a driver has a handle of it or refers to it.
pub(crate) struct DataScan {
    ptr: Ptr,
    file: Arc<File>,
}

impl DataScan {
    pub(crate) fn ptr(&self) -> Ptr {
        self.ptr
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
    }
}

/// Makes a section of a whole file, which stays open for it. Returns the size in bytes too.
pub(crate) fn create(cpu: &Cpu, file: &Arc<File>, protection: u32) -> Result<(Arc<DataScan>, i64), NtStatus> {
    let fcb = file.fcb().ok_or(NtStatus::INVALID_FILE_FOR_SECTION)?;
    if fcb.node().is_directory() {
        return Err(NtStatus::FILE_IS_A_DIRECTORY);
    }
    let size = fcb.node().size();
    if size == 0 {
        return Err(NtStatus::END_OF_FILE);
    }
    fs_filter::create_section(cpu, file, protection, SEC_COMMIT, || ())?;
    fcb.pages().mapped(file);
    Ok((Arc::new(DataScan { ptr: cpu.kernel().arena.allocate(), file: Arc::clone(file) }), size))
}

/// Nobody needs a section any more.
pub(crate) fn gone(cpu: &Cpu, section: &DataScan) {
    if let Some(fcb) = section.file.fcb() {
        fcb.pages().unmapped();
        release_idle(cpu, fcb);
    }
}
