//! File names, with the refusals that are documented.

use std::sync::Arc;

use super::operation::Operation;
use crate::abi::{FileNameInformation, FileObject, Ptr, UnicodeString};
use crate::ex::block::{Block, Content};
use crate::io::driver::Driver;
use crate::io::file::File;
use crate::io::{file_object, irp};
use crate::ke::{Cpu, Irql};
use crate::sim::{Leak, Major};
use crate::status::NtStatus;
use crate::util::{AddressMap, Lock};
use crate::verifier::{Rule, calls};

/// `FLT_FILE_NAME_OPTIONS`: the format, the query method, and flags.
const FORMAT_MASK: u32 = 0xFF;
const FORMAT_NORMALIZED: u32 = 1;
const FORMAT_OPENED: u32 = 2;
const METHOD_MASK: u32 = 0xFF00;
const METHOD_DEFAULT: u32 = 0x100;
const METHOD_CACHE_ONLY: u32 = 0x200;
const METHOD_FILE_SYSTEM_ONLY: u32 = 0x300;
const METHOD_ALWAYS_ALLOW_CACHE_LOOKUP: u32 = 0x400;
/// `FLT_FILE_NAME_REQUEST_FROM_CURRENT_PROVIDER`, `FLT_FILE_NAME_DO_NOT_CACHE`, `FLT_FILE_NAME_ALLOW_QUERY_ON_REPARSE`
const KNOWN_FLAGS: u32 = 0x0700_0000;

struct NameInformation {
    block: Block,
    driver: Arc<Driver>,
    references: usize,
}

/// The file name information that filters hold.
#[derive(Default)]
pub(crate) struct NameTable {
    names: Lock<AddressMap<NameInformation>>,
}

impl NameTable {
    /// Whether there is such name information.
    pub(super) fn is_known(&self, name: Ptr<FileNameInformation>) -> bool {
        self.names.lock().contains_key(&name.address())
    }

    /// What a filter that is gone still holds.
    pub(super) fn leaks(&self, driver: &Arc<Driver>) -> Vec<Leak> {
        let mut count = 0;
        self.names.lock().retain(|_, name| {
            let is_its = Arc::ptr_eq(&name.driver, driver);
            count += usize::from(is_its);
            !is_its
        });
        if count == 0 {
            return Vec::new();
        }
        vec![Leak::new("file name information", "not released", count)]
    }
}

/// `FltGetFileNameInformation`.
pub(crate) fn get_file_name_information(
    cpu: &Cpu,
    data: Ptr,
    options: u32,
    name: Ptr<Ptr<FileNameInformation>>,
) -> NtStatus {
    let Some(operation) = cpu.kernel().filters.operation(cpu, data) else {
        return NtStatus::INVALID_PARAMETER;
    };
    let format = options & FORMAT_MASK;
    let method = options & METHOD_MASK;
    let known_method = matches!(
        method,
        METHOD_DEFAULT | METHOD_CACHE_ONLY | METHOD_FILE_SYSTEM_ONLY | METHOD_ALWAYS_ALLOW_CACHE_LOOKUP
    );
    let known_flags = options & !(FORMAT_MASK | METHOD_MASK | KNOWN_FLAGS) == 0;
    if !matches!(format, FORMAT_NORMALIZED | FORMAT_OPENED) || !known_method || !known_flags {
        cpu.violation(Rule::InvalidParameter, format!("asks for a name with options 0x{options:X}"));
        return NtStatus::INVALID_PARAMETER;
    }
    // `KeAreAllApcsDisabled` is TRUE from APC_LEVEL on.
    let has_top_level_irp = cpu.thread().io().top_level_irp() != 0;
    if !is_safe(&operation) || has_top_level_irp || cpu.irql() >= Irql::APC {
        if !matches!(method, METHOD_CACHE_ONLY | METHOD_ALWAYS_ALLOW_CACHE_LOOKUP) {
            calls::check_name_query(cpu);
        }
        return NtStatus::FLT_INVALID_NAME_REQUEST;
    }
    if method == METHOD_CACHE_ONLY {
        // Nothing here keeps names between requests.
        return NtStatus::FLT_NAME_CACHE_MISS;
    }
    give(cpu, &operation.file, format, &name_text(&operation.file, format), name)
}

/// Gives a driver a name, which it releases.
fn give(cpu: &Cpu, file: &File, format: u32, text: &[u16], name: Ptr<Ptr<FileNameInformation>>) -> NtStatus {
    let Some(driver) = cpu.driver() else { return NtStatus::INVALID_PARAMETER };
    let block = name_block(file, format, text);
    let ptr = block.ptr();
    let information = NameInformation { block, driver, references: 1 };
    cpu.kernel().filters.names.names.lock().insert(ptr.address(), information);
    name.write(ptr);
    NtStatus::SUCCESS
}

/// `FltGetFileNameInformationUnsafe`: for whoever knows that it is safe.
pub(crate) fn get_file_name_information_unsafe(
    cpu: &Cpu,
    file: Ptr<FileObject>,
    _instance: Ptr,
    options: u32,
    name: Ptr<Ptr<FileNameInformation>>,
) -> NtStatus {
    let Some(file) = cpu.kernel().objects.file(file.cast()) else {
        cpu.violation(Rule::ObjectReference, format!("{file:?} is no file object (any more)"));
        return NtStatus::INVALID_PARAMETER;
    };
    let format = options & FORMAT_MASK;
    give(cpu, &file, format, &name_text(&file, format), name)
}

