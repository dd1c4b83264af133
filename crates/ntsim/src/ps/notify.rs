//! Process notification.

use std::sync::Arc;

use super::Process;
use crate::abi::{ClientId, ProcessCreateInfo, Ptr, Shared, SharedText};
use crate::io::driver::Driver;
use crate::ke::rundown::Rundown;
use crate::ke::{Cpu, Entry, Frame};
use crate::status::NtStatus;
use crate::util::Lock;
use crate::verifier::Rule;

/// How many routines the system takes (`PSP_MAX_CREATE_PROCESS_NOTIFY`).
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

/// The routines that want to know, in the order of their registration.
#[derive(Default)]
pub(crate) struct ProcessNotify {
    routines: Lock<Vec<Arc<Registered>>>,
}

impl ProcessNotify {
    /// Tells of a new process. Returns the status that a routine set to refuse it.
    pub(crate) fn created(&self, cpu: &Cpu, process: &Process) -> NtStatus {
        let routines = self.routines.lock().clone();
        if routines.is_empty() {
            return NtStatus::SUCCESS;
        }
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
            file_object: Ptr::NULL,
            image_file_name: name.as_ref().map_or(Ptr::NULL, Shared::ptr),
            command_line: Ptr::NULL,
            creation_status: NtStatus::SUCCESS.0,
        });
        for registered in routines {
            registered.call(cpu, process, info.ptr().address());
        }
        NtStatus(info.get().creation_status)
    }

    /// Tells of a process that ends.
    pub(crate) fn ended(&self, cpu: &Cpu, process: &Process) {
        let routines = self.routines.lock().clone();
        for registered in routines {
            registered.call(cpu, process, 0);
        }
    }

    /// Whether a driver has registered any.
    pub(crate) fn has(&self, driver: Option<&Arc<Driver>>) -> bool {
        let is_its =
            |known: &Arc<Registered>| driver.is_some_and(|driver| Arc::ptr_eq(&known.driver, driver));
        self.routines.lock().iter().any(is_its)
    }

    /// Takes away what a driver that is gone left registered.
    pub(crate) fn forget(&self, driver: &Arc<Driver>) -> usize {
        let mut routines = self.routines.lock();
        let before = routines.len();
        routines.retain(|registered| !Arc::ptr_eq(&registered.driver, driver));
        before - routines.len()
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
    /// The routine runs at `PASSIVE_LEVEL` inside a critical region, unless it is being removed.
    fn call(&self, cpu: &Cpu, process: &Process, info: usize) {
        let thread = cpu.thread();
        self.in_use.with(cpu, || {
            thread.set_critical_regions(thread.critical_regions() + 1);
            let frame =
                Frame { driver: Arc::clone(&self.driver), entry: Entry::ProcessNotify, operation: None };
            let arguments = [process.ptr().address(), as_handle(process.pid()), info];
            cpu.call_driver(frame, self.routine, &arguments);
            thread.set_critical_regions(thread.critical_regions().saturating_sub(1));
        });
    }
}

/// `PsSetCreateProcessNotifyRoutineEx`. A removal returns when the routine does not run any more.
pub(crate) fn set_create_process_notify_routine_ex(cpu: &Cpu, routine: Ptr, remove: u8) -> NtStatus {
    let Some(driver) = cpu.driver() else { return NtStatus::INVALID_PARAMETER };
    let mut routines = cpu.kernel().process_notify.routines.lock();
    let position = routines.iter().position(|known| known.routine == routine);
    if remove != 0 {
        let Some(position) = position else {
            drop(routines);
            cpu.violation(Rule::Registration, "removes a process notify routine that it never registered");
            return NtStatus::PROCEDURE_NOT_FOUND;
        };
        let removed = routines.remove(position);
        drop(routines);
        removed.in_use.run_down(cpu);
        return NtStatus::SUCCESS;
    }
    if !driver.forces_integrity() {
        return NtStatus::ACCESS_DENIED;
    }
    if position.is_some() || routines.len() >= MAX_ROUTINES {
        return NtStatus::INVALID_PARAMETER;
    }
    routines.push(Arc::new(Registered { driver, routine, in_use: Rundown::default() }));
    NtStatus::SUCCESS
}
