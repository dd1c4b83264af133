//! Filters, instances and volumes found by name, by each other, or all of them. What is given is referenced.

use std::cmp::Ordering;
use std::sync::Arc;

use super::filter::Filter;
use super::instance::Instance;
use super::reference;
use crate::abi::{Ptr, UnicodeString};
use crate::io::Volume;
use crate::ke::Cpu;
use crate::rtl;
use crate::status::NtStatus;
use crate::verifier::Rule;

/// What service names of instances end in: `Sim` gives each filter one, as the samples' `.inf` files do.
const INSTANCE_NAME_SUFFIX: &str = " Instance";

/// Gives a driver an object, referenced, or says why not.
fn give(cpu: &Cpu, found: Option<Ptr>, otherwise: NtStatus, out: Ptr<Ptr>) -> NtStatus {
    let Some(found) = found else { return otherwise };
    let status = reference::object_reference(cpu, found);
    if status.is_success() {
        out.write(found);
    }
    status
}

/// Gives a driver a list of objects, each referenced.
fn give_list(cpu: &Cpu, found: &[Ptr], list: Ptr<Ptr>, room: u32, count: Ptr<u32>) -> NtStatus {
    count.write(u32::try_from(found.len()).unwrap_or(u32::MAX));
    if found.len() > room as usize {
        return NtStatus::BUFFER_TOO_SMALL;
    }
    for (index, object) in found.iter().enumerate() {
        let status = reference::object_reference(cpu, *object);
        if !status.is_success() {
            return status;
        }
        list.offset(index).write(*object);
    }
    NtStatus::SUCCESS
}

fn all_filters(cpu: &Cpu) -> Vec<Arc<Filter>> {
    let drivers = cpu.kernel().drivers.lock().clone();
    let filters = drivers.iter().filter_map(|driver| driver.filter.lock().clone());
    filters.filter(|filter| !filter.is_deleting()).collect()
}

/// `FltEnumerateFilters`.
pub(crate) fn enumerate_filters(cpu: &Cpu, list: Ptr<Ptr>, room: u32, count: Ptr<u32>) -> NtStatus {
    let found: Vec<Ptr> = all_filters(cpu).iter().map(|filter| filter.ptr()).collect();
    give_list(cpu, &found, list, room, count)
}

/// `FltEnumerateVolumes`: those that filters can attach to.
pub(crate) fn enumerate_volumes(
    cpu: &Cpu,
    filter: Ptr,
    list: Ptr<Ptr>,
    room: u32,
    count: Ptr<u32>,
) -> NtStatus {
    if cpu.kernel().filters.filter(cpu, filter).is_none() {
        return NtStatus::INVALID_PARAMETER;
    }
    let found: Vec<Ptr> = cpu.kernel().volumes.all().iter().map(|volume| volume.ptr()).collect();
    give_list(cpu, &found, list, room, count)
}

/// `FltEnumerateInstances`: of a volume, of a filter, of both, or all.
pub(crate) fn enumerate_instances(
    cpu: &Cpu,
    volume: Ptr,
    filter: Ptr,
    list: Ptr<Ptr>,
    room: u32,
    count: Ptr<u32>,
) -> NtStatus {
    let filters = &cpu.kernel().filters;
    let volumes = match volume.non_null() {
        None => cpu.kernel().volumes.all(),
        Some(volume) => match filters.volume(cpu, volume) {
            Some(volume) => vec![volume],
            None => return NtStatus::INVALID_PARAMETER,
        },
    };
    if !filter.is_null() && filters.filter(cpu, filter).is_none() {
        return NtStatus::INVALID_PARAMETER;
    }
    let is_wanted = |instance: &Arc<Instance>| filter.is_null() || instance.filter().ptr() == filter;
    let found: Vec<Ptr> = volumes
        .iter()
        .flat_map(|volume| volume.filters.instances())
        .filter(is_wanted)
        .map(|instance| instance.ptr())
        .collect();
    give_list(cpu, &found, list, room, count)
}

/// `FltGetFilterFromInstance`.
pub(crate) fn filter_from_instance(cpu: &Cpu, instance: Ptr, filter: Ptr<Ptr>) -> NtStatus {
    let found = cpu.kernel().filters.instance(cpu, instance).map(|instance| instance.filter().ptr());
    give(cpu, found, NtStatus::INVALID_PARAMETER, filter)
}

/// `FltGetFilterFromName`: a filter is called as its service.
pub(crate) fn filter_from_name(cpu: &Cpu, name: Ptr<UnicodeString>, filter: Ptr<Ptr>) -> NtStatus {
    let name = rtl::read_unicode_string(name);
    let all = all_filters(cpu);
    let found = all.iter().find(|filter| filter.driver().service().eq_ignore_ascii_case(&name));
    give(cpu, found.map(|filter| filter.ptr()), NtStatus::FLT_FILTER_NOT_FOUND, filter)
}

