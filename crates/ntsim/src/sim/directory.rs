//! What a harness has done to directories: listing them.

use super::{Handle, Sim, Thread};
use crate::io::query_directory;
use crate::status::NtStatus;

/// What a directory lists.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DirectoryEntry {
    /// Its name in the directory.
    pub name: String,
    /// Its size in bytes; 0 for a directory.
    pub size: u64,
    /// Whether it is a directory.
    pub is_directory: bool,
}

impl Sim {
    /// `NtQueryDirectoryFile`, once; what is found is not told.
    ///
    /// # Errors
    ///
    /// The status of the failed operation.
    pub fn query_directory(&self, thread: Thread, handle: Handle) -> Result<(), NtStatus> {
        self.as_thread(thread, |cpu| query_directory::query_once(cpu, handle))
    }

    /// Lists a directory from its beginning, by as many `NtQueryDirectoryFile` as that takes: all of it, or what matches an
    /// expression, with `*` and `?`. That of the first query by a handle holds for all that follow by it.
    ///
    /// # Errors
    ///
    /// The status of the failed operation: `STATUS_NO_SUCH_FILE` if nothing matches.
    pub fn list_directory(
        &self,
        thread: Thread,
        handle: Handle,
        expression: Option<&str>,
    ) -> Result<Vec<DirectoryEntry>, NtStatus> {
        self.as_thread(thread, |cpu| query_directory::list(cpu, handle, expression))
    }
}
