//! The names that a scenario has defined, and whether what they stand for is still there.

use std::collections::HashMap;

/// Name of the process System and of a worker thread of it, which every machine has.
pub(crate) const SYSTEM: &str = "system";

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Thing {
    Process,
    Thread { process: String },
    Handle { process: String },
    Token,
    Section,
    View,
    Request,
    Transaction,
}

impl Thing {
    fn kind(&self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Thread { .. } => "thread",
            Self::Handle { .. } => "handle",
            Self::Token => "token",
            Self::Section => "section",
            Self::View => "view",
            Self::Request => "request",
            Self::Transaction => "transaction",
        }
    }
}

/// Names by kind: a process and a thread may be called the same.
#[derive(Debug, Default)]
pub(super) struct Scope {
    things: HashMap<(&'static str, String), (Thing, bool)>,
    /// The processes that each thread is attached to, the last one first to be left.
    attached: HashMap<String, Vec<String>>,
}

/// Whether a thread must be alive to be named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    Needed,
    /// Something else acts on its behalf.
    NotNeeded,
}

impl Scope {
    pub(super) fn new() -> Self {
        let mut scope = Self::default();
        let all = [Thing::Process, Thing::Thread { process: SYSTEM.to_owned() }];
        for thing in all {
            scope.things.insert((thing.kind(), SYSTEM.to_owned()), (thing, true));
        }
        scope
    }

    /// Defines a name.
    pub(super) fn define(&mut self, name: &str, thing: Thing) -> Result<(), String> {
        let kind = thing.kind();
        if self.things.contains_key(&(kind, name.to_owned())) {
            return Err(format!("there is a {kind} `{name}` already"));
        }
        self.things.insert((kind, name.to_owned()), (thing, true));
        Ok(())
    }

    fn find(&self, kind: &'static str, name: &str) -> Result<&(Thing, bool), String> {
        self.things.get(&(kind, name.to_owned())).ok_or_else(|| {
            let mut known: Vec<&str> = self
                .things
                .keys()
                .filter(|(other, _)| *other == kind)
                .map(|(_, name)| name.as_str())
                .collect();
            known.sort_unstable();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            format!("there is no {kind} `{name}` here (there is {known})")
        })
    }

    pub(super) fn process(&self, name: &str) -> Result<(), String> {
        match self.find("process", name)? {
            (_, true) => Ok(()),
            (_, false) => Err(format!("the process `{name}` has ended")),
        }
    }

    pub(super) fn thread(&self, name: &str, life: Life) -> Result<(), String> {
        match self.find("thread", name)? {
            (_, false) if life == Life::Needed => Err(format!("the thread `{name}` has ended")),
            _ => Ok(()),
        }
    }

    /// The process whose handles a thread uses: its own, or the one that it is attached to.
    pub(super) fn acts_in(&self, thread: &str) -> String {
        let attached = self.attached.get(thread).and_then(|processes| processes.last());
        attached.cloned().unwrap_or_else(|| self.process_of(thread))
    }

    pub(super) fn attach(&mut self, thread: &str, process: &str) {
        self.attached.entry(thread.to_owned()).or_default().push(process.to_owned());
    }

    pub(super) fn detach(&mut self, thread: &str) {
        if let Some(processes) = self.attached.get_mut(thread) {
            processes.pop();
        }
    }

    fn process_of(&self, thread: &str) -> String {
        match self.find("thread", thread) {
            Ok((Thing::Thread { process }, _)) => process.clone(),
            _ => String::new(),
        }
    }

    pub(super) fn handle(&self, name: &str) -> Result<(), String> {
        match self.find("handle", name)? {
            (_, true) => Ok(()),
            (_, false) => Err(format!("the handle `{name}` has been closed")),
        }
    }

    pub(super) fn token(&self, name: &str) -> Result<(), String> {
        self.find("token", name).map(|_| ())
    }

    pub(super) fn section(&self, name: &str) -> Result<(), String> {
        self.find("section", name).map(|_| ())
    }

    pub(super) fn transaction(&self, name: &str) -> Result<(), String> {
        match self.find("transaction", name)? {
            (_, true) => Ok(()),
            (_, false) => Err(format!("the transaction `{name}` has ended")),
        }
    }

    pub(super) fn end_transaction(&mut self, transaction: &str) {
        self.end("transaction", |name, _| name == transaction);
    }

    pub(super) fn request(&self, name: &str) -> Result<(), String> {
        self.find("request", name).map(|_| ())
    }

    pub(super) fn view(&self, name: &str) -> Result<(), String> {
        self.find("view", name).map(|_| ())
    }

    pub(super) fn close(&mut self, handle: &str) {
        self.end("handle", |name, _| name == handle);
    }

    pub(super) fn exit_thread(&mut self, thread: &str) {
        self.end("thread", |name, _| name == thread);
    }

    /// Ends a process with its threads and handles.
    pub(super) fn exit_process(&mut self, process: &str) {
        self.end("process", |name, _| name == process);
        self.end("thread", |_, thing| matches!(thing, Thing::Thread { process: owner } if owner == process));
        self.end("handle", |_, thing| matches!(thing, Thing::Handle { process: owner } if owner == process));
    }

    fn end(&mut self, kind: &'static str, which: impl Fn(&str, &Thing) -> bool) {
        for ((other, name), (thing, alive)) in &mut self.things {
            if *other == kind && which(name, thing) {
                *alive = false;
            }
        }
    }
}
