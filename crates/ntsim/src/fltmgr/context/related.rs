//! `FltGetContexts`: all contexts of an operation's objects at once.

use std::sync::Arc;

use super::attach::{Site, find};
use super::kind::{FILE, INSTANCE, SECTION, STREAM, STREAM_HANDLE, TRANSACTION, VOLUME};
use super::lifetime::release_context;
use super::routines::{site_of_file, site_of_instance, site_of_transaction, site_of_volume};
use crate::abi::{Ptr, RelatedObjects};
use crate::ke::Cpu;
use crate::status::NtStatus;
use crate::verifier::Rule;

/// The members of `FLT_RELATED_CONTEXTS_EX`; `FLT_RELATED_CONTEXTS` lacks the last.
const MEMBERS: [u16; 7] = [VOLUME, INSTANCE, FILE, STREAM, STREAM_HANDLE, TRANSACTION, SECTION];
const MEMBERS_WITHOUT_SECTION: usize = MEMBERS.len() - 1;

fn fill(cpu: &Cpu, objects: Ptr<RelatedObjects>, desired: u16, contexts: Ptr<Ptr>, members: usize) {
    let objects = objects.read();
    let filters = &cpu.kernel().filters;
    let instance = filters.instance(cpu, objects.instance);
    let file = cpu.kernel().objects.file(objects.file_object.cast());
    for (index, kind) in MEMBERS.into_iter().enumerate().take(members) {
        let found = || {
            if desired & kind == 0 {
                return None;
            }
            let instance = instance.as_ref()?;
            let site: Site = match kind {
                VOLUME => {
                    let volume = Arc::clone(instance.volume());
                    return find(cpu, &site_of_volume(instance.filter(), &volume));
                }
                INSTANCE => site_of_instance(instance),
                FILE | STREAM | STREAM_HANDLE => site_of_file(kind, instance, file.as_ref()?).ok()?,
                TRANSACTION => site_of_transaction(cpu, instance, objects.transaction.non_null()?).ok()?,
                _ => return None,
            };
            find(cpu, &site)
        };
        contexts.offset(index).write(found().unwrap_or(Ptr::NULL));
    }
}

/// `FltGetContexts`.
pub(crate) fn get_contexts(cpu: &Cpu, objects: Ptr<RelatedObjects>, desired: u16, contexts: Ptr<Ptr>) {
    fill(cpu, objects, desired, contexts, MEMBERS_WITHOUT_SECTION);
}

/// `FltGetContextsEx`.
pub(crate) fn get_contexts_ex(
    cpu: &Cpu,
    objects: Ptr<RelatedObjects>,
    desired: u16,
    bytes: usize,
    contexts: Ptr<Ptr>,
) -> NtStatus {
    let Some(members) = members_in(cpu, bytes) else { return NtStatus::INVALID_PARAMETER };
    fill(cpu, objects, desired, contexts, members);
    NtStatus::SUCCESS
}

fn members_in(cpu: &Cpu, bytes: usize) -> Option<usize> {
    let whole = bytes == size_of::<[Ptr; MEMBERS.len()]>();
    if !whole {
        cpu.violation(Rule::InvalidParameter, format!("{bytes} bytes are no FLT_RELATED_CONTEXTS_EX"));
    }
    whole.then_some(MEMBERS.len())
}

/// Releases every member, and sets it to NULL.
fn release(cpu: &Cpu, contexts: Ptr<Ptr>, members: usize) {
    for index in 0..members {
        let member = contexts.offset(index);
        if let Some(context) = member.read().non_null() {
            release_context(cpu, context);
            member.write(Ptr::NULL);
        }
    }
}

/// `FltReleaseContexts`.
pub(crate) fn release_contexts(cpu: &Cpu, contexts: Ptr<Ptr>) {
    release(cpu, contexts, MEMBERS_WITHOUT_SECTION);
}

/// `FltReleaseContextsEx`.
pub(crate) fn release_contexts_ex(cpu: &Cpu, bytes: usize, contexts: Ptr<Ptr>) {
    if let Some(members) = members_in(cpu, bytes) {
        release(cpu, contexts, members);
    }
}
