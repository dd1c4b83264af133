//! `docs/record-format.md` says what the code does: its examples decode to what they are said to be and
//! are what is encoded for it, and its tables of fields have neither gaps nor overlaps.
//!
//! The examples are written by hand from the tables, so that they are evidence of their own.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::ControlFlow;

use audit::attribution::{Basis, Confidence, ProcessKind};
use audit::batch::{Acknowledgement, Batch, BatchFlags, BatchWriter, HEADER_SIZE, Header};
use audit::key::{ClientKey, FileKey, ProcessKey, VolumeKey};
use audit::ledger::LossReason;
use audit::omission::Because;
use audit::parameters::{Defect, Parameter, Source};
use audit::record::{
    Actor, Candidates, Change, ClientEntry, Code, CopySource, Event, FileEntry, Loss, NameKind, Omission,
    Operation, ParameterEntry, ProcessEntry, Record, Refused, SLOT_SIZE, Sequence, Sid, SlotBytes, Text,
    VolumeEntry, Write, WriteFlags, WriteOffset,
};
use audit::ring::{Ring, Shard, Slot, WhenFull};

const DOCUMENT: &str = include_str!("../../../docs/record-format.md");

/// 2024-09-25 12:00:00 UTC.
const NOON: u64 = 133_717_392_000_000_000;
const HOUR: u64 = 36_000_000_000;

/// The example of this name: lines of an offset, bytes and a comment after `;`.
fn example(name: &str) -> Vec<u8> {
    let opening = format!("```hex {name}\n");
    let (_, rest) = DOCUMENT.split_once(&opening).unwrap_or_else(|| panic!("no example «{name}»"));
    let (lines, _) = rest.split_once("```").expect("an end of the example");
    let mut bytes = Vec::new();
    for line in lines.lines() {
        let (code, _) = line.split_once(';').unwrap_or((line, ""));
        let mut numbers = code.split_whitespace();
        let offset = usize::from_str_radix(numbers.next().expect("an offset"), 16).expect("an offset");
        assert_eq!(offset, bytes.len(), "the offset in «{name}»: {line}");
        bytes.extend(numbers.map(|byte| u8::from_str_radix(byte, 16).expect("a byte")));
    }
    bytes
}

fn slots(bytes: &[u8]) -> &[SlotBytes] {
    let (slots, rest) = bytes.as_chunks::<SLOT_SIZE>();
    assert!(rest.is_empty(), "an example is whole slots");
    slots
}

fn originator() -> Actor {
    Actor { process: ProcessKey(0x0007_0000_0000_1234), pid: 3756, tid: 6944 }
}

fn write() -> Write {
    Write {
        sequence: Sequence(0x0200_0000_0000_0006),
        time: NOON,
        operation: Code::Known(Operation::Write),
        originator: Some(originator()),
        basis: Code::Known(Basis::Thread),
        confidence: Code::Known(Confidence::Certain),
        flags: WriteFlags::USER_MODE | WriteFlags::NON_CACHED,
        file: FileKey(42),
        offset: WriteOffset::At(65_536),
        length: 4096,
        missing: 0,
        executor: None,
        copy: None,
        client: ClientKey::UNKNOWN,
        candidates: Candidates::NONE,
    }
}

fn copy_write() -> Write {
    Write {
        sequence: Sequence(0x0200_0000_0000_0007),
        time: NOON + 12_345_678,
        flags: WriteFlags::empty(),
        file: FileKey(43),
        offset: WriteOffset::At(1_048_576),
        length: 1_048_576,
        executor: Some(Actor { process: ProcessKey(0x0007_0000_0000_0001), pid: 4, tid: 200 }),
        copy: Some(CopySource { file: FileKey(42), offset: 1_048_576 }),
        ..write()
    }
}

const LOSS: Loss =
    Loss { time: NOON + 12_345_678, reason: Code::Known(LossReason::RingFull), count: 3, total: 1234 };

