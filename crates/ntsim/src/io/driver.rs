//! Loaded drivers.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::abi::{DriverExtension, DriverObject, Ptr, Shared, SharedText, UnicodeString};
use crate::cm::{SERVICES, service_installed};
use crate::fltmgr::{self, Filter};
use crate::image::{self, Image};
use crate::ke::{Cpu, Entry, Frame};
use crate::kernel::Kernel;
use crate::sim::{Leak, LeakReport, LoadError, UnloadError};
use crate::status::NtStatus;
use crate::util::Lock;
use crate::verifier::Rule;
use crate::verifier::leaks::rule_of;

/// `IO_TYPE_DRIVER`
const IO_TYPE_DRIVER: i16 = 4;

/// A loaded driver.
pub(crate) struct Driver {
    id: u64,
    service: String,
    /// `None` for a driver whose code is linked into a test.
    image: Option<Image>,
    entry_point: Ptr,
    object: Shared<DriverObject>,
    _extension: Shared<DriverExtension>,
    registry_path: Shared<UnicodeString>,
    _texts: [SharedText; 3],
    threads: AtomicU32,
    /// What it registered with the Filter Manager.
    pub(crate) filter: Lock<Option<Arc<Filter>>>,
}

impl Driver {
    fn new(id: u64, service: &str, code: Code) -> Self {
        let name = SharedText::new(format!(r"\Driver\{service}"));
        let key = SharedText::new(service);
        let path = SharedText::new(format!("{SERVICES}{service}"));
        let (image, entry_point) = match code {
            Code::Image(image) => {
                let entry_point = image.entry_point();
                (Some(image), entry_point)
            }
            #[cfg(test)]
            Code::Native(entry_point) => (None, entry_point),
        };
        let object = Shared::new(DriverObject {
            kind: IO_TYPE_DRIVER,
            size: i16::try_from(size_of::<DriverObject>()).expect("a driver object is small"),
            device_object: Ptr::NULL,
            flags: 0,
            driver_start: image.as_ref().map_or(Ptr::NULL, |image| Ptr::at(image.base())),
            driver_size: image.as_ref().map_or(0, |image| u32::try_from(image.bytes()).unwrap_or(u32::MAX)),
            driver_section: Ptr::NULL,
            driver_extension: Ptr::NULL,
            driver_name: name.descriptor(),
            hardware_database: Ptr::NULL,
            fast_io_dispatch: Ptr::NULL,
            driver_init: entry_point,
            driver_start_io: Ptr::NULL,
            driver_unload: Ptr::NULL,
            major_function: [Ptr::NULL; 28],
        });
        let extension = Shared::new(DriverExtension {
            driver_object: object.ptr(),
            add_device: Ptr::NULL,
            count: 0,
            service_key_name: key.descriptor(),
        });
        object.update(|object| object.driver_extension = extension.ptr());
        let registry_path = Shared::new(path.descriptor());
        Self {
            id,
            service: service.to_owned(),
            image,
            entry_point,
            object,
            _extension: extension,
            registry_path,
            _texts: [name, key, path],
            threads: AtomicU32::new(0),
            filter: Lock::default(),
        }
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    pub(crate) fn service(&self) -> &str {
        &self.service
    }

    pub(crate) fn image(&self) -> Option<&Image> {
        self.image.as_ref()
    }

    /// The `PDRIVER_OBJECT`.
    pub(crate) fn object(&self) -> Ptr {
        self.object.ptr().cast()
    }

    /// The dispatch routine for a major function; NULL if it has none.
    pub(super) fn dispatch_routine(&self, major: usize) -> Ptr {
        self.object.get().major_function.get(major).copied().unwrap_or(Ptr::NULL)
    }

    /// Whether its image was linked with `/INTEGRITYCHECK`.
    pub(crate) fn forces_integrity(&self) -> bool {
        self.image.as_ref().is_none_or(Image::forces_integrity)
    }

    // Relaxed: the count is read when the driver is gone, after the scheduler has run its threads.
    pub(crate) fn thread_started(&self) {
        self.threads.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn thread_ended(&self) {
        self.threads.fetch_sub(1, Ordering::Relaxed);
    }

    fn threads(&self) -> u32 {
        self.threads.load(Ordering::Relaxed)
    }
}

/// Where a driver's code comes from.
pub(crate) enum Code {
    Image(Image),
    /// A function of a test, in place of `DriverEntry`.
    #[cfg(test)]
    Native(Ptr),
}

impl Code {
    /// The image was read from this file, beside which its symbols may be.
    pub(crate) fn look_for_symbols_beside(&self, path: &Path) {
        match self {
            Self::Image(image) => image.symbols().look_beside(path),
            #[cfg(test)]
            Self::Native(_) => {}
        }
    }
}

/// Reads an image from a file.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, LoadError> {
    std::fs::read(path).map_err(|source| LoadError::Io { path: path.to_owned(), source })
}

/// Maps an image; nothing of it runs.
pub(crate) fn map(kernel: &Kernel, bytes: &[u8], service: &str) -> Result<Code, LoadError> {
    image::load(bytes, service, kernel.config.windows, &kernel.cells).map(Code::Image)
}

/// Runs `DriverEntry` in a System thread.
pub(crate) fn load(cpu: &Cpu, code: Code, service: &str) -> Result<u64, LoadError> {
    let kernel = cpu.kernel();
    if kernel.drivers.lock().iter().any(|driver| driver.service().eq_ignore_ascii_case(service)) {
        return Err(LoadError::AlreadyLoaded(service.to_owned()));
    }
    let driver = Arc::new(Driver::new(kernel.next_id(), service, code));
    service_installed(kernel, service);
    kernel.drivers.lock().push(Arc::clone(&driver));
    if kernel.config.watch {
        for (pages, protection) in driver.image().into_iter().flat_map(Image::pageable) {
            kernel.pool.pageable.add(pages, protection);
        }
    }
    let frame = Frame { driver: Arc::clone(&driver), entry: Entry::Load, operation: None };
    let arguments = [driver.object().address(), driver.registry_path.ptr().address()];
    let status = status_of(cpu.call_driver(frame, driver.entry_point, &arguments));
    if status.is_success() {
        super::device::initialized(cpu, &driver);
        return Ok(driver.id());
    }
    cpu.kernel().scheduler.settle(cpu);
    remove(cpu, &driver, Entry::Load);
    Err(LoadError::DriverEntry(status))
}

/// The `NTSTATUS` that a function of a driver returned.
pub(crate) fn status_of(result: usize) -> NtStatus {
    NtStatus(u32::try_from(result & 0xFFFF_FFFF).expect("masked to 32 bits"))
}

/// Unloads a driver as `fltmc unload` does.
pub(crate) fn unload(cpu: &Cpu, id: u64) -> Result<LeakReport, UnloadError> {
    let kernel = cpu.kernel();
    let driver = kernel.drivers.lock().iter().find(|driver| driver.id() == id).cloned();
    let driver = driver.ok_or(UnloadError::NotLoaded)?;
    fltmgr::filter::unload(cpu, &driver)?;
    kernel.scheduler.settle(cpu);
    Ok(LeakReport { leaks: remove(cpu, &driver, Entry::FilterUnload) })
}

/// Forgets a driver, and reports what it left behind when that entry point had returned.
fn remove(cpu: &Cpu, driver: &Arc<Driver>, entry: Entry) -> Vec<Leak> {
    let kernel = cpu.kernel();
    let leaks = leaks(cpu, driver);
    let frame = Frame { driver: Arc::clone(driver), entry, operation: None };
    for leak in &leaks {
        let rule = if entry == Entry::Load { Rule::Unwind } else { rule_of(leak.what) };
        cpu.violation_in(&frame, rule, format!("{} left behind {leak}", driver.service()));
    }
    if let Some(image) = driver.image() {
        kernel.pool.pageable.remove(&(image.base()..image.base() + image.bytes()));
    }
    kernel.drivers.lock().retain(|other| !Arc::ptr_eq(other, driver));
    leaks
}

fn leaks(cpu: &Cpu, driver: &Arc<Driver>) -> Vec<Leak> {
    let kernel = cpu.kernel();
    let mut leaks = fltmgr::leaks(cpu, driver);
    leaks.extend(kernel.pool.leaks(cpu, driver));
    leaks.extend(kernel.mdls.leaks(driver));
    leaks.extend(kernel.devices.leaks(driver));
    leaks.extend(kernel.timers.leaks(driver));
    leaks.extend(kernel.callbacks.leaks(driver));
    leaks.extend(kernel.io_work_items.leaks(driver));
    let notify_routines = kernel.process_notify.forget(driver);
    leaks.push(Leak::new("notify routine", "process", notify_routines));
    leaks.push(Leak::new("notify routine", "thread", kernel.thread_notify.forget(driver)));
    leaks.push(Leak::new("thread", "still running", driver.threads() as usize));
    for object in kernel.handles.take_all_of(driver.id()) {
        leaks.push(Leak::new("handle", object.type_name(), 1));
    }
    for (object, count) in kernel.objects.take_all_of(driver.id()) {
        leaks.push(Leak::new("reference", object.describe(), count));
    }
    leaks.retain(|leak| leak.count > 0);
    leaks
}
