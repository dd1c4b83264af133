//! The beginning and the end.

use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicPtr, Ordering};

use fltmgr::irql::{PASSIVE_LEVEL, assert_at_most};
use fltmgr::pool::PoolBox;
use fltmgr::{Filter, NtStatus, Result};
use wdk_sys::{NTSTATUS, PCUNICODE_STRING, PDRIVER_OBJECT};

use crate::deliver::DeliveryThread;
use crate::diagnosis;
use crate::memory::TAG;
use crate::notify::{ProcessNotifications, ThreadNotifications};
use crate::port::{self, OpenConnections, Ports};
use crate::registration::registration;
use crate::state::{self, Published};

/// All that has to be undone, in the order in which it is: fields are dropped from first to last.
struct Loaded {
    /// New work is refused.
    _recording: Recording,
    /// After a last attempt to deliver, the thread ends.
    _delivery: DeliveryThread,
    /// Nobody new is told of.
    _notifications: ProcessNotifications,
    /// Nobody new connects.
    _ports: Ports,
    /// Whoever is connected is disconnected.
    _connections: OpenConnections,
    /// No callback comes any more; contexts are gone.
    filter: Filter,
    /// Who is known by his thread is known while callbacks come: they end first.
    _threads: Option<ThreadNotifications>,
    /// Nobody is left who needs it.
    _state: Published,
}

/// Null, or what [`unload`] undoes.
static LOADED: AtomicPtr<Loaded> = AtomicPtr::new(ptr::null_mut());

/// The entry point that the loader calls.
///
/// IRQL: `PASSIVE_LEVEL`, in the System process.
// SAFETY: no other symbol of the image has this name.
#[unsafe(export_name = "DriverEntry")]
pub(crate) unsafe extern "system" fn driver_entry(
    driver: PDRIVER_OBJECT,
    _registry_path: PCUNICODE_STRING,
) -> NTSTATUS {
    assert_at_most(PASSIVE_LEVEL);
    // SAFETY: the loader passes the driver object that it made for this image.
    match unsafe { load(driver) } {
        Ok(()) => NtStatus::SUCCESS.as_raw(),
        Err(status) => {
            diagnosis::not_loaded(status);
            status.as_raw()
        }
    }
}

/// Whatever fails, what was done before is undone, in reverse.
///
/// Maximum IRQL: `PASSIVE_LEVEL`.
///
/// # Safety
///
/// `driver` is the driver object that `DriverEntry` got.
unsafe fn load(driver: PDRIVER_OBJECT) -> Result<()> {
    // SAFETY: by the function's own condition.
    let state = unsafe { Published::publish(driver) }?;
    let threads = ThreadNotifications::begin(&state);
    // SAFETY: by the function's own condition.
    let filter = unsafe { Filter::register(driver, registration(&state)) }?;
    let connections = OpenConnections::guard();
    let ports = port::open(filter.borrow())?;
    let notifications = ProcessNotifications::begin()?;
    let delivery = DeliveryThread::start()?;
    let loaded = Loaded {
        _recording: Recording(()),
        _delivery: delivery,
        _notifications: notifications,
        _ports: ports,
        _connections: connections,
        filter,
        _threads: threads,
        _state: state,
    };
    let loaded = PoolBox::try_new(loaded, TAG)?;
    // Callbacks come from here on. It can fail, so it is last.
    loaded.filter.start()?;
    // Release: pairs with the Acquire in `unload`.
    LOADED.store(loaded.into_raw().as_ptr(), Ordering::Release);
    Ok(())
}

/// Undoes everything.
///
/// Maximum IRQL: `PASSIVE_LEVEL`.
pub(crate) fn unload() {
    assert_at_most(PASSIVE_LEVEL);
    // Acquire: pairs with the Release in `load`.
    if let Some(loaded) = NonNull::new(LOADED.swap(ptr::null_mut(), Ordering::Acquire)) {
        // SAFETY: `load` gave the box up to the variable, which is empty now.
        drop(unsafe { PoolBox::from_raw(loaded, TAG) });
    }
}

/// While it lives, writes are recorded.
struct Recording(());

impl Drop for Recording {
    /// Maximum IRQL: any.
    fn drop(&mut self) {
        state::stop_recording();
    }
}