/// What a batch of one record consists of, without its header.
fn encoded(push: impl FnOnce(&mut BatchWriter<'_>)) -> Vec<u8> {
    let mut buffer = vec![0xEE; BatchWriter::MIN_SIZE];
    let mut writer = BatchWriter::new(&mut buffer).expect("a buffer of the least size");
    push(&mut writer);
    let size = writer.finish(&Header::default());
    buffer[HEADER_SIZE..size].to_vec()
}

/// The event as it leaves a ring in which it is the first after `before` slots of shard `shard`.
fn through_ring(event: &Event, shard: usize, before: u64) -> Event {
    let shards: Vec<Shard> = (0..=shard).map(|_| Shard::default()).collect();
    let slots: Vec<Slot> = (0..shards.len() * 16).map(|_| Slot::default()).collect();
    let ring = Ring::new(&shards, &slots, WhenFull::DropNewest).expect("a ring");
    for _ in 0..before {
        let _ = ring.push(shard, &write().encode()).expect("room");
    }
    let _ = ring.push(shard, event).expect("room");
    let mut last = None;
    ring.consumer().expect("the consumer").snapshot().drain(|event| {
        last = Some(*event);
        ControlFlow::Continue(())
    });
    last.expect("an event")
}

#[test]
fn the_write_example_holds() {
    let bytes = example("write");
    assert_eq!(Record::decode(slots(&bytes)), Ok(Record::Write(write())));
    let event = through_ring(&write().encode(), 2, 5);
    assert_eq!(encoded(|batch| batch.push_event(&event).expect("room")), bytes);
}

#[test]
fn the_copy_write_example_holds() {
    let bytes = example("copy-write");
    assert_eq!(Record::decode(slots(&bytes)), Ok(Record::Write(copy_write())));
    let event = through_ring(&copy_write().encode(), 2, 6);
    assert_eq!(encoded(|batch| batch.push_event(&event).expect("room")), bytes);
}

#[test]
fn the_mapped_write_example_holds() {
    let bytes = example("mapped-write");
    let [first, second] = [0x0007_0000_0000_1234, 0x0007_0000_0000_1300].map(ProcessKey);
    let mapped = Write {
        operation: Code::Known(Operation::MappedWrite),
        originator: None,
        basis: Code::Known(Basis::Section),
        confidence: Code::Known(Confidence::Likely),
        flags: WriteFlags::PAGING | WriteFlags::NON_CACHED | WriteFlags::MAY_BE_CACHED,
        executor: Some(Actor { process: ProcessKey(0x0007_0000_0000_0001), pid: 4, tid: 200 }),
        candidates: Candidates::new([first, second, ProcessKey::UNKNOWN, ProcessKey::UNKNOWN], true),
        ..write()
    };
    assert_eq!(Record::decode(slots(&bytes)), Ok(Record::Write(mapped)));
    let event = through_ring(&mapped.encode(), 2, 5);
    assert_eq!(encoded(|batch| batch.push_event(&event).expect("room")), bytes);
    let named = event.actors().map(|actor| actor.map(|actor| actor.process));
    let executor = ProcessKey(0x0007_0000_0000_0001);
    assert_eq!(named, [None, Some(executor), Some(first), Some(second), None, None]);
}

#[test]
fn the_client_examples_hold() {
    let bytes = example("client-write");
    let written = Write {
        originator: None,
        basis: Code::Known(Basis::RemoteClient),
        flags: WriteFlags::empty(),
        executor: Some(Actor { process: ProcessKey(0x0007_0000_0000_0001), pid: 4, tid: 200 }),
        client: ClientKey(5),
        ..write()
    };
    assert_eq!(Record::decode(slots(&bytes)), Ok(Record::Write(written)));
    let event = through_ring(&written.encode(), 2, 5);
    assert_eq!(encoded(|batch| batch.push_event(&event).expect("room")), bytes);

    let share: Vec<u16> = r"\\server\data".encode_utf16().collect();
    let client = ClientEntry {
        key: ClientKey(5),
        met: NOON,
        address: Some(IpAddr::from([192, 0, 2, 7])),
        share: Text::new(&share),
        truncated: false,
    };
    let bytes = example("client");
    assert_eq!(Record::decode(slots(&bytes)), Ok(Record::Client(client)));
    assert_eq!(encoded(|batch| batch.push_client(&client).expect("room")), bytes);
}

#[test]
fn the_rename_example_holds() {
    let bytes = example("rename");
    let Write { sequence, time, originator, basis, confidence, .. } = write();
    let change = Change {
        sequence,
        time,
        operation: Operation::Rename,
        originator,
        basis,
        confidence,
        flags: WriteFlags::USER_MODE,
        file: FileKey(42),
        offset: 0,
        length: 0,
        detail: Some(44),
        source: None,
        executor: None,
    };
    assert_eq!(Record::decode(slots(&bytes)), Ok(Record::Change(change)));
    let event = through_ring(&change.encode(), 2, 5);
    assert_eq!((event.change(), event.write()), (Some(change), None));
    assert_eq!(encoded(|batch| batch.push_event(&event).expect("room")), bytes);
}

#[test]
fn the_table_of_operations_is_the_code_s() {
    let of_code = |row: &audit::record::OperationRow| {
        let audit::record::OperationRow { operation, code, name, what, offset, length, detail, source } =
            *row;
        assert_eq!((operation.to_string(), Code::Known(operation).number()), (name.to_owned(), code));
        format!("| {code} | {name} | {what} | {offset} | {length} | {detail} | {source} |")
    };
    let (_, rest) =
        DOCUMENT.split_once("| code | operation | what it is | offset |").expect("the table of operations");
    let told: Vec<&str> = rest.lines().skip(2).take_while(|line| line.starts_with('|')).collect();
    assert_eq!(told, Operation::TABLE.iter().map(of_code).collect::<Vec<_>>());
}

#[test]
fn the_process_example_holds() {
    let bytes = example("process");
    let image: Vec<u16> = r"\Device\HarddiskVolume3\Windows\explorer.exe".encode_utf16().collect();
    let sid = [1, 5, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 233, 3, 0, 0];
    let process = ProcessEntry {
        key: ProcessKey(0x0007_0000_0000_1234),
        pid: 3756,
        kind: ProcessKind::User,
        created: NOON - HOUR,
        parent: ProcessKey(0x0007_0000_0000_1233),
        parent_pid: 3728,
        session: Some(1),
        user: Sid::new(&sid),
        image: Text::new(&image),
        truncated: false,
    };
    assert_eq!(process.user.expect("a SID").to_string(), "S-1-5-21-1-2-3-1001");
    assert_eq!(Record::decode(slots(&bytes)), Ok(Record::Process(process)));
    assert_eq!(encoded(|batch| batch.push_process(&process).expect("room")), bytes);
}

#[test]
fn the_volume_example_holds() {
    let bytes = example("volume");
    let device: Vec<u16> = r"\Device\HarddiskVolume3".encode_utf16().collect();
    let guid: Vec<u16> = r"\??\Volume{8a3f0c51-1d7e-4c9b-9a52-6f0b7c1e2d34}".encode_utf16().collect();
    let volume = VolumeEntry {
        key: VolumeKey(3),
        attached: NOON - HOUR,
        file_system: 2,
        device: Text::new(&device),
        guid: Text::new(&guid),
        truncated: false,
    };
    assert_eq!(Record::decode(slots(&bytes)), Ok(Record::Volume(volume)));
    assert_eq!(encoded(|batch| batch.push_volume(&volume).expect("room")), bytes);
}

#[test]
fn the_file_example_holds() {
    let bytes = example("file");
    let path: Vec<u16> = r"\Users\me\Ünïcode.txt:note".encode_utf16().collect();
    let file = FileEntry {
        key: FileKey(42),
        volume: VolumeKey(3),
        met: NOON,
        name_kind: NameKind::Opened,
        path: Text::new(&path),
        truncated: false,
    };
    assert_eq!(Record::decode(slots(&bytes)), Ok(Record::File(file)));
    assert_eq!(encoded(|batch| batch.push_file(&file).expect("room")), bytes);
}

#[test]
fn the_loss_example_holds() {
    let bytes = example("loss");
    assert_eq!(Record::decode(slots(&bytes)), Ok(Record::Loss(LOSS)));
    assert_eq!(encoded(|batch| batch.push_loss(&LOSS).expect("room")), bytes);
}

#[test]
fn the_omission_example_holds() {
    let bytes = example("omission");
    let omission =
        Omission { time: NOON + 12_345_678, because: Code::Known(Because::Image), count: 3, total: 1234 };
    assert_eq!(Record::decode(slots(&bytes)), Ok(Record::Omission(omission)));
    assert_eq!(encoded(|batch| batch.push_omission(&omission).expect("room")), bytes);
}

#[test]
fn the_parameter_example_holds() {
    let bytes = example("parameter");
    let text: Vec<u16> = r"C:\logs".encode_utf16().collect();
    let refused = Refused {
        source: Code::Known(Source::Registry),
        defect: Code::Known(Defect::Character),
        text_index: 7,
        found: 1,
        text: Text::new(&text),
    };
    let parameter = ParameterEntry {
        parameter: Code::Known(Parameter::ExcludePaths),
        since: NOON,
        source: Code::Known(Source::Default),
        value: 0,
        refused: Some(refused),
        truncated: false,
    };
    assert_eq!(Record::decode(slots(&bytes)), Ok(Record::Parameter(parameter)));
    assert_eq!(encoded(|batch| batch.push_parameter(&parameter).expect("room")), bytes);
}

#[test]
fn the_message_example_holds() {
    let bytes = example("message");
    let header = Header {
        session: NOON - HOUR,
        batch: 9,
        flags: BatchFlags::REDELIVERED,
        produced: 1236,
        delivered: 1,
        lost: 1234,
    };
    let batch = Batch::parse(&bytes).expect("a message");
    assert_eq!((batch.header(), batch.size()), (&header, bytes.len()));
    assert!(batch.records().eq([Ok(Record::Write(write())), Ok(Record::Loss(LOSS))]));

    let mut buffer = vec![0xEE; BatchWriter::MIN_SIZE];
    let mut writer = BatchWriter::new(&mut buffer).expect("a buffer of the least size");
    writer.push_event(&through_ring(&write().encode(), 2, 5)).expect("room");
    writer.push_loss(&LOSS).expect("room");
    let size = writer.finish(&header);
    assert_eq!(&buffer[..size], bytes);
}

#[test]
fn the_reply_example_holds() {
    let bytes = example("reply");
    let reply = Acknowledgement::accepted(9);
    assert_eq!(Acknowledgement::decode(&bytes), Ok(reply));
    assert_eq!(reply.encode(), bytes.as_slice());
}

#[test]
fn the_tables_have_neither_gaps_nor_overlaps() {
    let mut ends = BTreeMap::new();
    let mut heading = "";
    let mut table: Option<(String, usize)> = None;
    for line in DOCUMENT.lines() {
        heading = line.strip_prefix("## ").unwrap_or(heading);
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        match (cells.as_slice(), &mut table) {
            (["offset", "size", field], _) => table = Some((format!("{heading}: {field}"), 0)),
            (["---", ..], _) => {}
            ([offset, size, _], Some((name, end))) if line.starts_with('|') => {
                assert_eq!(offset.parse(), Ok(*end), "the offset in «{name}»: {line}");
                *end += size.parse::<usize>().expect("a size");
            }
            (_, table) => ends.extend(table.take()),
        }
    }
    ends.extend(table);
    let covered: Vec<(&str, usize)> = ends.iter().map(|(name, end)| (name.as_str(), *end)).collect();
    assert_eq!(
        covered,
        [
            ("Client: field", 64),
            ("File: field", 64),
            ("Loss: field", 64),
            ("Message: field", 64),
            ("Omission: field", 64),
            ("Other changes: field of another change", 64),
            ("Other changes: field of another change's second slot", 64),
            ("Parameter: field", 64),
            ("Process: field", 64),
            ("Process: field of every following slot of a dictionary record", 64),
            ("Reply: field", 16),
            ("Slots and records: field", 64),
            ("Volume: field", 64),
            ("Write: field", 64),
            ("Write: field of a mapped write's second slot", 64),
            ("Write: field of the second slot", 64),
        ]
    );
}
