//! File names, with their cache and the refusals that are documented.

mod cache;
pub(crate) mod information;
mod options;
pub(crate) mod parts;
mod safety;
mod text;

use std::sync::Arc;

pub(crate) use self::cache::NameCache;
pub(super) use self::information::NameTable;
use self::options::{Format, Method, Options};
use crate::abi::{CallbackData, FileNameInformation, FileObject, Ptr};
use crate::io::callback_data;
use crate::io::file::File;
use crate::ke::Cpu;
use crate::sim::Major;
use crate::status::NtStatus;
use crate::verifier::{Rule, calls};

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
    let options = match Options::of_driver(cpu, options) {
        Ok(options) => options,
        Err(status) => return status,
    };
    // A filter above may have put another file in the place of the operation's own.
    let data = data.cast::<CallbackData>();
    let target = data.read().iopb.read().target_file_object;
    let file = cpu.kernel().objects.file(target.cast()).unwrap_or_else(|| Arc::clone(&operation.file));
    let refused = safety::refusal(cpu, data, &operation, &file, options);
    if let Some(why) = refused
        && matches!(options.method, Method::Default | Method::FileSystemOnly)
    {
        calls::check_name_query(cpu, why);
    }
    look_up(cpu, &file, options, refused.is_none(), name)
}

/// Finds a name in the cache, or asks the file system if that is safe.
fn look_up(
    cpu: &Cpu,
    file: &File,
    options: Options,
    safe: bool,
    name: Ptr<Ptr<FileNameInformation>>,
) -> NtStatus {
    let Options { format, method, .. } = options;
    let opened_by = file.name().to_uppercase();
    let volume = file.volume().names.directories_renamed();
    let cache = match file.fcb() {
        Some(fcb) if format != Format::Opened => &fcb.names,
        _ => &file.names,
    };
    if method.looks_up(safe)
        && let Some(text) = cache.find(format, &opened_by, volume)
    {
        return information::give(cpu, file, format, &text, name);
    }
    if !safe || method == Method::CacheOnly {
        return method.failure();
    }
    let asked = cache.now(volume);
    match text::ask_file_system(file, format) {
        Ok(text) => {
            if options.fills_cache() {
                cache.insert(format, &opened_by, asked, &text);
            }
            information::give(cpu, file, format, &text, name)
        }
        Err(status) => status,
    }
}

/// The file object that a driver passes.
fn file_of_driver(cpu: &Cpu, file: Ptr<FileObject>) -> Option<Arc<File>> {
    let found = cpu.kernel().objects.file(file.cast());
    if found.is_none() {
        cpu.violation(Rule::ObjectReference, format!("{file:?} is no file object (any more)"));
    }
    found
}

/// `FltGetFileNameInformationUnsafe`: for whoever knows that it is safe.
pub(crate) fn get_file_name_information_unsafe(
    cpu: &Cpu,
    file: Ptr<FileObject>,
    _instance: Ptr,
    options: u32,
    name: Ptr<Ptr<FileNameInformation>>,
) -> NtStatus {
    let Some(file) = file_of_driver(cpu, file) else { return NtStatus::INVALID_PARAMETER };
    match Options::of_driver(cpu, options) {
        Ok(options) => look_up(cpu, &file, options, true, name),
        Err(status) => status,
    }
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
    let Some(file) = file_of_driver(cpu, file) else { return NtStatus::INVALID_PARAMETER };
    let options = match Options::of_driver(cpu, options) {
        Ok(options) => options,
        Err(status) => return status,
    };
    let text = String::from_utf16_lossy(&text.read_slice(bytes as usize / 2));
    let whole = if text.starts_with('\\') {
        cpu.kernel().volumes.nt_path(text.strip_prefix(r"\??\").unwrap_or(&text))
    } else {
        let own = match text::ask_file_system(&file, options.format) {
            Ok(own) => String::from_utf16_lossy(&own),
            Err(status) => return status,
        };
        let folder = own.rfind('\\').map_or("", |slash| &own[..=slash]);
        format!("{folder}{text}")
    };
    information::give(cpu, &file, options.format, &whole.encode_utf16().collect::<Vec<_>>(), name)
}

/// `FltGetTunneledName`: there are no short names that tunnelling could turn into long ones, so that there is never another
/// name. The page says where it may be called, and of what name.
pub(crate) fn get_tunneled_name(
    cpu: &Cpu,
    data: Ptr,
    name: Ptr<FileNameInformation>,
    tunneled: Ptr<Ptr<FileNameInformation>>,
) -> NtStatus {
    tunneled.write(Ptr::NULL);
    let Some(operation) = cpu.kernel().filters.operation(cpu, data) else {
        return NtStatus::INVALID_PARAMETER;
    };
    let is_post = data.cast::<CallbackData>().read().flags & callback_data::POST_OPERATION != 0;
    if !is_post || !matches!(operation.major, Major::Create | Major::SetInformation) {
        let detail = "asks for a tunnelled name, but not after a create, rename or link";
        cpu.violation(Rule::InvalidParameter, detail);
        return NtStatus::INVALID_PARAMETER;
    }
    match cpu.kernel().filters.names.format(name) {
        Some(Format::Normalized) => NtStatus::SUCCESS,
        Some(Format::Opened | Format::Short) => {
            cpu.violation(
                Rule::InvalidParameter,
                "asks for the tunnelled name of one that is not normalized",
            );
            NtStatus::INVALID_PARAMETER
        }
        None => {
            information::complain(cpu, "passes", name);
            NtStatus::INVALID_PARAMETER
        }
    }
}
