//! Functions and lines of a driver's code, from the symbol file beside its image.
//!
//! The file is read when a place is described for the first time. Without it, or if it belongs to another build of the
//! image, places are offsets.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use object::Object as _;
use pdb_addr2line::ContextPdbData;
use pdb_addr2line::pdb::{PDB, Source};

/// What an image says of its symbol file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity {
    /// As it is stored, in the byte order of a `GUID`.
    guid: [u8; 16],
    age: u32,
}

impl Identity {
    fn of_image(bytes: &[u8]) -> Option<Self> {
        let file = object::read::pe::PeFile64::parse(bytes).ok()?;
        let code_view = file.pdb_info().ok()??;
        Some(Self { guid: code_view.guid(), age: code_view.age() })
    }

    fn of_symbols<'s, S: Source<'s> + Send + 's>(pdb: &mut PDB<'s, S>) -> Option<Self> {
        let information = pdb.pdb_information().ok()?;
        // The age that an image carries is that of the debug information, where there is one.
        let age = pdb.debug_information().ok().and_then(|debug| debug.age());
        Some(Self { guid: information.guid.to_bytes_le(), age: age.unwrap_or(information.age) })
    }
}

/// The symbols of one image.
pub(crate) struct Symbols {
    /// The name of the image, for offsets.
    image: String,
    file: Option<(PathBuf, Identity)>,
    /// `Some` when the file has been looked for: what is in it, if it is the right one.
    data: Mutex<Option<Option<ContextPdbData<'static, 'static, File>>>>,
}

impl Symbols {
    /// The symbols of an image that was read from a file, or from nowhere.
    pub(crate) fn of(image: &str, bytes: &[u8], path: Option<&Path>) -> Self {
        let file = path.map(|path| path.with_extension("pdb")).zip(Identity::of_image(bytes));
        Self { image: image.to_owned(), file, data: Mutex::new(None) }
    }

    /// A relative address in words: the offset itself, and function and line of the code at `code`.
    pub(crate) fn describe(&self, rva: usize, code: usize) -> String {
        let offset = format!("at {}+0x{rva:X}", self.image);
        match self.find(code) {
            Some(place) => format!("{offset} ({place})"),
            None => offset,
        }
    }

    fn find(&self, rva: usize) -> Option<String> {
        let mut data = self.data.lock().unwrap_or_else(PoisonError::into_inner);
        let data = data.get_or_insert_with(|| self.read()).as_ref()?;
        let context = data.make_context().ok()?;
        let frames = context.find_frames(u32::try_from(rva).ok()?).ok()??.frames;
        // The innermost comes first: it is where the code is; the last is the function that it was inlined into.
        let innermost = frames.first()?;
        let mut place = innermost.function.as_deref().unwrap_or("?").to_owned();
        if let Some(outermost) = frames.last().filter(|_| frames.len() > 1) {
            place += &format!(" in {}", outermost.function.as_deref().unwrap_or("?"));
        }
        if let Some(file) = innermost.file.as_deref() {
            place += &format!(", {}", file.replace('\\', "/"));
            if let Some(line) = innermost.line {
                place += &format!(":{line}");
            }
        }
        Some(place)
    }

    fn read(&self) -> Option<ContextPdbData<'static, 'static, File>> {
        let (path, identity) = self.file.as_ref()?;
        let mut pdb = PDB::open(File::open(path).ok()?).ok()?;
        if Identity::of_symbols(&mut pdb)? != *identity {
            return None;
        }
        ContextPdbData::try_from_pdb(pdb).ok()
    }
}
