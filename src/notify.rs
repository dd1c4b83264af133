//! Being told when processes and threads begin and end.

use fltmgr::irql::{APC_LEVEL, PASSIVE_LEVEL, assert_at_most};
use fltmgr::{NtStatus, Process, Result};
use wdk_sys::ntddk::{
    PsRemoveCreateThreadNotifyRoutine, PsSetCreateProcessNotifyRoutineEx, PsSetCreateThreadNotifyRoutine,
};
use wdk_sys::{BOOLEAN, HANDLE, PEPROCESS, PPS_CREATE_NOTIFY_INFO};

use crate::state::{self, State};

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
            state.processes.created(
                &state.exclusions,
                process,
                u32::try_from(creation.ParentProcessId as usize).unwrap_or(0),
            );
        }
        None => state.processes.exited(process),
    }
}

/// The driver is told of threads, until this is dropped.
pub(crate) struct ThreadNotifications(());

impl ThreadNotifications {
    /// `None` when the system has no place for one more: then threads are asked for at each write.
    ///
    /// Maximum IRQL: `PASSIVE_LEVEL` ("`PsSetCreateThreadNotifyRoutine` function (ntddk.h)"). The variant with `Ex` tells
    /// of the creation of other threads than system threads only.
    pub(crate) fn begin(state: &State) -> Option<Self> {
        assert_at_most(PASSIVE_LEVEL);
        // SAFETY: the routine stays where it is until `drop` takes it back.
        let status = unsafe { PsSetCreateThreadNotifyRoutine(Some(notify_of_thread)) };
        NtStatus::from_raw(status).ok().ok()?;
        state.threads.are_told();
        Some(Self(()))
    }
}

impl Drop for ThreadNotifications {
    /// Waits until the routine does not run. Maximum IRQL: `PASSIVE_LEVEL` ("`PsRemoveCreateThreadNotifyRoutine`
    /// function (ntddk.h)" allows `APC_LEVEL`).
    fn drop(&mut self) {
        assert_at_most(PASSIVE_LEVEL);
        // SAFETY: the routine was set by `begin`.
        let _removed = unsafe { PsRemoveCreateThreadNotifyRoutine(Some(notify_of_thread)) };
    }
}

/// Called for a new thread in the context of the one that created it, and for a thread that exits in its own.
///
/// IRQL: `PASSIVE_LEVEL` or `APC_LEVEL` ("`PCREATE_THREAD_NOTIFY_ROUTINE` callback function (ntddk.h)").
unsafe extern "C" fn notify_of_thread(_process_id: HANDLE, id: HANDLE, created: BOOLEAN) {
    assert_at_most(APC_LEVEL);
    let Some(state) = state::get() else { return };
    if created == 0 {
        state.threads.exits();
    } else {
        state.threads.created(id);
    }
}
