//! `FLT_FILE_NAME_INFORMATION`: the structures that drivers hold, in paged pool as documented, and counted.

use std::sync::Arc;

use super::options::Format;
use crate::abi::{Address, FileNameInformation, Ptr, UnicodeString};
use crate::ex::block::{Block, Content};
use crate::io::driver::Driver;
use crate::io::file::File;
use crate::ke::Cpu;
use crate::sim::Leak;
use crate::status::NtStatus;
use crate::util::{AddressMap, Lock};
use crate::verifier::Rule;
use crate::verifier::site::Origin;

/// What the structures are called, and their tag.
const KIND: &str = "file name information";
const TAG: u32 = u32::from_le_bytes(*b"FMfn");

struct NameInformation {
    block: Block,
    driver: Arc<Driver>,
    references: usize,
    format: Format,
    /// What the driver must leave as it is: the Filter Manager shares it with other filters.
    text: Vec<u16>,
    origin: Option<Origin>,
}

impl NameInformation {
    fn text_place(&self) -> Ptr<u16> {
        self.block.ptr::<u8>().byte_offset(size_of::<FileNameInformation>())
    }

    /// Whether name or description are no longer as they were given.
    fn is_changed(&self) -> bool {
        let given = self.block.ptr::<FileNameInformation>().read();
        let bytes = size_of_val(&self.text[..]);
        given.name.buffer != self.text_place()
            || usize::from(given.name.length) != bytes
            || given.format != self.format as u32
            || self.text_place().read_slice(self.text.len()) != self.text
    }
}

/// The file name information that filters hold.
#[derive(Default)]
pub(crate) struct NameTable {
    names: Lock<AddressMap<NameInformation>>,
}

impl NameTable {
    /// The format of such name information, if there is any.
    pub(super) fn format(&self, name: Ptr<FileNameInformation>) -> Option<Format> {
        self.names.lock().get(&name.address()).map(|name| name.format)
    }

    /// What a filter that is gone still holds.
    pub(in crate::fltmgr) fn leaks(&self, driver: &Arc<Driver>) -> Vec<Leak> {
        let is_its = |_: &Address, name: &mut NameInformation| Arc::ptr_eq(&name.driver, driver);
        let left: Vec<_> = self.names.lock().extract_if(is_its).map(|(_, name)| name.origin).collect();
        if left.is_empty() {
            return Vec::new();
        }
        let origin = left.iter().flatten().next();
        vec![Leak::new(KIND, "not released", left.len()).taken(origin)]
    }
}

/// Gives the driver that runs a name, which it releases.
pub(super) fn give(
    cpu: &Cpu,
    file: &File,
    format: Format,
    units: &[u16],
    name: Ptr<Ptr<FileNameInformation>>,
) -> NtStatus {
    let Some(driver) = cpu.driver() else { return NtStatus::INVALID_PARAMETER };
    let pool = &cpu.kernel().pool;
    let bytes = size_of::<FileNameInformation>() + size_of_val(units);
    let block = pool.block(cpu, bytes, Content::Zeroed, KIND, TAG, true);
    describe(&block, file, format, units);
    let ptr = block.ptr();
    let information = NameInformation {
        block,
        driver,
        references: 1,
        format,
        text: units.to_vec(),
        origin: pool.origin(cpu),
    };
    cpu.kernel().filters.names.names.lock().insert(ptr.address(), information);
    name.write(ptr);
    NtStatus::SUCCESS
}

/// Fills the structure and the name behind it. The volume is always parsed; a short name has none.
fn describe(block: &Block, file: &File, format: Format, units: &[u16]) {
    let header = size_of::<FileNameInformation>();
    let text = block.ptr::<u8>().byte_offset::<u16>(header);
    text.write_slice(units);
    let part = |bytes: usize| {
        let length = u16::try_from(bytes).expect("a name is shorter than 32,767 characters");
        UnicodeString { length, maximum_length: length, buffer: text }
    };
    let empty = UnicodeString { length: 0, maximum_length: 0, buffer: Ptr::NULL };
    let volume = match format {
        Format::Short => empty,
        Format::Normalized | Format::Opened => part(size_of_val(file.volume().device_name().units())),
    };
    block.ptr::<FileNameInformation>().write(FileNameInformation {
        size: u16::try_from(header).expect("the structure is small"),
        names_parsed: 0,
        format: format as u32,
        name: part(size_of_val(units)),
        volume,
        share: empty,
        extension: empty,
        stream: empty,
        final_component: empty,
        parent_dir: empty,
    });
}

/// `FltReferenceFileNameInformation`.
pub(crate) fn reference(cpu: &Cpu, name: Ptr<FileNameInformation>) {
    let mut names = cpu.kernel().filters.names.names.lock();
    let known = names.get_mut(&name.address()).map(|name| name.references += 1).is_some();
    drop(names);
    if !known {
        complain(cpu, "references", name);
    }
}

/// `FltReleaseFileNameInformation`.
pub(crate) fn release(cpu: &Cpu, name: Ptr<FileNameInformation>) {
    let mut names = cpu.kernel().filters.names.names.lock();
    let left = names.get_mut(&name.address()).map(|name| {
        name.references -= 1;
        name.references
    });
    let gone = if left == Some(0) { names.remove(&name.address()) } else { None };
    drop(names);
    if left.is_none() {
        complain(cpu, "releases", name);
    }
    let Some(gone) = gone else { return };
    if gone.block.damage().is_some() {
        cpu.violation(Rule::Pool, "wrote outside a file name information");
    }
    if gone.is_changed() {
        cpu.violation(Rule::NameReference, "changed a file name information, which all filters share");
    }
    cpu.kernel().pool.retire(cpu, gone.block, TAG);
}

/// A routine got what is no name information.
pub(super) fn complain(cpu: &Cpu, verb: &str, name: Ptr<FileNameInformation>) {
    let detail = format!("{verb} {name:?}, which is no name information (any more)");
    cpu.violation(Rule::NameReference, detail);
}
