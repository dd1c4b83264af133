//! Variants of records that the examples of `docs/record-format.md` do not show, byte by byte.
//!
//! The bytes are written by hand from the tables of that document.

use audit::attribution::{Attribution, Basis, Confidence, Originator, Process, ProcessKind};
use audit::batch::{Acknowledgement, BatchWriter, HEADER_SIZE, Header, Status};
use audit::key::{FileKey, ProcessKey, VolumeKey};
use audit::ledger::LossReason;
use audit::record::{
    Actor, Change, Code, CopySource, FileEntry, Loss, NameKind, Operation, ProcessEntry, Record, Sid,
    SlotBytes, Text, VolumeEntry, Write, WriteFlags, WriteOffset,
};

const TIME: u64 = 0x0102_0304_0506_0708;
const TIME_BYTES: &str = "08 07 06 05 04 03 02 01";
const ZERO: &str = "00 00 00 00 00 00 00 00";

const PROCESS: Process =
    Process { key: ProcessKey(0x1112_1314_1516_1718), pid: 0x2122_2324, kind: ProcessKind::User };
const UNKNOWN: Attribution = Attribution::UNKNOWN;
const LIKELY: Attribution = Attribution {
    originator: Originator::User { process: PROCESS, tid: 0 },
    basis: Basis::RequestorProcess,
    confidence: Confidence::Likely,
};

/// Slots from lines of eight bytes in hexadecimal.
fn slots(lines: &[&str]) -> Vec<SlotBytes> {
    let mut bytes = Vec::new();
    for line in lines {
        let length = bytes.len();
        bytes.extend(line.split(' ').map(|byte| u8::from_str_radix(byte, 16).expect("a byte")));
        assert_eq!(bytes.len(), length + 8, "{line}");
    }
    let (slots, rest) = bytes.as_chunks();
    assert!(rest.is_empty(), "whole slots");
    slots.to_vec()
}

