//! Instances: a filter on a volume.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::altitude::Altitude;
use super::context::{self, ContextList};
use super::filter::Filter;
use super::model;
use super::stack::Layer;
use crate::abi::{FileObject, Ptr, RelatedObjects, Shared};
use crate::io::Volume;
use crate::io::driver::status_of;
use crate::ke::rundown::Rundown;
use crate::ke::{Cpu, Entry};

/// `FLTFL_INSTANCE_SETUP_AUTOMATIC_ATTACHMENT`
pub(crate) const SETUP_AUTOMATIC: usize = 1;
/// `FLTFL_INSTANCE_SETUP_NEWLY_MOUNTED_VOLUME`
pub(crate) const SETUP_NEWLY_MOUNTED: usize = 4;

/// An instance of a filter on a volume.
pub(crate) struct Instance {
    ptr: Ptr,
    filter: Arc<Filter>,
    volume: Arc<Volume>,
    /// Its context, if the filter set one.
    pub(super) contexts: ContextList,
    altitude: Altitude,
    /// The operations that it takes part in.
    pub(super) users: Rundown,
    tearing_down: AtomicBool,
    /// `FltRegisterForDataScan`
    scans_data: AtomicBool,
}

impl Instance {
    pub(crate) fn ptr(&self) -> Ptr {
        self.ptr
    }

    pub(super) fn filter(&self) -> &Arc<Filter> {
        &self.filter
    }

    pub(super) fn volume(&self) -> &Arc<Volume> {
        &self.volume
    }

    pub(super) fn altitude(&self) -> Altitude {
        self.altitude
    }

    // Relaxed: whoever makes sections knows that the instance is registered.
    pub(super) fn register_for_data_scan(&self) {
        self.scans_data.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_registered_for_data_scan(&self) -> bool {
        self.scans_data.load(Ordering::Relaxed)
    }

    pub(super) fn is_tearing_down(&self) -> bool {
        // Relaxed: ordered by the machine's lock or the baton.
        self.tearing_down.load(Ordering::Relaxed)
    }

    /// What every callback of the instance is given.
    pub(super) fn related_objects(&self, file: Ptr<FileObject>) -> RelatedObjects {
        RelatedObjects {
            size: u16::try_from(size_of::<RelatedObjects>()).expect("the structure is small"),
            transaction_context: 0,
            filter: self.filter.ptr(),
            volume: self.volume.ptr(),
            instance: self.ptr,
            file_object: file,
            transaction: Ptr::NULL,
        }
    }

    /// No operation begins in it any more. Returns whether that is new.
    pub(super) fn begin_teardown(&self) -> bool {
        // Relaxed: ordered by the machine's lock or the baton.
        !self.tearing_down.swap(true, Ordering::Relaxed)
    }

    pub(super) fn call(&self, cpu: &Cpu, entry: Entry, callback: Ptr, rest: &[usize]) -> Option<usize> {
        let callback = callback.non_null()?;
        let objects = Shared::new(self.related_objects(Ptr::NULL));
        let mut arguments = vec![objects.ptr().address()];
        arguments.extend_from_slice(rest);
        Some(cpu.call_driver(self.filter.frame(entry), callback, &arguments))
    }
}

/// Attaches a filter to a volume, unless it does not want to.
pub(crate) fn attach(cpu: &Cpu, filter: &Arc<Filter>, volume: &Arc<Volume>, reason: usize) {
    let filters = &cpu.kernel().filters;
    let instance = Arc::new(Instance {
        ptr: cpu.kernel().arena.allocate(),
        filter: Arc::clone(filter),
        volume: Arc::clone(volume),
        contexts: ContextList::default(),
        altitude: filter.altitude,
        users: Rundown::default(),
        tearing_down: AtomicBool::new(false),
        scans_data: AtomicBool::new(false),
    });
    filters.add_instance(&instance);
    let system = Arc::clone(cpu.system_worker());
    let answer = cpu.in_thread(&system, || {
        let device = volume.device_type() as usize;
        let file_system = volume.spec().file_system as usize;
        instance.call(
            cpu,
            Entry::InstanceSetup,
            filter.callbacks.instance_setup,
            &[reason, device, file_system],
        )
    });
    if answer.is_some_and(|result| !status_of(result).is_success()) {
        context::instance_gone(cpu, &instance);
        filters.remove(instance.ptr);
        return;
    }
    if !volume.filters.insert(Layer::Driver(Arc::clone(&instance))) {
        // `STATUS_FLT_INSTANCE_ALTITUDE_COLLISION`: the filter is not on this volume.
        context::instance_gone(cpu, &instance);
        filters.remove(instance.ptr);
    }
}

/// Whether a driver's filter has an instance on a volume.
pub(crate) fn is_attached(volume: &Volume, driver: u64) -> bool {
    volume.filters.instances().iter().any(|instance| instance.filter.driver().id() == driver)
}

/// Lets every filter that is active attach to a new volume.
pub(crate) fn volume_mounted(cpu: &Cpu, volume: &Arc<Volume>) {
    cpu.kernel().filters.add_volume(volume);
    model::volume_mounted(cpu, volume);
    let drivers = cpu.kernel().drivers.lock().clone();
    for driver in drivers {
        let filter = driver.filter.lock().clone();
        if let Some(filter) = filter.filter(|filter| filter.has_started() && !filter.is_deleting()) {
            attach(cpu, &filter, volume, SETUP_AUTOMATIC | SETUP_NEWLY_MOUNTED);
        }
    }
}
