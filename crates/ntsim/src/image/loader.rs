//! The loader: parse, map, relocate, resolve, protect.

use std::ops::Range;

use std::sync::Arc;

use object::LittleEndian as LE;
use object::pe;
use object::read::pe::{ImageNtHeaders, ImageOptionalHeader, ImageThunkData, PeFile64};

use super::mapping::{Mapping, Protection};
use super::{Image, Section};
use crate::abi::Address;
use crate::exports::{self, DataCells, Module};
use crate::sim::LoadError;
use crate::symbols::Symbols;
use crate::windows::Windows;

/// Sections are protected page by page.
const PAGE_BYTES: usize = 4096;
/// More than any driver; keeps a damaged header from asking for the host's memory.
const MAX_IMAGE_BYTES: usize = 256 << 20;
/// Bytes of an entry in the import address table.
const THUNK_BYTES: usize = 8;

fn bad(error: impl std::fmt::Display) -> LoadError {
    LoadError::Image(error.to_string())
}

fn usize_of(value: u32) -> usize {
    value as usize
}

/// Loads an image. Nothing of it has run when this returns.
pub(crate) fn load(
    bytes: &[u8],
    service: &str,
    windows: Windows,
    cells: &DataCells,
) -> Result<Image, LoadError> {
    let file = PeFile64::parse(bytes).map_err(bad)?;
    let optional = check_headers(&file)?;
    let image_bytes = usize_of(optional.size_of_image());
    let mut mapping = Mapping::new(image_bytes.next_multiple_of(PAGE_BYTES))
        .ok_or_else(|| bad("there is no memory for it"))?;
    let sections = map_sections(&file, bytes, &mut mapping)?;
    relocate(&file, &mut mapping)?;
    resolve_imports(&file, &mut mapping, windows, cells)?;
    protect(&file, &mapping)?;
    let entry_point = usize_of(optional.address_of_entry_point());
    let name = format!("{service}.sys");
    let image = Image {
        symbols: Arc::new(Symbols::of(&name, bytes)),
        mapping,
        entry_point,
        characteristics: optional.dll_characteristics().0,
        sections,
        exception_table: exception_table(&file, image_bytes),
    };
    if image.is_code(entry_point) { Ok(image) } else { Err(bad("its entry point is not in code")) }
}

/// The table of functions; none where the directory does not fit the image.
fn exception_table(file: &PeFile64<'_>, image_bytes: usize) -> Range<usize> {
    let Some(directory) = file.data_directories().get(pe::IMAGE_DIRECTORY_ENTRY_EXCEPTION) else {
        return 0..0;
    };
    let (start, bytes) = directory.address_range();
    let table = usize_of(start)..usize_of(start).saturating_add(usize_of(bytes));
    if table.end <= image_bytes { table } else { 0..0 }
}

fn check_headers<'data>(file: &PeFile64<'data>) -> Result<&'data pe::ImageOptionalHeader64, LoadError> {
    let headers = file.nt_headers();
    let optional = headers.optional_header();
    let machine = headers.file_header().machine.get(LE);
    if machine != pe::IMAGE_FILE_MACHINE_AMD64 {
        return Err(bad(format!("it is for machine 0x{machine:04X}, not x86-64 (0x8664)")));
    }
    let subsystem = optional.subsystem();
    if subsystem != pe::IMAGE_SUBSYSTEM_NATIVE {
        return Err(bad(format!("its subsystem is {subsystem}, not native (1)")));
    }
    let alignment = usize_of(optional.section_alignment());
    if !alignment.is_power_of_two() || alignment < PAGE_BYTES {
        return Err(bad(format!("its sections are aligned to {alignment} bytes, less than a page")));
    }
    if !(1..=MAX_IMAGE_BYTES).contains(&usize_of(optional.size_of_image())) {
        return Err(bad(format!("its size is {} bytes", optional.size_of_image())));
    }
    Ok(optional)
}

/// Copies headers and sections to where they belong.
fn map_sections(file: &PeFile64<'_>, bytes: &[u8], mapping: &mut Mapping) -> Result<Vec<Section>, LoadError> {
    let header_bytes = usize_of(file.nt_headers().optional_header().size_of_headers());
    let headers = bytes.get(..header_bytes).ok_or_else(|| bad("its headers are cut off"))?;
    let content = mapping.content();
    content.get_mut(..header_bytes).ok_or_else(|| bad("its headers exceed it"))?.copy_from_slice(headers);
    let mut sections = Vec::new();
    for header in file.section_table().iter() {
        let name = String::from_utf8_lossy(header.raw_name()).into_owned();
        let start = usize_of(header.virtual_address.get(LE));
        let data = header.pe_data(bytes).map_err(|_| bad(format!("section {name} is cut off")))?;
        let size = usize_of(header.virtual_size.get(LE)).max(data.len());
        let outside = || bad(format!("section {name} lies outside the image"));
        let end = start.checked_add(size).ok_or_else(outside)?;
        let place = content.get_mut(start..end).ok_or_else(outside)?;
        place[..data.len()].copy_from_slice(data);
        let executable = header.characteristics.get(LE).contains(pe::IMAGE_SCN_MEM_EXECUTE);
        let pageable = header.raw_name().starts_with(b"PAGE");
        sections.push(Section { start, end, executable, pageable });
    }
    Ok(sections)
}

