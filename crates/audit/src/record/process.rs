//! The process record.

use super::SlotBytes;
use super::error::{DecodeError, Defect};
use super::layout::{Kind, Lead, Words, high, low, pair};
use super::payload::{Contents, DictionaryEntry, Payload, TRUNCATED};
use super::sid::Sid;
use super::text::Text;

use crate::attribution::ProcessKind;
use crate::key::ProcessKey;

/// Bit of the flags byte: the process is a kernel process.
const KERNEL: u8 = 1 << 0;
/// The session of a process whose session is not known.
const NO_SESSION: u32 = u32::MAX;
/// Byte offsets of the sizes in the record.
const IMAGE_SIZE: usize = 48;
const SID_SIZE: usize = 50;

/// What a process key stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessEntry<'a> {
    /// The key.
    pub key: ProcessKey,
    /// Its process id, while it lives.
    pub pid: u32,
    /// Whether it is a kernel process.
    pub kind: ProcessKind,
    /// When it was created: 100 ns units since 1601 UTC; 0 if not known.
    pub created: u64,
    /// The process that created it.
    pub parent: ProcessKey,
    /// That one's process id; 0 if not known.
    pub parent_pid: u32,
    /// Its terminal services session; `None` if not known.
    pub session: Option<u32>,
    /// The user it runs as; `None` if not known.
    pub user: Option<Sid>,
    /// The path of its image; empty if not known.
    pub image: Text<'a>,
    /// Whether the path was too long for a record and is cut off. Written as the path demands.
    pub truncated: bool,
}

impl<'a> ProcessEntry<'a> {
    pub(super) fn decode(first: &Words, following: &'a [SlotBytes]) -> Result<Self, DecodeError> {
        let [_, created, _, key, parent, parent_session, sizes, _] = *first;
        let Lead { byte_18: flags, dword_20: pid, .. } = Lead::of(first);
        let [image_size, sid_size] = [(sizes & 0xFFFF) as u16, (sizes >> 16 & 0xFFFF) as u16];
        let [sid, image] = Payload::split(following, [sid_size, image_size], IMAGE_SIZE)?;
        let user = match sid_size {
            0 => None,
            _ => Some(Sid::in_payload(sid).ok_or(DecodeError { offset: SID_SIZE, defect: Defect::Sid })?),
        };
        let session = high(parent_session);
        Ok(Self {
            key: ProcessKey(key),
            pid,
            kind: if flags & KERNEL == 0 { ProcessKind::User } else { ProcessKind::Kernel },
            created,
            parent: ProcessKey(parent),
            parent_pid: low(parent_session),
            session: (session != NO_SESSION).then_some(session),
            user,
            image: image.text(IMAGE_SIZE)?,
            truncated: flags & TRUNCATED != 0,
        })
    }
}

impl DictionaryEntry for ProcessEntry<'_> {
    fn contents(&self) -> Contents<'_> {
        Contents::new(self.user.as_ref().map_or(&[], Sid::as_bytes), [self.image, Text::EMPTY])
    }

    fn first(&self, contents: &Contents<'_>) -> Words {
        let kind = match self.kind {
            ProcessKind::User => 0,
            ProcessKind::Kernel => KERNEL,
        };
        let lead = Lead {
            kind: Kind::PROCESS,
            slots: contents.slots(),
            byte_18: kind | contents.flags(),
            byte_19: 0,
            dword_20: self.pid,
        };
        let [image_size, _] = contents.text_sizes();
        let sizes = u64::from(image_size) | u64::from(contents.head_size()) << 16;
        let parent_session = pair(self.parent_pid, self.session.unwrap_or(NO_SESSION));
        [0, self.created, lead.word(), self.key.0, self.parent.0, parent_session, sizes, 0]
    }
}
