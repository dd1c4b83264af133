//! From KDL to a scenario.

use std::str::FromStr;

use kdl::KdlDocument;

use super::model::{
    Access, Action, CopyIntent, Create, Disposition, Expectation, ExpectedExecutor, ExpectedSource,
    ExpectedWrite, FastIo, FileSystem, Process, Scenario, Step, Thread, Volume, Write,
};
use super::node::{Node, Text};
use super::scope::{Life, SYSTEM, Scope, Thing};
use super::time::parse_rfc3339;
use crate::model::Offset;
use crate::place::BadInput;
use crate::windows_version::{VersionRange, WindowsVersion};

/// Size of the chunks in which `CopyFile2` copies, unless a scenario says otherwise: 1 MiB.
const CHUNK: u32 = 1 << 20;
/// 100 ns units in the units of time that a scenario can use.
const UNITS: [(&str, u64); 4] = [("us", 10), ("ms", 10_000), ("s", 10_000_000), ("m", 600_000_000)];

const FILE_SYSTEMS: [(&str, FileSystem); 5] = [
    ("ntfs", FileSystem::Ntfs),
    ("fat", FileSystem::Fat),
    ("exfat", FileSystem::ExFat),
    ("refs", FileSystem::Refs),
    ("network", FileSystem::Network),
];
const DISPOSITIONS: [(&str, Disposition); 6] = [
    ("supersede", Disposition::Supersede),
    ("open", Disposition::Open),
    ("create", Disposition::Create),
    ("open-if", Disposition::OpenIf),
    ("overwrite", Disposition::Overwrite),
    ("overwrite-if", Disposition::OverwriteIf),
];
const FAST_IO: [(&str, FastIo); 4] = [
    ("no", FastIo::No),
    ("accepted", FastIo::Accepted),
    ("refused", FastIo::Refused),
    ("refused-only", FastIo::RefusedOnly),
];
const COPY_INTENTS: [(&str, CopyIntent); 2] =
    [("source", CopyIntent::Source), ("destination", CopyIntent::Destination)];
/// Modes; whether it is the kernel's.
const MODES: [(&str, bool); 2] = [("user", false), ("kernel", true)];
const BASES: [(&str, ()); 3] = [("thread", ()), ("requestor-process", ()), ("unknown", ())];
const CONFIDENCES: [(&str, ()); 3] = [("certain", ()), ("likely", ()), ("none", ())];

impl Scenario {
    /// Reads a scenario from its text; `file` is what to call it.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong, and where.
    pub fn parse(file: &str, text: &str) -> Result<Self, BadInput> {
        let text = Text { file, text };
        let document = KdlDocument::parse_v2(text.text).map_err(|error| {
            let first = error.diagnostics.first();
            let offset = first.map_or(0, |diagnostic| diagnostic.span.offset());
            let message = first.map_or_else(|| error.to_string(), ToString::to_string);
            let bad = text.error(offset, format!("not KDL: {}", message.trim_end_matches('.')));
            match first.and_then(|diagnostic| diagnostic.help.clone()) {
                Some(help) => bad.help(help),
                None => bad,
            }
        })?;
        Reader { text, scope: Scope::new() }.scenario(&document)
    }
}

struct Reader<'t> {
    text: Text<'t>,
    scope: Scope,
}

