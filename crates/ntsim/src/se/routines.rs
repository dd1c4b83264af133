//! Routines that tell who a process is.

use std::sync::Arc;

use super::Token;
use crate::abi::{Ptr, UnicodeString};
use crate::ke::Cpu;
use crate::ob::Released;
use crate::ps::routines::process_at;
use crate::status::NtStatus;
use crate::verifier::Rule;

/// `SeLocateProcessImageName`: one block with the string and its buffer. A process without image file has an empty name.
pub(crate) fn locate_process_image_name(cpu: &Cpu, process: Ptr, name: Ptr<Ptr<UnicodeString>>) -> NtStatus {
    let Some(process) = process_at(cpu, process) else { return NtStatus::INVALID_PARAMETER };
    let units = if process.has_image_file() { process.image().units() } else { &[] };
    let header = size_of::<UnicodeString>();
    let block: Ptr<UnicodeString> =
        cpu.kernel().pool.allocate_for_driver(cpu, header + size_of_val(units), *b"Seim");
    let text = block.byte_offset::<u16>(header);
    text.write_slice(units);
    let length = u16::try_from(size_of_val(units)).expect("names are short");
    block.write(UnicodeString { length, maximum_length: length, buffer: text });
    name.write(block);
    NtStatus::SUCCESS
}

/// `PsReferencePrimaryToken`.
pub(crate) fn reference_primary_token(cpu: &Cpu, process: Ptr) -> Ptr {
    let Some(process) = process_at(cpu, process) else { return Ptr::NULL };
    let token = process.token().ptr();
    cpu.kernel().objects.reference(token, cpu.owner()).map_or(Ptr::NULL, |_| token)
}

/// `PsDereferencePrimaryToken`.
pub(crate) fn dereference_primary_token(cpu: &Cpu, token: Ptr) {
    if token_at(cpu, token).is_none() {
        return;
    }
    if let Released::NotHeld(_) = cpu.kernel().objects.dereference(token, cpu.owner()) {
        cpu.violation(Rule::ObjectReference, "dereferences a token more often than it referenced it");
    }
}

/// The token at a driver's pointer, complaining if there is none (any more).
pub(super) fn token_at(cpu: &Cpu, token: Ptr) -> Option<Arc<Token>> {
    let found = cpu.kernel().objects.token(token);
    if found.is_none() {
        cpu.violation(Rule::ObjectReference, format!("{token:?} is no token (any more)"));
    }
    found
}

/// `SeQuerySessionIdToken`.
pub(crate) fn query_session_id_token(cpu: &Cpu, token: Ptr, session: Ptr<u32>) -> NtStatus {
    let Some(token) = token_at(cpu, token) else { return NtStatus::INVALID_PARAMETER };
    session.write(token.session());
    NtStatus::SUCCESS
}
