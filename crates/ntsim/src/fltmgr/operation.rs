//! An operation on its way through the filters.

use std::fmt;
use std::sync::Arc;

use super::altitude::Altitude;
use super::ecp::EcpList;
use crate::abi::Address;
use crate::io::callback_data;
use crate::io::file::File;
use crate::ps::{Process, Thread};
use crate::sim::{Major, Mode};

/// How an operation is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Irp,
    FastIo,
    /// A callback of the cache or memory manager.
    FsFilter,
}

/// The copy information in a request's IRP extension.
#[derive(Clone)]
pub(crate) struct CopyOrigin {
    pub(crate) file: Arc<File>,
    pub(crate) offset: i64,
}

/// What does not change about an operation while it passes the filters.
#[derive(Clone)]
#[expect(clippy::struct_field_names, reason = "`OperationFlags` is the header's name")]
pub(crate) struct Operation {
    pub(crate) major: Major,
    pub(crate) minor: u8,
    pub(crate) kind: Kind,
    pub(crate) irp_flags: u32,
    pub(crate) operation_flags: u8,
    /// `FLT_CALLBACK_DATA->Flags` beyond those that follow from the kind.
    pub(crate) data_flags: u32,
    pub(crate) file: Arc<File>,
    /// `FLT_CALLBACK_DATA->Thread`.
    pub(crate) thread: Option<Arc<Thread>>,
    /// What `FltGetRequestorProcess` answers.
    pub(crate) requestor: Option<Arc<Process>>,
    pub(crate) mode: Mode,
    pub(crate) copy: Option<CopyOrigin>,
    /// The altitude of the filter whose own I/O it is: only those below see it.
    pub(crate) below: Option<Altitude>,
    /// The extra create parameters of a create.
    pub(crate) ecps: Option<Arc<EcpList>>,
    /// The callback data by which a filter sent it.
    pub(crate) own_data: Option<Address>,
    /// The number of the request, of one whose sender does not wait.
    pub(crate) request: Option<u64>,
    /// Byte offset as in the parameters, for reads and writes.
    pub(crate) offset: Option<i64>,
    /// Length in bytes, for reads and writes.
    pub(crate) length: Option<u32>,
}

impl Operation {
    /// A user-mode operation without flags and parameters.
    pub(crate) fn new(major: Major, kind: Kind, file: Arc<File>, thread: Option<Arc<Thread>>) -> Self {
        Self {
            major,
            minor: 0,
            kind,
            irp_flags: 0,
            operation_flags: 0,
            data_flags: 0,
            file,
            requestor: thread.as_ref().map(|thread| thread.current_process()),
            thread,
            mode: Mode::User,
            copy: None,
            below: None,
            ecps: None,
            own_data: None,
            request: None,
            offset: None,
            length: None,
        }
    }

    /// The identity of the process whose thread it is.
    pub(super) fn process(&self) -> Option<u64> {
        self.thread.as_ref().map(|thread| thread.process().id())
    }

    /// `FLT_CALLBACK_DATA->Flags` before any callback.
    pub(super) fn callback_data_flags(&self) -> u32 {
        self.data_flags
            | match self.kind {
                Kind::Irp => callback_data::IRP_OPERATION,
                Kind::FastIo => callback_data::FAST_IO_OPERATION,
                Kind::FsFilter => callback_data::FS_FILTER_OPERATION,
            }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.major)?;
        if self.kind == Kind::FastIo {
            f.write_str(" (fast I/O)")?;
        }
        write!(f, " on {}", self.file.path())?;
        if let (Some(offset), Some(length)) = (self.offset, self.length) {
            write!(f, " at {offset}, {length} bytes")?;
        }
        Ok(())
    }
}
