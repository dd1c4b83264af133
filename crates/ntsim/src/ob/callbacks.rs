//! Callbacks that drivers may register and that are never called here, because what they are told of does not happen: no
//! program of the simulation touches the registry, opens processes or threads, or loads images.

use std::sync::Arc;

use crate::abi::{Ptr, UnicodeString};
use crate::io::driver::Driver;
use crate::ke::Cpu;
use crate::sim::Leak;
use crate::status::NtStatus;
use crate::util::Lock;
use crate::verifier::Rule;

/// What a callback is told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum About {
    Registry,
    Objects,
    Images,
}

struct Registered {
    about: About,
    driver: Arc<Driver>,
    routine: Ptr,
    cookie: usize,
}

/// The callbacks that are registered.
#[derive(Default)]
pub(crate) struct Callbacks(Lock<Vec<Registered>>);

/// `PSP_MAX_LOAD_IMAGE_NOTIFY`
const MAX_IMAGE_ROUTINES: usize = 64;

impl Callbacks {
    /// What a driver that is gone left registered.
    pub(crate) fn leaks(&self, driver: &Arc<Driver>) -> Vec<Leak> {
        let mut all = self.0.lock();
        let its = |about| {
            let is_its = |known: &&Registered| known.about == about && Arc::ptr_eq(&known.driver, driver);
            all.iter().filter(is_its).count()
        };
        let leaks = vec![
            Leak::new("notify routine", "registry", its(About::Registry)),
            Leak::new("notify routine", "objects", its(About::Objects)),
            Leak::new("notify routine", "image", its(About::Images)),
        ];
        all.retain(|known| !Arc::ptr_eq(&known.driver, driver));
        leaks
    }
}

fn register(cpu: &Cpu, about: About, routine: Ptr) -> Option<usize> {
    let driver = cpu.driver()?;
    let cookie = cpu.kernel().arena.allocate().address();
    cpu.kernel().callbacks.0.lock().push(Registered { about, driver, routine, cookie });
    Some(cookie)
}

/// Takes one back; returns whether there was one.
fn remove(cpu: &Cpu, is_it: impl Fn(&Registered) -> bool, what: &str) -> bool {
    let removed = {
        let mut all = cpu.kernel().callbacks.0.lock();
        let position = all.iter().position(is_it);
        position.map(|position| all.remove(position))
    };
    if removed.is_none() {
        cpu.violation(Rule::Registration, format!("removes {what} that it never registered"));
    }
    removed.is_some()
}

/// `CmRegisterCallback`.
pub(crate) fn register_registry(cpu: &Cpu, routine: Ptr, _context: Ptr, cookie: Ptr<usize>) -> NtStatus {
    let Some(made) = register(cpu, About::Registry, routine) else { return NtStatus::INVALID_PARAMETER };
    cookie.write(made);
    NtStatus::SUCCESS
}

/// `CmRegisterCallbackEx`.
pub(crate) fn register_registry_ex(
    cpu: &Cpu,
    routine: Ptr,
    altitude: Ptr<UnicodeString>,
    _driver: Ptr,
    context: Ptr,
    cookie: Ptr<usize>,
    _reserved: Ptr,
) -> NtStatus {
    if altitude.is_null() {
        cpu.violation(Rule::Registration, "registers a registry callback without an altitude");
        return NtStatus::INVALID_PARAMETER;
    }
    register_registry(cpu, routine, context, cookie)
}

/// `CmUnRegisterCallback`.
pub(crate) fn unregister_registry(cpu: &Cpu, cookie: usize) -> NtStatus {
    let is_it = |known: &Registered| known.about == About::Registry && known.cookie == cookie;
    if remove(cpu, is_it, "a registry callback") { NtStatus::SUCCESS } else { NtStatus::INVALID_PARAMETER }
}

/// `ObRegisterCallbacks`: as with process notify routines, only of an image linked with `/INTEGRITYCHECK`.
pub(crate) fn register_object(cpu: &Cpu, _registration: Ptr, handle: Ptr<usize>) -> NtStatus {
    if !cpu.driver().is_some_and(|driver| driver.forces_integrity()) {
        return NtStatus::ACCESS_DENIED;
    }
    let Some(made) = register(cpu, About::Objects, Ptr::NULL) else { return NtStatus::INVALID_PARAMETER };
    handle.write(made);
    NtStatus::SUCCESS
}

/// `ObUnRegisterCallbacks`.
pub(crate) fn unregister_object(cpu: &Cpu, handle: usize) {
    remove(cpu, |known| known.about == About::Objects && known.cookie == handle, "object callbacks");
}

/// `PsSetLoadImageNotifyRoutine`.
pub(crate) fn register_image(cpu: &Cpu, routine: Ptr) -> NtStatus {
    let images = |known: &&Registered| known.about == About::Images;
    if cpu.kernel().callbacks.0.lock().iter().filter(images).count() >= MAX_IMAGE_ROUTINES {
        return NtStatus::INSUFFICIENT_RESOURCES;
    }
    register(cpu, About::Images, routine).map_or(NtStatus::INVALID_PARAMETER, |_| NtStatus::SUCCESS)
}

/// `PsSetLoadImageNotifyRoutineEx`.
pub(crate) fn register_image_ex(cpu: &Cpu, routine: Ptr, _flags: usize) -> NtStatus {
    register_image(cpu, routine)
}

/// `PsRemoveLoadImageNotifyRoutine`.
pub(crate) fn remove_image(cpu: &Cpu, routine: Ptr) -> NtStatus {
    let is_it = |known: &Registered| known.about == About::Images && known.routine == routine;
    let removed = remove(cpu, is_it, "an image notify routine");
    if removed { NtStatus::SUCCESS } else { NtStatus::PROCEDURE_NOT_FOUND }
}
