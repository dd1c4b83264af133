//! A simulated machine with the driver on it, and a consumer that checks what it is told.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use audit::attribution::ProcessKind;
use audit::batch::{Acknowledgement, Batch, BatchFlags, Header};
use audit::key::{ClientKey, FileKey, ProcessKey, VolumeKey};
use audit::parameters::{Audit, Defect, Source};
use audit::record::{Change, ParameterEntry, Record, Sequence, Write, WriteOffset};
use ntsim::{
    Config, Connection, CreateSpec, Driver, Handle, NtStatus, PortReply, Process, ProcessSpec, RegistryValue,
    Sim, Thread, VolumeSpec, Windows, WriteSpec,
};

pub(crate) const PORT: &str = r"\WhoWrotePort";
pub(crate) const EXPLORER: &str = r"\Device\HarddiskVolume3\Windows\explorer.exe";

/// The driver's release image, or the one that `WHOWROTE_SYS` names. If it was not built the test is skipped,
/// visibly; where `WHOWROTE_REQUIRE_BUILDS` is set, as `cargo xtask test` does, that is a failure.
pub(crate) fn image() -> Option<Vec<u8>> {
    let built = "target/x86_64-pc-windows-msvc/release/whowrote.sys";
    let path = std::env::var_os("WHOWROTE_SYS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join(built), PathBuf::from);
    if let Ok(image) = std::fs::read(&path) {
        return Some(image);
    }
    assert!(std::env::var_os("WHOWROTE_REQUIRE_BUILDS").is_none(), "{} is missing", path.display());
    // not by `eprintln!`, which the test harness swallows
    let _ = writeln!(std::io::stderr(), "skipped: `cargo xtask build` has not made the driver");
    None
}

/// A machine with a volume, a user's process and a thread of it.
pub(crate) struct Machine {
    pub(crate) sim: Sim,
    pub(crate) explorer: Process,
    pub(crate) thread: Thread,
    pub(crate) consumer: Process,
    /// What the driver printed.
    pub(crate) printed: Arc<Mutex<String>>,
}

impl Machine {
    pub(crate) fn new(windows: Windows) -> Self {
        Self::with(Config::new(windows))
    }

    /// On which writes alone are recorded: most tests count records, and make files for that.
    pub(crate) fn with(config: Config) -> Self {
        let machine = Self::recording_all(config);
        let writes = RegistryValue::Dword(Audit::WRITES.bits());
        machine.sim.set_parameter("whowrote", "Audit", &writes);
        machine
    }

    /// On which all changes are recorded.
    pub(crate) fn recording_all(config: Config) -> Self {
        let sim = Sim::new(config);
        let volume = VolumeSpec::new(r"\Device\HarddiskVolume3").dos("C:");
        sim.add_volume(volume.guid(r"\??\Volume{0c1f2b3a-0000-0000-0000-100000000000}")).expect("a new name");
        let explorer = sim.add_process(ProcessSpec::new(EXPLORER).pid(3756).session(1)).expect("a new pid");
        let thread = sim.add_thread(explorer, Some(4660)).expect("a new tid");
        let consumer = ProcessSpec::new(r"\Device\HarddiskVolume3\whowrote.exe").administrator();
        let consumer = sim.add_process(consumer).expect("a new pid");
        let printed = Arc::new(Mutex::new(String::new()));
        let sink = Arc::clone(&printed);
        sim.set_debug_print(Box::new(move |text| lock(&sink).push_str(text)));
        Self { sim, explorer, thread, consumer, printed }
    }

    pub(crate) fn load(&self, image: &[u8]) -> Driver {
        self.sim.load(image, "whowrote").unwrap_or_else(|error| panic!("{error}"))
    }

    pub(crate) fn connect(&self, inbox: &Inbox) -> Result<Connection, NtStatus> {
        lock(&inbox.0).connected();
        let inbox = inbox.clone();
        let connection = self.sim.connect(
            PORT,
            self.consumer,
            &[],
            Box::new(move |message| lock(&inbox.0).take(message)),
        )?;
        self.sim.settle();
        Ok(connection)
    }

    pub(crate) fn open(&self, path: &str) -> Handle {
        self.sim.create(self.thread, &CreateSpec::new(path)).expect("the path is good")
    }

    /// One write, and everything that follows from it.
    pub(crate) fn write(&self, handle: Handle, spec: &WriteSpec) {
        self.sim.write(self.thread, handle, spec).expect("the write is good");
        self.sim.settle();
    }

    /// Unloads the driver and demands that it left nothing behind, broke no rule and kept its books. Returns
    /// them.
    pub(crate) fn unload(&self, driver: &Driver) -> Books {
        let leaks = self.sim.unload(driver).expect("it unloads");
        assert!(leaks.is_clean(), "{:?}", leaks.leaks);
        self.assert_no_violation();
        let books = Books::parse(&lock(&self.printed));
        assert_eq!(books.produced, books.delivered + books.lost());
        books
    }

    /// Has the dictionaries told: by a write, since nothing is told for its own sake.
    pub(crate) fn flush(&self) {
        let handle = self.open(r"C:\flush");
        self.write(handle, &WriteSpec::at(0, 1));
        self.sim.close(self.thread, handle).expect("it is open");
    }

    pub(crate) fn assert_no_violation(&self) {
        let violations: Vec<_> = self.sim.violations().iter().map(ToString::to_string).collect();
        assert!(violations.is_empty(), "{violations:#?}");
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Where the writes were that came, in the order of their arrival.
pub(crate) fn offsets(inbox: &Inbox) -> Vec<i64> {
    let offset = |offset| match offset {
        WriteOffset::At(offset) => offset,
        _ => panic!("{offset:?}"),
    };
    inbox.writes().into_iter().map(|received| offset(received.write.offset)).collect()
}

/// One byte to each offset.
pub(crate) fn write_many(machine: &Machine, path: &str, range: std::ops::Range<i64>) {
    let handle = machine.open(path);
    for offset in range {
        machine.sim.write(machine.thread, handle, &WriteSpec::at(offset, 1)).expect("a good write");
    }
}

/// What the driver prints when it is unloaded.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Books {
    pub(crate) produced: u64,
    pub(crate) delivered: u64,
    pub(crate) ring_full: u64,
    pub(crate) no_memory: u64,
    pub(crate) shutdown: u64,
    pub(crate) overwritten: u64,
    /// Writes that were left out on purpose.
    pub(crate) left_out: u64,
}

impl Books {
    pub(crate) fn lost(&self) -> u64 {
        self.ring_full + self.no_memory + self.shutdown + self.overwritten
    }

    fn parse(printed: &str) -> Self {
        let numbers = |word: &str| -> Vec<u64> {
            let line = printed.lines().find(|line| line.contains(word)).expect("the books are printed");
            let numbers = line.split(|character: char| !character.is_ascii_digit());
            numbers
                .filter(|number| !number.is_empty())
                .map(|number| number.parse().expect("digits"))
                .collect()
        };
        let [produced, delivered, ring_full, no_memory, shutdown, overwritten] = numbers("produced")[..]
        else {
            panic!("{printed}")
        };
        let left_out = numbers("left out").iter().sum();
        Self { produced, delivered, ring_full, no_memory, shutdown, overwritten, left_out }
    }
}

/// A process as a consumer was told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KnownProcess {
    pub(crate) pid: u32,
    pub(crate) kind: ProcessKind,
    pub(crate) parent: ProcessKey,
    pub(crate) parent_pid: u32,
    pub(crate) session: Option<u32>,
    pub(crate) user: Option<String>,
    pub(crate) image: String,
    pub(crate) created: u64,
}

/// A parameter as a consumer was told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KnownParameter {
    pub(crate) name: String,
    pub(crate) source: Source,
    pub(crate) value: u32,
    /// Source, defect, index of the text, what was found, and the text.
    pub(crate) refused: Option<(Source, Defect, u32, u64, String)>,
}

