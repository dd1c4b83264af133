//! Tests of the consumer, fed by a driver that is not one.

use audit::record::{Code, Loss, Sequence};
use proptest::prelude::*;

use super::*;
use crate::fake::{Content, FakeDriver, NOON, dictionary, write};
use crate::model::{File, Process, Volume};

/// Keeps what it is given, in words, and can refuse it.
#[derive(Debug, Default)]
struct Kept {
    lines: Vec<String>,
    flushed: usize,
    broken: bool,
}

impl Kept {
    fn keep(&mut self, line: String) -> io::Result<()> {
        if self.broken {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.lines.push(line);
        Ok(())
    }
}

impl Sink for Kept {
    fn write(&mut self, write: &Write<'_>) -> io::Result<()> {
        let Write { originator, path, offset, length, .. } = write;
        self.keep(format!("{:?} {:?} {path:?} {offset:?} {length}", originator.pid, originator.image))
    }

    fn process(&mut self, process: &Process) -> io::Result<()> {
        self.keep(format!("process {:?} {:?}", process.pid, process.image))
    }

    fn volume(&mut self, volume: &Volume) -> io::Result<()> {
        self.keep(format!("volume {:?} {:?}", volume.device, volume.drive))
    }

    fn file(&mut self, file: &File) -> io::Result<()> {
        self.keep(format!("file {:?}", file.path))
    }

