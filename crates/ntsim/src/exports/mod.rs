//! What the simulated system exports: one table of routines and data, and the way every call of a routine takes.

mod data;
mod routine;
mod table;

pub(crate) use data::{DataCells, DataExport};
pub(crate) use routine::{Failure, Module, Routine};
pub(crate) use table::{ROUTINE_COUNT, ROUTINES};

use crate::abi::Address;
use crate::rtl::{exception, memory};
use crate::windows::Windows;

/// Finds a routine of a module by name, if this Windows version exports it.
pub(crate) fn routine(module: Module, name: &str, windows: Windows) -> Option<&'static Routine> {
    ROUTINES
        .iter()
        .find(|routine| routine.module == module && routine.name == name && routine.since <= windows)
}

/// The first Windows version with a routine of that name.
pub(crate) fn first_version(module: Module, name: &str) -> Option<Windows> {
    let found = ROUTINES.iter().find(|routine| routine.module == module && routine.name == name);
    found.map(|routine| routine.since)
}

/// The address that an import of this name resolves to.
pub(crate) fn address(module: Module, name: &str, windows: Windows, cells: &DataCells) -> Option<Address> {
    let routine = routine(module, name, windows).map(|routine| (routine.address)());
    let entry = || {
        let found = exception::ENTRIES.iter().find(|entry| entry.module == module && entry.name == name);
        found.map(|entry| (entry.address)())
    };
    let on_memory = || {
        let found = memory::ROUTINES.iter().find(|(known, _)| module == Module::Ntoskrnl && *known == name);
        found.map(|(_, function)| (*function as *const ()).expose_provenance())
    };
    routine
        .or_else(entry)
        .or_else(on_memory)
        .or_else(|| DataExport::find(module, name).map(|export| cells.address(export)))
}
