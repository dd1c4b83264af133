//! Filters: registration, start, end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::altitude::Altitude;
use super::registration::{self, Callbacks, OperationEntry};
use super::{context, instance, port, teardown};
use crate::abi::{Ptr, Registration};
use crate::io::driver::{Driver, status_of};
use crate::ke::rundown::Rundown;
use crate::ke::{Cpu, Entry, Frame};
use crate::sim::{Major, UnloadError};
use crate::status::NtStatus;
use crate::verifier::Rule;

/// A registered filter.
pub(crate) struct Filter {
    ptr: Ptr,
    driver: Arc<Driver>,
    pub(super) callbacks: Callbacks,
    /// That of its default instance.
    pub(super) altitude: Altitude,
    /// Work that keeps it, and references to it.
    pub(super) users: Rundown,
    /// Its contexts that are set on an object, or being cleaned up because the object let go of them.
    pub(super) linked: Rundown,
    started: AtomicBool,
    /// Set when it is being unregistered.
    deleting: AtomicBool,
}

// Every atomic here is relaxed: registration and unregistration are ordered by the machine's lock or the baton.
impl Filter {
    pub(crate) fn ptr(&self) -> Ptr {
        self.ptr
    }

    pub(crate) fn driver(&self) -> &Arc<Driver> {
        &self.driver
    }

    pub(super) fn operation(&self, major: Major) -> Option<OperationEntry> {
        self.callbacks.operations[major as usize]
    }

    pub(super) fn has_started(&self) -> bool {
        self.started.load(Ordering::Relaxed)
    }

    pub(super) fn is_deleting(&self) -> bool {
        self.deleting.load(Ordering::Relaxed)
    }

    /// A call of one of its callbacks that is about no operation.
    pub(super) fn frame(&self, entry: Entry) -> Frame {
        Frame { driver: Arc::clone(&self.driver), entry, operation: None }
    }
}

/// `FltRegisterFilter`.
pub(crate) fn register_filter(
    cpu: &Cpu,
    driver_object: Ptr,
    registration: Ptr<Registration>,
    filter: Ptr<Ptr>,
) -> NtStatus {
    let Some(driver) = cpu.driver() else { return NtStatus::INVALID_PARAMETER };
    if driver.object() != driver_object {
        cpu.violation(Rule::Registration, "registers another driver than itself");
        return NtStatus::INVALID_PARAMETER;
    }
    if driver.filter.lock().is_some() {
        cpu.violation(Rule::Registration, "registers twice");
        return NtStatus::FLT_INSTANCE_NAME_COLLISION;
    }
    let callbacks = match registration::read(cpu, registration) {
        Ok(callbacks) => callbacks,
        Err(status) => return status,
    };
    let registered = Arc::new(Filter {
        ptr: cpu.kernel().arena.allocate(),
        driver: Arc::clone(&driver),
        callbacks,
        altitude: cpu.kernel().filters.altitude_of(driver.service()),
        users: Rundown::default(),
        linked: Rundown::default(),
        started: AtomicBool::new(false),
        deleting: AtomicBool::new(false),
    });
    cpu.kernel().filters.add_filter(&registered);
    filter.write(registered.ptr);
    *driver.filter.lock() = Some(registered);
    NtStatus::SUCCESS
}

/// `FltStartFiltering`: the filter attaches to every volume.
pub(crate) fn start_filtering(cpu: &Cpu, filter: Ptr) -> NtStatus {
    let Some(filter) = cpu.kernel().filters.filter(cpu, filter) else { return NtStatus::INVALID_PARAMETER };
    if filter.is_deleting() {
        return NtStatus::FLT_DELETING_OBJECT;
    }
    cpu.kernel().attaching.alone(cpu, || {
        if filter.started.swap(true, Ordering::Relaxed) {
            cpu.violation(Rule::Registration, "starts filtering twice");
            return NtStatus::INVALID_PARAMETER;
        }
        for volume in cpu.kernel().volumes.all() {
            instance::attach(cpu, &filter, &volume, instance::SETUP_AUTOMATIC);
        }
        NtStatus::SUCCESS
    })
}

/// `FltUnregisterFilter`: instances detach, connections are closed, contexts go; no callback comes afterwards.
pub(crate) fn unregister_filter(cpu: &Cpu, filter: Ptr) {
    let filters = &cpu.kernel().filters;
    let Some(filter) = filters.filter(cpu, filter) else { return };
    if filter.deleting.swap(true, Ordering::Relaxed) {
        cpu.violation(Rule::Registration, "unregisters twice");
        return;
    }
    port::filter_gone(cpu, &filter);
    cpu.kernel().attaching.alone(cpu, || {
        for volume in cpu.kernel().volumes.all() {
            teardown::filter_unloads(cpu, &filter, &volume);
        }
    });
    context::filter_gone(cpu, &filter);
    context::wait_for_cleanups(cpu, &filter);
    filter.users.run_down(cpu);
    filters.remove(filter.ptr);
    filter.driver.filter.lock().take();
}

/// Asks a filter to unload, as `fltmc unload` does.
pub(crate) fn unload(cpu: &Cpu, driver: &Arc<Driver>) -> Result<(), UnloadError> {
    /// Flags of an unload that the filter may refuse.
    const NOT_MANDATORY: usize = 0;
    let filter = driver.filter.lock().clone();
    let filter =
        filter.filter(|filter| !filter.callbacks.unload.is_null()).ok_or(UnloadError::NotSupported)?;
    let frame = filter.frame(Entry::FilterUnload);
    let status = status_of(cpu.call_driver(frame, filter.callbacks.unload, &[NOT_MANDATORY]));
    if status.is_success() { Ok(()) } else { Err(UnloadError::Refused(status)) }
}