impl KnownParameter {
    fn of(entry: &ParameterEntry<'_>) -> Self {
        let refused = entry.refused.map(|refused| {
            let source = refused.source.known().expect("one of this version");
            let defect = refused.defect.known().expect("one of this version");
            (source, defect, refused.text_index, refused.found, refused.text.to_string())
        });
        let source = entry.source.known().expect("one of this version");
        Self { name: entry.parameter.to_string(), source, value: entry.value, refused }
    }
}

/// A write, with its names as they were known when it came.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) write: Write,
    pub(crate) image: Option<String>,
    pub(crate) path: Option<String>,
    pub(crate) source: Option<String>,
    pub(crate) executor: Option<String>,
}

/// Another change, likewise.
#[derive(Clone, Debug)]
pub(crate) struct ReceivedChange {
    pub(crate) change: Change,
    pub(crate) path: Option<String>,
    /// The new name.
    pub(crate) to: Option<String>,
    pub(crate) source: Option<String>,
}

/// What a consumer does with the next messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Takes and acknowledges.
    #[default]
    Good,
    /// Takes and never answers.
    Silent,
    /// Takes and closes its handle.
    Disconnects,
    /// Closes its handle before it has looked at what came.
    Dies,
    /// Acknowledges another batch.
    Confused,
    /// Acknowledges with too few bytes.
    Terse,
}

