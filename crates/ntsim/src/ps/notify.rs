//! Notification of processes and threads.

use std::sync::Arc;

use super::{Process, Thread};
use crate::abi::{ClientId, ProcessCreateInfo, Ptr, Shared, SharedText};
use crate::io::driver::Driver;
use crate::io::image::OpenImage;
use crate::ke::rundown::Rundown;
use crate::ke::{Cpu, Entry, Frame};
use crate::status::NtStatus;
use crate::util::Lock;
use crate::verifier::Rule;

/// How many routines the system takes of each kind (`PSP_MAX_CREATE_PROCESS_NOTIFY`).
const MAX_ROUTINES: usize = 64;
/// `PS_CREATE_NOTIFY_INFO.Flags`: `FileOpenNameAvailable`.
const FILE_OPEN_NAME_AVAILABLE: u32 = 1;

/// A routine that wants to know.
struct Registered {
    driver: Arc<Driver>,
    routine: Ptr,
    /// Held while it runs.
    in_use: Rundown,
}

/// The routines that want to know of one kind of thing, in the order of their registration.
#[derive(Default)]
pub(crate) struct Routines {
    routines: Lock<Vec<Arc<Registered>>>,
}

/// Those that want to know of processes.
#[derive(Default)]
pub(crate) struct ProcessNotify(Routines);

/// Those that want to know of threads.
#[derive(Default)]
pub(crate) struct ThreadNotify(Routines);

impl Routines {
    fn all(&self) -> Vec<Arc<Registered>> {
        self.routines.lock().clone()
    }

    /// Adds a routine; whether there was room, and it was not there.
    fn add(&self, driver: Arc<Driver>, routine: Ptr) -> bool {
        let mut routines = self.routines.lock();
        if routines.len() >= MAX_ROUTINES || routines.iter().any(|known| known.routine == routine) {
            return false;
        }
        routines.push(Arc::new(Registered { driver, routine, in_use: Rundown::default() }));
        true
    }

    /// Takes a routine back, and returns when it does not run any more; whether it was there.
    fn remove(&self, cpu: &Cpu, routine: Ptr) -> bool {
        let mut routines = self.routines.lock();
        let Some(position) = routines.iter().position(|known| known.routine == routine) else { return false };
        let removed = routines.remove(position);
        drop(routines);
        removed.in_use.run_down(cpu);
        true
    }

    /// Whether a driver has registered any.
    fn has(&self, driver: Option<&Arc<Driver>>) -> bool {
        let is_its =
            |known: &Arc<Registered>| driver.is_some_and(|driver| Arc::ptr_eq(&known.driver, driver));
        self.routines.lock().iter().any(is_its)
    }

    /// Takes away what a driver that is gone left registered.
    fn forget(&self, driver: &Arc<Driver>) -> usize {
        let mut routines = self.routines.lock();
        let before = routines.len();
        routines.retain(|registered| !Arc::ptr_eq(&registered.driver, driver));
        before - routines.len()
    }
}

impl ProcessNotify {
    /// Tells of a new process. Returns the status that a routine set to refuse it.
    pub(crate) fn created(&self, cpu: &Cpu, process: &Process) -> NtStatus {
        let routines = self.0.all();
        if routines.is_empty() {
            return NtStatus::SUCCESS;
        }
        let image =
            process.has_image_file().then(|| OpenImage::open(cpu, process.image().as_str())).flatten();
        let open_name = process.has_image_file().then(|| open_name(process.image().as_str()));
        let name = open_name.as_ref().map(|name| Shared::new(name.descriptor()));
        let creator = cpu.thread();
        let info = Shared::new(ProcessCreateInfo {
            size: size_of::<ProcessCreateInfo>(),
            flags: if name.is_some() { FILE_OPEN_NAME_AVAILABLE } else { 0 },
            parent_process_id: as_handle(process.parent()),
            creating_thread_id: ClientId {
                process: as_handle(creator.process().pid()),
                thread: as_handle(creator.tid()),
            },
            file_object: image.as_ref().map_or(Ptr::NULL, OpenImage::ptr),
            image_file_name: name.as_ref().map_or(Ptr::NULL, Shared::ptr),
            command_line: Ptr::NULL,
            creation_status: NtStatus::SUCCESS.0,
        });
        for registered in routines {
            registered.tell_of_process(cpu, process, info.ptr().address());
        }
        if let Some(image) = image {
            image.close(cpu);
        }
        NtStatus(info.get().creation_status)
    }

