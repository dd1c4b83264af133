//! Whether what was recorded is the truth: no wrong author, nothing twice, nothing lost without being counted.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::RangeInclusive;

use super::consumer::Received;
use super::ledger::Ledger;
use super::world::{Author, Named, Program, SECTOR, Truth};
use crate::model::Offset;

/// Something that must not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// What kind of thing, the same for the same cause.
    pub(super) kind: String,
    pub(super) message: String,
}

impl Fault {
    pub(super) fn new(kind: impl Into<String>, message: impl Into<String>) -> Self {
        Self { kind: kind.into(), message: message.into() }
    }
}

/// What the driver says of its books when it goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Printed {
    pub(super) produced: u64,
    pub(super) delivered: u64,
    /// Ring full, no memory, shutdown, overwritten.
    pub(super) lost: [u64; 4],
}

impl Printed {
    /// From what it prints.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let line = text.lines().rev().find(|line| line.contains("whowrote: produced"))?;
        let mut numbers = line
            .split(|character: char| !character.is_ascii_digit())
            .filter(|digits| !digits.is_empty())
            .map(|digits| digits.parse().ok());
        let mut next = || numbers.next().flatten();
        Some(Self { produced: next()?, delivered: next()?, lost: [next()?, next()?, next()?, next()?] })
    }

    pub(super) fn lost_total(&self) -> u64 {
        self.lost.iter().sum()
    }
}

/// A run of the driver.
#[derive(Clone, Debug)]
pub(super) struct Session {
    /// It was loaded within these times, one of which is its number.
    pub(super) began: RangeInclusive<u64>,
    pub(super) printed: Option<Printed>,
}

/// A write that was played.
#[derive(Clone, Debug)]
pub(super) struct Played {
    pub(super) truth: Truth,
    /// The runs of the driver that may have recorded it.
    pub(super) sessions: Vec<usize>,
    /// Whether the one must have.
    pub(super) certain: bool,
}

/// How exactly a record must tell the truth.
#[derive(Clone, Copy, Debug)]
pub(super) struct Strictness {
    /// Whether names and copy sources may lack, since what they need may have failed.
    pub(super) faults: bool,
    /// Whether files may have been opened while the driver was being loaded.
    pub(super) threads: bool,
}

/// Compares what was received with what was played.
pub(super) fn judge(
    played: &[Played],
    received: &[Received],
    others: &[u64],
    sessions: &[Session],
    strictness: Strictness,
) -> Result<(), Fault> {
    // A driver that could not read its parameters audits everything.
    if !others.is_empty() && !strictness.faults {
        let message = format!("{} events that are no writes", others.len());
        return Err(Fault::new("recorded what is not to be audited", message));
    }
    // Each write's length is its own; chunks of one copy differ in their offset.
    let mut by_length: HashMap<u32, Vec<usize>> = HashMap::new();
    for (index, write) in played.iter().enumerate() {
        by_length.entry(write.truth.length).or_default().push(index);
    }
    let mut recorded: HashMap<usize, usize> = HashMap::new();
    let mut counts = vec![0u64; sessions.len()];
    let mut ledger = Ledger::new(played);
    for (number, record) in received.iter().enumerate() {
        let candidates = by_length.get(&record.length).map(Vec::as_slice).unwrap_or_default();
        let fits = |index: &&usize| offsets_agree(&played[**index].truth, record);
        let Some(index) = candidates.iter().find(fits).or(candidates.first()).copied() else {
            return Err(Fault::new("recorded what nobody wrote", described(record)));
        };
        let write = &played[index];
        let session = sessions.iter().position(|session| session.began.contains(&record.session));
        let session = session.filter(|session| write.sessions.contains(session));
        let Some(session) = session else {
            return Err(Fault::new(
                "recorded what it cannot have seen",
                format!("in run {} of the driver: {}", record.session, described(record)),
            ));
        };
        counts[session] += 1;
        compare(&write.truth, record, strictness)?;
        ledger.record(session, &write.truth, record);
        match recorded.entry(index) {
            Entry::Vacant(entry) => entry.insert(number),
            Entry::Occupied(_) => return Err(Fault::new("recorded twice", described(record))),
        };
    }
    for (number, session) in sessions.iter().enumerate() {
        let missing = played.iter().enumerate().find(|(index, write)| {
            write.certain && write.sessions == [number] && !recorded.contains_key(index)
        });
        let others = others.iter().filter(|run| session.began.contains(run)).count() as u64;
        let received = ReceivedOf { writes: counts[number], others };
        close_books(number, session, played, received, strictness, missing.map(|(_, write)| write))?;
        ledger.close(number, session)?;
    }
    Ok(())
}

