//! A built image with its symbols, and the means to damage a copy.

use std::io::Write;
use std::mem::offset_of;
use std::path::{Path, PathBuf};

use object::LittleEndian as LE;
use object::pe::{self, ImageDosHeader, ImageNtHeaders64};
use object::read::pe::PeFile64;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Architecture {
    X64,
    Arm64,
}

impl Architecture {
    pub(crate) const ALL: [Self; 2] = [Self::X64, Self::Arm64];

    fn triple(self) -> &'static str {
        match self {
            Self::X64 => "x86_64-pc-windows-msvc",
            Self::Arm64 => "aarch64-pc-windows-msvc",
        }
    }

    pub(crate) fn machine(self) -> pe::Machine {
        match self {
            Self::X64 => pe::IMAGE_FILE_MACHINE_AMD64,
            Self::Arm64 => pe::IMAGE_FILE_MACHINE_ARM64,
        }
    }
}

/// One image and its symbol file, in memory.
#[derive(Clone)]
pub(crate) struct Built {
    pub(crate) architecture: Architecture,
    pub(crate) image: Vec<u8>,
    pub(crate) symbols: Vec<u8>,
    /// Leaves the checksum as it is when the copy is damaged.
    pub(crate) unsealed: bool,
}

impl Built {
    /// The release image for that architecture. If it was not built the test is skipped, visibly; where
    /// `WHOWROTE_REQUIRE_BUILDS` is set, as `cargo xtask test` does, that is a failure.
    pub(crate) fn find(architecture: Architecture) -> Option<Self> {
        let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("target");
        let path: PathBuf = target.join(architecture.triple()).join("release/whowrote.sys");
        if !path.is_file() {
            assert!(std::env::var_os("WHOWROTE_REQUIRE_BUILDS").is_none(), "{} is missing", path.display());
            // not by `eprintln!`, which the test harness swallows
            let message =
                format!("skipped for {architecture:?}: `cargo xtask build` has not made its image\n");
            let _ = std::io::stderr().write_all(message.as_bytes());
            return None;
        }
        let read =
            |path: &Path| std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let symbols = read(&path.with_extension("pdb"));
        Some(Self { architecture, image: read(&path), symbols, unsealed: false })
    }

    pub(crate) fn parse(&self) -> Result<PeFile64<'_>, String> {
        PeFile64::parse(&*self.image).map_err(|error| error.to_string())
    }

    /// A copy with the damage done, and the checksum right again, so that only the damage can be found.
    pub(crate) fn damaged(&self, damage: impl FnOnce(&mut Self)) -> Self {
        let mut copy = self.clone();
        damage(&mut copy);
        if !copy.unsealed {
            let checksum = copy.computed_checksum();
            copy.nt_headers_mut().optional_header.check_sum.set(LE, checksum);
        }
        copy
    }

    /// Where the headers after the DOS program begin.
    fn nt_headers(&self) -> usize {
        let (dos, _) = object::from_bytes::<ImageDosHeader>(&self.image).expect("a DOS header");
        dos.e_lfanew.get(LE) as usize
    }

    pub(crate) fn nt_headers_mut(&mut self) -> &mut ImageNtHeaders64 {
        let start = self.nt_headers();
        object::from_bytes_mut(&mut self.image[start..]).expect("the headers").0
    }

    fn directory_mut(&mut self, index: usize) -> &mut pe::ImageDataDirectory {
        let directories = self.nt_headers() + size_of::<ImageNtHeaders64>();
        let start = directories + index * size_of::<pe::ImageDataDirectory>();
        object::from_bytes_mut(&mut self.image[start..]).expect("the directories").0
    }

    pub(crate) fn clear_directory(&mut self, index: usize) {
        let directory = self.directory_mut(index);
        directory.virtual_address.set(LE, 0);
        directory.size.set(LE, 0);
    }

    /// Leaves the first entry of the debug directory, the reference to the symbol file.
    pub(crate) fn shorten_debug_directory(&mut self) {
        let entry = u32::try_from(size_of::<pe::ImageDebugDirectory>()).expect("it is small");
        self.directory_mut(pe::IMAGE_DIRECTORY_ENTRY_DEBUG).size.set(LE, entry);
    }

    pub(crate) fn first_section_mut(&mut self) -> &mut pe::ImageSectionHeader {
        let optional = usize::from(self.nt_headers_mut().file_header.size_of_optional_header.get(LE));
        let start = self.nt_headers() + offset_of!(ImageNtHeaders64, optional_header) + optional;
        object::from_bytes_mut(&mut self.image[start..]).expect("the section table").0
    }

    /// The signature that image and symbols share, as the image has it.
    pub(crate) fn signature(&self) -> [u8; 16] {
        use object::Object;
        self.parse().expect("an image").pdb_info().expect("debug data").expect("a symbol file").guid()
    }

    /// Overwrites every occurrence of some bytes with as many others.
    pub(crate) fn replace(&mut self, from: &[u8], to: &[u8]) {
        assert_eq!(from.len(), to.len());
        let found: Vec<usize> = self
            .image
            .windows(from.len())
            .enumerate()
            .filter(|(_, bytes)| *bytes == from)
            .map(|(at, _)| at)
            .collect();
        assert!(!found.is_empty(), "the image has no {}", from.escape_ascii());
        for at in found {
            self.image[at..][..to.len()].copy_from_slice(to);
        }
    }

    /// The sum of all 16-bit words with carries folded in, the checksum itself left out, plus the length of the file.
    pub(crate) fn computed_checksum(&self) -> u32 {
        let field = self.nt_headers()
            + offset_of!(ImageNtHeaders64, optional_header)
            + offset_of!(pe::ImageOptionalHeader64, check_sum);
        let mut sum: u32 = 0;
        for (index, word) in self.image.chunks(2).enumerate() {
            if !(field..field + 4).contains(&(2 * index)) {
                sum += u32::from(word[0]) | u32::from(word.get(1).copied().unwrap_or(0)) << 8;
                sum = (sum & 0xFFFF) + (sum >> 16);
            }
        }
        sum + u32::try_from(self.image.len()).expect("an image has less than 4 GB")
    }
}
