//! The end of instances: their filter unloads, their volume is dismounted, or somebody detaches them.
//!
//! The order is that of "Writing instance teardown callback routines" (Microsoft Learn): no operation begins in the
//! instance any more; it is told, and must complete what it has pended; those in flight drain; it is told that nothing is
//! left; its contexts go.

use std::sync::Arc;

use super::context;
use super::dispatch::drain;
use super::filter::Filter;
use super::instance::Instance;
use crate::abi::Ptr;
use crate::io::Volume;
use crate::io::driver::status_of;
use crate::ke::{Cpu, Entry};
use crate::status::NtStatus;

/// `FLT_INSTANCE_TEARDOWN_FLAGS`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// `FLTFL_INSTANCE_TEARDOWN_MANUAL`
    Manual = 1,
    /// `FLTFL_INSTANCE_TEARDOWN_FILTER_UNLOAD`
    FilterUnload = 2,
    /// `FLTFL_INSTANCE_TEARDOWN_VOLUME_DISMOUNT`
    VolumeDismount = 8,
}

/// Tears an instance down, unless that has begun already.
fn tear_down(cpu: &Cpu, instance: &Arc<Instance>, reason: Reason) {
    if !instance.begin_teardown() {
        return;
    }
    let callbacks = &instance.filter().callbacks;
    let reason = [reason as usize];
    instance.call(cpu, Entry::InstanceTeardownStart, callbacks.instance_teardown_start, &reason);
    drain(cpu, instance);
    instance.volume().filters.remove(instance);
    instance.call(cpu, Entry::InstanceTeardownComplete, callbacks.instance_teardown_complete, &reason);
    cpu.kernel().filters.enlistments.instance_gone(instance);
    context::instance_gone(cpu, instance);
    cpu.kernel().filters.remove(instance.ptr());
}

fn instance_on(filter: &Arc<Filter>, volume: &Volume) -> Option<Arc<Instance>> {
    volume.filters.instances().into_iter().find(|instance| Arc::ptr_eq(instance.filter(), filter))
}

/// A filter that unloads goes from a volume.
pub(super) fn filter_unloads(cpu: &Cpu, filter: &Arc<Filter>, volume: &Volume) {
    if let Some(instance) = instance_on(filter, volume) {
        tear_down(cpu, &instance, Reason::FilterUnload);
    }
}

/// A volume is dismounted: every filter goes from it, the highest first.
pub(crate) fn volume_dismounted(cpu: &Cpu, volume: &Volume) {
    cpu.kernel().attaching.alone(cpu, || {
        for instance in volume.filters.instances() {
            tear_down(cpu, &instance, Reason::VolumeDismount);
        }
        context::volume_gone(cpu, volume);
        volume.filters.clear();
        cpu.kernel().filters.remove(volume.ptr());
    });
}

/// Detaches a filter from a volume if it agrees; one without a callback to be asked by does not (the page on
/// `PFLT_INSTANCE_QUERY_TEARDOWN_CALLBACK`).
pub(super) fn detach_manually(cpu: &Cpu, filter: &Arc<Filter>, volume: &Volume) -> NtStatus {
    /// Flags of the query.
    const NO_FLAGS: usize = 0;
    let Some(instance) = instance_on(filter, volume) else { return NtStatus::FLT_INSTANCE_NOT_FOUND };
    let query = filter.callbacks.instance_query_teardown;
    let answer = instance.call(cpu, Entry::InstanceQueryTeardown, query, &[NO_FLAGS]);
    match answer.map(status_of) {
        Some(status) if status.is_success() => {
            cpu.kernel().attaching.alone(cpu, || tear_down(cpu, &instance, Reason::Manual));
            NtStatus::SUCCESS
        }
        _ => NtStatus::FLT_DO_NOT_DETACH,
    }
}

/// A driver's filter is detached from a volume, as `fltmc detach` does.
pub(crate) fn detach(cpu: &Cpu, driver: u64, volume: u64) -> NtStatus {
    let kernel = cpu.kernel();
    let driver = kernel.drivers.lock().iter().find(|known| known.id() == driver).cloned();
    let filter = driver.and_then(|driver| driver.filter.lock().clone());
    let volume = kernel.volumes.all().into_iter().find(|known| known.id() == volume);
    match (filter, volume) {
        (Some(filter), Some(volume)) => detach_manually(cpu, &filter, &volume),
        (None, _) => NtStatus::FLT_FILTER_NOT_FOUND,
        (_, None) => NtStatus::FLT_VOLUME_NOT_FOUND,
    }
}

/// `FltDetachVolume`, of the only instance that a filter has on a volume here.
pub(crate) fn detach_volume(cpu: &Cpu, filter: Ptr, volume: Ptr, _name: Ptr) -> NtStatus {
    let filters = &cpu.kernel().filters;
    let (Some(filter), Some(volume)) = (filters.filter(cpu, filter), filters.volume(cpu, volume)) else {
        return NtStatus::INVALID_PARAMETER;
    };
    detach_manually(cpu, &filter, &volume)
}