/// How many events of one run of the driver were received.
#[derive(Clone, Copy)]
struct ReceivedOf {
    writes: u64,
    others: u64,
}

/// The books of one run of the driver.
fn close_books(
    number: usize,
    session: &Session,
    played: &[Played],
    received: ReceivedOf,
    strictness: Strictness,
    missing: Option<&Played>,
) -> Result<(), Fault> {
    let Some(printed) = session.printed else {
        return Err(Fault::new("no books", "the driver went without telling its books"));
    };
    let Printed { produced, delivered, lost } = printed;
    let lost_total = printed.lost_total();
    let must = played.iter().filter(|write| write.certain && write.sessions == [number]).count() as u64;
    let may = played.iter().filter(|write| write.sessions.contains(&number)).count() as u64;
    let all = received.writes + received.others;
    let books = format!("produced {produced}, delivered {delivered}, lost {lost:?}; received {all}");
    if produced != delivered + lost_total {
        return Err(Fault::new("the books do not balance", books));
    }
    if produced < must || (produced > may && !strictness.faults) {
        let expected = if must == may { must.to_string() } else { format!("{must} to {may}") };
        let example =
            missing.map_or_else(String::new, |write| format!("; not recorded: {}", told(&write.truth)));
        let kind = if produced < must { "not every write was recorded" } else { "more records than writes" };
        return Err(Fault::new(kind, format!("{expected} writes, but {books}{example}")));
    }
    if all < delivered || all > produced {
        return Err(Fault::new("received is not what was delivered", books));
    }
    let not_received = must.saturating_sub(received.writes);
    if not_received > lost_total {
        return Err(Fault::new(
            "lost without being counted",
            format!("{not_received} of {must} writes; {books}"),
        ));
    }
    Ok(())
}

fn offsets_agree(truth: &Truth, record: &Received) -> bool {
    truth.offset.is_none_or(|offset| offset == record.offset)
}

/// The fields of a record, one by one.
fn compare(truth: &Truth, record: &Received, strictness: Strictness) -> Result<(), Fault> {
    let wrong = |field: &str| {
        let message = format!("the truth: {}\n  recorded: {}", told(truth), described(record));
        Err(Fault::new(format!("wrong {field}"), message))
    };
    let fits = |process: &Program| {
        let image_fits = match record.image.as_deref() {
            Some(image) => *image == *process.image,
            // What is met in a record first is looked up, unless it has ended.
            None => !process.met || strictness.faults || strictness.threads,
        };
        record.pid == Some(process.pid) && image_fits
    };
    let (author, basis, confidence) = match &truth.author {
        Author::Thread { tid, process } => {
            // What is no copy, and not asked for from user mode, a driver may have done of its own accord.
            // So does a copy look of which the system did not tell.
            let is_copy = truth.source.is_some() && !(strictness.faults && record.source.is_none());
            let confidence = if truth.kernel_mode && !is_copy { "likely" } else { "certain" };
            (fits(process) && record.tid == Some(*tid), "thread", confidence)
        }
        Author::Requestor(process) => (fits(process) && record.tid.is_none(), "requestor-process", "likely"),
        Author::Unknown => (record.pid.is_none() && record.tid.is_none(), "unknown", "none"),
    };
    if !author {
        return wrong("originator");
    }
    if record.basis != basis || record.confidence != confidence {
        return wrong("basis");
    }
    if !offsets_agree(truth, record) {
        return wrong("offset");
    }
    if record.missing != truth.missing {
        return wrong("count of bytes that were not written");
    }
    if record.kernel_mode != truth.kernel_mode {
        return wrong("requestor mode");
    }
    if record.executor != truth.executor {
        return wrong("executor");
    }
    let is_told = |named: &Named, path: Option<&str>| match path {
        Some(path) => named.paths.iter().any(|known| **known == *path),
        None => !named.known || strictness.faults || strictness.threads,
    };
    if !is_told(&truth.file, record.path.as_deref()) {
        return wrong("path");
    }
    let source_fits = match (&truth.source, &record.source) {
        (None, None) => true,
        (Some((named, offset)), Some((path, recorded))) => {
            offset == recorded && is_told(named, path.as_deref())
        }
        (Some(_), None) => strictness.faults,
        (None, Some(_)) => false,
    };
    if !source_fits {
        return wrong("copy source");
    }
    Ok(())
}

