//! Where the buffer of an operation is in its parameters: `FltDecodeParameters`, and what stands on it.

use std::mem::offset_of;

use super::operation::Kind;
use crate::abi::{CallbackData, IoParameterBlock, Ptr};
use crate::ke::Cpu;
use crate::sim::Major;
use crate::status::NtStatus;

/// `LOCK_OPERATION`
const READ_ACCESS: u32 = 0;
const WRITE_ACCESS: u32 = 1;
const MODIFY_ACCESS: u32 = 2;
/// Offsets in the union of the parameters of controls, whose form the method of their code says.
const CONTROL_CODE: usize = 16;
/// The bits of a control code that are its method, and two of the methods.
const METHOD: u32 = 3;
const METHOD_BUFFERED: u32 = 0;
const METHOD_IN_DIRECT: u32 = 1;

/// Offsets of the members that describe a buffer, in the union of parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Members {
    pub(super) length: Option<usize>,
    pub(super) buffer: usize,
    pub(super) mdl: Option<usize>,
    /// What may be done with the buffer: `LOCK_OPERATION`.
    pub(super) access: u32,
}

/// By major function: the name of the union's member, and the members of that (ifs, `FLT_PARAMETERS`).
const MEMBERS: [(Major, &str, Members); 8] = [
    (Major::Create, "Create.Ea", members(24, 32, None, READ_ACCESS)),
    (Major::Read, "Read.", members(0, 24, Some(32), WRITE_ACCESS)),
    (Major::Write, "Write.", members(0, 24, Some(32), READ_ACCESS)),
    (Major::QueryInformation, "QueryFileInformation.", members(0, 16, None, WRITE_ACCESS)),
    (Major::SetInformation, "SetFileInformation.", members(0, 32, None, READ_ACCESS)),
    (Major::QueryEa, "QueryEa.", members(0, 32, Some(40), WRITE_ACCESS)),
    (Major::QueryVolumeInformation, "QueryVolumeInformation.", members(0, 16, None, WRITE_ACCESS)),
    (Major::DirectoryControl, "DirectoryControl.QueryDirectory.", members(0, 32, Some(40), WRITE_ACCESS)),
];

const fn members(length: usize, buffer: usize, mdl: Option<usize>, access: u32) -> Members {
    Members { length: Some(length), buffer, mdl, access }
}

/// Those of a control.
fn of_control(code: u32) -> Members {
    match code & METHOD {
        METHOD_BUFFERED => members(0, 24, None, MODIFY_ACCESS),
        METHOD_IN_DIRECT => members(0, 32, Some(40), READ_ACCESS),
        _ => members(0, 32, Some(40), WRITE_ACCESS),
    }
}

/// Where the parameters of an operation are, and which of them describe its buffer.
pub(super) fn find(cpu: &Cpu, data: Ptr<CallbackData>) -> Option<(Ptr, Members)> {
    let operation = cpu.kernel().filters.operation(cpu, data.cast())?;
    let parameters: Ptr = data.read().iopb.byte_offset(offset_of!(IoParameterBlock, parameters));
    // Callbacks of the cache and memory managers have no buffer.
    let has_buffer = operation.kind != Kind::FsFilter;
    let code = || parameters.byte_offset::<u32>(CONTROL_CODE).read();
    let found = has_buffer.then(|| members_of(operation.major, code)).flatten();
    Some((parameters, found?))
}

/// Which members of an operation's parameters describe its buffer; `code` tells that of a control.
pub(super) fn members_of(major: Major, code: impl FnOnce() -> u32) -> Option<Members> {
    if matches!(major, Major::FileSystemControl | Major::DeviceControl) {
        return Some(of_control(code()));
    }
    MEMBERS.iter().find(|(known, ..)| *known == major).map(|(.., members)| *members)
}

/// `FltDecodeParameters`.
pub(crate) fn decode(
    cpu: &Cpu,
    data: Ptr<CallbackData>,
    mdl: Ptr<Ptr>,
    buffer: Ptr<Ptr>,
    length: Ptr<Ptr>,
    access: Ptr<u32>,
) -> NtStatus {
    let Some((parameters, members)) = find(cpu, data) else { return NtStatus::INVALID_PARAMETER };
    let at = |offset: Option<usize>| offset.map_or(Ptr::NULL, |offset| parameters.byte_offset(offset));
    mdl.write_if_given(at(members.mdl));
    buffer.write_if_given(at(Some(members.buffer)));
    length.write_if_given(at(members.length));
    access.write_if_given(members.access);
    NtStatus::SUCCESS
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every offset is that of the layout table.
    #[test]
    fn the_members_are_where_the_layout_table_has_them() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/abi/x64.json");
        let text = std::fs::read_to_string(path).expect("the table is there");
        let table: serde_json::Value = serde_json::from_str(&text).expect("the table is JSON");
        let fields = table["_FLT_PARAMETERS"]["fields"].as_array().expect("the union has members");
        let offset = |prefix: &str, ending: &str| {
            let named = |field: &&serde_json::Value| {
                let name = field["field"].as_str().unwrap_or_default();
                name.strip_prefix(prefix).is_some_and(|rest| !rest.contains('.') && rest.ends_with(ending))
            };
            let found = fields.iter().find(named)?;
            found["offset"].as_u64().and_then(|offset| usize::try_from(offset).ok())
        };
        let mut all: Vec<_> = MEMBERS.iter().map(|(_, name, members)| (*name, *members)).collect();
        all.push(("FileSystemControl.Direct.Output", of_control(2)));
        all.push(("DeviceIoControl.Neither.Output", of_control(3)));
        for (name, members) in all {
            assert_eq!(offset(name, "Length"), members.length, "{name}");
            assert_eq!(offset(name, "Buffer"), Some(members.buffer), "{name}");
            let mdl = offset(name, "MdlAddress");
            assert_eq!(mdl, members.mdl, "{name}");
        }
        assert_eq!(offset("FileSystemControl.Buffered.", "SystemBuffer"), Some(of_control(0).buffer));
        assert_eq!(offset("FileSystemControl.Buffered.", "FsControlCode"), Some(CONTROL_CODE));
    }
}