impl Reader<'_> {
    fn scenario(mut self, document: &KdlDocument) -> Result<Scenario, BadInput> {
        let nodes = || document.nodes().iter().map(|node| Node::new(self.text, node));
        let mut heads = nodes().filter(|node| node.name() == "scenario");
        let Some(head) = heads.next() else {
            return Err(self.text.error(0, "a node `scenario` with the title is missing"));
        };
        if let Some(second) = heads.next() {
            return Err(second.error("a second `scenario`: one file holds one"));
        }
        let all: Vec<_> = nodes().collect();
        let mut scenario = read_head(head)?;
        let mut played = false;
        for mut node in all {
            match node.name() {
                "scenario" => {}
                "volume" => scenario.volumes.push(read_volume(&mut node)?),
                "process" => scenario.processes.push(self.process(&mut node)?),
                "play" => {
                    if std::mem::replace(&mut played, true) {
                        return Err(node.error("a second `play`"));
                    }
                    node.done()?;
                    for mut step in node.children() {
                        scenario.steps.push(self.step(&mut step)?);
                    }
                }
                "expect" => scenario.expectations.push(read_expectation(&mut node)?),
                other => {
                    let message = format!(
                        "`{other}` has no meaning here; use scenario, volume, process, play or expect"
                    );
                    return Err(node.error(message));
                }
            }
        }
        if !played {
            return Err(self.text.error(0, "a node `play` with what happens is missing"));
        }
        self.check_expectations(&scenario)?;
        Ok(scenario)
    }

    /// Each version that the scenario is for must have one expectation, if there is any.
    fn check_expectations(&self, scenario: &Scenario) -> Result<(), BadInput> {
        let error = |expectation: &Expectation, message: String| {
            Err(BadInput::new(self.text.file, message).at(expectation.place))
        };
        let versions =
            || WindowsVersion::ALL.into_iter().filter(|version| scenario.applies.contains(*version));
        let idle =
            |expectation: &&Expectation| !versions().any(|version| expectation.versions.contains(version));
        if let Some(idle) = scenario.expectations.iter().find(idle) {
            return error(idle, "an `expect` for versions that the scenario is not for".to_owned());
        }
        let Some(last) = scenario.expectations.last() else {
            return Ok(());
        };
        for version in versions() {
            let mut matching =
                scenario.expectations.iter().filter(|expectation| expectation.versions.contains(version));
            match (matching.next(), matching.next()) {
                (None, _) => {
                    return error(last, format!("no `expect` says what is expected on Windows {version}"));
                }
                (_, Some(second)) => {
                    return error(second, format!("a second `expect` for Windows {version}"));
                }
                (Some(_), None) => {}
            }
        }
        Ok(())
    }

    /// A process and its threads, which are defined by that.
    fn process(&mut self, node: &mut Node<'_, '_>) -> Result<Process, BadInput> {
        let name = node.argument("a name")?.to_owned();
        self.scope.define(&name, Thing::Process).map_err(|message| node.error(message))?;
        let mut process = Process {
            place: node.place(),
            pid: identifier(node, "pid")?,
            parent: node.number("parent")?,
            image: node.needed_text("image")?.to_owned(),
            user: read_user(node)?,
            session: node.number("session")?.unwrap_or(0),
            minimal: node.word("kind", &[("user", false), ("minimal", true)])?.unwrap_or(false),
            threads: Vec::new(),
            name,
        };
        node.done()?;
        for mut child in node.children() {
            if child.name() != "thread" {
                return Err(
                    child.error(format!("`{}` has no meaning in a process; only `thread` has", child.name()))
                );
            }
            process.threads.push(self.thread(&mut child, &process.name)?);
            child.done_without_children()?;
        }
        Ok(process)
    }

    fn thread(&mut self, node: &mut Node<'_, '_>, process: &str) -> Result<Thread, BadInput> {
        let name = node.argument("a name")?.to_owned();
        let thing = Thing::Thread { process: process.to_owned() };
        self.scope.define(&name, thing).map_err(|message| node.error(message))?;
        Ok(Thread { place: node.place(), tid: identifier(node, "tid")?, name })
    }

    fn step(&mut self, node: &mut Node<'_, '_>) -> Result<Step, BadInput> {
        let place = node.place();
        let action = match node.name() {
            "process" => return Ok(Step { place, action: Action::StartProcess(self.process(node)?) }),
            "thread" => {
                let process = node.needed_text("process")?.to_owned();
                self.scope.process(&process).map_err(|message| node.error_at("process", message))?;
                Action::StartThread { thread: self.thread(node, &process)?, process }
            }
            "exit-process" => {
                let name = node.argument("a process")?.to_owned();
                self.scope.process(&name).map_err(|message| node.error(message))?;
                not_system(node, &name)?;
                self.scope.exit_process(&name);
                Action::ExitProcess(name)
            }
            "exit-thread" => {
                let name = node.argument("a thread")?.to_owned();
                self.scope.thread(&name, Life::Needed).map_err(|message| node.error(message))?;
                not_system(node, &name)?;
                self.scope.exit_thread(&name);
                Action::ExitThread(name)
            }
            "create" => Action::Create(self.create(node)?),
            "write" => Action::Write(self.write(node)?),
            "read" => Action::Read {
                handle: self.handle_argument(node)?,
                thread: self.thread_property(node, Life::Needed)?,
                offset: node
                    .needed_number::<u64>("offset")
                    .and_then(|offset| signed(node, "offset", offset))?,
                length: node.needed_number("length")?,
            },
            "close" => {
                let handle = self.handle_argument(node)?;
                self.scope.close(&handle);
                Action::Close { handle, thread: self.thread_property(node, Life::Needed)? }
            }
            "copy-file" => self.copy_file(node)?,
            "copy-chunk" => self.copy_chunk(node)?,
            "advance" => {
                let text = node.argument("a time such as \"100ms\"")?;
                Action::Advance(duration(text).ok_or_else(|| {
                    node.error(format!(
                        "`{text}` is no span of time; write a whole number and us, ms, s or m"
                    ))
                })?)
            }
            "settle" => Action::Settle,
            "connect" => Action::Connect,
            "disconnect" => Action::Disconnect,
            other => {
                return Err(node.error(format!(
                    "`{other}` cannot be played; use process, thread, exit-process, exit-thread, create, write, read, \
                     close, copy-file, copy-chunk, advance, settle, connect or disconnect"
                )));
            }
        };
        node.done_without_children()?;
        Ok(Step { place, action })
    }

    fn create(&mut self, node: &mut Node<'_, '_>) -> Result<Create, BadInput> {
        let handle = node.argument("a name for the handle")?.to_owned();
        let thread = self.thread_property(node, Life::Needed)?;
        let thing = Thing::Handle { process: self.scope.process_of(&thread) };
        self.scope.define(&handle, thing).map_err(|message| node.error(message))?;
        let mut access = Access::default();
        for word in node.text("access")?.unwrap_or("read write").split_whitespace() {
            match word {
                "read" => access.read = true,
                "write" => access.write = true,
                "append" => access.append = true,
                other => {
                    let message = format!("`{other}` is no access; use read, write or append");
                    return Err(node.error_at("access", message));
                }
            }
        }
        Ok(Create {
            thread,
            handle,
            path: node.needed_text("path")?.to_owned(),
            access,
            disposition: node.word("disposition", &DISPOSITIONS)?.unwrap_or(Disposition::OpenIf),
            copy: node.word("copy", &COPY_INTENTS)?,
            kernel_mode: node.word("mode", &MODES)?.unwrap_or(false),
            non_cached: node.flag("non-cached")?,
            write_through: node.flag("write-through")?,
        })
    }

    fn write(&mut self, node: &mut Node<'_, '_>) -> Result<Write, BadInput> {
        let handle = self.handle_argument(node)?;
        let executor = node.text("executor")?.map(str::to_owned);
        if let Some(executor) = &executor {
            self.scope
                .thread(executor, Life::Needed)
                .map_err(|message| node.error_at("executor", message))?;
        }
        // Carried out by another thread, a write may outlive the one that asked for it.
        let life = if executor.is_some() { Life::NotNeeded } else { Life::Needed };
        let thread = self.thread_property(node, life)?;
        let requestor = node.text("requestor")?.map(str::to_owned);
        if let Some(requestor) = &requestor {
            self.scope.process(requestor).map_err(|message| node.error_at("requestor", message))?;
        }
        let no_thread = node.is_null("data-thread");
        if no_thread {
            node.text_or_null("data-thread")?;
        }
        let paging = node.flag("paging")?;
        let synchronous_paging = node.flag("synchronous-paging")?;
        Ok(Write {
            thread,
            handle,
            offset: write_offset(node)?,
            length: node.needed_number("length")?,
            non_cached: node.flag("non-cached")?,
            write_through: node.flag("write-through")?,
            paging: paging || synchronous_paging,
            synchronous_paging,
            fast_io: node.word("fast-io", &FAST_IO)?.unwrap_or(FastIo::No),
            kernel_mode: node.word("mode", &MODES)?.unwrap_or(paging || synchronous_paging),
            executor,
            no_thread,
            requestor,
            generated: node.flag("generated")?,
            reissued: node.flag("reissued")?,
        })
    }

    fn copy_file(&self, node: &mut Node<'_, '_>) -> Result<Action, BadInput> {
        let chunk = node.number("chunk")?.unwrap_or(CHUNK);
        if chunk == 0 {
            return Err(node.error_at("chunk", "a chunk has at least 1 byte"));
        }
        Ok(Action::CopyFile {
            thread: self.thread_property(node, Life::Needed)?,
            from: node.needed_text("from")?.to_owned(),
            to: node.needed_text("to")?.to_owned(),
            size: node.needed_number("size")?,
            chunk,
        })
    }

    fn copy_chunk(&self, node: &mut Node<'_, '_>) -> Result<Action, BadInput> {
        let mut handle = |property: &str| {
            let name = node.needed_text(property)?.to_owned();
            self.scope.handle(&name).map_err(|message| node.error_at(property, message))?;
            Ok(name)
        };
        let (from, to) = (handle("from")?, handle("to")?);
        let mut offset = |property: &str| {
            let offset = node.number::<u64>(property)?.unwrap_or(0);
            signed(node, property, offset)
        };
        let (from_offset, to_offset) = (offset("from-offset")?, offset("to-offset")?);
        Ok(Action::CopyChunk {
            thread: self.thread_property(node, Life::Needed)?,
            from,
            to,
            from_offset,
            to_offset,
            length: node.needed_number("length")?,
        })
    }

    fn handle_argument(&self, node: &mut Node<'_, '_>) -> Result<String, BadInput> {
        let name = node.argument("a handle")?.to_owned();
        self.scope.handle(&name).map_err(|message| node.error(message))?;
        Ok(name)
    }

    fn thread_property(&self, node: &mut Node<'_, '_>, life: Life) -> Result<String, BadInput> {
        let name = node.needed_text("thread")?.to_owned();
        self.scope.thread(&name, life).map_err(|message| node.error_at("thread", message))?;
        Ok(name)
    }
}

