//! Playing a capture: each row as the operation that it was.

mod open;
mod roots;
mod volumes;

use std::collections::{BTreeMap, HashMap};

use ntsim::{
    FastIo, Mode, NtStatus, Outcome, Process, ProcessKind, ProcessSpec, ReadSpec, Thread, WriteOffset,
    WriteSpec,
};

use self::open::{OpenHandle, implied_open, open, open_spec};
use self::roots::{Root, drive_path};
use self::volumes::add_volumes;
use super::machine::{BareMachine, Machine};
use super::progress::Progress;
use crate::capture::{self, Capture, Event, LeftOut, Operation, Step};
use crate::failure::Failure;
use crate::model::Offset;
use crate::output::explain::{Truth, Who};

/// How many events are played before the driver's threads get their turn.
const TURN: usize = 128;
/// The account of processes whose account is not known: the null SID, which is nobody's.
const NOBODY: &str = "S-1-0-0";
/// The session of processes whose session is not known.
const NO_SESSION: u32 = u32::MAX;
/// What has been set up so far.
struct Stage<'c> {
    capture: &'c Capture,
    processes: Vec<Option<Process>>,
    /// The process (an index) that lives under a PID.
    living: HashMap<u32, usize>,
    threads: HashMap<u32, (usize, Thread)>,
    handles: HashMap<(usize, String), Vec<OpenHandle>>,
    left_out: BTreeMap<String, u64>,
    writes_left_out: BTreeMap<String, LeftOut>,
}

/// What was played, and what was not.
#[derive(Debug, Default)]
pub(super) struct Played {
    pub(super) writes: u64,
    pub(super) refused_fast_writes: u64,
    /// Openings of files that are used without having been opened in the capture.
    pub(super) implied_opens: u64,
    /// Rows not played, by operation.
    pub(super) left_out: BTreeMap<String, u64>,
    /// Writes not played, by the reason.
    pub(super) writes_left_out: BTreeMap<String, LeftOut>,
}

/// Sets the machine up for the capture, and plays it.
pub(super) fn play(
    capture: &Capture,
    bare: BareMachine<'_>,
    progress: &mut Progress,
) -> Result<(Machine, Played), Failure> {
    add_volumes(capture, &bare)?;
    let pids: Vec<u32> = capture.processes.iter().map(|process| process.pid).collect();
    let machine = bare.start(super::free_pid(&pids))?;
    let mut stage = Stage {
        capture,
        processes: vec![None; capture.processes.len()],
        living: HashMap::new(),
        threads: HashMap::new(),
        handles: HashMap::new(),
        left_out: capture.left_out.clone(),
        writes_left_out: capture.writes_left_out.clone(),
    };
    let mut played = Played::default();
    for (index, event) in capture.events.iter().enumerate() {
        machine.sim.set_time(event.time);
        stage.event(&machine, event, &mut played)?;
        if index % TURN == 0 {
            machine.settle()?;
            progress.set(index as u64);
        }
    }
    played.left_out = stage.left_out;
    played.writes_left_out = stage.writes_left_out;
    Ok((machine, played))
}