    fn loss(&mut self, loss: &crate::model::Loss) -> io::Result<()> {
        self.keep(format!("lost {} {}", loss.count, loss.reason))
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.broken {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.flushed = self.lines.len();
        Ok(())
    }
}

fn consumer() -> Consumer<Kept> {
    let letter = |device: &str, letter: &str| (device.to_owned(), letter.to_owned());
    let drives = vec![letter(r"\Device\HarddiskVolume3", "C:"), letter(r"\Device\HarddiskVolume4", "D:")];
    Consumer::new(Kept::default(), Drives::new(drives))
}

fn with_dictionary(writes: impl IntoIterator<Item = Content>) -> Vec<Content> {
    let mut contents = dictionary();
    contents.extend(writes);
    contents
}

#[test]
fn a_write_is_told_with_the_names_of_its_keys() {
    let mut consumer = consumer();
    let message = FakeDriver::new().batch(&with_dictionary([Content::Write(write(0))]));
    let reply = consumer.on_message(&message).unwrap();
    assert_eq!(Acknowledgement::decode(&reply), Ok(Acknowledgement::accepted(1)));
    assert_eq!(
        consumer.sink().lines,
        [
            r#"volume Some("\\Device\\HarddiskVolume3") Some("C:")"#,
            r#"volume Some("\\Device\\HarddiskVolume4") Some("D:")"#,
            r#"process Some(4) Some("System")"#,
            r#"process Some(3756) Some("C:\\Windows\\explorer.exe")"#,
            r#"file Some("C:\\Pictures\\photo.jpg")"#,
            r#"file Some("D:\\Backup\\photo.jpg")"#,
            r#"Some(3756) Some("C:\\Windows\\explorer.exe") Some("D:\\Backup\\photo.jpg") At(0) 4096"#,
        ]
    );
    assert_eq!(consumer.sink().flushed, 7, "before the acknowledgement");
    assert_eq!(consumer.settled_books().faults, [""; 0]);
}

#[test]
fn a_name_that_is_not_known_stays_unknown() {
    let mut consumer = consumer();
    consumer.on_message(&FakeDriver::new().batch(&[Content::Write(write(0))])).unwrap();
    assert_eq!(consumer.sink().lines, ["Some(3756) None None At(0) 4096"]);
}

#[test]
fn what_could_not_be_written_is_not_acknowledged_and_comes_again() {
    let mut consumer = consumer();
    let message = FakeDriver::new().batch(&[Content::Write(write(0))]);
    consumer.sink().broken = true;
    assert!(matches!(consumer.on_message(&message), Err(ConsumerError::Output(_))));
}

#[test]
fn a_batch_sent_again_is_acknowledged_and_told_once() {
    let mut consumer = consumer();
    let mut driver = FakeDriver::new();
    let mut first = driver.batch(&with_dictionary([Content::Write(write(0))]));
    consumer.on_message(&first).unwrap();
    audit::batch::mark_redelivered(&mut first);
    let reply = consumer.on_message(&first).unwrap();
    assert_eq!(Acknowledgement::decode(&reply), Ok(Acknowledgement::accepted(1)));
    consumer.on_message(&driver.batch(&with_dictionary([Content::Write(write(4096))]))).unwrap();
    let lines = &consumer.sink().lines;
    assert_eq!(lines.len(), 8, "the dictionary, too, only once: {lines:?}");
    let books = consumer.settled_books();
    assert_eq!((books.received, books.duplicates, &*books.faults), (2, 1, &[][..]));
}

#[test]
fn a_message_that_cannot_be_read_leaves_no_trace() {
    let mut consumer = consumer();
    let message = FakeDriver::new().batch(&with_dictionary([Content::Write(write(0))]));
    for length in 0..message.len() {
        assert!(matches!(consumer.on_message(&message[..length]), Err(ConsumerError::Message(_))));
    }
    let mut damaged = message.clone();
    let last_slots = damaged.len() - 64 + 17;
    damaged[last_slots] = 9;
    assert!(consumer.on_message(&damaged).is_err());
    assert!(consumer.sink().lines.is_empty());
    consumer.on_message(&message).unwrap();
    assert_eq!(consumer.books().received, 1);
}

#[test]
fn a_record_that_went_missing_is_noticed() {
    let mut consumer = consumer();
    let mut driver = FakeDriver::new();
    consumer.on_message(&driver.batch(&[Content::Write(write(0))])).unwrap();
    driver.skip();
    consumer.on_message(&driver.batch(&[Content::Write(write(0))])).unwrap();
    let faults = &consumer.settled_books().faults;
    assert!(faults.iter().any(|fault| fault.contains("records are missing")), "{faults:?}");
}

#[test]
fn books_that_do_not_balance_are_noticed() {
    let mut consumer = consumer();
    let mut driver = FakeDriver::new();
    driver.produced = 1;
    consumer.on_message(&driver.batch(&[Content::Write(write(0))])).unwrap();
    assert_eq!(consumer.books().faults, [""; 0], "more may be on its way");
    assert_eq!(consumer.settled_books().faults, ["produced 2, but delivered 1 and lost 0"]);
}

#[test]
fn a_loss_is_told_once_and_balances_the_books() {
    let mut consumer = consumer();
    let mut driver = FakeDriver::new();
    (driver.produced, driver.lost) = (3, 3);
    let loss =
        Loss { time: NOON, reason: Code::Known(audit::ledger::LossReason::RingFull), count: 3, total: 3 };
    let message = driver.batch(&[Content::Write(write(0)), Content::Loss(loss)]);
    consumer.on_message(&message).unwrap();
    consumer.on_message(&message).unwrap();
    assert_eq!(consumer.sink().lines[1..], ["lost 3 ring-full"]);
    let books = consumer.settled_books();
    assert_eq!((books.produced, books.received, books.lost, &*books.faults), (4, 1, 3, &[][..]));
    assert_eq!(books.lost_by_reason.get("ring-full"), Some(&3));
}

/// The driver sends the dictionary anew, in batches with higher numbers, before what was not acknowledged.
#[test]
fn an_older_batch_after_a_newer_one_is_no_fault() {
    let mut consumer = consumer();
    let mut driver = FakeDriver::new();
    let mut pending = driver.batch(&[Content::Write(write(0))]);
    driver.delivered = 0;
    let newer = driver.batch(&dictionary());
    consumer.on_message(&newer).unwrap();
    audit::batch::mark_redelivered(&mut pending);
    consumer.on_message(&pending).unwrap();
    driver.delivered = 1;
    consumer.on_message(&driver.batch(&[Content::Write(write(4096))])).unwrap();
    let books = consumer.settled_books();
    assert_eq!((books.received, books.duplicates, &*books.faults), (2, 0, &[][..]));
}

#[test]
fn a_driver_that_started_anew_begins_new_books() {
    let mut consumer = consumer();
    consumer.on_message(&FakeDriver::new().batch(&with_dictionary([Content::Write(write(0))]))).unwrap();
    let mut anew = FakeDriver::new();
    anew.session = 9;
    consumer.on_message(&anew.batch(&[Content::Write(write(0))])).unwrap();
    assert_eq!(
        consumer.sink().lines.last().unwrap(),
        "Some(3756) None None At(0) 4096",
        "keys mean nothing now"
    );
    assert_eq!(consumer.settled_books().faults, [""; 0]);
}

#[test]
fn a_consumer_that_comes_later_does_not_miss_what_was_before_it() {
    let mut driver = FakeDriver::new();
    driver.batch(&[Content::Write(write(0))]);
    let mut late = consumer();
    late.on_message(&driver.batch(&[Content::Write(write(0))])).unwrap();
    let books = late.settled_books();
    assert_eq!((books.received, &*books.faults), (1, &[][..]));
    assert_eq!(Sequence(2).position(), 2);
}

proptest! {
    #[test]
    fn any_message_is_read_or_refused(at in 0usize..640, byte in any::<u8>(), junk in proptest::collection::vec(any::<u8>(), 0..300)) {
        let mut consumer = consumer();
        let _ = consumer.on_message(&junk);
        let mut message = FakeDriver::new().batch(&with_dictionary([Content::Write(write(0))]));
        let at = at % message.len();
        message[at] = byte;
        let _ = consumer.on_message(&message);
    }
}
