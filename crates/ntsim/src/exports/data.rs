//! Data exports: variables of the kernel that drivers read.

use super::Module;
use crate::abi::{Address, Shared};

/// A variable that a driver may import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DataExport {
    PsInitialSystemProcess,
    PsProcessType,
    PsThreadType,
    IoFileObjectType,
    ExEventObjectType,
    MmUserProbeAddress,
    MmHighestUserAddress,
    MmSystemRangeStart,
    NtBuildNumber,
    InitSafeBootMode,
    KdDebuggerEnabled,
    KdDebuggerNotPresent,
    SeExports,
    SeTokenObjectType,
    TmTransactionObjectType,
}

const DATA_EXPORTS: [(DataExport, &str); 15] = [
    (DataExport::PsInitialSystemProcess, "PsInitialSystemProcess"),
    (DataExport::PsProcessType, "PsProcessType"),
    (DataExport::PsThreadType, "PsThreadType"),
    (DataExport::IoFileObjectType, "IoFileObjectType"),
    (DataExport::ExEventObjectType, "ExEventObjectType"),
    (DataExport::MmUserProbeAddress, "MmUserProbeAddress"),
    (DataExport::MmHighestUserAddress, "MmHighestUserAddress"),
    (DataExport::MmSystemRangeStart, "MmSystemRangeStart"),
    (DataExport::NtBuildNumber, "NtBuildNumber"),
    (DataExport::InitSafeBootMode, "InitSafeBootMode"),
    (DataExport::KdDebuggerEnabled, "KdDebuggerEnabled"),
    (DataExport::KdDebuggerNotPresent, "KdDebuggerNotPresent"),
    (DataExport::SeExports, "SeExports"),
    (DataExport::SeTokenObjectType, "SeTokenObjectType"),
    (DataExport::TmTransactionObjectType, "TmTransactionObjectType"),
];

impl DataExport {
    /// The variable of that name; all of them are the kernel's.
    pub(crate) fn find(module: Module, name: &str) -> Option<Self> {
        let found = DATA_EXPORTS.iter().find(|(_, known)| module == Module::Ntoskrnl && *known == name);
        found.map(|(export, _)| *export)
    }
}

/// The variables of one kernel.
pub(crate) struct DataCells(Shared<[usize; DATA_EXPORTS.len()]>);

impl DataCells {
    pub(crate) fn new() -> Self {
        Self(Shared::new([0; DATA_EXPORTS.len()]))
    }

    pub(crate) fn set(&self, export: DataExport, value: Address) {
        self.0.update(|cells| cells[export as usize] = value);
    }

    pub(crate) fn get(&self, export: DataExport) -> Address {
        self.0.get()[export as usize]
    }

    /// Where the variable is.
    pub(crate) fn address(&self, export: DataExport) -> Address {
        self.0.ptr().cast::<usize>().offset(export as usize).address()
    }
}
