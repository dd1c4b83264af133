//! Everything that the Filter Manager keeps.

use std::collections::HashMap;
use std::sync::Arc;

use super::altitude::Altitude;
use super::context::ContextTable;
use super::dispatch::Operations;
use super::enlistment::Enlistments;
use super::filter::Filter;
use super::initiate::callback_data::OwnDataTable;
use super::instance::Instance;
use super::lock_buffer::BufferLists;
use super::model::ModelFilter;
use super::name::NameTable;
use super::operation::Operation;
use super::port::PortTable;
use super::queue::Queues;
use super::reference::References;
use super::work_item::WorkItems;
use crate::abi::{Address, Ptr};
use crate::io::Volume;
use crate::io::driver::Driver;
use crate::ke::Cpu;
use crate::sim::Leak;
use crate::util::{AddressMap, Lock};
use crate::verifier::Rule;

/// Altitude of the first driver for which the registry has none: in the group of activity monitors.
const DEFAULT_ALTITUDE: u32 = 385_000;

/// An opaque object of the Filter Manager.
#[derive(Clone)]
pub(super) enum FilterObject {
    Filter(Arc<Filter>),
    Instance(Arc<Instance>),
    Volume(Arc<Volume>),
}

/// What the Filter Manager of one kernel keeps.
#[derive(Default)]
pub(crate) struct FilterManager {
    objects: Lock<AddressMap<FilterObject>>,
    /// Operations in progress, by the address of their callback data.
    pub(crate) operations: Operations,
    /// The model filters, in the order in which they were added.
    pub(super) models: Lock<Vec<Arc<ModelFilter>>>,
    /// The callback data of operations that model filters hold up.
    pub(super) held: Lock<Vec<Address>>,
    /// Altitudes of drivers' default instances by service name, as in the registry.
    pub(super) altitudes: Lock<HashMap<String, Altitude>>,
    pub(super) contexts: ContextTable,
    pub(super) names: NameTable,
    pub(crate) ports: PortTable,
    pub(super) references: References,
    pub(super) work_items: WorkItems,
    pub(super) own_data: OwnDataTable,
    pub(super) queues: Queues,
    pub(super) buffer_lists: BufferLists,
    pub(super) enlistments: Enlistments,
}

impl FilterManager {
    /// The altitude of a driver's default instance; below all others if the registry has none for it.
    pub(super) fn altitude_of(&self, service: &str) -> Altitude {
        let key = service.to_ascii_lowercase();
        let mut altitudes = self.altitudes.lock();
        let next = u32::try_from(altitudes.len()).unwrap_or(u32::MAX);
        *altitudes.entry(key).or_insert_with(|| Altitude::whole(DEFAULT_ALTITUDE.saturating_sub(next)))
    }

    /// Puts the altitude of a driver's default instance into the registry.
    pub(crate) fn set_altitude(&self, service: &str, altitude: Altitude) {
        self.altitudes.lock().insert(service.to_ascii_lowercase(), altitude);
    }

    pub(super) fn add_filter(&self, filter: &Arc<Filter>) {
        self.objects.lock().insert(filter.ptr().address(), FilterObject::Filter(Arc::clone(filter)));
    }

    pub(super) fn add_instance(&self, instance: &Arc<Instance>) {
        self.objects.lock().insert(instance.ptr().address(), FilterObject::Instance(Arc::clone(instance)));
    }

    pub(crate) fn add_volume(&self, volume: &Arc<Volume>) {
        self.objects.lock().insert(volume.ptr().address(), FilterObject::Volume(Arc::clone(volume)));
    }

    pub(super) fn remove(&self, object: Ptr) {
        self.objects.lock().remove(&object.address());
    }

    pub(super) fn get(&self, object: Ptr) -> Option<FilterObject> {
        self.objects.lock().get(&object.address()).cloned()
    }

    /// The filter at a driver's pointer, complaining if there is none (any more).
    pub(super) fn filter(&self, cpu: &Cpu, object: Ptr) -> Option<Arc<Filter>> {
        match self.get(object) {
            Some(FilterObject::Filter(filter)) => Some(filter),
            _ => complain(cpu, object, "filter"),
        }
    }

    /// The instance at a driver's pointer, complaining if there is none (any more).
    pub(crate) fn instance(&self, cpu: &Cpu, object: Ptr) -> Option<Arc<Instance>> {
        match self.get(object) {
            Some(FilterObject::Instance(instance)) => Some(instance),
            _ => complain(cpu, object, "instance"),
        }
    }

    /// The volume at a driver's pointer, complaining if there is none (any more).
    pub(super) fn volume(&self, cpu: &Cpu, object: Ptr) -> Option<Arc<Volume>> {
        match self.get(object) {
            Some(FilterObject::Volume(volume)) => Some(volume),
            _ => complain(cpu, object, "volume"),
        }
    }

    /// The volume at a driver's pointer to it, or to an instance on it.
    pub(super) fn volume_of(&self, cpu: &Cpu, object: Ptr) -> Option<Arc<Volume>> {
        match self.get(object) {
            Some(FilterObject::Volume(volume)) => Some(volume),
            Some(FilterObject::Instance(instance)) => Some(Arc::clone(instance.volume())),
            _ => complain(cpu, object, "volume or instance"),
        }
    }

    /// What is at a driver's pointer, in words, complaining if there is nothing (any more).
    pub(super) fn kind_of(&self, cpu: &Cpu, object: Ptr) -> Option<&'static str> {
        match self.get(object) {
            Some(FilterObject::Filter(_)) => Some("filter"),
            Some(FilterObject::Instance(_)) => Some("instance"),
            Some(FilterObject::Volume(_)) => Some("volume"),
            None => complain(cpu, object, "filter, instance or volume"),
        }
    }

    /// The operation of a driver's callback data, complaining if there is none (any more).
    pub(super) fn operation(&self, cpu: &Cpu, data: Ptr) -> Option<Arc<Operation>> {
        let found = self.operations.get(data.address());
        if found.is_none() {
            complain::<()>(cpu, data, "callback data");
        }
        found
    }
}

fn complain<T>(cpu: &Cpu, object: Ptr, what: &str) -> Option<T> {
    cpu.violation(Rule::ObjectReference, format!("{object:?} is no {what} (any more)"));
    None
}

/// What a driver that is gone left with the Filter Manager.
pub(crate) fn leaks(cpu: &Cpu, driver: &Arc<Driver>) -> Vec<Leak> {
    let filters = &cpu.kernel().filters;
    let mut leaks = filters.contexts.leaks(driver);
    leaks.extend(filters.names.leaks(driver));
    leaks.extend(filters.ports.leaks(driver));
    leaks.extend(filters.references.leaks(driver));
    leaks.extend(filters.work_items.leaks(driver));
    leaks.extend(filters.own_data.leaks(driver));
    if driver.filter.lock().is_some() {
        leaks.push(Leak::new("filter", "still registered", 1));
    }
    leaks
}
