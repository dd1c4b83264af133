//! What a filter registers.

use std::mem::offset_of;

use crate::abi::{ContextRegistration, OperationRegistration, Ptr, Registration};
use crate::ke::Cpu;
use crate::status::NtStatus;
use crate::verifier::Rule;

/// `IRP_MJ_OPERATION_END`, after the last entry.
const OPERATION_END: u8 = 0x80;
/// `FLT_CONTEXT_END`, after the last entry.
const CONTEXT_END: u16 = 0xFFFF;
/// `FLT_VARIABLE_SIZED_CONTEXTS`
const VARIABLE_SIZE: usize = usize::MAX;
/// `FLT_REGISTRATION_VERSION_0200` and `FLT_REGISTRATION_VERSION_0203`: the first and the current one.
const VERSIONS: std::ops::RangeInclusive<u16> = 0x0200..=0x0203;
/// `FLT_REGISTRATION_VERSION_0202`: the first with `TransactionNotificationCallback`.
const FIRST_WITH_TRANSACTIONS: u16 = 0x0202;
/// `FLTFL_REGISTRATION_*` that are defined.
const KNOWN_FLAGS: u32 = 0xF;
/// More entries than there are operations or context types, at which an array surely lacks its end.
const MAX_ENTRIES: usize = 256;

/// A registered operation.
#[derive(Clone, Copy)]
pub(super) struct OperationEntry {
    pub(super) flags: u32,
    pub(super) pre: Ptr,
    pub(super) post: Ptr,
}

/// A registered context type.
#[derive(Clone, Copy)]
pub(super) struct ContextEntry {
    pub(super) kind: u16,
    /// `FLTFL_CONTEXT_REGISTRATION_NO_EXACT_SIZE_MATCH`: smaller contexts than `size` are fine.
    pub(super) any_size_up_to: bool,
    pub(super) cleanup: Ptr,
    /// `None`: any size.
    pub(super) size: Option<usize>,
    pub(super) tag: u32,
}

/// A filter's callbacks.
#[derive(Clone)]
pub(super) struct Callbacks {
    pub(super) operations: Box<[Option<OperationEntry>]>,
    pub(super) contexts: Vec<ContextEntry>,
    pub(super) unload: Ptr,
    pub(super) instance_setup: Ptr,
    pub(super) instance_query_teardown: Ptr,
    pub(super) instance_teardown_start: Ptr,
    pub(super) instance_teardown_complete: Ptr,
    pub(super) transaction_notification: Ptr,
}

/// The size of the structure in a version: each driver brings that of the headers it was compiled with, and those that a
/// later version added follow the others.
fn bytes_of(version: u16) -> usize {
    match version {
        // Windows XP: nothing of transactions.
        0x0200 | 0x0201 => offset_of!(Registration, transaction_notification),
        // Windows Vista: no `SectionNotificationCallback`.
        0x0202 => offset_of!(Registration, section_notification),
        _ => size_of::<Registration>(),
    }
}

/// Reads a registration, which need not stay valid afterwards.
pub(super) fn read(cpu: &Cpu, registration: Ptr<Registration>) -> Result<Callbacks, NtStatus> {
    let registration = registration.non_null().ok_or(NtStatus::INVALID_PARAMETER)?.read();
    if !VERSIONS.contains(&registration.version) {
        cpu.violation(Rule::Registration, format!("registers with version 0x{:04X}", registration.version));
        return Err(NtStatus::INVALID_PARAMETER);
    }
    if usize::from(registration.size) != bytes_of(registration.version) {
        cpu.violation(
            Rule::Registration,
            format!("registers with a structure of {} bytes", registration.size),
        );
    }
    if registration.flags & !KNOWN_FLAGS != 0 {
        cpu.violation(Rule::Registration, format!("registers with flags 0x{:X}", registration.flags));
    }
    Ok(Callbacks {
        operations: operations(cpu, registration.operation_registration)?,
        contexts: contexts(cpu, registration.context_registration)?,
        unload: registration.filter_unload,
        instance_setup: registration.instance_setup,
        instance_query_teardown: registration.instance_query_teardown,
        instance_teardown_start: registration.instance_teardown_start,
        instance_teardown_complete: registration.instance_teardown_complete,
        transaction_notification: if registration.version >= FIRST_WITH_TRANSACTIONS {
            registration.transaction_notification
        } else {
            Ptr::NULL
        },
    })
}

/// The entries of an array, up to the one that ends it.
fn entries<T: Copy>(cpu: &Cpu, array: Ptr<T>, is_end: impl Fn(&T) -> bool) -> Result<Vec<T>, NtStatus> {
    let Some(array) = array.non_null() else { return Ok(Vec::new()) };
    let entries: Vec<T> =
        (0..MAX_ENTRIES).map(|index| array.offset(index).read()).take_while(|entry| !is_end(entry)).collect();
    if entries.len() == MAX_ENTRIES {
        cpu.violation(Rule::Registration, "registers an array without its end");
        return Err(NtStatus::INVALID_PARAMETER);
    }
    Ok(entries)
}

fn operations(
    cpu: &Cpu,
    array: Ptr<OperationRegistration>,
) -> Result<Box<[Option<OperationEntry>]>, NtStatus> {
    let mut operations = vec![None; usize::from(u8::MAX) + 1];
    for entry in entries(cpu, array, |entry| entry.major_function == OPERATION_END)? {
        let known =
            OperationEntry { flags: entry.flags, pre: entry.pre_operation, post: entry.post_operation };
        let place = &mut operations[usize::from(entry.major_function)];
        if place.replace(known).is_some() {
            cpu.violation(
                Rule::Registration,
                format!("registers major function 0x{:02X} twice", entry.major_function),
            );
            return Err(NtStatus::INVALID_PARAMETER);
        }
    }
    Ok(operations.into_boxed_slice())
}

fn contexts(cpu: &Cpu, array: Ptr<ContextRegistration>) -> Result<Vec<ContextEntry>, NtStatus> {
    /// `FLTFL_CONTEXT_REGISTRATION_NO_EXACT_SIZE_MATCH`
    const NO_EXACT_SIZE_MATCH: u16 = 1;
    let entries = entries(cpu, array, |entry| entry.context_type == CONTEXT_END)?;
    entries
        .into_iter()
        .map(|entry| {
            if !entry.context_type.is_power_of_two() || !entry.allocate.is_null() || !entry.free.is_null() {
                cpu.violation(
                    Rule::Registration,
                    format!("registers context type 0x{:X}, or with routines of its own", entry.context_type),
                );
                return Err(NtStatus::FLT_INVALID_CONTEXT_REGISTRATION);
            }
            Ok(ContextEntry {
                kind: entry.context_type,
                any_size_up_to: entry.flags & NO_EXACT_SIZE_MATCH != 0,
                cleanup: entry.cleanup,
                size: (entry.size != VARIABLE_SIZE).then_some(entry.size),
                tag: entry.pool_tag,
            })
        })
        .collect()
}
