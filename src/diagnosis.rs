//! What the driver says to a debugger.

use audit::ledger::{Ledger, LossReason};
use audit::parameters::{Parameter, Refusal};
use audit::record::Code;
use core::sync::atomic::Ordering;
use fltmgr::irql::{PASSIVE_LEVEL, assert_at_most};
use fltmgr::{NtStatus, unicode_string};
use wdk_sys::ntddk::DbgPrintEx;

use crate::dictionary::Missing;
use crate::parameters::Name;
use crate::state::State;

const DPFLTR_IHVDRIVER_ID: u32 = 77;
const DPFLTR_ERROR_LEVEL: u32 = 0;
const DPFLTR_INFO_LEVEL: u32 = 3;

/// The books at the end.
///
/// Maximum IRQL: `PASSIVE_LEVEL` ("`DbgPrintEx` function (wdm.h)" allows more).
pub(crate) fn report(state: &State, ledger: &Ledger) {
    assert_at_most(PASSIVE_LEVEL);
    // Relaxed: its writer, a thread, has ended.
    let delivered = state.delivered.load(Ordering::Relaxed);
    // SAFETY: the format is terminated and names the types of the arguments that follow.
    let _status = unsafe {
        DbgPrintEx(
            DPFLTR_IHVDRIVER_ID,
            DPFLTR_INFO_LEVEL,
            c"whowrote: produced %I64u, delivered %I64u, lost: ring full %I64u, no memory %I64u, shutdown %I64u, overwritten %I64u\n"
                .as_ptr()
                .cast(),
            ledger.produced,
            delivered,
            ledger.lost(LossReason::RingFull),
            ledger.lost(LossReason::NoMemory),
            ledger.lost(LossReason::Shutdown),
            ledger.lost(LossReason::Overwritten),
        )
    };
    let [by_image, by_path] = state.exclusions.totals();
    // SAFETY: as above.
    let _status = unsafe {
        DbgPrintEx(
            DPFLTR_IHVDRIVER_ID,
            DPFLTR_INFO_LEVEL,
            c"whowrote: left out: by image %I64u, by path %I64u\n".as_ptr().cast(),
            by_image,
            by_path,
        )
    };
    let Missing { refused: unnamed_files, forgotten: forgotten_files } = state.files.shelf().missing();
    let Missing { refused: unnamed_processes, forgotten: forgotten_processes } =
        state.processes.shelf().missing();
    // SAFETY: as above.
    let _status = unsafe {
        DbgPrintEx(
            DPFLTR_IHVDRIVER_ID,
            DPFLTR_INFO_LEVEL,
            c"whowrote: without name: files %I64u, processes %I64u; forgotten: files %I64u, processes %I64u\n"
                .as_ptr()
                .cast(),
            unnamed_files,
            unnamed_processes,
            forgotten_files,
            forgotten_processes,
        )
    };
}

/// A value of a parameter was refused.
///
/// Maximum IRQL: `PASSIVE_LEVEL`.
pub(crate) fn refused(parameter: Parameter, refusal: Refusal) {
    assert_at_most(PASSIVE_LEVEL);
    let Refusal { defect, text, found } = refusal;
    let name = Name::of(parameter);
    let name = unicode_string(name.units());
    // SAFETY: the format is terminated and names the types of the arguments that follow; the name lives through the call.
    let _status = unsafe {
        DbgPrintEx(
            DPFLTR_IHVDRIVER_ID,
            DPFLTR_ERROR_LEVEL,
            c"whowrote: parameter %wZ refused: defect %u, text %u, found %I64x\n".as_ptr().cast(),
            &raw const name,
            u32::from(Code::Known(defect).number()),
            text,
            found,
        )
    };
}

/// Why the driver was not loaded.
///
/// Maximum IRQL: `PASSIVE_LEVEL`.
pub(crate) fn not_loaded(status: NtStatus) {
    assert_at_most(PASSIVE_LEVEL);
    // SAFETY: the format is terminated and names the type of the argument that follows.
    let _status = unsafe {
        DbgPrintEx(
            DPFLTR_IHVDRIVER_ID,
            DPFLTR_ERROR_LEVEL,
            c"whowrote: not loaded: status %08X\n".as_ptr().cast(),
            status.as_raw(),
        )
    };
}
