//! The file record.

use super::SlotBytes;
use super::error::DecodeError;
use super::layout::{Kind, Lead, Words};
use super::payload::{Contents, DictionaryEntry, Payload, TRUNCATED};
use super::text::Text;
use crate::key::{FileKey, VolumeKey};

/// Bit of the flags byte: the name is the opened, not the normalized one.
const OPENED_NAME: u8 = 1 << 0;
/// Byte offset of the size in the record.
const PATH_SIZE: usize = 40;

/// How a file's name was had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum NameKind {
    /// `FLT_FILE_NAME_NORMALIZED`: the one name of the file on this path.
    Normalized,
    /// `FLT_FILE_NAME_OPENED`, for want of that: as it was opened, possibly with short names or links.
    Opened,
}

/// What a file key stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileEntry<'a> {
    /// The key.
    pub key: FileKey,
    /// The volume it is on.
    pub volume: VolumeKey,
    /// When the driver first met it: 100 ns units since 1601 UTC; 0 if not known.
    pub met: u64,
    /// How the path was had.
    pub name_kind: NameKind,
    /// Its path on the volume, from the first `\` on, a stream's name included; empty for the volume itself.
    pub path: Text<'a>,
    /// Whether the path was too long for a record and is cut off. Written as the path demands.
    pub truncated: bool,
}

impl<'a> FileEntry<'a> {
    pub(super) fn decode(first: &Words, following: &'a [SlotBytes]) -> Result<Self, DecodeError> {
        let [_, met, _, key, volume, size, ..] = *first;
        let flags = Lead::of(first).byte_18;
        let [path, _] = Payload::split(following, [(size & 0xFFFF) as u16, 0], PATH_SIZE)?;
        Ok(Self {
            key: FileKey(key),
            volume: VolumeKey(volume),
            met,
            name_kind: if flags & OPENED_NAME == 0 { NameKind::Normalized } else { NameKind::Opened },
            path: path.text(PATH_SIZE)?,
            truncated: flags & TRUNCATED != 0,
        })
    }
}

impl DictionaryEntry for FileEntry<'_> {
    fn contents(&self) -> Contents<'_> {
        Contents::new(&[], [self.path, Text::EMPTY])
    }

    fn first(&self, contents: &Contents<'_>) -> Words {
        let name_kind = match self.name_kind {
            NameKind::Normalized => 0,
            NameKind::Opened => OPENED_NAME,
        };
        let lead = Lead {
            kind: Kind::FILE,
            slots: contents.slots(),
            byte_18: name_kind | contents.flags(),
            byte_19: 0,
            dword_20: 0,
        };
        let [path_size, _] = contents.text_sizes();
        [0, self.met, lead.word(), self.key.0, self.volume.0, u64::from(path_size), 0, 0]
    }
}