#[derive(Clone, Default)]
pub(crate) struct Inbox(Arc<Mutex<Contents>>);

/// All that was received, over all connections.
#[derive(Default)]
pub(crate) struct Contents {
    pub(crate) manner: Manner,
    /// After so many messages, another manner.
    pub(crate) then: Option<(usize, Manner)>,
    pub(crate) headers: Vec<Header>,
    /// Each event once, by its sequence number.
    pub(crate) writes: BTreeMap<Sequence, Received>,
    pub(crate) order: Vec<Sequence>,
    /// What was done besides, each once.
    pub(crate) changes: BTreeMap<Sequence, ReceivedChange>,
    pub(crate) losses: Vec<audit::record::Loss>,
    /// How many events had come before each of the losses.
    pub(crate) events_before_losses: Vec<usize>,
    /// The events of each batch, by its number.
    pub(crate) batches: BTreeMap<u64, Vec<Sequence>>,
    pub(crate) omissions: Vec<audit::record::Omission>,
    /// In the order in which they were told, on whatever connection.
    pub(crate) parameters: Vec<KnownParameter>,
    /// What this connection was told.
    pub(crate) processes: BTreeMap<ProcessKey, KnownProcess>,
    pub(crate) files: BTreeMap<FileKey, (VolumeKey, String)>,
    pub(crate) volumes: BTreeMap<VolumeKey, (String, String)>,
    pub(crate) clients: BTreeMap<ClientKey, (Option<IpAddr>, String)>,
    /// Entries that this connection was told twice.
    pub(crate) repeated: BTreeSet<String>,
}

impl Inbox {
    pub(crate) fn with<R>(&self, visit: impl FnOnce(&mut Contents) -> R) -> R {
        visit(&mut lock(&self.0))
    }

    pub(crate) fn set_manner(&self, manner: Manner) {
        self.with(|contents| contents.manner = manner);
    }

    /// What was done besides writes, in the order of its making on one processor.
    pub(crate) fn changes(&self) -> Vec<ReceivedChange> {
        self.with(|contents| contents.changes.values().cloned().collect())
    }

    /// The writes, in the order of their arrival.
    pub(crate) fn writes(&self) -> Vec<Received> {
        self.with(|contents| {
            contents.order.iter().map(|sequence| contents.writes[sequence].clone()).collect()
        })
    }
}

impl Contents {
    /// A new connection is told everything again.
    fn connected(&mut self) {
        self.processes.clear();
        self.files.clear();
        self.volumes.clear();
        self.clients.clear();
    }