/// `FltGetDestinationFileNameInformation`, of a rename or a link: relative to the file's folder unless it begins at a
/// root.
#[expect(clippy::too_many_arguments, reason = "the routine has as many")]
pub(crate) fn get_destination_file_name_information(
    cpu: &Cpu,
    _instance: Ptr,
    file: Ptr<FileObject>,
    _root: usize,
    text: Ptr<u16>,
    bytes: u32,
    options: u32,
    name: Ptr<Ptr<FileNameInformation>>,
) -> NtStatus {
    let Some(file) = cpu.kernel().objects.file(file.cast()) else {
        cpu.violation(Rule::ObjectReference, format!("{file:?} is no file object (any more)"));
        return NtStatus::INVALID_PARAMETER;
    };
    let text = String::from_utf16_lossy(&text.read_slice(bytes as usize / 2));
    let format = options & FORMAT_MASK;
    let whole = if text.starts_with('\\') {
        cpu.kernel().volumes.nt_path(text.strip_prefix(r"\??\").unwrap_or(&text))
    } else {
        let own = String::from_utf16_lossy(&name_text(&file, format));
        let folder = own.rfind('\\').map_or("", |slash| &own[..=slash]);
        format!("{folder}{text}")
    };
    give(cpu, &file, format, &whole.encode_utf16().collect::<Vec<_>>(), name)
}

/// `FltGetTunneledName`: nothing is tunnelled here, so there is no other name.
pub(crate) fn get_tunneled_name(
    _cpu: &Cpu,
    _data: Ptr,
    _name: Ptr<FileNameInformation>,
    tunneled: Ptr<Ptr<FileNameInformation>>,
) -> NtStatus {
    tunneled.write(Ptr::NULL);
    NtStatus::SUCCESS
}

/// Whether the name may be asked for at all: not in the paging path, and not after the cleanup.
fn is_safe(operation: &Operation) -> bool {
    // The file is being acquired or released by the cache or memory manager.
    let refused = matches!(
        operation.major,
        Major::AcquireForCcFlush
            | Major::ReleaseForCcFlush
            | Major::AcquireForModifiedPageWriter
            | Major::ReleaseForModifiedPageWriter
            | Major::ReleaseForSectionSynchronization
    );
    operation.irp_flags & irp::PAGING_IO == 0
        && !refused
        && !operation.file.has(file_object::CLEANUP_COMPLETE)
}

/// The name in a format: as it was opened, or as the file is called now.
fn name_text(file: &File, format: u32) -> Vec<u16> {
    let current = if format == FORMAT_NORMALIZED { file.current_name() } else { None };
    match current {
        Some(name) => format!("{}{name}", file.volume().device_name().as_str()).encode_utf16().collect(),
        None => file.path_text().units().to_vec(),
    }
}

/// The structure and the name behind it. The volume is always parsed.
fn name_block(file: &File, format: u32, units: &[u16]) -> Block {
    let header = size_of::<FileNameInformation>();
    let block = Block::new(header + size_of_val(units), Content::Zeroed);
    let text = block.ptr::<u8>().byte_offset::<u16>(header);
    text.write_slice(units);
    let part = |bytes: usize| {
        let length = u16::try_from(bytes).expect("a name is shorter than 32,767 characters");
        UnicodeString { length, maximum_length: length, buffer: text }
    };
    let empty = UnicodeString { length: 0, maximum_length: 0, buffer: Ptr::NULL };
    let volume = size_of_val(file.volume().device_name().units());
    block.ptr::<FileNameInformation>().write(FileNameInformation {
        size: u16::try_from(header).expect("the structure is small"),
        names_parsed: 0,
        format,
        name: part(size_of_val(units)),
        volume: part(volume),
        share: empty,
        extension: empty,
        stream: empty,
        final_component: empty,
        parent_dir: empty,
    });
    block
}

/// `FltReferenceFileNameInformation`.
pub(crate) fn reference_file_name_information(cpu: &Cpu, name: Ptr<FileNameInformation>) {
    let mut names = cpu.kernel().filters.names.names.lock();
    let known = names.get_mut(&name.address()).map(|name| name.references += 1).is_some();
    drop(names);
    if !known {
        cpu.violation(
            Rule::NameReference,
            format!("references {name:?}, which is no name information (any more)"),
        );
    }
}

/// `FltReleaseFileNameInformation`.
pub(crate) fn release_file_name_information(cpu: &Cpu, name: Ptr<FileNameInformation>) {
    let mut names = cpu.kernel().filters.names.names.lock();
    let left = names.get_mut(&name.address()).map(|name| {
        name.references -= 1;
        name.references
    });
    let gone = if left == Some(0) { names.remove(&name.address()) } else { None };
    drop(names);
    if left.is_none() {
        cpu.violation(
            Rule::NameReference,
            format!("releases {name:?}, which is no name information (any more)"),
        );
    }
    if let Some(gone) = gone {
        if gone.block.damage().is_some() {
            cpu.violation(Rule::Pool, "wrote outside a file name information");
        }
        gone.block.poison();
    }
}