/// The title and what is said about the scenario.
fn read_head(mut head: Node<'_, '_>) -> Result<Scenario, BadInput> {
    let title = head.argument("a title")?.to_owned();
    head.done()?;
    let mut scenario = Scenario {
        title,
        why: None,
        sources: Vec::new(),
        applies: VersionRange::ALL,
        start: None,
        volumes: Vec::new(),
        processes: Vec::new(),
        steps: Vec::new(),
        expectations: Vec::new(),
    };
    for mut node in head.children() {
        match node.name() {
            "why" => scenario.why = Some(node.argument("a text")?.to_owned()),
            "source" => scenario.sources.push(node.argument("a text")?.to_owned()),
            "windows" => {
                let range = node.argument("a range of versions")?;
                scenario.applies = VersionRange::parse(range).map_err(|message| node.error(message))?;
            }
            "start" => {
                let text = node.argument("a time")?;
                let time = parse_rfc3339(text)
                    .ok_or_else(|| node.error(format!("`{text}` is no time such as 2024-01-01T12:00:00Z")))?;
                scenario.start = Some(time);
            }
            other => {
                let message = format!("`{other}` has no meaning here; use why, source, windows or start");
                return Err(node.error(message));
            }
        }
        node.done_without_children()?;
    }
    Ok(scenario)
}

