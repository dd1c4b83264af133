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
    /// With who opened it.
    open: BTreeMap<usize, (Object, u64)>,
}

impl HandleTable {
    pub(crate) fn new() -> Self {
        Self { state: Lock::new(State { next: FIRST_HANDLE, open: BTreeMap::new() }) }
    }

    /// Opens a handle in the name of a driver.
    pub(crate) fn open(&self, object: Object, owner: u64) -> usize {
        let mut state = self.state.lock();
        let handle = state.next;
        state.next += HANDLE_STEP;
        state.open.insert(handle, (object, owner));
        handle
    }

    pub(crate) fn get(&self, handle: usize) -> Option<Object> {
        self.state.lock().open.get(&handle).map(|(object, _)| object.clone())
    }

    pub(crate) fn close(&self, handle: usize) -> Option<Object> {
        self.state.lock().open.remove(&handle).map(|(object, _)| object)
    }

    /// Closes whatever a driver still has open.
    pub(crate) fn take_all_of(&self, owner: u64) -> Vec<Object> {
        let mut state = self.state.lock();
        state.open.extract_if(.., |_, (_, of)| *of == owner).map(|(_, (object, _))| object).collect()
    }
}
