//! What a file system does with the data of a read or write: sizes and positions; no bytes are kept.

use std::sync::Arc;

use super::file::File;
use super::file_object;
use super::request::{IoStatus, decide};
use crate::sim::Outcome;
use crate::status::NtStatus;

/// `FILE_WRITE_TO_END_OF_FILE`, sign-extended.
pub(super) const TO_END_OF_FILE: i64 = -1;
/// `FILE_USE_FILE_POINTER_POSITION`, sign-extended.
pub(super) const AT_FILE_POINTER: i64 = -2;

/// The file system's part of a write.
#[derive(Clone)]
pub(super) struct WriteTarget {
    pub(super) file: Arc<File>,
    pub(super) offset: i64,
    pub(super) length: u32,
    pub(super) paging: bool,
    pub(super) outcome: Outcome,
}

impl WriteTarget {
    pub(super) fn run(&self) -> IoStatus {
        decide(self.outcome, || self.write(), || self.write())
    }

    fn write(&self) -> IoStatus {
        let Some(fcb) = self.file.fcb() else { return IoStatus::plain(NtStatus::INVALID_DEVICE_REQUEST) };
        let node = fcb.node();
        let start = match self.offset {
            TO_END_OF_FILE => node.size(),
            AT_FILE_POINTER => self.file.position(),
            offset => offset,
        };
        let Some(end) = start.checked_add(i64::from(self.length)) else {
            return IoStatus::plain(NtStatus::INVALID_PARAMETER);
        };
        if !self.paging {
            // Paging writes never change a file's size.
            if end > node.size() {
                node.set_size(end);
            }
            self.file.set_position(end);
            self.file.add_flags(file_object::FILE_MODIFIED);
        }
        IoStatus::new(NtStatus::SUCCESS, self.length as usize)
    }
}

/// The file system's part of a read.
#[derive(Clone)]
pub(super) struct ReadTarget {
    pub(super) file: Arc<File>,
    pub(super) offset: i64,
    pub(super) length: u32,
    pub(super) outcome: Outcome,
}

impl ReadTarget {
    pub(super) fn run(&self) -> IoStatus {
        decide(self.outcome, || self.read(), || IoStatus::new(NtStatus::SUCCESS, self.length as usize))
    }

    fn read(&self) -> IoStatus {
        let Some(fcb) = self.file.fcb() else { return IoStatus::plain(NtStatus::INVALID_DEVICE_REQUEST) };
        let rest = fcb.node().size().saturating_sub(self.offset);
        let bytes = rest.clamp(0, i64::from(self.length));
        if bytes == 0 && self.length > 0 {
            return IoStatus::plain(NtStatus::END_OF_FILE);
        }
        self.file.set_position(self.offset + bytes);
        IoStatus::new(NtStatus::SUCCESS, usize::try_from(bytes).unwrap_or(0))
    }
}
