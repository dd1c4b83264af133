//! The registry: a machine on which no driver has parameters of its own.

use crate::abi::{ObjectAttributes, Ptr, UnicodeString};
use crate::ke::Cpu;
use crate::status::NtStatus;
use crate::verifier::Rule;

/// `ZwOpenKey`: there is no key that a driver could open.
pub(crate) fn open_key(
    _cpu: &Cpu,
    _key: Ptr<usize>,
    _access: u32,
    _attributes: Ptr<ObjectAttributes>,
) -> NtStatus {
    NtStatus::OBJECT_NAME_NOT_FOUND
}

/// `ZwQueryValueKey`, which nobody can call with the handle of a key.
pub(crate) fn query_value_key(
    cpu: &Cpu,
    key: usize,
    _name: Ptr<UnicodeString>,
    _class: u32,
    _buffer: Ptr,
    _bytes: u32,
    _needed: Ptr<u32>,
) -> NtStatus {
    cpu.violation(Rule::InvalidParameter, format!("asks for a value of 0x{key:X}, which is no key's handle"));
    NtStatus::INVALID_HANDLE
}
