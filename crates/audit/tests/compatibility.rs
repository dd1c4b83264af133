//! A reader of this version and messages of others: what it must pass over, and what it must refuse.

use audit::batch::{Batch, HEADER_SIZE};
use audit::ledger::LossReason;
use audit::record::{Code, DecodeError, Defect, Loss, Record, SLOT_SIZE, SlotBytes};

/// A message of these slots, with the header of format 1.0 as it is documented.
fn message(slots: &[SlotBytes]) -> Vec<u8> {
    let mut message = [0; HEADER_SIZE].to_vec();
    message[..8].copy_from_slice(b"WHOWROTE");
    message[8] = 1;
    message[12] = 64;
    message[14] = 64;
    message[32] = u8::try_from(slots.len()).expect("few slots");
    message.extend(slots.as_flattened());
    message
}

/// A slot with this kind and slot count, and these other bytes.
fn slot(kind: u8, slots: u8, others: &[(usize, u8)]) -> SlotBytes {
    let mut slot = [0; SLOT_SIZE];
    (slot[16], slot[17]) = (kind, slots);
    for (at, byte) in others {
        slot[*at] = *byte;
    }
    slot
}

/// A loss record, to be found behind what is tried.
fn loss() -> SlotBytes {
    slot(32, 1, &[(18, 3), (24, 5), (32, 7)])
}

const LOSS: Record<'_> =
    Record::Loss(Loss { time: 0, reason: Code::Known(LossReason::Shutdown), count: 5, total: 7 });

fn records(message: &[u8]) -> Vec<Result<Record<'_>, DecodeError>> {
    Batch::parse(message).expect("a valid header").records().collect()
}

fn refusal(message: &[u8]) -> (usize, String) {
    let error = Batch::parse(message).expect_err("a refusal");
    (error.offset, error.to_string())
}

#[test]
fn an_unknown_kind_is_passed_over_by_its_slots() {
    let message = message(&[slot(200, 3, &[(40, 9)]), [0xFF; SLOT_SIZE], [0xFF; SLOT_SIZE], loss()]);
    assert_eq!(records(&message), [Ok(Record::Unknown { kind: 200, slots: 3 }), Ok(LOSS)]);
}

#[test]
fn a_larger_header_is_passed_over() {
    let mut message = message(&[loss()]);
    message[12] = 80;
    message.splice(HEADER_SIZE..HEADER_SIZE, [0xFF; 16]);
    assert_eq!(records(&message), [Ok(LOSS)]);
    assert_eq!(Batch::parse(&message).map(|batch| batch.size()), Ok(80 + SLOT_SIZE));
}

#[test]
fn a_newer_minor_version_is_read() {
    let mut message = message(&[loss()]);
    (message[10], message[11]) = (0xFF, 0xFF);
    assert_eq!(records(&message), [Ok(LOSS)]);
}

#[test]
fn a_newer_major_version_is_refused_clearly() {
    let mut message = message(&[loss()]);
    (message[8], message[10]) = (2, 7);
    assert_eq!(refusal(&message), (8, "byte 8: format 2.7; this program reads 1.x".to_owned()));
    message[8] = 0;
    assert_eq!(refusal(&message), (8, "byte 8: format 0.7; this program reads 1.x".to_owned()));
}

#[test]
fn further_slots_of_known_kinds_are_left_alone() {
    let more = [0xFF; SLOT_SIZE];
    let write = slot(1, 3, &[(18, 1), (22, 1), (56, 4)]);
    let message = message(&[
        write,
        slot(0, 0, &[]),
        more,
        slot(18, 2, &[(24, 8)]),
        more,
        slot(32, 2, &[(18, 3)]),
        more,
    ]);
    let read = records(&message);
    assert!(matches!(read[0], Ok(Record::Write(write)) if write.length == 4 && write.executor.is_some()));
    assert!(matches!(read[1], Ok(Record::File(file)) if file.key.0 == 8 && file.path.is_empty()));
    assert!(matches!(read[2], Ok(Record::Loss(loss)) if loss.reason == Code::Known(LossReason::Shutdown)));
    assert_eq!(read.len(), 3);
}

#[test]
fn reserved_bytes_are_not_looked_at() {
    let loss = slot(32, 1, &[(0, 1), (18, 3), (19, 255), (20, 255), (24, 5), (32, 7), (40, 255), (63, 255)]);
    let volume = slot(17, 1, &[(19, 255), (36, 255), (63, 255)]);
    let message = message(&[loss, volume]);
    let read = records(&message);
    assert_eq!(read[0], Ok(LOSS));
    assert!(matches!(read[1], Ok(Record::Volume(volume)) if !volume.truncated));
}

