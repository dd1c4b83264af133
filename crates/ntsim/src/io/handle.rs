//! Handles of files that simulated processes have open.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::file::File;
use crate::ps::Process;
use crate::util::Lock;

#[derive(Clone)]
struct Entry {
    process: Arc<Process>,
    file: Arc<File>,
}

#[derive(Default)]
struct State {
    last: u64,
    open: BTreeMap<u64, Entry>,
}

/// The file handles of one kernel. Values are never used twice.
#[derive(Default)]
pub(crate) struct FileHandles {
    state: Lock<State>,
}

impl FileHandles {
    pub(super) fn open(&self, process: Arc<Process>, file: Arc<File>) -> u64 {
        let mut state = self.state.lock();
        state.last += 1;
        let handle = state.last;
        state.open.insert(handle, Entry { process, file });
        handle
    }

    /// The file behind a process's handle; the system may use every handle.
    pub(super) fn get(&self, process: &Arc<Process>, handle: u64) -> Option<Arc<File>> {
        let state = self.state.lock();
        let entry = state.open.get(&handle)?;
        (Arc::ptr_eq(&entry.process, process) || process.is_system()).then(|| Arc::clone(&entry.file))
    }

    pub(super) fn close(&self, process: &Arc<Process>, handle: u64) -> Option<Arc<File>> {
        let file = self.get(process, handle)?;
        self.state.lock().open.remove(&handle);
        Some(file)
    }

    /// The handles that a process has open.
    pub(crate) fn of(&self, process: &Arc<Process>) -> Vec<u64> {
        let state = self.state.lock();
        let own = state.open.iter().filter(|(_, entry)| Arc::ptr_eq(&entry.process, process));
        own.map(|(handle, _)| *handle).collect()
    }
}
