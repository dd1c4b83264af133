//! The volume record.

use super::SlotBytes;
use super::error::DecodeError;
use super::layout::{Kind, Lead, Words};
use super::payload::{Contents, DictionaryEntry, Payload, TRUNCATED};
use super::text::Text;
use crate::key::VolumeKey;

/// Byte offsets of the sizes in the record.
const DEVICE_SIZE: usize = 32;
const GUID_SIZE: usize = 34;

/// What a volume key stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VolumeEntry<'a> {
    /// The key.
    pub key: VolumeKey,
    /// When the driver attached to it: 100 ns units since 1601 UTC; 0 if not known.
    pub attached: u64,
    /// Its file system, as a value of `FLT_FILESYSTEM_TYPE`.
    pub file_system: u32,
    /// Its device name, such as `\Device\HarddiskVolume3`.
    pub device: Text<'a>,
    /// Its GUID name, `\??\Volume{…}`; empty if it has none.
    pub guid: Text<'a>,
    /// Whether a name was too long for a record and is cut off. Written as the names demand.
    pub truncated: bool,
}

impl<'a> VolumeEntry<'a> {
    pub(super) fn decode(first: &Words, following: &'a [SlotBytes]) -> Result<Self, DecodeError> {
        let [_, attached, _, key, sizes, ..] = *first;
        let Lead { byte_18: flags, dword_20: file_system, .. } = Lead::of(first);
        let sizes = [(sizes & 0xFFFF) as u16, (sizes >> 16 & 0xFFFF) as u16];
        let [device, guid] = Payload::split(following, sizes, DEVICE_SIZE)?;
        Ok(Self {
            key: VolumeKey(key),
            attached,
            file_system,
            device: device.text(DEVICE_SIZE)?,
            guid: guid.text(GUID_SIZE)?,
            truncated: flags & TRUNCATED != 0,
        })
    }
}

impl DictionaryEntry for VolumeEntry<'_> {
    fn contents(&self) -> Contents<'_> {
        Contents::new(&[], [self.device, self.guid])
    }

    fn first(&self, contents: &Contents<'_>) -> Words {
        let lead = Lead {
            kind: Kind::VOLUME,
            slots: contents.slots(),
            byte_18: contents.flags(),
            byte_19: 0,
            dword_20: self.file_system,
        };
        let [device_size, guid_size] = contents.text_sizes();
        let sizes = u64::from(device_size) | u64::from(guid_size) << 16;
        [0, self.attached, lead.word(), self.key.0, sizes, 0, 0, 0]
    }
}
