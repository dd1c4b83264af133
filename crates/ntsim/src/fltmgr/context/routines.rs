//! The routines for each kind of object.

use std::sync::Arc;

use super::attach::{Site, delete, get, set};
use super::kind::{FILE, INSTANCE, STREAM, STREAM_HANDLE, TRANSACTION, VOLUME, name};
use crate::abi::{FileObject, Ptr};
use crate::fltmgr::filter::Filter;
use crate::fltmgr::instance::Instance;
use crate::io::Volume;
use crate::io::file::File;
use crate::ke::Cpu;
use crate::status::NtStatus;
use crate::verifier::Rule;

pub(super) fn going(instance: &Arc<Instance>) -> Box<dyn Fn() -> bool> {
    let instance = Arc::clone(instance);
    Box::new(move || instance.is_tearing_down())
}

pub(super) fn instance_of(cpu: &Cpu, instance: Ptr) -> Result<Arc<Instance>, NtStatus> {
    cpu.kernel().filters.instance(cpu, instance).ok_or(NtStatus::INVALID_PARAMETER)
}

pub(super) fn file_of(cpu: &Cpu, file: Ptr<FileObject>) -> Result<Arc<File>, NtStatus> {
    let found = cpu.kernel().objects.file(file.cast());
    if found.is_none() {
        cpu.violation(Rule::ObjectReference, format!("{file:?} is no file object (any more)"));
    }
    found.ok_or(NtStatus::INVALID_PARAMETER)
}

/// Where a context of a file object is, or of its stream or file; nowhere before the file system has opened it.
pub(super) fn site_of_file(
    kind: u16,
    instance: &Arc<Instance>,
    file: &File,
) -> Result<Site<'static>, NtStatus> {
    let fcb = file.fcb().ok_or(NtStatus::NOT_SUPPORTED)?;
    let list = match kind {
        STREAM_HANDLE => file.contexts.clone(),
        FILE => file.volume().names.contexts_of_file(fcb.node()),
        _ => fcb.contexts.clone(),
    };
    Ok(Site { kind, list, owner: instance.ptr().address(), is_going: going(instance) })
}

pub(super) fn site_of_instance(instance: &Arc<Instance>) -> Site<'static> {
    let owner = instance.ptr().address();
    Site { kind: INSTANCE, list: instance.contexts.clone(), owner, is_going: going(instance) }
}

pub(super) fn site_of_volume<'a>(filter: &'a Filter, volume: &'a Volume) -> Site<'a> {
    let is_going = || filter.is_deleting() || volume.is_dismounted();
    let list = volume.contexts.clone();
    Site { kind: VOLUME, list, owner: filter.ptr().address(), is_going: Box::new(is_going) }
}

pub(super) fn site_of_transaction(
    cpu: &Cpu,
    instance: &Arc<Instance>,
    transaction: Ptr,
) -> Result<Site<'static>, NtStatus> {
    let Some(found) = cpu.kernel().transactions.at(transaction) else {
        cpu.violation(Rule::ObjectReference, format!("{transaction:?} is no transaction (any more)"));
        return Err(NtStatus::INVALID_PARAMETER);
    };
    let list = found.contexts.clone();
    let instance = Arc::clone(instance);
    let owner = instance.ptr().address();
    let is_going = move || instance.is_tearing_down() || found.has_ended();
    Ok(Site { kind: TRANSACTION, list, owner, is_going: Box::new(is_going) })
}

/// Does something where a context can be; the pointer that it writes to is NULL if there is no such place.
fn at(site: Result<Site, NtStatus>, out: Ptr<Ptr>, then: impl FnOnce(&Site) -> NtStatus) -> NtStatus {
    out.write_if_given(Ptr::NULL);
    match site {
        Ok(site) => then(&site),
        Err(status) => status,
    }
}

fn of_file(cpu: &Cpu, kind: u16, instance: Ptr, file: Ptr<FileObject>) -> Result<Site<'static>, NtStatus> {
    site_of_file(kind, &instance_of(cpu, instance)?, &*file_of(cpu, file)?)
}

/// `FltSetFileContext`, `FltSetStreamContext`, `FltSetStreamHandleContext`.
pub(crate) fn set_of_file<const KIND: u16>(
    cpu: &Cpu,
    instance: Ptr,
    file: Ptr<FileObject>,
    operation: u32,
    new: Ptr,
    old: Ptr<Ptr>,
) -> NtStatus {
    at(of_file(cpu, KIND, instance, file), old, |site| set(cpu, site, operation, new, old))
}

/// `FltGetFileContext`, `FltGetStreamContext`, `FltGetStreamHandleContext`.
pub(crate) fn get_of_file<const KIND: u16>(
    cpu: &Cpu,
    instance: Ptr,
    file: Ptr<FileObject>,
    context: Ptr<Ptr>,
) -> NtStatus {
    at(of_file(cpu, KIND, instance, file), context, |site| get(cpu, site, context))
}

/// `FltDeleteFileContext`, `FltDeleteStreamContext`, `FltDeleteStreamHandleContext`.
pub(crate) fn delete_of_file<const KIND: u16>(
    cpu: &Cpu,
    instance: Ptr,
    file: Ptr<FileObject>,
    old: Ptr<Ptr>,
) -> NtStatus {
    at(of_file(cpu, KIND, instance, file), old, |site| delete(cpu, site, old))
}

