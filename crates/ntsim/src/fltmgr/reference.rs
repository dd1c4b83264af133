//! `FltObjectReference` and `FltObjectDereference`: rundown references to filters, instances and volumes.
//!
//! `FltUnregisterFilter` waits until they are given back, which for a driver that forgot one is for ever: here it does not
//! wait, and what was forgotten is reported.

use std::sync::Arc;

use crate::abi::Ptr;
use crate::io::driver::Driver;
use crate::ke::Cpu;
use crate::sim::Leak;
use crate::status::NtStatus;
use crate::util::{AddressMap, Lock};
use crate::verifier::Rule;

/// What a driver holds of one object.
struct Held {
    owner: u64,
    what: &'static str,
}

/// The references that drivers took, by the object's address.
#[derive(Default)]
pub(crate) struct References {
    held: Lock<AddressMap<Vec<Held>>>,
}

impl References {
    /// Notes a reference that a routine gave to the driver that is running.
    pub(super) fn take(&self, cpu: &Cpu, object: Ptr, what: &'static str) {
        let held = Held { owner: cpu.owner(), what };
        self.held.lock().entry(object.address()).or_default().push(held);
    }

    fn give_back(&self, cpu: &Cpu, object: Ptr) -> bool {
        let mut held = self.held.lock();
        let Some(holders) = held.get_mut(&object.address()) else { return false };
        let position = holders.iter().position(|holder| holder.owner == cpu.owner());
        position.map(|position| holders.swap_remove(position)).is_some()
    }

    /// What a driver that is gone still holds.
    pub(super) fn leaks(&self, driver: &Arc<Driver>) -> Vec<Leak> {
        let mut leaks: Vec<Leak> = Vec::new();
        for holders in self.held.lock().values_mut() {
            let kind = holders.first().map_or("object", |holder| holder.what);
            let before = holders.len();
            holders.retain(|holder| holder.owner != driver.id());
            let count = before - holders.len();
            if count > 0 {
                let which = format!("to a {kind}, for which FltUnregisterFilter waits for ever");
                leaks.push(Leak::new("rundown reference", which, count));
            }
        }
        leaks
    }
}

/// `FltObjectReference`.
pub(crate) fn object_reference(cpu: &Cpu, object: Ptr) -> NtStatus {
    let filters = &cpu.kernel().filters;
    let Some(what) = filters.kind_of(cpu, object) else { return NtStatus::FLT_DELETING_OBJECT };
    filters.references.take(cpu, object, what);
    NtStatus::SUCCESS
}

/// `FltObjectDereference`.
pub(crate) fn object_dereference(cpu: &Cpu, object: Ptr) {
    if !cpu.kernel().filters.references.give_back(cpu, object) {
        let detail = format!("dereferences {object:?} more often than it referenced it");
        cpu.violation(Rule::ObjectReference, detail);
    }
}