/// A record in one line.
fn described(record: &Received) -> String {
    let Received { pid, tid, image, path, offset, length, basis, executor, source, kernel_mode, .. } = record;
    let number = |id: Option<u32>| id.map_or_else(|| "?".to_owned(), |id| id.to_string());
    let image = image.as_deref().unwrap_or("?");
    let path = path.as_deref().unwrap_or("?");
    let mode = if *kernel_mode { "kernel" } else { "user" };
    format!(
        "{image} ({}:{}), write {} of {length} bytes at {offset:?} of {path}, basis {basis}, {mode} mode, \
         executor {executor:?}, source {source:?}",
        number(*pid),
        number(*tid),
        length / SECTOR,
    )
}

/// The truth in one line.
fn told(truth: &Truth) -> String {
    let Truth { length, offset, author, file, kernel_mode, executor, source, .. } = truth;
    let author = match author {
        Author::Thread { tid, process } => format!("{} ({}:{tid})", process.image, process.pid),
        Author::Requestor(process) => format!("{} ({}:?)", process.image, process.pid),
        Author::Unknown => "unknown (?:?)".to_owned(),
    };
    let offset = offset.unwrap_or(Offset::FilePointer);
    let mode = if *kernel_mode { "kernel" } else { "user" };
    let source = source.as_ref().map(|(named, offset)| (&named.paths, *offset));
    format!(
        "{author}, write {} of {length} bytes at {offset:?} of {}, {mode} mode, executor {executor:?}, source {source:?}",
        length / SECTOR,
        file.paths.last().map_or("?", |path| path)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRICT: Strictness = Strictness { faults: false, threads: false };

    fn write(number: u32) -> (Played, Received) {
        let truth = Truth {
            length: number * SECTOR,
            missing: 0,
            offset: Some(Offset::At(0)),
            author: Author::Thread {
                tid: 8,
                process: Program { pid: 4000, image: r"C:\p.exe".into(), met: true },
            },
            file: Named { paths: vec![r"C:\f.bin".into()], file: 0, known: true },
            volume: 0,
            kernel_mode: false,
            executor: None,
            source: None,
            optional: false,
            pends: false,
        };
        let received = Received {
            session: 1,
            pid: Some(4000),
            tid: Some(8),
            image: Some(r"C:\p.exe".to_owned()),
            path: Some(r"C:\f.bin".to_owned()),
            offset: Offset::At(0),
            length: number * SECTOR,
            missing: 0,
            basis: "thread".to_owned(),
            confidence: "certain".to_owned(),
            kernel_mode: false,
            executor: None,
            source: None,
        };
        (Played { truth, sessions: vec![0], certain: true }, received)
    }

    fn session(produced: u64, delivered: u64, lost: u64) -> Session {
        let printed = Printed { produced, delivered, lost: [lost, 0, 0, 0] };
        Session { began: 1..=1, printed: Some(printed) }
    }

    /// What becomes of two writes if a driver records them so, and says so of its books.
    fn judged(session: Session, damage: impl FnOnce(&mut Vec<Received>)) -> Result<(), String> {
        let (played, mut received): (Vec<_>, Vec<_>) = (1..=2).map(write).unzip();
        damage(&mut received);
        judge(&played, &received, &[], &[session], STRICT).map_err(|fault| fault.kind)
    }

    #[test]
    fn what_is_true_is_accepted_and_so_is_what_is_lost_and_counted() {
        assert_eq!(judged(session(2, 2, 0), |_| ()), Ok(()));
        assert_eq!(judged(session(2, 1, 1), |received| drop(received.pop())), Ok(()));
    }

    #[test]
    fn each_damage_to_a_record_is_found() {
        type Damage = fn(&mut Vec<Received>);
        let all: [(&str, Damage); 10] = [
            ("wrong originator", |received| received[0].tid = Some(12)),
            ("wrong basis", |received| received[0].basis = "requestor-process".to_owned()),
            ("wrong offset", |received| received[0].offset = Offset::At(512)),
            ("wrong count of bytes that were not written", |received| received[0].missing = 1),
            ("wrong requestor mode", |received| received[0].kernel_mode = true),
            ("wrong executor", |received| received[0].executor = Some(4)),
            ("wrong path", |received| received[0].path = Some(r"C:\g.bin".to_owned())),
            ("recorded what nobody wrote", |received| received[0].length += 1),
            ("recorded twice", |received| received[0] = received[1].clone()),
            ("recorded what it cannot have seen", |received| received[0].session = 2),
        ];
        for (kind, damage) in all {
            assert_eq!(judged(session(2, 2, 0), damage), Err(kind.to_owned()));
        }
    }

    #[test]
    fn each_damage_to_the_books_is_found() {
        let one_goes = |received: &mut Vec<Received>| drop(received.pop());
        let all = [
            ("not every write was recorded", session(1, 1, 0)),
            ("received is not what was delivered", session(2, 2, 0)),
            ("the books do not balance", session(2, 1, 0)),
            ("more records than writes", session(3, 1, 2)),
        ];
        for (kind, session) in all {
            assert_eq!(judged(session, one_goes), Err(kind.to_owned()));
        }
    }

    #[test]
    fn bytes_that_lack_in_an_account_are_found_unless_records_were_lost() {
        let (played, received): (Vec<_>, Vec<_>) = (1..=2).map(write).unzip();
        let mut ledger = Ledger::new(&played);
        let kind = |closed: Result<(), Fault>| closed.map_err(|fault| fault.kind);
        let differ = || Err("totals differ".to_owned());
        ledger.record(0, &played[0].truth, &received[0]);
        assert_eq!(kind(ledger.close(0, &session(2, 1, 1))), Ok(()));
        assert_eq!(kind(ledger.close(0, &session(2, 2, 0))), differ());
        ledger.record(0, &played[1].truth, &received[1]);
        assert_eq!(kind(ledger.close(0, &session(2, 2, 0))), Ok(()));
        ledger.record(0, &played[1].truth, &received[1]);
        assert_eq!(kind(ledger.close(0, &session(2, 1, 1))), differ());
    }

    #[test]
    fn the_driver_books_are_read_from_what_it_prints() {
        let text = "whowrote: produced 10, delivered 4, lost: ring full 1, no memory 0, shutdown 2, overwritten 3\nwhowrote: without name: files 0\n";
        let books = Printed::parse(text).unwrap();
        assert_eq!(books, Printed { produced: 10, delivered: 4, lost: [1, 0, 2, 3] });
        assert_eq!(Printed::parse("whowrote: not loaded: status C000009A\n"), None);
    }
}
