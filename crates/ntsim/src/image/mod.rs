//! Driver images: mapped as the loader of Windows would, with the protections of their sections.

mod loader;
mod mapping;

pub(crate) use loader::load;

use std::ops::Range;

use mapping::Mapping;
use std::sync::Arc;

use crate::abi::{Address, Ptr};
use crate::ex::block::PAGE_BYTES;
use crate::symbols::Symbols;

/// `IMAGE_DLLCHARACTERISTICS_FORCE_INTEGRITY`
const FORCE_INTEGRITY: u16 = 0x0080;
/// `int 29h`, by which compilers stop a program at once (`__fastfail`).
const FAST_FAIL: [u8; 2] = [0xCD, 0x29];

/// A section, for reports.
struct Section {
    start: usize,
    end: usize,
    executable: bool,
    /// Whether it may be on disk: sections are pageable whose names begin with `PAGE` ("Making Drivers Pageable").
    pageable: bool,
}

/// A loaded image.
pub(crate) struct Image {
    symbols: Arc<Symbols>,
    mapping: Mapping,
    entry_point: usize,
    characteristics: u16,
    sections: Vec<Section>,
    /// `.pdata`: where the table of functions is that unwinding goes by.
    exception_table: Range<usize>,
}

impl Image {
    pub(crate) fn symbols(&self) -> &Arc<Symbols> {
        &self.symbols
    }

    /// The pages of sections that may be on disk, with how they may be touched (`PROT_*`) while they may.
    pub(crate) fn pageable(&self) -> impl Iterator<Item = (Range<Address>, i32)> {
        self.sections.iter().filter(|section| section.pageable).map(|section| {
            let pages = self.base() + section.start..self.base() + section.end.next_multiple_of(PAGE_BYTES);
            let access = if section.executable { libc::PROT_EXEC } else { libc::PROT_WRITE };
            (pages, libc::PROT_READ | access)
        })
    }

    pub(crate) fn base(&self) -> Address {
        self.mapping.base()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.mapping.bytes()
    }

    /// `DriverEntry`, or what runs before it.
    pub(crate) fn entry_point(&self) -> Ptr {
        Ptr::at(self.base() + self.entry_point)
    }

    pub(crate) fn contains(&self, address: Address) -> bool {
        (self.base()..self.base() + self.bytes()).contains(&address)
    }

    /// Whether the image asks for its signature to be checked whenever it is loaded.
    pub(crate) fn forces_integrity(&self) -> bool {
        self.characteristics & FORCE_INTEGRITY != 0
    }

    /// Where the table of functions is that unwinding goes by, relative to the base.
    pub(crate) fn exception_table(&self) -> Range<usize> {
        self.exception_table.clone()
    }

    /// Whether a relative address lies in code.
    fn is_code(&self, rva: usize) -> bool {
        self.sections.iter().any(|section| section.executable && (section.start..section.end).contains(&rva))
    }

    /// Whether the instruction at a relative address is `int 29h`.
    pub(crate) fn is_fast_fail(&self, rva: usize) -> bool {
        self.is_code(rva)
            && self.is_code(rva + 1)
            && Ptr::<[u8; 2]>::at(self.base() + rva).read() == FAST_FAIL
    }
}
