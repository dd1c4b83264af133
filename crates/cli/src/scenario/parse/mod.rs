//! From KDL to a scenario.

mod expectation;
mod steps;
mod torture;
mod values;

use std::str::FromStr;

use kdl::KdlDocument;

use self::expectation::read_expectation;
use self::values::identifier;
use super::model::{Expectation, FileSystem, NotMet, Parameter, Process, Scenario, Thread, Volume};
use super::node::{Node, Text};
use super::scope::{Scope, Thing};
use super::time::parse_rfc3339;
use super::words;
use crate::place::BadInput;
use crate::windows_version::{VersionRange, WindowsVersion};

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
                "parameter" => scenario.parameters.push(read_parameter(&mut node)?),
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
                        "`{other}` has no meaning here; use scenario, parameter, volume, process, play or expect"
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
        let idle_not_met = |not_met: &&NotMet| !versions().any(|version| not_met.versions.contains(version));
        if let Some(idle) = scenario.not_met.iter().find(idle_not_met) {
            let message = "a `not-met` for versions that the scenario is not for";
            return Err(BadInput::new(self.text.file, message).at(idle.place));
        }
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
            minimal: node.word("kind", &words::KINDS)?.unwrap_or(false),
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
}

/// The title and what is said about the scenario.
fn read_head(mut head: Node<'_, '_>) -> Result<Scenario, BadInput> {
    let title = head.argument("a title")?.to_owned();
    head.done()?;
    let mut scenario = Scenario::new(&title);
    for mut node in head.children() {
        match node.name() {
            "why" => scenario.why = Some(node.argument("a text")?.to_owned()),
            "source" => scenario.sources.push(node.argument("a text")?.to_owned()),
            "topic" => {
                let text = node.argument("a topic")?;
                scenario.topic = node.one_of("topic", text, &words::TOPICS)?;
            }
            "not-met" => {
                let not_met = read_not_met(&mut node)?;
                let overlaps = |earlier: &NotMet| earlier.versions.overlaps(not_met.versions);
                if scenario.not_met.iter().any(overlaps) {
                    return Err(node.error("a second `not-met` for the same version of Windows"));
                }
                scenario.not_met.push(not_met);
            }
            "windows" => {
                let range = node.argument("a range of versions")?;
                scenario.applies = VersionRange::parse(range).map_err(|message| node.error(message))?;
            }
            "torture" => scenario.torture = Some(torture::read(&mut node)?),
            "start" => {
                let text = node.argument("a time")?;
                let time = parse_rfc3339(text)
                    .ok_or_else(|| node.error(format!("`{text}` is no time such as 2024-01-01T12:00:00Z")))?;
                scenario.start = Some(time);
            }
            other => {
                let message = format!(
                    "`{other}` has no meaning here; use why, source, topic, windows, not-met, torture or start"
                );
                return Err(node.error(message));
            }
        }
        node.done_without_children()?;
    }
    Ok(scenario)
}

fn read_not_met(node: &mut Node<'_, '_>) -> Result<NotMet, BadInput> {
    Ok(NotMet {
        place: node.place(),
        reason: node.argument("a reason")?.to_owned(),
        versions: read_versions(node)?,
        needs: node.needed_text("needs")?.to_owned(),
    })
}

/// The property `windows`: all versions if it lacks.
fn read_versions(node: &mut Node<'_, '_>) -> Result<VersionRange, BadInput> {
    match node.text("windows")? {
        None => Ok(VersionRange::ALL),
        Some(range) => VersionRange::parse(range).map_err(|message| node.error_at("windows", message)),
    }
}

fn read_parameter(node: &mut Node<'_, '_>) -> Result<Parameter, BadInput> {
    let name = node.argument("a name")?.to_owned();
    let parameter = Parameter { name, value: node.needed_number("value")? };
    node.done_without_children()?;
    Ok(parameter)
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
        file_system: node.word("file-system", &words::FILE_SYSTEMS)?.unwrap_or(FileSystem::Ntfs),
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