impl Stage<'_> {
    fn event(&mut self, machine: &Machine, event: &Event, played: &mut Played) -> Result<(), Failure> {
        match event.step {
            Step::Exit { tid: Some(tid) } => {
                if let Some((owner, thread)) = self.threads.remove(&tid) {
                    if owner == event.process {
                        // A thread that its process took along is gone already.
                        let _ = machine.sim.exit_thread(thread);
                    } else {
                        self.threads.insert(tid, (owner, thread));
                    }
                }
                Ok(())
            }
            Step::Exit { tid: None } => {
                self.end_process(machine, event.process);
                Ok(())
            }
            Step::File { tid, path, operation } => {
                let path = &self.capture.paths[path];
                if Root::of(path).is_none() {
                    self.leave_out(operation, "on no volume", event.line);
                    return Ok(());
                }
                let path = drive_path(path);
                let thread = self
                    .thread(machine, event.process, tid)
                    .map_err(|message| Failure::Broken(format!("line {}: {message}", event.line)))?;
                self.operation(machine, event, thread, path, operation, played).map_err(|status| {
                    Failure::Broken(format!("line {}: the simulator refused it with {status}", event.line))
                })
            }
        }
    }

    fn leave_out(&mut self, operation: Operation, why: &str, line: u64) {
        let name = match operation {
            Operation::Open(_) => "CreateFile",
            Operation::Read(_) => "ReadFile",
            Operation::Close => "CloseFile",
            Operation::Write(_) | Operation::FastWrite(_) | Operation::RefusedFastWrite(_) => {
                LeftOut::count(&mut self.writes_left_out, why, line);
                return;
            }
        };
        *self.left_out.entry(format!("{name} ({why})")).or_default() += 1;
    }

    /// The thread of that TID in a process, both started if they are not there yet.
    fn thread(&mut self, machine: &Machine, process: usize, tid: u32) -> Result<Thread, String> {
        let captured = &self.capture.processes[process];
        machine.set_truth(|| {
            let image = captured.image.clone().unwrap_or_default();
            let who = Who { pid: captured.pid, tid, image };
            if captured.kernel { Truth::Kernel(who) } else { Truth::User(who) }
        });
        match self.threads.get(&tid) {
            Some((owner, thread)) if *owner == process => return Ok(*thread),
            Some((_, other)) => {
                // The TID has been used again.
                let _ = machine.sim.exit_thread(*other);
            }
            None => {}
        }
        let owner = self.process(machine, process)?;
        let thread = machine
            .sim
            .add_thread(owner, Some(tid))
            .map_err(|error| format!("thread {tid} cannot be started: {error}"))?;
        self.threads.insert(tid, (process, thread));
        Ok(thread)
    }

    fn process(&mut self, machine: &Machine, index: usize) -> Result<Process, String> {
        if let Some(process) = self.processes[index] {
            return Ok(process);
        }
        let capture::Process { pid, image, parent_pid, session, kernel } = &self.capture.processes[index];
        if let Some(before) = self.living.get(pid).copied() {
            self.end_process(machine, before);
        }
        let system = *pid == crate::output::explain::SYSTEM_PID;
        let process = if system {
            machine.sim.system()
        } else {
            let image = image.as_deref().unwrap_or("unknown");
            machine.name_process(*pid, image);
            let spec = ProcessSpec {
                pid: Some(*pid),
                // Nobody's PID, where the parent is not known.
                parent: Some(parent_pid.unwrap_or(0)),
                image: drive_path(image).to_owned(),
                administrator: false,
                user: NOBODY.parse().map_err(|error| format!("{error}"))?,
                session: session.unwrap_or(NO_SESSION),
                kind: if *kernel { ProcessKind::Minimal } else { ProcessKind::User },
                // A capture does not tell.
                created: Some(0),
            };
            machine
                .sim
                .add_process(spec)
                .map_err(|error| format!("process {pid} cannot be started: {error}"))?
        };
        self.processes[index] = Some(process);
        self.living.insert(*pid, index);
        Ok(process)
    }

    fn end_process(&mut self, machine: &Machine, index: usize) {
        let Some(process) = self.processes[index].take() else {
            return;
        };
        let pid = self.capture.processes[index].pid;
        // System stays; a process that has ended already stays ended.
        let _ = machine.sim.exit_process(process);
        self.living.remove(&pid);
        self.threads.retain(|_, (owner, _)| *owner != index);
        self.handles.retain(|(owner, _), _| *owner != index);
    }

    fn operation(
        &mut self,
        machine: &Machine,
        event: &Event,
        thread: Thread,
        path: &str,
        operation: Operation,
        played: &mut Played,
    ) -> Result<(), NtStatus> {
        let kernel = self.capture.processes[event.process].kernel;
        let key = (event.process, path.to_lowercase());
        let (transfer, fast_io) = match operation {
            Operation::Open(opening) => {
                let opened = open(machine, thread, &open_spec(path, opening, kernel))?;
                self.handles.entry(key).or_default().push(opened);
                return Ok(());
            }
            Operation::Close => {
                match self.handles.get_mut(&key).and_then(Vec::pop) {
                    Some(opened) => machine.sim.close(thread, opened.handle)?,
                    None => self.leave_out(operation, "opened before the capture", event.line),
                }
                return Ok(());
            }
            Operation::Read(transfer) => (transfer, None),
            Operation::Write(transfer) => (transfer, Some(FastIo::No)),
            Operation::FastWrite(transfer) => (transfer, Some(FastIo::Accepted)),
            Operation::RefusedFastWrite(transfer) => (transfer, Some(FastIo::Refused)),
        };
        let wanted = |opened: &&OpenHandle| if fast_io.is_some() { opened.writes } else { opened.reads };
        let found = self.handles.get(&key).and_then(|opened| opened.iter().rev().find(wanted)).copied();
        let opened = if let Some(opened) = found {
            opened
        } else {
            played.implied_opens += 1;
            let opened = open(machine, thread, &implied_open(path, transfer, kernel))?;
            self.handles.entry(key).or_default().insert(0, opened);
            opened
        };
        let mode = if kernel || transfer.paging { Mode::Kernel } else { Mode::User };
        let Some(fast_io) = fast_io else {
            let Offset::At(offset) = transfer.offset else {
                self.leave_out(operation, "at the file pointer", event.line);
                return Ok(());
            };
            let spec = ReadSpec {
                non_cached: transfer.non_cached,
                paging: transfer.paging,
                synchronous_paging: transfer.synchronous_paging,
                mode,
                outcome: Outcome::Given(NtStatus::SUCCESS),
                ..ReadSpec::at(offset, transfer.length)
            };
            return machine.sim.read(thread, opened.handle, &spec).map(|_| ());
        };
        let offset = match transfer.offset {
            Offset::At(offset) => WriteOffset::At(offset),
            Offset::EndOfFile => WriteOffset::EndOfFile,
            Offset::FilePointer => WriteOffset::FilePointer,
        };
        let refused = fast_io == FastIo::Refused;
        let spec = WriteSpec {
            non_cached: transfer.non_cached,
            write_through: transfer.write_through,
            paging: transfer.paging,
            synchronous_paging: transfer.synchronous_paging,
            fast_io,
            mode,
            outcome: if refused { Outcome::Model } else { Outcome::Given(NtStatus::SUCCESS) },
            ..WriteSpec::new(offset, transfer.length)
        };
        match machine.sim.write(thread, opened.handle, &spec) {
            Err(status) if !(refused && status == NtStatus::FLT_DISALLOW_FAST_IO) => Err(status),
            _ if refused => {
                played.refused_fast_writes += 1;
                Ok(())
            }
            _ => {
                played.writes += 1;
                Ok(())
            }
        }
    }
}
