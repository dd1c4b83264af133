//! `NtSetInformationFile`, as far as the copy engine uses it.

use std::sync::Arc;

use super::irp;
use super::request::{IoStatus, file_of};
use crate::abi::{Parameters, Ptr, SetFileInformationParameters, Shared};
use crate::fltmgr::{self, Kind, Operation};
use crate::ke::Cpu;
use crate::sim::{Handle, Major};
use crate::status::NtStatus;

/// `FILE_INFORMATION_CLASS`
const FILE_BASIC_INFORMATION: u32 = 4;
const FILE_END_OF_FILE_INFORMATION: u32 = 20;
/// `sizeof(FILE_BASIC_INFORMATION)`
const BASIC_INFORMATION_BYTES: u32 = 40;
/// `sizeof(FILE_END_OF_FILE_INFORMATION)`
const END_OF_FILE_BYTES: u32 = 8;
/// Words of the system buffer that holds either.
const BUFFER_WORDS: usize = 5;

/// What to set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Setting {
    /// The file's size in bytes.
    EndOfFile(i64),
    /// Time stamps and attributes, all unchanged.
    Basic,
}

/// `NtSetInformationFile` by the current thread.
pub(super) fn set_information(cpu: &Cpu, handle: Handle, setting: Setting) -> Result<(), NtStatus> {
    let thread = cpu.thread();
    let file = file_of(cpu.kernel(), &thread, handle)?;
    let mut content = [0; BUFFER_WORDS];
    let (class, length) = match setting {
        Setting::EndOfFile(size) => {
            content[0] = size;
            (FILE_END_OF_FILE_INFORMATION, END_OF_FILE_BYTES)
        }
        Setting::Basic => (FILE_BASIC_INFORMATION, BASIC_INFORMATION_BYTES),
    };
    let buffer = Shared::new(content);
    let parameters = Parameters {
        set_file_information: SetFileInformationParameters {
            length,
            alignment: 0,
            file_information_class: class,
            alignment2: 0,
            parent_of_target: Ptr::NULL,
            delete_handle: Ptr::NULL,
            info_buffer: buffer.ptr().cast(),
        },
    };
    let operation = Operation {
        irp_flags: irp::SYNCHRONOUS_API | irp::BUFFERED_IO | irp::DEFER_IO_COMPLETION,
        ..Operation::new(Major::SetInformation, Kind::Irp, Arc::clone(&file), Some(thread))
    };
    let ended = fltmgr::dispatch(cpu, operation, parameters, || {
        if let (Setting::EndOfFile(size), Some(fcb)) = (setting, file.fcb()) {
            fcb.node().set_size(size);
        }
        IoStatus::plain(NtStatus::SUCCESS)
    });
    ended.status.ok()
}
