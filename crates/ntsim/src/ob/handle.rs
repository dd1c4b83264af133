//! Kernel handles.

use std::collections::BTreeMap;

use super::Object;
use crate::util::Lock;

/// Kernel handles have the upper half set.
const FIRST_HANDLE: usize = 0xFFFF_FFFF_8000_0004;
/// Distance between handle values.
const HANDLE_STEP: usize = 4;

/// The kernel handles that drivers opened. Values are never used twice.
pub(crate) struct HandleTable {
    state: Lock<State>,
}

struct State {
    next: usize,
    open: BTreeMap<usize, Object>,
}

impl HandleTable {
    pub(crate) fn new() -> Self {
        Self { state: Lock::new(State { next: FIRST_HANDLE, open: BTreeMap::new() }) }
    }

    pub(crate) fn open(&self, object: Object) -> usize {
        let mut state = self.state.lock();
        let handle = state.next;
        state.next += HANDLE_STEP;
        state.open.insert(handle, object);
        handle
    }

    pub(crate) fn get(&self, handle: usize) -> Option<Object> {
        self.state.lock().open.get(&handle).cloned()
    }

    pub(crate) fn close(&self, handle: usize) -> Option<Object> {
        self.state.lock().open.remove(&handle)
    }

    /// Closes whatever is still open.
    pub(crate) fn take_all(&self) -> Vec<Object> {
        std::mem::take(&mut self.state.lock().open).into_values().collect()
    }
}