    fn take(&mut self, message: &[u8]) -> PortReply {
        let batch = Batch::parse(message).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(batch.size(), message.len(), "a message is its batch and nothing else");
        let header = *batch.header();
        match &mut self.then {
            Some((0, manner)) => self.manner = *manner,
            Some((messages, _)) => *messages -= 1,
            None => {}
        }
        if self.manner == Manner::Dies {
            return PortReply::Disconnect;
        }
        self.headers.push(header);
        let mut events = Vec::new();
        for record in batch.records() {
            let record = record.unwrap_or_else(|error| panic!("{error}"));
            if let Record::Write(write) = &record {
                events.push(write.sequence);
            }
            self.record(record, header.flags);
        }
        let same = self.batches.entry(header.batch).or_insert_with(|| events.clone());
        assert_eq!(*same, events, "a batch that is sent again is the same one");
        match self.manner {
            Manner::Good => PortReply::Reply(Acknowledgement::accepted(header.batch).encode().to_vec()),
            Manner::Silent => PortReply::Silent,
            Manner::Disconnects | Manner::Dies => PortReply::Disconnect,
            Manner::Confused => {
                PortReply::Reply(Acknowledgement::accepted(header.batch.wrapping_add(1)).encode().to_vec())
            }
            Manner::Terse => PortReply::Reply(vec![0; 7]),
        }
    }

    fn record(&mut self, record: Record<'_>, flags: BatchFlags) {
        let mut repeated = |is: bool, what: String| {
            if is && !flags.contains(BatchFlags::REDELIVERED) {
                self.repeated.insert(what);
            }
        };
        match record {
            Record::Write(write) => {
                let image = |key: ProcessKey| self.processes.get(&key).map(|process| process.image.clone());
                let received = Received {
                    image: write.originator.and_then(|actor| image(actor.process)),
                    executor: write.executor.and_then(|actor| image(actor.process)),
                    path: self.path(write.file),
                    source: write.copy.and_then(|copy| self.path(copy.file)),
                    write,
                };
                if self.writes.insert(write.sequence, received).is_none() {
                    self.order.push(write.sequence);
                } else {
                    assert!(flags.contains(BatchFlags::REDELIVERED), "{write:?} twice");
                }
            }
            Record::Change(change) => {
                let received = ReceivedChange {
                    path: self.path(change.file),
                    to: change.new_name().and_then(|key| self.path(key)),
                    source: change.source.and_then(|source| self.path(source.file)),
                    change,
                };
                if self.changes.insert(change.sequence, received).is_some() {
                    assert!(flags.contains(BatchFlags::REDELIVERED), "{change:?} twice");
                }
            }
            Record::Process(process) => {
                let known = KnownProcess {
                    pid: process.pid,
                    kind: process.kind,
                    parent: process.parent,
                    parent_pid: process.parent_pid,
                    session: process.session,
                    user: process.user.map(|user| user.to_string()),
                    image: process.image.to_string(),
                    created: process.created,
                };
                repeated(self.processes.insert(process.key, known).is_some(), format!("{:?}", process.key));
            }
            Record::File(file) => {
                let known = (file.volume, file.path.to_string());
                repeated(self.files.insert(file.key, known).is_some(), format!("{:?}", file.key));
            }
            Record::Volume(volume) => {
                let known = (volume.device.to_string(), volume.guid.to_string());
                repeated(self.volumes.insert(volume.key, known).is_some(), format!("{:?}", volume.key));
            }
            Record::Client(client) => {
                let known = (client.address, client.share.to_string());
                repeated(self.clients.insert(client.key, known).is_some(), format!("{:?}", client.key));
            }
            Record::Loss(loss) => {
                self.losses.push(loss);
                self.events_before_losses.push(self.order.len());
            }
            Record::Omission(omission) => self.omissions.push(omission),
            Record::Parameter(parameter) => self.parameters.push(KnownParameter::of(&parameter)),
            Record::Unknown { kind, .. } => panic!("record of kind {kind}"),
        }
    }

    fn path(&self, key: FileKey) -> Option<String> {
        let (volume, path) = self.files.get(&key)?;
        Some(format!("{}{path}", self.volumes.get(volume)?.0))
    }
}
