//! What is written is what is read, whatever it is; and what is read may be anything.

use std::net::IpAddr;
use std::ops::{ControlFlow, RangeInclusive};

use audit::attribution::{Basis, Confidence, ProcessKind};
use audit::batch::{
    Acknowledgement, Batch, BatchFlags, BatchWriter, HEADER_SIZE, Header, Status, mark_redelivered,
};
use audit::key::{ClientKey, FileKey, ProcessKey, VolumeKey};
use audit::ledger::LossReason;
use audit::omission::Because;
use audit::parameters::{Defect, Parameter, Source};
use audit::record::{
    Actor, Candidates, Change, ClientEntry, Code, CopySource, DecodeError, FileEntry, Loss, MAX_RECORD_SLOTS,
    NameKind, Omission, Operation, ParameterEntry, ProcessEntry, Record, Refused, SLOT_SIZE, Sequence, Sid,
    Text, VolumeEntry, Write, WriteFlags, WriteOffset,
};
use audit::ring::{Ring, Shard, Slot, WhenFull};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

/// Codes of operations that are decoded as changes.
const CHANGES: RangeInclusive<u8> = 3..=18;

/// A record with texts of its own.
#[derive(Clone, Debug)]
enum Owned {
    Write(Write),
    Change(Change),
    Process(ProcessEntry<'static>, Vec<u16>),
    Volume(VolumeEntry<'static>, Vec<u16>, Vec<u16>),
    File(FileEntry<'static>, Vec<u16>),
    Client(ClientEntry<'static>, Vec<u16>),
    Loss(Loss),
    Omission(Omission),
    Parameter(ParameterEntry<'static>, Vec<u16>),
}

impl Owned {
    fn record(&self) -> Record<'_> {
        match self {
            Self::Write(write) => Record::Write(*write),
            Self::Change(change) => Record::Change(*change),
            Self::Process(process, image) => {
                Record::Process(ProcessEntry { image: Text::new(image), ..*process })
            }
            Self::Volume(volume, device, guid) => {
                Record::Volume(VolumeEntry { device: Text::new(device), guid: Text::new(guid), ..*volume })
            }
            Self::File(file, path) => Record::File(FileEntry { path: Text::new(path), ..*file }),
            Self::Client(client, share) => Record::Client(ClientEntry { share: Text::new(share), ..*client }),
            Self::Loss(loss) => Record::Loss(*loss),
            Self::Omission(omission) => Record::Omission(*omission),
            Self::Parameter(parameter, text) => Record::Parameter(ParameterEntry {
                refused: parameter.refused.map(|refused| Refused { text: Text::new(text), ..refused }),
                ..*parameter
            }),
        }
    }

    fn push(&self, writer: &mut BatchWriter<'_>) -> bool {
        match self.record() {
            Record::Write(write) => writer.push_event(&write.encode()).is_ok(),
            Record::Change(change) => writer.push_event(&change.encode()).is_ok(),
            Record::Process(process) => writer.push_process(&process).is_ok(),
            Record::Volume(volume) => writer.push_volume(&volume).is_ok(),
            Record::File(file) => writer.push_file(&file).is_ok(),
            Record::Client(client) => writer.push_client(&client).is_ok(),
            Record::Loss(loss) => writer.push_loss(&loss).is_ok(),
            Record::Omission(omission) => writer.push_omission(&omission).is_ok(),
            Record::Parameter(parameter) => writer.push_parameter(&parameter).is_ok(),
            Record::Unknown { .. } => false,
        }
    }
}

fn actor() -> impl Strategy<Value = Actor> {
    any::<(u64, u32, u32)>().prop_map(|(process, pid, tid)| Actor { process: ProcessKey(process), pid, tid })
}

fn source() -> impl Strategy<Value = CopySource> {
    any::<(u64, i64)>().prop_map(|(file, offset)| CopySource { file: FileKey(file), offset })
}

fn write() -> impl Strategy<Value = Write> {
    let offset = prop_oneof![
        any::<i64>().prop_map(WriteOffset::At),
        Just(WriteOffset::EndOfFile),
        Just(WriteOffset::FilePointer),
    ];
    // Other operations are changes.
    let operation = any::<u8>().prop_filter("a write", |code| !CHANGES.contains(code));
    let codes = (operation, any::<u8>(), 0_u8..4);
    let originator = option::of(actor().prop_filter("known", |actor| *actor != Actor::default()));
    // Of the flags, the bits that other fields stand for are not among the circumstances.
    let flags = any::<u32>().prop_map(|bits| WriteFlags::from_bits_retain(bits & 0xFCC4_FCFF));
    let candidates = (any::<[u64; 4]>(), any::<bool>())
        .prop_map(|(keys, others)| Candidates::new(keys.map(ProcessKey), others))
        .prop_filter("some", |candidates| !candidates.is_empty());
    let more = prop_oneof![
        (option::of(source()), any::<u64>()).prop_map(|(copy, client)| (
            copy,
            ClientKey(client),
            Candidates::NONE
        )),
        (option::of(source()), Just(ClientKey::UNKNOWN)).prop_map(|(copy, client)| (
            copy,
            client,
            Candidates::NONE
        )),
        candidates.prop_map(|candidates| (None, ClientKey::UNKNOWN, candidates)),
    ];
    (any::<(u64, u64, u32, u32)>(), codes, originator, flags, offset, option::of(actor()), more).prop_map(
        |(
            (time, file, length, missing),
            (operation, basis, confidence),
            originator,
            flags,
            offset,
            executor,
            (copy, client, candidates),
        )| Write {
            sequence: Sequence::default(),
            time,
            operation: Code::<Operation>::of_number(operation),
            originator,
            basis: Code::<Basis>::of_number(basis),
            confidence: Code::<Confidence>::of_number(confidence),
            flags,
            file: FileKey(file),
            offset,
            length,
            missing,
            executor,
            copy,
            client,
            candidates,
        },
    )
}

fn change() -> impl Strategy<Value = Change> {
    let flags = any::<u32>().prop_map(|bits| WriteFlags::from_bits_retain(bits & 0xFCF8_FFFF));
    let operation =
        CHANGES.prop_map(|code| Code::<Operation>::of_number(code).known().expect("a known operation"));
    let originator = option::of(actor().prop_filter("known", |actor| *actor != Actor::default()));
    let second = (option::of(actor()), option::of(source()), option::of(any::<u64>()));
    (any::<(u64, u64, i64, u64, u8)>(), 0_u8..4, operation, originator, flags, second).prop_map(
        |(
            (time, file, offset, length, basis),
            confidence,
            operation,
            originator,
            flags,
            (executor, source, detail),
        )| Change {
            sequence: Sequence::default(),
            time,
            operation,
            originator,
            basis: Code::<Basis>::of_number(basis),
            confidence: Code::<Confidence>::of_number(confidence),
            flags,
            file: FileKey(file),
            offset,
            length,
            detail,
            source,
            executor,
        },
    )
}

fn sid() -> impl Strategy<Value = Sid> {
    vec(any::<u8>(), 68).prop_map(|mut bytes| {
        bytes[0] = 1;
        bytes[1] %= 16;
        Sid::new(&bytes).expect("well-formed")
    })
}

/// Mostly short, at times longer than any record.
fn text() -> impl Strategy<Value = Vec<u16>> {
    prop_oneof![8 => vec(any::<u16>(), 0..200), 1 => vec(any::<u16>(), 6_000..8_000)]
}

fn record() -> impl Strategy<Value = Owned> {
    let process = (
        any::<(u64, u64, u32, u64, u32)>(),
        any::<bool>(),
        option::of(0..u32::MAX),
        option::of(sid()),
        text(),
    );
    prop_oneof![
        write().prop_map(Owned::Write),
        change().prop_map(Owned::Change),
        process.prop_map(|((key, created, pid, parent, parent_pid), kernel, session, user, image)| {
            let kind = if kernel { ProcessKind::Kernel } else { ProcessKind::User };
            let parent = ProcessKey(parent);
            let (key, truncated) = (ProcessKey(key), false);
            let image_later = Text::EMPTY;
            let process = ProcessEntry {
                key,
                pid,
                kind,
                created,
                parent,
                parent_pid,
                session,
                user,
                image: image_later,
                truncated,
            };
            Owned::Process(process, image)
        }),
        (any::<(u64, u64, u32)>(), text(), text()).prop_map(
            |((key, attached, file_system), device, guid)| {
                let key = VolumeKey(key);
                let (later, truncated) = (Text::EMPTY, false);
                let volume =
                    VolumeEntry { key, attached, file_system, device: later, guid: later, truncated };
                Owned::Volume(volume, device, guid)
            }
        ),
        (any::<(u64, u64, u64)>(), any::<bool>(), text()).prop_map(|((key, volume, met), opened, path)| {
            let name_kind = if opened { NameKind::Opened } else { NameKind::Normalized };
            let (key, volume) = (FileKey(key), VolumeKey(volume));
            Owned::File(FileEntry { key, volume, met, name_kind, path: Text::EMPTY, truncated: false }, path)
        }),
        (any::<(u64, u64)>(), option::of(any::<IpAddr>()), text()).prop_map(
            |((key, met), address, share)| {
                let client =
                    ClientEntry { key: ClientKey(key), met, address, share: Text::EMPTY, truncated: false };
                Owned::Client(client, share)
            }
        ),
        any::<(u64, u8, u64, u64)>().prop_map(|(time, reason, count, total)| {
            Owned::Loss(Loss { time, reason: Code::<LossReason>::of_number(reason), count, total })
        }),
        any::<(u64, u8, u64, u64)>().prop_map(|(time, because, count, total)| {
            Owned::Omission(Omission { time, because: Code::<Because>::of_number(because), count, total })
        }),
        (any::<(u8, u64, u8, u32)>(), option::of((any::<u8>(), 1_u8.., any::<(u32, u64)>())), text())
            .prop_map(|((parameter, since, source, value), refused, text)| {
                let refused = refused.map(|(source, defect, (text_index, found))| Refused {
                    source: Code::<Source>::of_number(source),
                    defect: Code::<Defect>::of_number(defect),
                    text_index,
                    found,
                    text: Text::EMPTY,
                });
                let parameter = ParameterEntry {
                    parameter: Code::<Parameter>::of_number(parameter),
                    since,
                    source: Code::<Source>::of_number(source),
                    value,
                    refused,
                    truncated: false,
                };
                Owned::Parameter(parameter, text)
            }),
    ]
}

fn header() -> impl Strategy<Value = Header> {
    any::<(u64, u64, u32, u64, u64, u64)>().prop_map(|(session, batch, flags, produced, delivered, lost)| {
        let flags = BatchFlags::from_bits_retain(flags);
        Header { session, batch, flags, produced, delivered, lost }
    })
}

/// Whether `read` is `written`, or what fits of it, marked so.
fn is_kept(read: &Text<'_>, written: &Text<'_>, truncated: bool) -> bool {
    read.units().eq(written.units().take(read.len())) && (truncated || read.len() == written.len())
}

fn assert_same(read: &Record<'_>, written: &Record<'_>) {
    let room = (MAX_RECORD_SLOTS - 1) * 56;
    match (read, written) {
        (Record::Process(read), Record::Process(written)) => {
            assert!(is_kept(&read.image, &written.image, read.truncated));
            let sid = written.user.as_ref().map_or(0, |user| user.as_bytes().len());
            assert_eq!(read.truncated, sid + 2 * written.image.len() > room);
            assert_eq!(*read, ProcessEntry { image: read.image, truncated: read.truncated, ..*written });
        }
        (Record::Volume(read), Record::Volume(written)) => {
            assert!(is_kept(&read.device, &written.device, read.truncated));
            assert!(is_kept(&read.guid, &written.guid, read.truncated));
            assert_eq!(read.truncated, 2 * (written.device.len() + written.guid.len()) > room);
            let (device, guid, truncated) = (read.device, read.guid, read.truncated);
            assert_eq!(*read, VolumeEntry { device, guid, truncated, ..*written });
        }
        (Record::File(read), Record::File(written)) => {
            assert!(is_kept(&read.path, &written.path, read.truncated));
            assert_eq!(read.truncated, 2 * written.path.len() > room);
            assert_eq!(*read, FileEntry { path: read.path, truncated: read.truncated, ..*written });
        }
        (Record::Client(read), Record::Client(written)) => {
            assert!(is_kept(&read.share, &written.share, read.truncated));
            assert_eq!(read.truncated, 2 * written.share.len() > room);
            assert_eq!(*read, ClientEntry { share: read.share, truncated: read.truncated, ..*written });
        }
        (Record::Parameter(read), Record::Parameter(written)) => {
            let text = |entry: &ParameterEntry<'_>| entry.refused.map_or(0, |refused| refused.text.len());
            assert_eq!(read.truncated, 2 * text(written) > room);
            let refused = read.refused.zip(written.refused).map(|(read, written)| {
                assert!(is_kept(&read.text, &written.text, 2 * written.text.len() > room));
                Refused { text: read.text, ..written }
            });
            assert_eq!(*read, ParameterEntry { refused, truncated: read.truncated, ..*written });
        }
        _ => assert_eq!(read, written),
    }
}

/// Reads a message as a consumer would, using everything in it. Returns how many records it has.
fn read_all(message: &[u8]) -> Result<usize, DecodeError> {
    let batch = Batch::parse(message)?;
    assert!(batch.size() <= message.len());
    let mut records = batch.records();
    let mut count = 0;
    let mut last_offset = 0;
    while let Some(record) = records.next() {
        match record {
            Ok(record) => drop(format!("{record:?}")),
            Err(error) => {
                assert!(error.offset < batch.size(), "{error} is outside of the message");
                drop(error.to_string());
            }
        }
        count += 1;
        assert!(records.offset() >= last_offset && records.offset() <= batch.size());
        last_offset = records.offset();
    }
    assert!(records.next().is_none(), "the end stays the end");
    assert!(count <= batch.size() / SLOT_SIZE);
    Ok(count)
}

/// A message of these records, as many as fit, in a buffer that was not clean.
fn message(header: &Header, records: &[Owned]) -> (Vec<u8>, usize) {
    let mut buffer = vec![0xEE; 128 * 1024];
    let mut writer = BatchWriter::new(&mut buffer).expect("a large enough buffer");
    let written = records.iter().take_while(|record| record.push(&mut writer)).count();
    let events = records[..written]
        .iter()
        .filter(|record| matches!(record, Owned::Write(_) | Owned::Change(_)))
        .count();
    assert_eq!((writer.events(), writer.is_empty()), (events as u64, written == 0));
    let size = writer.finish(header);
    buffer.truncate(size);
    (buffer, written)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_what_is_read(header in header(), records in vec(record(), 0..20)) {
        let (message, written) = message(&header, &records);
        let batch = Batch::parse(&message).expect("a valid message");
        prop_assert_eq!(*batch.header(), header);
        prop_assert_eq!(batch.size(), message.len());
        let read: Vec<Record<'_>> = batch.records().map(|record| record.expect("valid")).collect();
        prop_assert_eq!(read.len(), written);
        for (read, written) in read.iter().zip(&records) {
            assert_same(read, &written.record());
        }
    }

    #[test]
    fn what_goes_through_the_ring_is_what_comes_out(writes in vec(write(), 0..8), shard in 0_usize..3) {
        let shards: Vec<Shard> = (0..3).map(|_| Shard::default()).collect();
        let slots: Vec<Slot> = (0..48).map(|_| Slot::default()).collect();
        let ring = Ring::new(&shards, &slots, WhenFull::DropNewest).expect("a ring");
        let sequences: Vec<Sequence> =
            writes.iter().map(|write| ring.push(shard, &write.encode()).expect("room").sequence).collect();
        let mut read = Vec::new();
        ring.consumer().expect("the consumer").snapshot().drain(|event| {
            read.push(event.write().expect("a write"));
            ControlFlow::Continue(())
        });
        let expected: Vec<Write> =
            writes.iter().zip(sequences).map(|(write, sequence)| Write { sequence, ..*write }).collect();
        prop_assert_eq!(read, expected);
    }

    #[test]
    fn redelivery_changes_the_flag_alone(header in header(), records in vec(record(), 0..5)) {
        let (mut message, _) = message(&header, &records);
        let before = message.clone();
        mark_redelivered(&mut message);
        prop_assert!(Batch::parse(&message).expect("valid").header().flags.contains(BatchFlags::REDELIVERED));
        message[36] = before[36];
        prop_assert_eq!(message, before);
    }

    #[test]
    fn arbitrary_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..1_000)) {
        let _ = read_all(&bytes);
        let _ = Acknowledgement::decode(&bytes);
        let _ = Sid::new(&bytes).map(|sid| (sid.to_string(), sid.as_bytes().len()));
    }

    #[test]
    fn arbitrary_slots_are_read_or_refused(slots in vec((any::<[u8; SLOT_SIZE]>(), 0_u8..8, 0_u8..8), 0..40)) {
        // Likely kinds and counts, so that what is behind them is looked at.
        let kinds = [1, 16, 17, 18, 32, 33, 34, 200];
        let bytes: Vec<u8> = slots.into_iter().flat_map(|(mut slot, kind, count)| {
            (slot[16], slot[17]) = (kinds[usize::from(kind)], count);
            (slot[33], slot[35], slot[41], slot[49], slot[51]) = (0, 0, 0, 0, 0);
            slot
        }).collect();
        let (mut message, _) = message(&Header::default(), &[]);
        let count = u32::try_from(bytes.len() / SLOT_SIZE).expect("few");
        message[32..36].copy_from_slice(&count.to_le_bytes());
        message.extend(bytes);
        prop_assert!(read_all(&message).is_ok());
    }

    #[test]
    fn a_damaged_message_is_read_or_refused(
        records in vec(record(), 1..6),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<prop::sample::Index>(),
    ) {
        let (mut message, _) = message(&Header::default(), &records);
        for (at, byte) in damage {
            let at = at.index(message.len());
            message[at] = byte;
        }
        let _ = read_all(&message);
        let _ = read_all(&message[..cut.index(message.len())]);
        mark_redelivered(&mut message[..cut.index(HEADER_SIZE)]);
    }

    #[test]
    fn a_cut_message_is_refused_where_it_ends(records in vec(record(), 1..4), cut in any::<prop::sample::Index>()) {
        let (message, written) = message(&Header::default(), &records);
        let cut = cut.index(message.len());
        prop_assert_eq!(read_all(&message[..cut]).map_err(|error| error.offset), Err(cut));
        prop_assert_eq!(read_all(&message), Ok(written));
    }

    #[test]
    fn replies_are_read_as_written(batch in any::<u64>(), status in 1..=u32::MAX) {
        for status in [Status::Accepted, Status::Refused(status)] {
            let reply = Acknowledgement { batch, status };
            prop_assert_eq!(Acknowledgement::decode(&reply.encode()), Ok(reply));
        }
    }
}
