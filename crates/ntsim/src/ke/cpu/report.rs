//! What is told of a processor when something is wrong: where it is, and which rule is broken.

use super::{Cpu, Entry, Frame};
use crate::ke::crash::{Crash, Exit, Fault};
use crate::ke::emulate;
use crate::rtl::memory;
use crate::verifier::site::Site;
use crate::verifier::{Rule, Violation};

impl Cpu {
    /// Ends the simulation.
    pub(crate) fn crash(&self, crash: Crash) -> ! {
        self.record_crash(crash);
        self.leave(Exit::Crash)
    }

    pub(super) fn record_crash(&self, crash: Crash) {
        if !matches!(crash, Crash::Panic(_)) {
            let (rule, after) = match (self.injected.get(), &crash) {
                (Some(routine), _) => {
                    (Rule::FailureHandled, format!(", after {} was made to fail", routine.name))
                }
                (None, Crash::Deadlock(_)) => (Rule::Deadlock, String::new()),
                (None, Crash::Fault { rule, .. }) => (*rule, String::new()),
                (None, _) => (Rule::Crash, String::new()),
            };
            self.violation(rule, format!("{crash}{after}"));
        }
        let place = self.place();
        self.kernel.record_crash(crash, place);
    }

    /// The rule that a fault breaks.
    pub(super) fn rule_of(&self, fault: &Fault) -> Rule {
        if self.kernel.arena.is_user_buffer(fault.address) {
            Rule::UserBuffer
        } else if self.heard_consumer() {
            Rule::HostileConsumer
        } else {
            Rule::Crash
        }
    }

    /// Whether the driver has something of a consumer's in its hands.
    pub(crate) fn heard_consumer(&self) -> bool {
        self.heard.get() || matches!(self.entry(), Some(Entry::PortConnect | Entry::PortMessage))
    }

    pub(super) fn describe_fault(&self, fault: &Fault) -> String {
        let what = fault.describe();
        let driver = self.kernel.driver_at(fault.instruction);
        match (driver.as_ref().and_then(|driver| driver.image()), self.routine.get()) {
            (Some(image), _) => {
                let rva = fault.instruction - image.base();
                let fast_fail = if image.is_fast_fail(rva) { " (fast fail)" } else { "" };
                let instruction = match emulate::text(&self.kernel, fault.instruction) {
                    Some((text, true)) => format!(", by the privileged instruction `{text}`"),
                    Some((text, false)) => format!(", by `{text}`"),
                    None => String::new(),
                };
                let place = image.symbols().describe(rva, rva);
                format!("{what}{fast_fail} {place}{instruction}")
            }
            (None, _) if memory::routine_at(fault.instruction).is_some() => {
                let name = memory::routine_at(fault.instruction).unwrap_or_default();
                format!("{what} in {name}, called with a bad pointer")
            }
            (None, Some(routine)) => {
                let site = self.fault_site.borrow();
                let site = site.as_ref().map(|site| format!(" {site}")).unwrap_or_default();
                format!("{what} in {}, called with a bad pointer{site}", routine.name)
            }
            (None, None) => format!("{what} at 0x{:X}, outside every image", fault.instruction),
        }
    }

    /// Where execution is, in words: the driver's entry point, and the operation or routine.
    pub(in crate::ke) fn place(&self) -> (String, String) {
        match self.frames.borrow().last() {
            Some(frame) => self.place_in(frame),
            None => ("harness".to_owned(), "no operation".to_owned()),
        }
    }

    fn place_in(&self, frame: &Frame) -> (String, String) {
        let callback = format!("{} {}", frame.driver.service(), frame.entry);
        let operation = frame.operation.as_ref().map(ToString::to_string);
        let operation = match (self.routine.get(), operation) {
            (Some(routine), Some(operation)) => format!("{} during {operation}", routine.name),
            (Some(routine), None) => routine.name.to_owned(),
            (None, Some(operation)) => operation,
            (None, None) => "no operation".to_owned(),
        };
        (callback, operation)
    }

    /// Reports a broken rule.
    pub(crate) fn violation(&self, rule: Rule, detail: impl Into<String>) {
        self.violation_at(rule, detail, Site::of_call(self));
    }

    /// Reports a broken rule, and where in the driver.
    pub(crate) fn violation_at(&self, rule: Rule, detail: impl Into<String>, site: Option<Site>) {
        let (callback, operation) = self.place();
        self.kernel.verifier.report(Violation { rule, callback, operation, detail: detail.into() }, site);
    }

    /// Reports a broken rule in the name of a call that has returned.
    pub(crate) fn violation_in(&self, frame: &Frame, rule: Rule, detail: impl Into<String>) {
        let (callback, operation) = self.place_in(frame);
        self.kernel.verifier.report(Violation { rule, callback, operation, detail: detail.into() }, None);
    }
}
