//! What the keys of the stream stand for. Sent once by the driver, and again after each connection.

use std::collections::HashMap;
use std::hash::Hash;

use audit::attribution::ProcessKind;
use audit::key::{ClientKey, ProcessKey};
use audit::record::{
    Actor, ClientEntry, CopySource, FileEntry, NameKind, ParameterEntry, ProcessEntry, Refused, Text,
    VolumeEntry,
};

use super::names::Drives;
use crate::model::{
    Client, ClientParty, File, FileTime, Parameter, Party, Process, RefusedValue, Source, Volume, known,
};

/// PID and name of the kernel's own process.
const SYSTEM_PID: u32 = 4;
const SYSTEM: &str = "System";

/// Everything known of processes, volumes and files.
#[derive(Debug, Default)]
pub(crate) struct Dictionary {
    drives: Drives,
    processes: HashMap<u64, Process>,
    volumes: HashMap<u64, Volume>,
    files: HashMap<u64, File>,
    clients: HashMap<u64, Client>,
    /// By their numbers.
    parameters: HashMap<u8, Parameter>,
}

impl Dictionary {
    pub(crate) fn new(drives: Drives) -> Self {
        Self { drives, ..Self::default() }
    }

    /// Forgets all: a driver that started anew numbers files and volumes anew.
    pub(crate) fn clear(&mut self) {
        let Self { drives: _, processes, volumes, files, clients, parameters } = self;
        processes.clear();
        volumes.clear();
        files.clear();
        clients.clear();
        parameters.clear();
    }

    /// Takes in a process; returns it if it is news.
    pub(crate) fn process(&mut self, entry: &ProcessEntry<'_>) -> Option<&Process> {
        let process = Process {
            key: entry.key.0,
            pid: known(entry.pid),
            image: text(entry.image)
                .map(|image| self.drives.readable(&image))
                .or_else(|| (entry.pid == SYSTEM_PID).then(|| SYSTEM.to_owned())),
            kernel: entry.kind == ProcessKind::Kernel,
            created: known(entry.created).map(FileTime),
            parent_key: known(entry.parent.0),
            parent_pid: known(entry.parent_pid),
            session: entry.session,
            user: entry.user.map(|sid| sid.to_string()),
            truncated: entry.truncated,
        };
        news(&mut self.processes, process.key, process)
    }

    /// Takes in a volume; returns it if it is news.
    pub(crate) fn volume(&mut self, entry: &VolumeEntry<'_>) -> Option<&Volume> {
        let device = text(entry.device);
        let volume = Volume {
            key: entry.key.0,
            drive: device.as_deref().and_then(|device| self.drives.letter(device)).map(str::to_owned),
            device,
            guid: text(entry.guid),
            file_system: entry.file_system,
        };
        news(&mut self.volumes, volume.key, volume)
    }

    /// Takes in a file; returns it if it is news.
    pub(crate) fn file(&mut self, entry: &FileEntry<'_>) -> Option<&File> {
        let device = self.volumes.get(&entry.volume.0).and_then(|volume| volume.device.as_deref());
        // The volume itself has an empty path, which is known all the same.
        let path = device.map(|device| self.drives.join(device, &entry.path.to_string()));
        let file = File {
            key: entry.key.0,
            volume_key: known(entry.volume.0),
            path,
            opened_name: entry.name_kind == NameKind::Opened,
            truncated: entry.truncated,
        };
        news(&mut self.files, file.key, file)
    }

    /// Takes in a remote client; returns it if it is news.
    pub(crate) fn client(&mut self, entry: &ClientEntry<'_>) -> Option<&Client> {
        let ClientEntry { key: own, met, address, share, truncated } = *entry;
        let met = known(met).map(FileTime);
        let client = Client { key: own.0, address, share: text(share), met, truncated };
        news(&mut self.clients, client.key, client)
    }

    /// Takes in a parameter; returns it if it is news.
    pub(crate) fn parameter(&mut self, entry: &ParameterEntry<'_>) -> Option<&Parameter> {
        let refused = entry.refused.map(|refused| {
            let Refused { source, defect, text_index, found, text: at_fault } = refused;
            RefusedValue {
                source: source.to_string(),
                reason: defect.to_string(),
                text_index,
                text: text(at_fault),
                found,
            }
        });
        let parameter = Parameter {
            name: entry.parameter.to_string(),
            since: known(entry.since).map(FileTime),
            source: entry.source.to_string(),
            value: entry.value,
            refused,
        };
        news(&mut self.parameters, entry.parameter.number(), parameter)
    }

    pub(crate) fn party(&self, actor: Option<Actor>) -> Party<'_> {
        let actor = actor.unwrap_or_default();
        let image = self.processes.get(&actor.process.0).and_then(|process| process.image.as_deref());
        Party {
            process_key: known(actor.process.0),
            pid: known(actor.pid),
            tid: known(actor.tid),
            // The driver need not tell of System, which has no image file and always this PID.
            image: image.or((actor.pid == SYSTEM_PID).then_some(SYSTEM)),
        }
    }

    /// A process of which a record says no more than its key.
    pub(crate) fn candidate(&self, process: ProcessKey) -> Party<'_> {
        let pid = self.processes.get(&process.0).and_then(|process| process.pid).unwrap_or_default();
        self.party(Some(Actor { process, pid, tid: 0 }))
    }

    pub(crate) fn client_party(&self, key: ClientKey) -> ClientParty<'_> {
        let client = self.clients.get(&key.0);
        ClientParty {
            key: key.0,
            address: client.and_then(|client| client.address),
            share: client.and_then(|client| client.share.as_deref()),
        }
    }

    pub(crate) fn path(&self, file: u64) -> Option<&str> {
        self.files.get(&file)?.path.as_deref()
    }

    pub(crate) fn source(&self, source: CopySource) -> Source<'_> {
        Source { file_key: known(source.file.0), path: self.path(source.file.0), offset: source.offset }
    }

    /// How many processes and files are known.
    pub(crate) fn counts(&self) -> (usize, usize) {
        (self.processes.len(), self.files.len())
    }
}

/// Puts an entry in its place; returns it unless the same stood there.
fn news<K: Copy + Eq + Hash, T: PartialEq>(entries: &mut HashMap<K, T>, key: K, entry: T) -> Option<&T> {
    if entries.get(&key) == Some(&entry) {
        return None;
    }
    entries.insert(key, entry);
    entries.get(&key)
}

fn text(text: Text<'_>) -> Option<String> {
    (!text.is_empty()).then(|| text.to_string())
}
