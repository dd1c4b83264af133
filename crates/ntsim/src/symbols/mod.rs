//! Functions and lines of a driver's code, from the symbol file beside its image.
//!
//! The file is read when a place is described for the first time. Without it, or if it belongs to another build of the
//! image, places are offsets.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use object::Object as _;
use pdb_addr2line::pdb::{PDB, Source};
use pdb_addr2line::{ContextPdbData, Frame, TypeFormatterFlags};

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

/// Functions are named without their types.
const NAMES: TypeFormatterFlags =
    TypeFormatterFlags::NO_FUNCTION_RETURN.union(TypeFormatterFlags::NO_ARGUMENTS);

/// Whether a source file belongs to Rust's own library.
fn is_library(file: &str) -> bool {
    file.replace('\\', "/").split_once("library/").is_some_and(|(_, rest)| rest.starts_with("core/"))
}

/// What is in a symbol file.
enum Data {
    /// It has not been looked for yet.
    Unread,
    /// There is none, or it is another build's.
    None,
    Read(Box<ContextPdbData<'static, 'static, File>>),
}

/// The symbols of one image.
pub(crate) struct Symbols {
    /// The name of the image, for offsets.
    image: String,
    identity: Option<Identity>,
    /// Where the symbol file should be.
    path: OnceLock<PathBuf>,
    data: Mutex<Data>,
}

impl Symbols {
    /// The symbols of an image of that name, wherever they are.
    pub(crate) fn of(image: &str, bytes: &[u8]) -> Self {
        let identity = Identity::of_image(bytes);
        Self { image: image.to_owned(), identity, path: OnceLock::new(), data: Mutex::new(Data::Unread) }
    }

    /// The image was read from this file: its symbols are beside it.
    pub(crate) fn look_beside(&self, image: &Path) {
        // An image is read from one file.
        let _ = self.path.set(image.with_extension("pdb"));
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
        if matches!(*data, Data::Unread) {
            *data = self.read().map_or(Data::None, |data| Data::Read(Box::new(data)));
        }
        let Data::Read(data) = &*data else { return None };
        let context = data.make_context_with_formatter_flags(NAMES).ok()?;
        let frames = context.find_frames(u32::try_from(rva).ok()?).ok()??.frames;
        // The innermost comes first, the last is the function that it was inlined into. Inlined functions of the library
        // are passed over: what called them is the driver's own.
        let own = |frame: &&Frame<'_>| frame.file.as_deref().is_none_or(|file| !is_library(file));
        let frame = frames.iter().find(own).or(frames.first())?;
        let function = frame.function.as_deref().unwrap_or("?");
        let file = frame.file.as_deref().map(|file| file.replace('\\', "/"));
        Some(match (file, frame.line) {
            (Some(file), Some(line)) => format!("{function}, {file}:{line}"),
            (Some(file), None) => format!("{function}, {file}"),
            (None, _) => function.to_owned(),
        })
    }

    fn read(&self) -> Option<ContextPdbData<'static, 'static, File>> {
        let (path, identity) = (self.path.get()?, self.identity?);
        let mut pdb = PDB::open(File::open(path).ok()?).ok()?;
        if Identity::of_symbols(&mut pdb)? != identity {
            return None;
        }
        ContextPdbData::try_from_pdb(pdb).ok()
    }
}