#[test]
fn codes_of_newer_versions_stay_numbers() {
    let message =
        message(&[slot(1, 1, &[(18, 77), (19, 78), (21, 0x80), (23, 3)]), slot(32, 1, &[(18, 79)])]);
    let read = records(&message);
    let (Ok(Record::Write(write)), Ok(Record::Loss(loss))) = (read[0], read[1]) else { panic!("{read:?}") };
    assert_eq!((write.operation.to_string(), write.operation.known()), ("code-77".to_owned(), None));
    assert_eq!(
        (write.basis.to_string(), write.confidence.to_string()),
        ("code-78".to_owned(), "code-3".to_owned())
    );
    assert_eq!(write.flags.bits(), 0x8000);
    assert_eq!(loss.reason, Code::Newer(79));
}

#[test]
fn what_is_no_message_is_refused_with_its_place() {
    let good = message(&[loss()]);
    let with = |at: usize, byte| {
        let mut message = good.clone();
        message[at] = byte;
        refusal(&message)
    };
    assert_eq!(refusal(b""), (0, "byte 0: 64 bytes needed, 0 present".to_owned()));
    assert_eq!(refusal(&good[..127]), (127, "byte 127: 128 bytes needed, 127 present".to_owned()));
    assert_eq!(with(7, b'!'), (0, "byte 0: not a whowrote message".to_owned()));
    assert_eq!(with(12, 56), (12, "byte 12: impossible header size 56".to_owned()));
    assert_eq!(with(12, 65), (12, "byte 12: impossible header size 65".to_owned()));
    assert_eq!(with(14, 32), (14, "byte 14: slots of 32 bytes instead of 64".to_owned()));
    assert_eq!(with(13, 1), (128, "byte 128: 384 bytes needed, 128 present".to_owned()));
    let huge = with(35, 255);
    assert_eq!(huge, (128, "byte 128: 273804165248 bytes needed, 128 present".to_owned()));
}

#[test]
fn a_bad_record_is_reported_with_its_place_and_the_next_one_read() {
    let bad = [
        (slot(1, 1, &[(22, 1)]), 20, "what the second slot has is stated, and the slot is missing"),
        (slot(1, 1, &[(22, 2)]), 20, "what the second slot has is stated, and the slot is missing"),
        (slot(1, 1, &[(18, 12), (22, 4)]), 20, "what the second slot has is stated, and the slot is missing"),
        (slot(1, 1, &[(21, 3)]), 20, "a write both at the end of the file and at the file pointer"),
        (slot(16, 1, &[(48, 2)]), 48, "2 bytes of text and security identifier in room for 0"),
        (slot(17, 1, &[(34, 2)]), 32, "2 bytes of text and security identifier in room for 0"),
        (slot(18, 1, &[(40, 2)]), 40, "2 bytes of text and security identifier in room for 0"),
    ];
    for (slot, at, what) in bad {
        let message = message(&[loss(), slot, loss()]);
        let read = records(&message);
        assert_eq!((read[0], read[2], read.len()), (Ok(LOSS), Ok(LOSS), 3));
        let error = read[1].expect_err("an error");
        assert_eq!(error.to_string(), format!("byte {}: {what}", HEADER_SIZE + SLOT_SIZE + at));
    }
}

#[test]
fn a_bad_payload_is_reported_with_its_place() {
    let payload = [0xFF; SLOT_SIZE];
    let bad = [
        (slot(16, 2, &[(50, 12)]), 50, "malformed security identifier"),
        (slot(16, 2, &[(48, 3)]), 48, "UTF-16 text of 3 bytes"),
        (slot(17, 2, &[(32, 3)]), 32, "UTF-16 text of 3 bytes"),
        (slot(17, 2, &[(34, 5)]), 34, "UTF-16 text of 5 bytes"),
        (slot(18, 2, &[(40, 7)]), 40, "UTF-16 text of 7 bytes"),
        (slot(18, 2, &[(40, 58)]), 40, "58 bytes of text and security identifier in room for 56"),
    ];
    for (slot, at, what) in bad {
        let message = message(&[slot, payload, loss()]);
        let read = records(&message);
        assert_eq!((read[1], read.len()), (Ok(LOSS), 2));
        assert_eq!(read[0].expect_err("an error").to_string(), format!("byte {}: {what}", HEADER_SIZE + at));
    }
}

#[test]
fn where_records_cannot_be_told_apart_reading_ends() {
    for (slots, what) in [(0, "a record of no slots"), (3, "a record of 3 slots where there are 2")] {
        let message = message(&[loss(), slot(1, slots, &[]), loss()]);
        let read = records(&message);
        assert_eq!((read[0], read.len()), (Ok(LOSS), 2));
        let at = HEADER_SIZE + SLOT_SIZE + 17;
        assert_eq!(read[1].expect_err("an error").to_string(), format!("byte {at}: {what}"));
    }
}

#[test]
fn a_record_is_decoded_from_all_its_slots_and_no_more() {
    let present = |present| Err(DecodeError { offset: 17, defect: Defect::SlotCount { stated: 1, present } });
    assert_eq!(Record::decode(&[loss(), loss()]), present(2));
    assert_eq!(Record::decode(&[loss()]), Ok(LOSS));
    let defect = Defect::Truncated { needed: SLOT_SIZE, present: 0 };
    assert_eq!(Record::decode(&[]), Err(DecodeError { offset: 0, defect }));
}