/// `FltSupportsFileContexts`, `FltSupportsStreamContexts`, `FltSupportsStreamHandleContexts`.
pub(crate) fn supports<const KIND: u16>(cpu: &Cpu, file: Ptr<FileObject>) -> u8 {
    debug_assert!(matches!(KIND, FILE | STREAM | STREAM_HANDLE), "{}", name(KIND));
    u8::from(file_of(cpu, file).is_ok_and(|file| file.fcb().is_some()))
}

/// `FltSupportsFileContextsEx`, which asks for an instance as well.
pub(crate) fn supports_ex(cpu: &Cpu, file: Ptr<FileObject>, instance: Ptr) -> u8 {
    if !instance.is_null() && instance_of(cpu, instance).is_err() {
        return 0;
    }
    supports::<FILE>(cpu, file)
}

/// `FltSetInstanceContext`.
pub(crate) fn set_instance_context(
    cpu: &Cpu,
    instance: Ptr,
    operation: u32,
    new: Ptr,
    old: Ptr<Ptr>,
) -> NtStatus {
    let site = instance_of(cpu, instance).map(|instance| site_of_instance(&instance));
    at(site, old, |site| set(cpu, site, operation, new, old))
}

/// `FltGetInstanceContext`.
pub(crate) fn get_instance_context(cpu: &Cpu, instance: Ptr, context: Ptr<Ptr>) -> NtStatus {
    let site = instance_of(cpu, instance).map(|instance| site_of_instance(&instance));
    at(site, context, |site| get(cpu, site, context))
}

/// `FltDeleteInstanceContext`.
pub(crate) fn delete_instance_context(cpu: &Cpu, instance: Ptr, old: Ptr<Ptr>) -> NtStatus {
    let site = instance_of(cpu, instance).map(|instance| site_of_instance(&instance));
    at(site, old, |site| delete(cpu, site, old))
}

/// Does something with the context that a filter has on a volume.
fn at_volume(
    cpu: &Cpu,
    filter: Option<Arc<Filter>>,
    volume: Ptr,
    out: Ptr<Ptr>,
    then: impl FnOnce(&Site) -> NtStatus,
) -> NtStatus {
    match (filter, cpu.kernel().filters.volume(cpu, volume)) {
        (Some(filter), Some(volume)) => at(Ok(site_of_volume(&filter, &volume)), out, then),
        _ => at(Err(NtStatus::INVALID_PARAMETER), out, then),
    }
}

/// `FltSetVolumeContext`: whose it is, the context says.
pub(crate) fn set_volume_context(
    cpu: &Cpu,
    volume: Ptr,
    operation: u32,
    new: Ptr,
    old: Ptr<Ptr>,
) -> NtStatus {
    let filter = cpu.kernel().filters.contexts.with(new, |context| Arc::clone(&context.filter));
    if filter.is_none() {
        cpu.violation(
            Rule::ContextReference,
            format!("sets {new:?}, which is no {} (any more)", name(VOLUME)),
        );
    }
    at_volume(cpu, filter, volume, old, |site| set(cpu, site, operation, new, old))
}

/// `FltGetVolumeContext`.
pub(crate) fn get_volume_context(cpu: &Cpu, filter: Ptr, volume: Ptr, context: Ptr<Ptr>) -> NtStatus {
    let filter = cpu.kernel().filters.filter(cpu, filter);
    at_volume(cpu, filter, volume, context, |site| get(cpu, site, context))
}

/// `FltDeleteVolumeContext`.
pub(crate) fn delete_volume_context(cpu: &Cpu, filter: Ptr, volume: Ptr, old: Ptr<Ptr>) -> NtStatus {
    let filter = cpu.kernel().filters.filter(cpu, filter);
    at_volume(cpu, filter, volume, old, |site| delete(cpu, site, old))
}

fn of_transaction(cpu: &Cpu, instance: Ptr, transaction: Ptr) -> Result<Site<'static>, NtStatus> {
    site_of_transaction(cpu, &instance_of(cpu, instance)?, transaction)
}

/// `FltSetTransactionContext`.
pub(crate) fn set_transaction_context(
    cpu: &Cpu,
    instance: Ptr,
    transaction: Ptr,
    operation: u32,
    new: Ptr,
    old: Ptr<Ptr>,
) -> NtStatus {
    at(of_transaction(cpu, instance, transaction), old, |site| set(cpu, site, operation, new, old))
}

/// `FltGetTransactionContext`.
pub(crate) fn get_transaction_context(
    cpu: &Cpu,
    instance: Ptr,
    transaction: Ptr,
    context: Ptr<Ptr>,
) -> NtStatus {
    at(of_transaction(cpu, instance, transaction), context, |site| get(cpu, site, context))
}

/// `FltDeleteTransactionContext`.
pub(crate) fn delete_transaction_context(
    cpu: &Cpu,
    instance: Ptr,
    transaction: Ptr,
    old: Ptr<Ptr>,
) -> NtStatus {
    at(of_transaction(cpu, instance, transaction), old, |site| delete(cpu, site, old))
}