    /// Tells of a process that ends.
    pub(crate) fn ended(&self, cpu: &Cpu, process: &Process) {
        for registered in self.0.all() {
            registered.tell_of_process(cpu, process, 0);
        }
    }

    pub(crate) fn has(&self, driver: Option<&Arc<Driver>>) -> bool {
        self.0.has(driver)
    }

    pub(crate) fn forget(&self, driver: &Arc<Driver>) -> usize {
        self.0.forget(driver)
    }
}

impl ThreadNotify {
    /// Tells of a thread: of a new one in the context of the thread that made it, before it runs; of one that exits in
    /// its own ("`PCREATE_THREAD_NOTIFY_ROUTINE` callback function (ntddk.h)").
    pub(crate) fn tell(&self, cpu: &Cpu, thread: &Thread, created: bool) {
        for registered in self.0.all() {
            let arguments =
                [as_handle(thread.process().pid()), as_handle(thread.tid()), usize::from(created)];
            registered.call(cpu, Entry::ThreadNotify, &arguments);
        }
    }

    pub(crate) fn forget(&self, driver: &Arc<Driver>) -> usize {
        self.0.forget(driver)
    }
}

fn as_handle(number: u32) -> usize {
    number as usize
}

/// The name under which the image was opened: the object manager's form of the path.
fn open_name(image: &str) -> SharedText {
    SharedText::new(image)
}

impl Registered {
    fn tell_of_process(&self, cpu: &Cpu, process: &Process, info: usize) {
        let arguments = [process.ptr().address(), as_handle(process.pid()), info];
        self.call(cpu, Entry::ProcessNotify, &arguments);
    }

    /// The routine runs at `PASSIVE_LEVEL` inside a critical region, unless it is being removed.
    fn call(&self, cpu: &Cpu, entry: Entry, arguments: &[usize; 3]) {
        let thread = cpu.thread();
        self.in_use.with(cpu, || {
            thread.set_critical_regions(thread.critical_regions() + 1);
            let frame = Frame { driver: Arc::clone(&self.driver), entry, operation: None };
            cpu.call_driver(frame, self.routine, arguments);
            thread.set_critical_regions(thread.critical_regions().saturating_sub(1));
        });
    }
}

/// `PsSetCreateProcessNotifyRoutineEx`. A removal returns when the routine does not run any more.
pub(crate) fn set_create_process_notify_routine_ex(cpu: &Cpu, routine: Ptr, remove: u8) -> NtStatus {
    let Some(driver) = cpu.driver() else { return NtStatus::INVALID_PARAMETER };
    let routines = &cpu.kernel().process_notify.0;
    if remove != 0 {
        return removal(cpu, routines.remove(cpu, routine), "process");
    }
    if !driver.forces_integrity() {
        return NtStatus::ACCESS_DENIED;
    }
    if routines.add(driver, routine) { NtStatus::SUCCESS } else { NtStatus::INVALID_PARAMETER }
}

/// `PsSetCreateThreadNotifyRoutine`.
pub(crate) fn set_create_thread_notify_routine(cpu: &Cpu, routine: Ptr) -> NtStatus {
    let Some(driver) = cpu.driver() else { return NtStatus::INVALID_PARAMETER };
    let added = cpu.kernel().thread_notify.0.add(driver, routine);
    if added { NtStatus::SUCCESS } else { NtStatus::INSUFFICIENT_RESOURCES }
}

/// `PsRemoveCreateThreadNotifyRoutine`, which returns when the routine does not run any more.
pub(crate) fn remove_create_thread_notify_routine(cpu: &Cpu, routine: Ptr) -> NtStatus {
    removal(cpu, cpu.kernel().thread_notify.0.remove(cpu, routine), "thread")
}

fn removal(cpu: &Cpu, removed: bool, of: &str) -> NtStatus {
    if removed {
        return NtStatus::SUCCESS;
    }
    cpu.violation(Rule::Registration, format!("removes a {of} notify routine that it never registered"));
    NtStatus::PROCEDURE_NOT_FOUND
}

/// `PsSetCreateProcessNotifyRoutineEx2`: the only type of notification there is covers all processes.
pub(crate) fn set_create_process_notify_routine_ex2(
    cpu: &Cpu,
    kind: u32,
    routine: Ptr,
    remove: u8,
) -> NtStatus {
    /// `PsCreateProcessNotifySubsystems`
    const SUBSYSTEMS: u32 = 0;
    if kind != SUBSYSTEMS {
        return NtStatus::INVALID_PARAMETER;
    }
    set_create_process_notify_routine_ex(cpu, routine, remove)
}