/// `FltGetVolumeFromName`.
pub(crate) fn volume_from_name(
    cpu: &Cpu,
    filter: Ptr,
    name: Ptr<UnicodeString>,
    volume: Ptr<Ptr>,
) -> NtStatus {
    if cpu.kernel().filters.filter(cpu, filter).is_none() {
        return NtStatus::INVALID_PARAMETER;
    }
    let name = rtl::read_unicode_string(name);
    if name.is_empty() {
        return NtStatus::INVALID_PARAMETER;
    }
    let found = cpu.kernel().volumes.resolve(&name).filter(|(_, rest)| rest.is_empty());
    give(cpu, found.map(|(volume, _)| volume.ptr()), NtStatus::FLT_VOLUME_NOT_FOUND, volume)
}

/// `FltGetVolumeFromDeviceObject`.
pub(crate) fn volume_from_device(cpu: &Cpu, filter: Ptr, device: Ptr, volume: Ptr<Ptr>) -> NtStatus {
    if cpu.kernel().filters.filter(cpu, filter).is_none() {
        return NtStatus::INVALID_PARAMETER;
    }
    let all = cpu.kernel().volumes.all();
    let found = all.iter().find(|known| known.device() == device || known.disk() == Some(device));
    give(cpu, found.map(|volume| volume.ptr()), NtStatus::FLT_VOLUME_NOT_FOUND, volume)
}

/// `FltGetVolumeInstanceFromName`: the instance that a filter has on a volume; without a name, any of the filter's, without
/// a filter, any of that name.
pub(crate) fn instance_from_name(
    cpu: &Cpu,
    filter: Ptr,
    volume: Ptr,
    name: Ptr<UnicodeString>,
    instance: Ptr<Ptr>,
) -> NtStatus {
    let filters = &cpu.kernel().filters;
    let Some(volume) = filters.volume(cpu, volume) else { return NtStatus::INVALID_PARAMETER };
    if !filter.is_null() && filters.filter(cpu, filter).is_none() {
        return NtStatus::INVALID_PARAMETER;
    }
    let name = name.non_null().map(rtl::read_unicode_string);
    let is_it = |known: &&Arc<Instance>| {
        let its_name = format!("{}{INSTANCE_NAME_SUFFIX}", known.filter().driver().service());
        (filter.is_null() || known.filter().ptr() == filter)
            && name.as_ref().is_none_or(|name| name.eq_ignore_ascii_case(&its_name))
    };
    let all = volume.filters.instances();
    let found = all.iter().find(is_it).map(|known| known.ptr());
    give(cpu, found, NtStatus::FLT_INSTANCE_NOT_FOUND, instance)
}

/// The instance that is so many places below another one on its volume.
fn neighbour(cpu: &Cpu, instance: Ptr, distance: isize, out: Ptr<Ptr>) -> NtStatus {
    let Some(current) = cpu.kernel().filters.instance(cpu, instance) else {
        return NtStatus::INVALID_PARAMETER;
    };
    let all = current.volume().filters.instances();
    let place = all.iter().position(|known| Arc::ptr_eq(known, &current));
    let place = place.and_then(|place| place.checked_add_signed(distance));
    let found = place.and_then(|place| all.get(place)).map(|known| known.ptr());
    give(cpu, found, NtStatus::NO_MORE_ENTRIES, out)
}

/// `FltGetUpperInstance`.
pub(crate) fn upper_instance(cpu: &Cpu, instance: Ptr, upper: Ptr<Ptr>) -> NtStatus {
    neighbour(cpu, instance, -1, upper)
}

/// `FltGetLowerInstance`.
pub(crate) fn lower_instance(cpu: &Cpu, instance: Ptr, lower: Ptr<Ptr>) -> NtStatus {
    neighbour(cpu, instance, 1, lower)
}

fn at_end_of(
    cpu: &Cpu,
    volume: Ptr,
    out: Ptr<Ptr>,
    end: impl FnOnce(&[Arc<Instance>]) -> Option<&Arc<Instance>>,
) -> NtStatus {
    let Some(volume): Option<Arc<Volume>> = cpu.kernel().filters.volume(cpu, volume) else {
        return NtStatus::INVALID_PARAMETER;
    };
    let found = end(&volume.filters.instances()).map(|known| known.ptr());
    give(cpu, found, NtStatus::NO_MORE_ENTRIES, out)
}

/// `FltGetTopInstance`.
pub(crate) fn top_instance(cpu: &Cpu, volume: Ptr, instance: Ptr<Ptr>) -> NtStatus {
    at_end_of(cpu, volume, instance, <[_]>::first)
}

/// `FltGetBottomInstance`.
pub(crate) fn bottom_instance(cpu: &Cpu, volume: Ptr, instance: Ptr<Ptr>) -> NtStatus {
    at_end_of(cpu, volume, instance, <[_]>::last)
}

/// `FltCompareInstanceAltitudes`.
pub(crate) fn compare_altitudes(cpu: &Cpu, first: Ptr, second: Ptr) -> i32 {
    let filters = &cpu.kernel().filters;
    let (Some(first), Some(second)) = (filters.instance(cpu, first), filters.instance(cpu, second)) else {
        return 0;
    };
    if !Arc::ptr_eq(first.volume(), second.volume()) {
        cpu.violation(Rule::InvalidParameter, "compares altitudes of instances on different volumes");
    }
    match first.altitude().cmp(&second.altitude()) {
        Ordering::Less => -1,
        Ordering::Equal => 0,
        Ordering::Greater => 1,
    }
}