/// Adds the distance between where the image is and where it was linked to be.
fn relocate(file: &PeFile64<'_>, mapping: &mut Mapping) -> Result<(), LoadError> {
    let linked = file.nt_headers().optional_header().image_base();
    let delta = (mapping.base() as u64).wrapping_sub(linked);
    let blocks =
        file.data_directories().relocation_blocks(file.data(), &file.section_table()).map_err(bad)?;
    let Some(mut blocks) = blocks else {
        // Code that has no absolute addresses needs none; the flag says that they were there and are gone.
        let characteristics = file.nt_headers().file_header().characteristics.get(LE);
        if characteristics.contains(pe::IMAGE_FILE_RELOCS_STRIPPED) {
            return Err(bad("it has no relocations, and cannot be loaded where it was linked to be"));
        }
        return Ok(());
    };
    while let Some(block) = blocks.next().map_err(bad)? {
        for relocation in block {
            match relocation.typ {
                pe::IMAGE_REL_BASED_ABSOLUTE => {}
                pe::IMAGE_REL_BASED_DIR64 => {
                    let place = word_at(mapping, usize_of(relocation.virtual_address))?;
                    *place = u64::from_le_bytes(*place).wrapping_add(delta).to_le_bytes();
                }
                other => return Err(bad(format!("relocation type {other} is none of x86-64"))),
            }
        }
    }
    Ok(())
}

fn word_at(mapping: &mut Mapping, rva: usize) -> Result<&mut [u8; THUNK_BYTES], LoadError> {
    mapping
        .content()
        .get_mut(rva..)
        .and_then(|rest| rest.first_chunk_mut())
        .ok_or_else(|| bad(format!("address 0x{rva:X} lies outside the image")))
}

/// Stores the address of each import in the import address table, or names all that are missing.
fn resolve_imports(
    file: &PeFile64<'_>,
    mapping: &mut Mapping,
    windows: Windows,
    cells: &DataCells,
) -> Result<(), LoadError> {
    let Some(table) = file.import_table().map_err(bad)? else { return Ok(()) };
    let mut missing = Vec::new();
    let mut descriptors = table.descriptors().map_err(bad)?;
    while let Some(descriptor) = descriptors.next().map_err(bad)? {
        let library = String::from_utf8_lossy(table.name(descriptor.name.get(LE)).map_err(bad)?).into_owned();
        let module = Module::find(&library);
        let mut place = usize_of(descriptor.first_thunk.get(LE));
        let names = match descriptor.original_first_thunk.get(LE) {
            0 => descriptor.first_thunk.get(LE),
            names => names,
        };
        let mut thunks = table.thunks(names).map_err(bad)?;
        while let Some(thunk) = thunks.next::<pe::ImageNtHeaders64>().map_err(bad)? {
            match find(&table, thunk, module, windows, cells)? {
                Ok(address) => *word_at(mapping, place)? = (address as u64).to_le_bytes(),
                Err(name) => missing.push(format!("{library}!{name}{}", since(module, &name))),
            }
            place += THUNK_BYTES;
        }
    }
    if missing.is_empty() { Ok(()) } else { Err(LoadError::MissingImports(missing)) }
}

/// What is said of an import that a later Windows has.
fn since(module: Option<Module>, name: &str) -> String {
    let later = module.and_then(|module| exports::first_version(module, name));
    later.map_or_else(String::new, |windows| format!(" (only since Windows {windows})"))
}

/// The address of an import, or its name.
fn find(
    table: &object::read::pe::ImportTable<'_>,
    thunk: pe::ImageThunkData64,
    module: Option<Module>,
    windows: Windows,
    cells: &DataCells,
) -> Result<Result<Address, String>, LoadError> {
    if thunk.is_ordinal() {
        return Ok(Err(format!("ordinal {}", thunk.ordinal())));
    }
    let (_, name) = table.hint_name(thunk.address()).map_err(bad)?;
    let name = String::from_utf8_lossy(name).into_owned();
    let address = module.and_then(|module| exports::address(module, &name, windows, cells));
    Ok(address.ok_or(name))
}

/// Gives each section the protection it asks for; what belongs to no section can be read.
fn protect(file: &PeFile64<'_>, mapping: &Mapping) -> Result<(), LoadError> {
    let read_only = Protection { read: true, write: false, execute: false };
    let refused = || bad("the host does not protect its pages as it asks");
    if !mapping.protect(0, mapping.bytes(), read_only) {
        return Err(refused());
    }
    for header in file.section_table().iter() {
        let flags = header.characteristics.get(LE);
        let protection = Protection {
            read: flags.contains(pe::IMAGE_SCN_MEM_READ),
            write: flags.contains(pe::IMAGE_SCN_MEM_WRITE),
            execute: flags.contains(pe::IMAGE_SCN_MEM_EXECUTE),
        };
        let start = usize_of(header.virtual_address.get(LE));
        let size = usize_of(header.virtual_size.get(LE)).max(1).next_multiple_of(PAGE_BYTES);
        let bytes = size.min(mapping.bytes().saturating_sub(start));
        if !start.is_multiple_of(PAGE_BYTES) || !mapping.protect(start, bytes, protection) {
            return Err(refused());
        }
    }
    Ok(())
}