fn read_volume(node: &mut Node<'_, '_>) -> Result<Volume, BadInput> {
    let drive = node.text("drive")?.map(str::to_owned);
    if let Some(drive) = &drive
        && !matches!(drive.as_bytes(), [letter, b':'] if letter.is_ascii_alphabetic())
    {
        return Err(node.error_at("drive", format!("`{drive}` is no drive letter such as C:")));
    }
    let volume = Volume {
        place: node.place(),
        drive,
        device: node.needed_text("device")?.to_owned(),
        guid: node.text("guid")?.map(str::to_owned),
        file_system: node.word("file-system", &FILE_SYSTEMS)?.unwrap_or(FileSystem::Ntfs),
    };
    node.done_without_children()?;
    Ok(volume)
}

fn read_user(node: &mut Node<'_, '_>) -> Result<Option<String>, BadInput> {
    let Some(user) = node.text("user")? else {
        return Ok(None);
    };
    let mut parts = user.split('-');
    let valid = parts.next() == Some("S")
        && parts.next() == Some("1")
        && parts.clone().count() >= 2
        && parts.all(|part| u64::from_str(part).is_ok());
    if valid {
        Ok(Some(user.to_owned()))
    } else {
        Err(node.error_at("user", format!("`{user}` is no SID such as S-1-5-18")))
    }
}

