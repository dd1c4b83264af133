//! Handles of files that simulated processes have open.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::file::File;
use crate::ps::Process;
use crate::util::Lock;

/// Distance between handle values.
const HANDLE_STEP: u64 = 4;

/// A value in a process's handle table.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    value: u64,
    /// The process's identity.
    process: u64,
}

#[derive(Default)]
struct State {
    last: u64,
    open: BTreeMap<Place, Arc<File>>,
}

impl State {
    /// The place that a process may use; the system may use every handle.
    fn find(&self, process: &Process, value: u64) -> Option<Place> {
        let own = Place { value, process: process.id() };
        if self.open.contains_key(&own) {
            return Some(own);
        }
        let of_value = Place { value, process: 0 }..=Place { value, process: u64::MAX };
        process.is_system().then(|| self.open.range(of_value).next().map(|(place, _)| *place)).flatten()
    }
}

/// The file handles of one kernel. Values are never used twice, but a child has the values that it inherited.
#[derive(Default)]
pub(crate) struct FileHandles {
    state: Lock<State>,
}

impl FileHandles {
    /// Opens a handle of a file; the file object counts it.
    pub(super) fn open(&self, process: &Process, file: Arc<File>) -> u64 {
        file.handle_opened();
        let mut state = self.state.lock();
        state.last += HANDLE_STEP;
        let value = state.last;
        state.open.insert(Place { value, process: process.id() }, file);
        value
    }

    /// Gives a child its parent's handle, at the same value. Returns whether there was one to give.
    pub(super) fn inherit(&self, parent: &Process, child: &Process, value: u64) -> bool {
        let mut state = self.state.lock();
        let own = Place { value, process: child.id() };
        let Some(file) = state.open.get(&Place { value, process: parent.id() }).cloned() else {
            return false;
        };
        state.open.entry(own).or_insert_with(|| {
            file.handle_opened();
            file
        });
        true
    }

    /// The file behind a process's handle; the system may use every handle.
    pub(crate) fn get(&self, process: &Process, handle: u64) -> Option<Arc<File>> {
        let state = self.state.lock();
        state.find(process, handle).and_then(|place| state.open.get(&place).cloned())
    }

    /// Whether a process has a handle of a file object.
    pub(super) fn has(&self, process: &Process, file: &Arc<File>) -> bool {
        let state = self.state.lock();
        state.open.iter().any(|(place, open)| place.process == process.id() && Arc::ptr_eq(open, file))
    }

    pub(super) fn close(&self, process: &Process, handle: u64) -> Option<Arc<File>> {
        let mut state = self.state.lock();
        let place = state.find(process, handle)?;
        state.open.remove(&place)
    }

    /// The handles that a process has open.
    pub(crate) fn of(&self, process: &Process) -> Vec<u64> {
        let state = self.state.lock();
        let own = state.open.keys().filter(|place| place.process == process.id());
        own.map(|place| place.value).collect()
    }
}
