//! Section contexts: one for each instance that has a section of a stream (fltkernel, `FltCreateSectionForDataScan`). Nobody is
//! told of a conflict: what cannot be done to a mapped file fails.

use std::sync::Arc;

use super::attach::{KEEP_IF_EXISTS, Site, get, set};
use super::kind;
use super::lifetime::unlink;
use super::routines::{file_of, going, instance_of};
use crate::abi::{FileObject, ObjectAttributes, Ptr};
use crate::fltmgr::instance::Instance;
use crate::io::file::File;
use crate::ke::Cpu;
use crate::mm::data_scan;
use crate::ob::Object;
use crate::status::NtStatus;
use crate::verifier::Rule;

const PAGE_READONLY: u32 = 0x02;
const PAGE_READWRITE: u32 = 0x04;
const SEC_FILE: u32 = 0x0080_0000;
const SEC_COMMIT: u32 = 0x0800_0000;

/// `FltRegisterForDataScan`: redirectors do not support it.
pub(crate) fn register_for_data_scan(cpu: &Cpu, instance: Ptr) -> NtStatus {
    let instance = match instance_of(cpu, instance) {
        Ok(instance) => instance,
        Err(status) => return status,
    };
    if instance.volume().is_network() {
        return NtStatus::NOT_SUPPORTED;
    }
    instance.register_for_data_scan();
    NtStatus::SUCCESS
}

fn site(instance: &Arc<Instance>, file: &File) -> Result<Site<'static>, NtStatus> {
    let fcb = file.fcb().ok_or(NtStatus::NOT_SUPPORTED)?;
    Ok(Site {
        kind: kind::SECTION,
        list: fcb.sections.clone(),
        owner: instance.ptr().address(),
        is_going: going(instance),
    })
}

/// `FltCreateSectionForDataScan`.
#[expect(clippy::too_many_arguments, reason = "the routine has as many")]
pub(crate) fn create_section_for_data_scan(
    cpu: &Cpu,
    instance: Ptr,
    file: Ptr<FileObject>,
    context: Ptr,
    _access: u32,
    _attributes: Ptr<ObjectAttributes>,
    _maximum_size: Ptr<i64>,
    protection: u32,
    attributes: u32,
    _flags: u32,
    handle: Ptr<usize>,
    object: Ptr<Ptr>,
    size: Ptr<i64>,
) -> NtStatus {
    match create(cpu, instance, file, context, protection, attributes) {
        Ok((section, bytes)) => {
            let owner = cpu.owner();
            let objects = &cpu.kernel().objects;
            objects.insert(section.ptr().address(), Object::Section(Arc::clone(&section)));
            // One reference is the handle's, the other the pointer's.
            objects.reference(section.ptr(), owner);
            objects.reference(section.ptr(), owner);
            objects.retire(section.ptr().address());
            object.write(section.ptr());
            handle.write(cpu.kernel().handles.open(Object::Section(section), owner));
            size.write_if_given(bytes);
            NtStatus::SUCCESS
        }
        Err(status) => status,
    }
}

fn create(
    cpu: &Cpu,
    instance: Ptr,
    file: Ptr<FileObject>,
    context: Ptr,
    protection: u32,
    attributes: u32,
) -> Result<(Arc<data_scan::DataScan>, i64), NtStatus> {
    let instance = instance_of(cpu, instance)?;
    let file = file_of(cpu, file)?;
    if !instance.is_registered_for_data_scan() {
        return Err(NtStatus::INVALID_PARAMETER);
    }
    if !matches!(protection, PAGE_READONLY | PAGE_READWRITE) {
        return Err(NtStatus::INVALID_PARAMETER_8);
    }
    if attributes & SEC_COMMIT == 0 || attributes & !(SEC_COMMIT | SEC_FILE) != 0 {
        return Err(NtStatus::INVALID_PARAMETER_9);
    }
    let site = site(&instance, &file)?;
    set(cpu, &site, KEEP_IF_EXISTS, context, Ptr::NULL).ok()?;
    let created = data_scan::create(cpu, &file, protection);
    if created.is_err() && site.list.remove(context) {
        unlink(cpu, context);
    }
    created
}

/// `FltCloseSectionForDataScan`: the stream lets go of the context.
pub(crate) fn close_section_for_data_scan(cpu: &Cpu, context: Ptr) -> NtStatus {
    let contexts = &cpu.kernel().filters.contexts;
    let known =
        contexts.with(context, |context| (context.kind == kind::SECTION).then(|| context.place.clone()));
    match known.flatten() {
        Some(Some(place)) if place.list.remove(context) => {
            unlink(cpu, context);
            NtStatus::SUCCESS
        }
        Some(_) => NtStatus::NOT_FOUND,
        None => {
            let detail = format!("closes {context:?}, which is no section context (any more)");
            cpu.violation(Rule::ContextReference, detail);
            NtStatus::INVALID_PARAMETER
        }
    }
}

/// `FltGetSectionContext`.
pub(crate) fn get_section_context(
    cpu: &Cpu,
    instance: Ptr,
    file: Ptr<FileObject>,
    context: Ptr<Ptr>,
) -> NtStatus {
    context.write(Ptr::NULL);
    let found = instance_of(cpu, instance).and_then(|instance| site(&instance, &*file_of(cpu, file)?));
    match found {
        Ok(site) => get(cpu, &site, context),
        Err(status) => status,
    }
}
