//! What the simulated system exports: one table of routines and data, and the way every call of a routine takes.

mod data;
mod parts;
mod routine;
mod rows;
mod table;

pub(crate) use data::{DataCells, DataExport};
pub(crate) use routine::{Failure, Module, Routine};

use crate::abi::Address;
use crate::rtl::{exception, memory};
use crate::windows::Windows;

/// Number of routines.
pub(crate) const ROUTINE_COUNT: usize = parts::END;

/// Every routine, in the order of the parts and their rows.
pub(crate) static ROUTINES: [Routine; ROUTINE_COUNT] = joined();

/// Puts the parts of the table together.
#[expect(clippy::large_stack_arrays, reason = "the compiler runs it, nobody else")]
const fn joined() -> [Routine; ROUTINE_COUNT] {
    let mut all = [table::ROWS[0]; ROUTINE_COUNT];
    let mut part = 0;
    while part < parts::PARTS.len() {
        let rows = parts::PARTS[part];
        let mut row = 0;
        while row < rows.len() {
            all[rows[row].index] = rows[row];
            row += 1;
        }
        part += 1;
    }
    all
}

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
    // A routine may be in both: what raises an exception in its caller goes by way of the entry.
    entry()
        .or(routine)
        .or_else(on_memory)
        .or_else(|| DataExport::find(module, name).map(|export| cells.address(export)))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_routine_is_there_once_and_at_its_position() {
        let names: HashSet<_> = ROUTINES.iter().map(|routine| routine.name).collect();
        assert_eq!(names.len(), ROUTINE_COUNT);
        for (position, routine) in ROUTINES.iter().enumerate() {
            assert_eq!(routine.index, position, "{}", routine.name);
        }
    }

    #[test]
    fn each_routine_has_an_address_of_its_own_module() {
        for routine in &ROUTINES {
            assert_ne!((routine.address)(), 0, "{}", routine.name);
            let is_filter_manager = routine.name.starts_with("Flt");
            assert_eq!(routine.module == Module::FltMgr, is_filter_manager, "{}", routine.name);
        }
    }
}
