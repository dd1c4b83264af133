//! Setting a context on an object, finding it there, and taking it off.

use super::kind;
use super::lifetime::unlink;
use super::list::{Attached, ContextList};
use super::table::Place;
use crate::abi::{Address, Ptr};
use crate::ke::Cpu;
use crate::status::NtStatus;
use crate::verifier::Rule;

/// `FLT_SET_CONTEXT_OPERATION`
const REPLACE_IF_EXISTS: u32 = 0;
pub(super) const KEEP_IF_EXISTS: u32 = 1;

/// Where a context can be, and whose it is.
pub(super) struct Site<'a> {
    pub(super) kind: u16,
    pub(super) list: ContextList,
    pub(super) owner: Address,
    /// Whether the owner or the object is going. Whoever tears it down marks it before looking for contexts: either sees
    /// the other.
    pub(super) is_going: Box<dyn Fn() -> bool + 'a>,
}

/// Checks a context that is to be set, and marks it as set.
fn link(cpu: &Cpu, new: Ptr, site: &Site) -> Result<(), NtStatus> {
    let linked = cpu.kernel().filters.contexts.with(new, |context| {
        if context.kind != site.kind {
            return None;
        }
        if context.place.is_some() {
            return Some(Err(NtStatus::FLT_CONTEXT_ALREADY_LINKED));
        }
        if !context.filter.linked.acquire() {
            return Some(Err(NtStatus::FLT_DELETING_OBJECT));
        }
        context.place = Some(Place { list: site.list.clone(), owner: site.owner });
        Some(Ok(()))
    });
    linked.flatten().unwrap_or_else(|| {
        let kind = kind::name(site.kind);
        cpu.violation(Rule::ContextReference, format!("sets {new:?}, which is no {kind} (any more)"));
        Err(NtStatus::INVALID_PARAMETER)
    })
}

/// `FltSet…Context`.
pub(super) fn set(cpu: &Cpu, site: &Site, operation: u32, new: Ptr, old: Ptr<Ptr>) -> NtStatus {
    if !matches!(operation, KEEP_IF_EXISTS | REPLACE_IF_EXISTS) {
        cpu.violation(Rule::InvalidParameter, format!("{operation} is no FLT_SET_CONTEXT_OPERATION"));
        return NtStatus::INVALID_PARAMETER;
    }
    if (site.is_going)() {
        return NtStatus::FLT_DELETING_OBJECT;
    }
    if let Err(status) = link(cpu, new, site) {
        return status;
    }
    let existing = match exchange(cpu, site, operation, new, !old.is_null()) {
        Ok(None) => return NtStatus::SUCCESS,
        Ok(Some(existing)) => existing,
        Err(status) => {
            unlink(cpu, new);
            return status;
        }
    };
    old.write_if_given(existing);
    if operation == KEEP_IF_EXISTS {
        unlink(cpu, new);
        return NtStatus::FLT_CONTEXT_ALREADY_DEFINED;
    }
    unlink(cpu, existing);
    NtStatus::SUCCESS
}

/// Stores the new context if that is what the operation means, and returns the old one, referenced if that is wanted.
fn exchange(cpu: &Cpu, site: &Site, operation: u32, new: Ptr, wanted: bool) -> Result<Option<Ptr>, NtStatus> {
    let mut attached = site.list.lock();
    if (site.is_going)() {
        return Err(NtStatus::FLT_DELETING_OBJECT);
    }
    let Some(known) = attached.iter_mut().find(|known| known.owner == site.owner) else {
        attached.push(Attached { owner: site.owner, context: new });
        return Ok(None);
    };
    let existing = known.context;
    if wanted {
        cpu.kernel().filters.contexts.reference(existing);
    }
    if operation == REPLACE_IF_EXISTS {
        known.context = new;
    }
    Ok(Some(existing))
}

/// `FltGet…Context`: gives a filter a reference.
pub(super) fn get(cpu: &Cpu, site: &Site, context: Ptr<Ptr>) -> NtStatus {
    let found = find(cpu, site);
    context.write(found.unwrap_or(Ptr::NULL));
    if found.is_some() { NtStatus::SUCCESS } else { NtStatus::NOT_FOUND }
}

/// What is set there, referenced while the list is locked.
pub(super) fn find(cpu: &Cpu, site: &Site) -> Option<Ptr> {
    let attached = site.list.lock();
    let found = attached.iter().find(|known| known.owner == site.owner)?.context;
    cpu.kernel().filters.contexts.reference(found);
    Some(found)
}

/// `FltDelete…Context`: takes a context off, and gives it to the filter if it wants it.
pub(super) fn delete(cpu: &Cpu, site: &Site, old: Ptr<Ptr>) -> NtStatus {
    if (site.is_going)() {
        return NtStatus::FLT_DELETING_OBJECT;
    }
    let wanted = !old.is_null();
    let removed = {
        let mut attached = site.list.lock();
        let position = attached.iter().position(|known| known.owner == site.owner);
        position.map(|position| {
            let removed = attached.remove(position).context;
            if wanted {
                cpu.kernel().filters.contexts.reference(removed);
            }
            removed
        })
    };
    let Some(removed) = removed else { return NtStatus::NOT_FOUND };
    unlink(cpu, removed);
    old.write_if_given(removed);
    NtStatus::SUCCESS
}
