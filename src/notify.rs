//! Being told when processes begin and end.

use fltmgr::irql::{PASSIVE_LEVEL, assert_at_most};
use fltmgr::{NtStatus, Process, Result};
use wdk_sys::ntddk::PsSetCreateProcessNotifyRoutineEx;
use wdk_sys::{HANDLE, PEPROCESS, PPS_CREATE_NOTIFY_INFO};

use crate::state;

/// The driver is told of processes, until this is dropped.
pub(crate) struct ProcessNotifications(());

impl ProcessNotifications {
    /// Maximum IRQL: `PASSIVE_LEVEL` ("`PsSetCreateProcessNotifyRoutineEx` function (ntddk.h)").
    ///
    /// # Errors
    ///
    /// `STATUS_ACCESS_DENIED` when the image was not linked with `/INTEGRITYCHECK`;
    /// `STATUS_INVALID_PARAMETER` when the system has no place for one more.
    pub(crate) fn begin() -> Result<Self> {
        assert_at_most(PASSIVE_LEVEL);
        // SAFETY: the routine stays where it is until `drop` takes it back.
        let status = unsafe { PsSetCreateProcessNotifyRoutineEx(Some(notify), 0) };
        NtStatus::from_raw(status).ok().map(|_| Self(()))
    }
}

impl Drop for ProcessNotifications {
    /// Waits until the routine does not run. Maximum IRQL: `PASSIVE_LEVEL`.
    fn drop(&mut self) {
        assert_at_most(PASSIVE_LEVEL);
        // SAFETY: the routine was set by `begin`.
        let _removed = unsafe { PsSetCreateProcessNotifyRoutineEx(Some(notify), 1) };
    }
}

/// IRQL: `PASSIVE_LEVEL` ("`PCREATE_PROCESS_NOTIFY_ROUTINE_EX` callback function (ntddk.h)").
unsafe extern "C" fn notify(process: PEPROCESS, _id: HANDLE, creation: PPS_CREATE_NOTIFY_INFO) {
    assert_at_most(PASSIVE_LEVEL);
    let Some(state) = state::get() else { return };
    // SAFETY: the process lives through the callback.
    let Some(process) = (unsafe { Process::from_raw(process) }) else { return };
    // SAFETY: null, or a structure that lives through the callback.
    match unsafe { creation.as_ref() } {
        Some(creation) => {
            state.processes.created(process, u32::try_from(creation.ParentProcessId as usize).unwrap_or(0));
        }
        None => state.processes.exited(process),
    }
}
