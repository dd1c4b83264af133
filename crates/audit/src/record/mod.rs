//! Records: what the audit consists of, in slots of 64 bytes.
//!
//! *Event* records ([`Write`], [`Change`]) are made on the I/O path, one or two slots each, and pass through the
//! ring. *Dictionary* records ([`ProcessEntry`], [`VolumeEntry`], [`FileEntry`], [`ClientEntry`]) say once what a key
//! stands for. A [`Loss`] record says what is missing. Layout: `docs/record-format.md`.

mod candidates;
mod change;
mod client;
mod code;
mod error;
mod event;
mod file;
mod layout;
mod loss;
mod omission;
mod operation;
mod parameter;
mod payload;
mod process;
mod sequence;
mod sid;
mod text;
mod volume;
mod write;

pub use candidates::{Candidates, MAX_CANDIDATES};
pub use change::Change;
pub use client::ClientEntry;
pub use code::Code;
pub use error::{DecodeError, Defect};
pub use event::Event;
pub use file::{FileEntry, NameKind};
pub use layout::{Kind, SLOT_SIZE, SlotBytes};
pub(crate) use layout::{Lead, SLOTS_AT, Words, bytes, high, low, pair, words};
pub use loss::Loss;
pub use omission::Omission;
pub use operation::{Operation, OperationRow};
pub use parameter::{ParameterEntry, Refused};
pub(crate) use payload::DictionaryEntry;
pub use payload::MAX_RECORD_SLOTS;
pub use process::ProcessEntry;
pub use sequence::Sequence;
pub use sid::Sid;
pub use text::{Text, Units};
pub use volume::VolumeEntry;
pub use write::{Actor, CopySource, Write, WriteFlags, WriteOffset};

/// A decoded record.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Record<'a> {
    /// Somebody wrote.
    Write(Write),
    /// Somebody changed a file otherwise.
    Change(Change),
    /// What a process key stands for.
    Process(ProcessEntry<'a>),
    /// What a volume key stands for.
    Volume(VolumeEntry<'a>),
    /// What a file key stands for.
    File(FileEntry<'a>),
    /// What the key of a remote client stands for.
    Client(ClientEntry<'a>),
    /// Event records that are missing.
    Loss(Loss),
    /// Writes that were left out on purpose.
    Omission(Omission),
    /// What a parameter is.
    Parameter(ParameterEntry<'a>),
    /// A kind of record that this version does not know; to be passed over.
    Unknown {
        /// Its kind.
        kind: u8,
        /// How many slots it takes.
        slots: u8,
    },
}

impl<'a> Record<'a> {
    /// Decodes the record that `slots` are, all of them and no more.
    ///
    /// # Errors
    ///
    /// A [`DecodeError`] with the byte offset from the record's beginning.
    pub fn decode(slots: &'a [SlotBytes]) -> Result<Self, DecodeError> {
        let Some((first, following)) = slots.split_first() else {
            return Err(DecodeError {
                offset: 0,
                defect: Defect::Truncated { needed: SLOT_SIZE, present: 0 },
            });
        };
        let first = words(first);
        let lead = Lead::of(&first);
        if usize::from(lead.slots) != slots.len() {
            let defect = Defect::SlotCount { stated: lead.slots, present: slots.len() };
            return Err(DecodeError { offset: SLOTS_AT, defect });
        }
        Ok(match lead.kind {
            Kind::WRITE => match Change::operation_of(&first) {
                Some(operation) => Self::Change(Change::decode(operation, &first, following)?),
                None => Self::Write(Write::decode(&first, following)?),
            },
            Kind::PROCESS => Self::Process(ProcessEntry::decode(&first, following)?),
            Kind::VOLUME => Self::Volume(VolumeEntry::decode(&first, following)?),
            Kind::FILE => Self::File(FileEntry::decode(&first, following)?),
            Kind::CLIENT => Self::Client(ClientEntry::decode(&first, following)?),
            Kind::LOSS => Self::Loss(Loss::decode(&first)),
            Kind::OMISSION => Self::Omission(Omission::decode(&first)),
            Kind::PARAMETER => Self::Parameter(ParameterEntry::decode(&first, following)?),
            Kind(kind) => Self::Unknown { kind, slots: lead.slots },
        })
    }
}
