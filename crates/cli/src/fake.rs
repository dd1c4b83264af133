//! A driver that is not one: makes the messages that tests feed to the consumer.

use audit::attribution::{Attribution, Basis, Confidence, Originator, Process, ProcessKind};
use audit::batch::{BatchFlags, BatchWriter, HEADER_SIZE, Header};
use audit::key::{FileKey, ProcessKey, VolumeKey};
use audit::record::{
    Actor, Code, FileEntry, Loss, NameKind, ProcessEntry, SLOT_SIZE, Sid, Text, VolumeEntry, Write,
    WriteOffset,
};

/// 2024-01-01 12:00 UTC.
pub(crate) const NOON: u64 = 133_485_840_000_000_000;
const SESSION: u64 = NOON - 1;
const WRITE_KIND: u8 = 1;
const KIND_AT: usize = 16;

/// Units of a text.
fn units(text: &str) -> Vec<u16> {
    text.encode_utf16().collect()
}

/// What a message contains.
pub(crate) enum Content {
    Write(Write),
    Process { key: u64, pid: u32, image: &'static str },
    Volume { key: u64, device: &'static str },
    File { key: u64, volume: u64, path: &'static str },
    Loss(Loss),
}

/// Numbers records and batches, and keeps the books.
#[derive(Default)]
pub(crate) struct FakeDriver {
    pub(crate) session: u64,
    batch: u64,
    position: u64,
    pub(crate) produced: u64,
    pub(crate) delivered: u64,
    pub(crate) lost: u64,
}

impl FakeDriver {
    pub(crate) fn new() -> Self {
        Self { session: SESSION, ..Self::default() }
    }

    /// A batch of these records.
    pub(crate) fn batch(&mut self, contents: &[Content]) -> Vec<u8> {
        let mut buffer = vec![0; BatchWriter::MIN_SIZE];
        let mut writer = BatchWriter::new(&mut buffer).expect("large enough");
        for content in contents {
            push(&mut writer, content).expect("fits");
        }
        let events = writer.events();
        self.batch += 1;
        self.produced += events;
        let header = Header {
            session: self.session,
            batch: self.batch,
            flags: BatchFlags::empty(),
            produced: self.produced,
            delivered: self.delivered,
            lost: self.lost,
        };
        let size = writer.finish(&header);
        self.delivered += events;
        buffer.truncate(size);
        self.number(&mut buffer);
        buffer
    }

    /// Gives the slots of events their places in the stream, as the ring does.
    fn number(&mut self, message: &mut [u8]) {
        let mut slots = message[HEADER_SIZE..].chunks_exact_mut(SLOT_SIZE);
        while let Some(first) = slots.next() {
            let is_event = first[KIND_AT] == WRITE_KIND;
            let following = first[KIND_AT + 1] - 1;
            for slot in std::iter::once(first).chain(slots.by_ref().take(usize::from(following))) {
                if is_event {
                    self.position += 1;
                    slot[..8].copy_from_slice(&self.position.to_le_bytes());
                }
            }
        }
    }

    /// Skips a place in the stream, as if a record had gone missing.
    pub(crate) fn skip(&mut self) {
        self.position += 1;
    }
}

fn push(writer: &mut BatchWriter<'_>, content: &Content) -> Result<(), audit::batch::NoRoom> {
    match content {
        Content::Write(write) => writer.push_event(&write.encode()),
        Content::Process { key, pid, image } => writer.push_process(&ProcessEntry {
            key: ProcessKey(*key),
            pid: *pid,
            kind: if *pid == 4 { ProcessKind::Kernel } else { ProcessKind::User },
            created: NOON - 600_000_000,
            parent: ProcessKey(0),
            parent_pid: 0,
            session: Some(1),
            user: Sid::new(&[1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0]),
            image: Text::new(&units(image)),
            truncated: false,
        }),
        Content::Volume { key, device } => writer.push_volume(&VolumeEntry {
            key: VolumeKey(*key),
            attached: 0,
            file_system: 2,
            device: Text::new(&units(device)),
            guid: Text::EMPTY,
            truncated: false,
        }),
        Content::File { key, volume, path } => writer.push_file(&FileEntry {
            key: FileKey(*key),
            volume: VolumeKey(*volume),
            met: 0,
            name_kind: NameKind::Normalized,
            path: Text::new(&units(path)),
            truncated: false,
        }),
        Content::Loss(loss) => writer.push_loss(loss),
    }
}

/// A write of 4,096 bytes by thread 3760 of explorer.exe, 3756.
pub(crate) fn write(offset: i64) -> Write {
    let process = Process { key: ProcessKey(7 << 48 | 1), pid: 3756, kind: ProcessKind::User };
    let attribution = Attribution {
        originator: Originator::User { process, tid: 3760 },
        basis: Basis::Thread,
        confidence: Confidence::Certain,
    };
    let mut write = Write::new(NOON, &attribution, WriteOffset::At(offset), 4096);
    write.file = FileKey(2);
    write
}

/// A write of which nobody knows whose it is.
pub(crate) fn unknown_write() -> Write {
    let mut write = Write::new(NOON, &Attribution::UNKNOWN, WriteOffset::EndOfFile, 8);
    write.confidence = Code::Known(Confidence::None);
    write
}

/// System, whose thread carried a write out.
pub(crate) fn system() -> Actor {
    Actor { process: ProcessKey(1), pid: 4, tid: 120 }
}

/// The dictionary that [`write`] needs.
pub(crate) fn dictionary() -> Vec<Content> {
    vec![
        Content::Volume { key: 1, device: r"\Device\HarddiskVolume3" },
        Content::Volume { key: 2, device: r"\Device\HarddiskVolume4" },
        Content::Process { key: 1, pid: 4, image: "System" },
        Content::Process {
            key: 7 << 48 | 1,
            pid: 3756,
            image: r"\Device\HarddiskVolume3\Windows\explorer.exe",
        },
        Content::File { key: 1, volume: 1, path: r"\Pictures\photo.jpg" },
        Content::File { key: 2, volume: 2, path: r"\Backup\photo.jpg" },
    ]
}