fn read_expectation(node: &mut Node<'_, '_>) -> Result<Expectation, BadInput> {
    let versions = match node.text("windows")? {
        None => VersionRange::ALL,
        Some(range) => VersionRange::parse(range).map_err(|message| node.error_at("windows", message))?,
    };
    node.done()?;
    let mut writes = Vec::new();
    for mut child in node.children() {
        if child.name() != "write" {
            return Err(child.error(format!("`{}` cannot be expected; only `write` can", child.name())));
        }
        writes.push(read_expected_write(&mut child)?);
    }
    Ok(Expectation { place: node.place(), versions, writes })
}

fn read_expected_write(node: &mut Node<'_, '_>) -> Result<ExpectedWrite, BadInput> {
    let basis = node.needed_text("basis")?.to_owned();
    node.one_of("basis", &basis, &BASES)?;
    let confidence = node.text("confidence")?.map(str::to_owned);
    if let Some(confidence) = &confidence {
        node.one_of("confidence", confidence, &CONFIDENCES)?;
    }
    let requestor_mode = node.text("requestor-mode")?.map(str::to_owned);
    if let Some(mode) = &requestor_mode {
        node.one_of("requestor-mode", mode, &MODES)?;
    }
    let mut write = ExpectedWrite {
        place: node.place(),
        pid: node.number_or_null("pid")?,
        tid: node.number_or_null("tid")?,
        image: node.text_or_null("image")?.map(str::to_owned),
        path: node.text_or_null("path")?.map(str::to_owned),
        offset: write_offset(node)?,
        length: node.needed_number("length")?,
        basis,
        confidence,
        requestor_mode,
        executor: None,
        copy_source: None,
    };
    node.done()?;
    for mut child in node.children() {
        match child.name() {
            "executor" if write.executor.is_none() => {
                write.executor =
                    Some(ExpectedExecutor { pid: child.needed_number("pid")?, tid: child.number("tid")? });
            }
            "copy-source" if write.copy_source.is_none() => {
                let offset = child.needed_number::<u64>("offset")?;
                write.copy_source = Some(ExpectedSource {
                    path: child.text_or_null("path")?.map(str::to_owned),
                    offset: signed(&child, "offset", offset)?,
                });
            }
            other => {
                let message =
                    format!("a write has one `executor` and one `copy-source` at most, not `{other}`");
                return Err(child.error(message));
            }
        }
        child.done_without_children()?;
    }
    Ok(write)
}

/// Where a write goes: a number, or in words.
fn write_offset(node: &mut Node<'_, '_>) -> Result<Offset, BadInput> {
    if node.is_text("offset") {
        let words = [("end-of-file", Offset::EndOfFile), ("file-pointer", Offset::FilePointer)];
        let offset = node.word("offset", &words)?;
        return Ok(offset.expect("the property is there"));
    }
    let offset = node.needed_number::<u64>("offset")?;
    signed(node, "offset", offset).map(Offset::At)
}

/// The offset as Windows has it, signed.
fn signed(node: &Node<'_, '_>, property: &str, offset: u64) -> Result<i64, BadInput> {
    i64::try_from(offset)
        .map_err(|_| node.error_at(property, format!("`{property}` is beyond the largest file")))
}

/// A PID or TID: nobody has 0, and 4 is System's.
fn identifier(node: &mut Node<'_, '_>, property: &str) -> Result<u32, BadInput> {
    match node.needed_number::<u32>(property)? {
        0 => Err(node.error_at(property, format!("0 is no {property}"))),
        4 if property == "pid" => {
            Err(node.error_at(property, "4 is the PID of System, which is there already"))
        }
        number => Ok(number),
    }
}

fn not_system(node: &Node<'_, '_>, name: &str) -> Result<(), BadInput> {
    if name == SYSTEM { Err(node.error("System does not end")) } else { Ok(()) }
}

/// A span of time in 100 ns.
fn duration(text: &str) -> Option<u64> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let (_, ticks) = UNITS.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*ticks)
}
