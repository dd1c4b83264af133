//! Device objects of drivers, by which programs and drivers talk: names, and symbolic links to them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::abi::{Address, DeviceObject, DriverObject, Ptr, UnicodeString};
use crate::ex::block::{Block, Content};
use crate::io::driver::Driver;
use crate::ke::Cpu;
use crate::rtl;
use crate::sim::Leak;
use crate::status::NtStatus;
use crate::util::Lock;
use crate::verifier::Rule;

/// `IO_TYPE_DEVICE`
const IO_TYPE_DEVICE: i16 = 3;
/// `DEVICE_OBJECT.Flags`
mod flags {
    pub(super) const EXCLUSIVE: u32 = 0x08;
    pub(super) const HAS_NAME: u32 = 0x40;
    pub(super) const INITIALIZING: u32 = 0x80;
}
/// Where device objects are said to be in reports of the watch.
const DEVICE: &str = "device object";
const DEVICE_TAG: u32 = u32::from_le_bytes(*b"Devi");
/// The beginnings of a link's name that mean the same.
const LINK_FOLDERS: [&str; 4] = [r"\DosDevices\Global\", r"\DosDevices\", r"\??\", r"\\.\"];

/// A device object.
pub(crate) struct Device {
    driver: Arc<Driver>,
    name: Option<String>,
    block: Lock<Option<Block>>,
    object: Ptr<DeviceObject>,
    /// How often it is open.
    opens: AtomicUsize,
}

// The counter is relaxed: it orders nothing but itself.
impl Device {
    pub(super) fn driver(&self) -> &Arc<Driver> {
        &self.driver
    }

    pub(super) fn object(&self) -> Ptr<DeviceObject> {
        self.object
    }

    /// Opens it, unless it cannot be.
    pub(super) fn open(&self) -> Result<(), NtStatus> {
        let set = self.object.read().flags;
        if set & flags::INITIALIZING != 0 {
            return Err(NtStatus::NO_SUCH_DEVICE);
        }
        let opens = self.opens.fetch_add(1, Ordering::Relaxed);
        if set & flags::EXCLUSIVE != 0 && opens > 0 {
            self.opens.fetch_sub(1, Ordering::Relaxed);
            return Err(NtStatus::ACCESS_DENIED);
        }
        self.set_reference_count();
        Ok(())
    }

    fn set_reference_count(&self) {
        let opens = i32::try_from(self.opens.load(Ordering::Relaxed)).unwrap_or(i32::MAX);
        let mut object = self.object.read();
        object.reference_count = opens;
        self.object.write(object);
    }
}

#[derive(Default)]
struct State {
    devices: Vec<Arc<Device>>,
    /// Devices that were deleted while they were open.
    going: Vec<Arc<Device>>,
    /// Symbolic links, by name in upper case: where they lead, and whose they are.
    links: BTreeMap<String, (String, Arc<Driver>)>,
}

/// The devices of the drivers of one kernel.
#[derive(Default)]
pub(crate) struct Devices {
    state: Lock<State>,
}

impl Devices {
    /// The device of a name, which may be that of a link.
    pub(super) fn named(&self, name: &str) -> Option<Arc<Device>> {
        let state = self.state.lock();
        let link = link_key(name).and_then(|key| state.links.get(&key)).map(|(target, _)| target.as_str());
        let name = link.unwrap_or(name);
        let is_it = |device: &&Arc<Device>| {
            device.name.as_deref().is_some_and(|known| known.eq_ignore_ascii_case(name))
        };
        state.devices.iter().find(is_it).cloned()
    }

    /// What a driver that is gone left behind.
    pub(crate) fn leaks(&self, driver: &Arc<Driver>) -> Vec<Leak> {
        let mut state = self.state.lock();
        let is_its = |owner: &Arc<Driver>| Arc::ptr_eq(owner, driver);
        let mut leaks = Vec::new();
        for device in state.devices.iter().filter(|device| is_its(&device.driver)) {
            leaks.push(Leak::new(
                DEVICE,
                device.name.clone().unwrap_or_else(|| "without a name".to_owned()),
                1,
            ));
        }
        for (_, (target, _)) in state.links.iter().filter(|(_, (_, owner))| is_its(owner)) {
            leaks.push(Leak::new("symbolic link", format!("to {target}"), 1));
        }
        state.devices.retain(|device| !is_its(&device.driver));
        state.links.retain(|_, (_, owner)| !is_its(owner));
        leaks
    }
}

/// The name of a link without the folder that all links are in, in upper case.
fn link_key(name: &str) -> Option<String> {
    let rest = LINK_FOLDERS.iter().find_map(|folder| {
        let head = name.get(..folder.len())?;
        head.eq_ignore_ascii_case(folder).then(|| &name[folder.len()..])
    });
    rest.map(str::to_uppercase)
}

/// `IoCreateDevice`.
#[expect(clippy::too_many_arguments, reason = "the routine has as many")]
pub(crate) fn create(
    cpu: &Cpu,
    driver_object: Ptr<DriverObject>,
    extension_bytes: u32,
    name: Ptr<UnicodeString>,
    device_type: u32,
    characteristics: u32,
    exclusive: u8,
    device: Ptr<Ptr<DeviceObject>>,
) -> NtStatus {
    let Some(driver) = cpu.driver().filter(|driver| driver.object() == driver_object.cast()) else {
        cpu.violation(
            Rule::InvalidParameter,
            format!("{driver_object:?} is not the driver's own driver object"),
        );
        return NtStatus::INVALID_PARAMETER;
    };
    let name = name.non_null().map(rtl::read_unicode_string);
    if name.as_ref().is_some_and(|name| !name.starts_with('\\')) {
        return NtStatus::OBJECT_NAME_INVALID;
    }
    let kernel = cpu.kernel();
    if name.as_ref().is_some_and(|name| kernel.devices.named(name).is_some()) {
        return NtStatus::OBJECT_NAME_COLLISION;
    }
    let size = size_of::<DeviceObject>() + extension_bytes as usize;
    let block = kernel.pool.block(cpu, size, Content::Zeroed, DEVICE, DEVICE_TAG, false);
    let object: Ptr<DeviceObject> = block.ptr();
    let mut value = object.read();
    value.kind = IO_TYPE_DEVICE;
    value.size = u16::try_from(size).unwrap_or(u16::MAX);
    value.driver_object = driver_object.cast();
    value.flags = flags::INITIALIZING
        | if name.is_some() { flags::HAS_NAME } else { 0 }
        | if exclusive != 0 { flags::EXCLUSIVE } else { 0 };
    value.characteristics = characteristics;
    value.device_type = device_type;
    value.stack_size = 1;
    if extension_bytes > 0 {
        value.device_extension = object.byte_offset(size_of::<DeviceObject>());
    }
    let mut driver_value = driver_object.read();
    value.next_device = driver_value.device_object;
    object.write(value);
    driver_value.device_object = object.cast();
    driver_object.write(driver_value);
    let block = Lock::new(Some(block));
    let made = Device { driver, name, block, object, opens: AtomicUsize::new(0) };
    kernel.devices.state.lock().devices.push(Arc::new(made));
    device.write(object);
    NtStatus::SUCCESS
}

/// The initialization of a driver is over: its devices can be opened ("`IoCreateDevice` function (wdm.h)").
pub(super) fn initialized(cpu: &Cpu, driver: &Arc<Driver>) {
    let devices = cpu.kernel().devices.state.lock().devices.clone();
    for device in devices.iter().filter(|device| Arc::ptr_eq(&device.driver, driver)) {
        let mut value = device.object.read();
        value.flags &= !flags::INITIALIZING;
        device.object.write(value);
    }
}

/// `IoDeleteDevice`: one that is open goes when it is closed.
pub(crate) fn delete(cpu: &Cpu, object: Ptr<DeviceObject>) {
    let kernel = cpu.kernel();
    let removed = {
        let mut state = kernel.devices.state.lock();
        let position = state.devices.iter().position(|device| device.object == object);
        position.map(|position| state.devices.remove(position))
    };
    let Some(device) = removed else {
        cpu.violation(
            Rule::ObjectReference,
            format!("deletes {object:?}, which is no device object (any more)"),
        );
        return;
    };
    unlink(&device, object.read().next_device.address());
    if device.opens.load(Ordering::Relaxed) > 0 {
        kernel.devices.state.lock().going.push(device);
    } else {
        free(cpu, &device);
    }
}

/// Takes a device out of its driver's list.
fn unlink(device: &Device, next: Address) {
    let driver = device.driver.object().cast::<DriverObject>();
    let mut value = driver.read();
    let mut place = value.device_object.cast::<DeviceObject>();
    if place == device.object {
        value.device_object = Ptr::at(next);
        driver.write(value);
        return;
    }
    while let Some(here) = place.non_null() {
        let mut value = here.read();
        if value.next_device == device.object.cast() {
            value.next_device = Ptr::at(next);
            here.write(value);
            return;
        }
        place = value.next_device.cast();
    }
}

fn free(cpu: &Cpu, device: &Device) {
    let block = device.block.lock().take();
    if let Some(block) = block {
        cpu.kernel().pool.retire(cpu, block, DEVICE_TAG);
    }
}

/// It has been closed once.
pub(super) fn closed(cpu: &Cpu, device: &Arc<Device>) {
    let last = device.opens.fetch_sub(1, Ordering::Relaxed) == 1;
    let gone = {
        let mut state = cpu.kernel().devices.state.lock();
        let position = state.going.iter().position(|known| Arc::ptr_eq(known, device)).filter(|_| last);
        position.map(|position| state.going.remove(position))
    };
    match gone {
        Some(device) => free(cpu, &device),
        None => device.set_reference_count(),
    }
}

/// `IoCreateSymbolicLink`.
pub(crate) fn create_link(cpu: &Cpu, link: Ptr<UnicodeString>, target: Ptr<UnicodeString>) -> NtStatus {
    let (link, target) = (rtl::read_unicode_string(link), rtl::read_unicode_string(target));
    let Some(driver) = cpu.driver() else { return NtStatus::INVALID_PARAMETER };
    let Some(key) = link_key(&link) else { return NtStatus::OBJECT_NAME_INVALID };
    let mut state = cpu.kernel().devices.state.lock();
    if state.links.contains_key(&key) {
        return NtStatus::OBJECT_NAME_COLLISION;
    }
    state.links.insert(key, (target, driver));
    NtStatus::SUCCESS
}

/// `IoDeleteSymbolicLink`.
pub(crate) fn delete_link(cpu: &Cpu, link: Ptr<UnicodeString>) -> NtStatus {
    let link = rtl::read_unicode_string(link);
    let removed = link_key(&link).and_then(|key| cpu.kernel().devices.state.lock().links.remove(&key));
    if removed.is_some() { NtStatus::SUCCESS } else { NtStatus::OBJECT_NAME_NOT_FOUND }
}