/// The slots that a batch of one record has, written over garbage.
fn encoded(push: impl FnOnce(&mut BatchWriter<'_>)) -> Vec<SlotBytes> {
    let mut buffer = vec![0xEE; BatchWriter::MIN_SIZE];
    let mut writer = BatchWriter::new(&mut buffer).expect("a buffer of the least size");
    push(&mut writer);
    let size = writer.finish(&Header::default());
    buffer[HEADER_SIZE..size].as_chunks().0.to_vec()
}

fn assert_write(write: Write, lines: &[&str]) {
    let event = write.encode();
    assert_eq!(encoded(|batch| batch.push_event(&event).expect("room")), slots(lines));
    assert_eq!(Record::decode(&slots(lines)), Ok(Record::Write(write)));
    assert_eq!(event.write(), Some(write));
}

#[test]
fn a_write_by_nobody_known_at_the_end_of_the_file() {
    let write = Write::new(TIME, &UNKNOWN, WriteOffset::EndOfFile, 0xFFFF_FFFF);
    assert_write(
        write,
        &[
            ZERO,
            TIME_BYTES,
            "01 01 01 00 00 01 00 00", // a write, basis unknown; flag 8
            ZERO,
            ZERO,
            ZERO,
            "FF FF FF FF FF FF FF FF",
            "FF FF FF FF 00 00 00 00",
        ],
    );
}

#[test]
fn a_likely_write_at_the_file_pointer_with_all_flags() {
    let write = Write {
        flags: WriteFlags::USER_MODE
            | WriteFlags::PAGING
            | WriteFlags::SYNCHRONOUS_PAGING
            | WriteFlags::NON_CACHED
            | WriteFlags::FAST_IO
            | WriteFlags::GENERATED
            | WriteFlags::REISSUED
            | WriteFlags::WRITE_THROUGH,
        file: FileKey(0x3132_3334_3536_3738),
        ..Write::new(TIME, &LIKELY, WriteOffset::FilePointer, 0x4142_4344)
    };
    assert_write(
        write,
        &[
            ZERO,
            TIME_BYTES,
            "01 01 01 02 FF 02 00 01", // basis requestor process; flags 0 to 7 and 9; likely
            "18 17 16 15 14 13 12 11",
            "24 23 22 21 00 00 00 00",
            "38 37 36 35 34 33 32 31",
            "FE FF FF FF FF FF FF FF",
            "44 43 42 41 00 00 00 00",
        ],
    );
}

#[test]
fn each_flag_has_its_bit() {
    let flags = [
        (WriteFlags::USER_MODE, "01 01 01 00 01 00 00 00"),
        (WriteFlags::PAGING, "01 01 01 00 02 00 00 00"),
        (WriteFlags::SYNCHRONOUS_PAGING, "01 01 01 00 04 00 00 00"),
        (WriteFlags::NON_CACHED, "01 01 01 00 08 00 00 00"),
        (WriteFlags::FAST_IO, "01 01 01 00 10 00 00 00"),
        (WriteFlags::GENERATED, "01 01 01 00 20 00 00 00"),
        (WriteFlags::REISSUED, "01 01 01 00 40 00 00 00"),
        (WriteFlags::WRITE_THROUGH, "01 01 01 00 80 00 00 00"),
    ];
    for (flags, lead) in flags {
        let write = Write { flags, ..Write::new(0, &UNKNOWN, WriteOffset::At(0), 0) };
        assert_write(write, &[ZERO, ZERO, lead, ZERO, ZERO, ZERO, ZERO, ZERO]);
    }
}

#[test]
fn a_write_with_an_executor_alone() {
    let executor = Actor { process: ProcessKey(0x5152_5354_5556_5758), pid: 0x6162_6364, tid: 0x7172_7374 };
    let write = Write { executor: Some(executor), ..Write::new(TIME, &UNKNOWN, WriteOffset::At(-3), 1) };
    assert_write(
        write,
        &[
            ZERO,
            TIME_BYTES,
            "01 02 01 00 00 00 01 00", // two slots; flag 16
            ZERO,
            ZERO,
            ZERO,
            "FD FF FF FF FF FF FF FF",
            "01 00 00 00 00 00 00 00",
            ZERO,
            ZERO,
            ZERO,
            "58 57 56 55 54 53 52 51",
            "64 63 62 61 74 73 72 71",
            ZERO,
            ZERO,
            ZERO,
        ],
    );
}

fn assert_change(change: Change, lines: &[&str]) {
    let event = change.encode();
    assert_eq!(encoded(|batch| batch.push_event(&event).expect("room")), slots(lines));
    assert_eq!(Record::decode(&slots(lines)), Ok(Record::Change(change)));
    assert_eq!((event.change(), event.write()), (Some(change), None));
    let [originator, executor, ..] = event.actors();
    assert_eq!([originator, executor], [change.originator, change.executor]);
}

#[test]
fn a_change_of_one_slot() {
    let change = Change {
        time: TIME,
        offset: -5,
        length: 0x5152_5354_5556_5758,
        flags: WriteFlags::GENERATED,
        ..Change::new(Operation::Zero, &LIKELY, FileKey(0x3132_3334_3536_3738))
    };
    assert_change(
        change,
        &[
            ZERO,
            TIME_BYTES,
            "01 01 05 02 20 00 00 01", // an event, zero; basis requestor process; flag 5; likely
            "18 17 16 15 14 13 12 11",
            "24 23 22 21 00 00 00 00",
            "38 37 36 35 34 33 32 31",
            "FB FF FF FF FF FF FF FF",
            "58 57 56 55 54 53 52 51",
        ],
    );
}

#[test]
fn each_part_of_a_change_s_second_slot_has_its_flag() {
    let source = CopySource { file: FileKey(0x3132_3334_3536_3738), offset: -2 };
    let executor = Actor { process: ProcessKey(0x5152_5354_5556_5758), pid: 0x6162_6364, tid: 0x7172_7374 };
    let change = Change::new(Operation::Clone, &UNKNOWN, FileKey::UNKNOWN);
    let first = |flag: &str| format!("01 02 03 00 00 00 {flag} 00");
    let (one, two, four) = (first("01"), first("02"), first("04"));
    let source_lines = ["38 37 36 35 34 33 32 31", "FE FF FF FF FF FF FF FF"];
    let executor_lines = ["58 57 56 55 54 53 52 51", "64 63 62 61 74 73 72 71"];
    let [s, t] = source_lines;
    let [e, f] = executor_lines;
    let head = |lead| [ZERO, ZERO, lead, ZERO, ZERO, ZERO, ZERO, ZERO];
    let lines = |lead, second: [&'static str; 8]| [head(lead), second].concat();
    assert_change(
        Change { executor: Some(executor), ..change },
        &lines(&one, [ZERO, ZERO, ZERO, e, f, ZERO, ZERO, ZERO]),
    );
    assert_change(
        Change { source: Some(source), ..change },
        &lines(&two, [ZERO, s, t, ZERO, ZERO, ZERO, ZERO, ZERO]),
    );
    assert_change(
        Change { detail: Some(9), ..change },
        &lines(&four, [ZERO, ZERO, ZERO, ZERO, ZERO, "09 00 00 00 00 00 00 00", ZERO, ZERO]),
    );
}

#[test]
fn a_write_with_an_unknown_copy_source() {
    let copy = Some(CopySource { file: FileKey::UNKNOWN, offset: 0x0101 });
    let write = Write { copy, ..Write::new(TIME, &UNKNOWN, WriteOffset::At(2), 1) };
    assert_write(
        write,
        &[
            ZERO,
            TIME_BYTES,
            "01 02 01 00 00 00 02 00", // two slots; flag 17
            ZERO,
            ZERO,
            ZERO,
            "02 00 00 00 00 00 00 00",
            "01 00 00 00 00 00 00 00",
            ZERO,
            ZERO,
            "01 01 00 00 00 00 00 00",
            ZERO,
            ZERO,
            ZERO,
            ZERO,
            ZERO,
        ],
    );
}

#[test]
fn a_kernel_process_of_which_nothing_more_is_known() {
    let process = ProcessEntry {
        key: ProcessKey(0x1112_1314_1516_1718),
        pid: 0x2122_2324,
        kind: ProcessKind::Kernel,
        created: 0,
        parent: ProcessKey::UNKNOWN,
        parent_pid: 0,
        session: None,
        user: None,
        image: Text::EMPTY,
        truncated: false,
    };
    let lines = [
        ZERO,
        ZERO,
        "10 01 01 00 24 23 22 21",
        "18 17 16 15 14 13 12 11",
        ZERO,
        "00 00 00 00 FF FF FF FF",
        ZERO,
        ZERO,
    ];
    assert_eq!(encoded(|batch| batch.push_process(&process).expect("room")), slots(&lines));
    assert_eq!(Record::decode(&slots(&lines)), Ok(Record::Process(process)));
}

#[test]
fn the_security_identifier_comes_before_the_image() {
    let user = Sid::new(&[1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0]);
    let image = ['a', '.', 'b'].map(|letter| u16::try_from(u32::from(letter)).expect("ASCII"));
    let process = ProcessEntry {
        key: ProcessKey(1),
        pid: 2,
        kind: ProcessKind::User,
        created: TIME,
        parent: ProcessKey(3),
        parent_pid: 4,
        session: Some(5),
        user,
        image: Text::new(&image),
        truncated: false,
    };
    let lines = [
        ZERO,
        TIME_BYTES,
        "10 02 00 00 02 00 00 00",
        "01 00 00 00 00 00 00 00",
        "03 00 00 00 00 00 00 00",
        "04 00 00 00 05 00 00 00",
        "06 00 0C 00 00 00 00 00",
        ZERO,
        ZERO,
        "01 01 00 00 00 00 00 05",
        "12 00 00 00 61 00 2E 00",
        "62 00 00 00 00 00 00 00",
        ZERO,
        ZERO,
        ZERO,
        ZERO,
    ];
    assert_eq!(encoded(|batch| batch.push_process(&process).expect("room")), slots(&lines));
    assert_eq!(Record::decode(&slots(&lines)), Ok(Record::Process(process)));
}

#[test]
fn a_volume_without_a_guid_name() {
    let device = [0x44, 0xD800];
    let volume = VolumeEntry {
        key: VolumeKey(7),
        attached: TIME,
        file_system: 28,
        device: Text::new(&device),
        guid: Text::EMPTY,
        truncated: false,
    };
    let lines = [
        ZERO,
        TIME_BYTES,
        "11 02 00 00 1C 00 00 00",
        "07 00 00 00 00 00 00 00",
        "04 00 00 00 00 00 00 00",
        ZERO,
        ZERO,
        ZERO,
        ZERO,
        "44 00 00 D8 00 00 00 00", // a lone surrogate stays what it is
        ZERO,
        ZERO,
        ZERO,
        ZERO,
        ZERO,
        ZERO,
    ];
    assert_eq!(encoded(|batch| batch.push_volume(&volume).expect("room")), slots(&lines));
    assert_eq!(Record::decode(&slots(&lines)), Ok(Record::Volume(volume)));
}

#[test]
fn the_volume_itself_as_a_file() {
    let file = FileEntry {
        key: FileKey(8),
        volume: VolumeKey(7),
        met: TIME,
        name_kind: NameKind::Normalized,
        path: Text::EMPTY,
        truncated: false,
    };
    let lines = [
        ZERO,
        TIME_BYTES,
        "12 01 00 00 00 00 00 00",
        "08 00 00 00 00 00 00 00",
        "07 00 00 00 00 00 00 00",
        ZERO,
        ZERO,
        ZERO,
    ];
    assert_eq!(encoded(|batch| batch.push_file(&file).expect("room")), slots(&lines));
    assert_eq!(Record::decode(&slots(&lines)), Ok(Record::File(file)));
}

#[test]
fn a_path_that_no_record_holds_is_cut_off_and_marked() {
    // 14,224 bytes of payload are 7,112 units; the last that would fit is half of a pair.
    let mut path = vec![0x61; 7111];
    path.extend([0xD83D, 0xDE00, 0x62]);
    let file = FileEntry {
        key: FileKey(8),
        volume: VolumeKey(7),
        met: 0,
        name_kind: NameKind::Opened,
        path: Text::new(&path),
        truncated: false,
    };
    let written = encoded(|batch| batch.push_file(&file).expect("room"));
    assert_eq!(written.len(), 255);
    let lines = [
        ZERO,
        ZERO,
        "12 FF 81 00 00 00 00 00", // 255 slots; flags 0 and 7
        "08 00 00 00 00 00 00 00",
        "07 00 00 00 00 00 00 00",
        "8E 37 00 00 00 00 00 00", // 14,222 bytes
        ZERO,
        ZERO,
    ];
    assert_eq!(written[..1], slots(&lines));
    let kept = FileEntry { path: Text::new(&path[..7111]), truncated: true, ..file };
    assert_eq!(Record::decode(&written), Ok(Record::File(kept)));
}

#[test]
fn each_loss_reason_has_its_number() {
    let reasons = [
        (LossReason::RingFull, "20 01 01 00 00 00 00 00"),
        (LossReason::NoMemory, "20 01 02 00 00 00 00 00"),
        (LossReason::Shutdown, "20 01 03 00 00 00 00 00"),
        (LossReason::Overwritten, "20 01 04 00 00 00 00 00"),
    ];
    for (reason, lead) in reasons {
        let loss = Loss { time: TIME, reason: Code::Known(reason), count: 1, total: 0x0203 };
        let lines =
            [ZERO, TIME_BYTES, lead, "01 00 00 00 00 00 00 00", "03 02 00 00 00 00 00 00", ZERO, ZERO, ZERO];
        assert_eq!(encoded(|batch| batch.push_loss(&loss).expect("room")), slots(&lines));
        assert_eq!(Record::decode(&slots(&lines)), Ok(Record::Loss(loss)));
    }
}

#[test]
fn a_refusing_reply() {
    let reply = Acknowledgement { batch: TIME, status: Status::Refused(0x0A0B_0C0D) };
    let bytes = [8, 7, 6, 5, 4, 3, 2, 1, 0x0D, 0x0C, 0x0B, 0x0A, 0, 0, 0, 0];
    assert_eq!(reply.encode(), bytes);
    assert_eq!(Acknowledgement::decode(&bytes), Ok(reply));
    assert!(!reply.accepts(TIME));
    assert!(Acknowledgement::accepted(TIME).accepts(TIME));
    assert!(!Acknowledgement::accepted(TIME).accepts(TIME + 1));
}

#[test]
fn security_identifiers_are_written_as_windows_writes_them() {
    let sid = |bytes: &[u8]| Sid::new(bytes).map(|sid| sid.to_string());
    assert_eq!(sid(&[1, 0, 0, 0, 0, 0, 0, 0]), Some("S-1-0".to_owned()));
    assert_eq!(sid(&[1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0]), Some("S-1-5-18".to_owned()));
    assert_eq!(
        sid(&[1, 2, 1, 2, 3, 4, 5, 6, 255, 255, 255, 255, 0, 0, 0, 0]),
        Some("S-1-0x010203040506-4294967295-0".to_owned())
    );
    // Too short, another revision, too many sub-authorities.
    assert_eq!(sid(&[1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0]), None);
    assert_eq!(sid(&[2, 0, 0, 0, 0, 0, 0, 5]), None);
    assert_eq!(sid(&[1, 16, 0, 0, 0, 0, 0, 5].iter().copied().chain([0; 64]).collect::<Vec<_>>()), None);
    assert_eq!(sid(&[]), None);
}

#[test]
fn texts_show_what_is_not_well_formed() {
    let units = [0x61, 0xD83D, 0xDE00, 0xD83D, 0x0A];
    let text = Text::new(&units);
    assert_eq!(text.to_string(), "a😀\u{FFFD}\n");
    assert_eq!(format!("{text:?}"), r#""a😀\u{d83d}\n""#);
    assert_eq!((text.len(), text.is_empty()), (5, false));
    assert!(*Text::new(&units[..3]).to_string() == *"a😀" && Text::new(&units[..3]) == *"a😀");
}
