//! The objects of explanations.

use serde::Serialize;

use super::text::Time;
use super::{byte_offset, mode};
use crate::output::explain::{Conclusion, Explanation, Rule, Truth, Who};

#[derive(Serialize)]
pub(super) struct ExplainObject<'a> {
    current: WhoObject<'a>,
    attached_to: Option<ProcessObject<'a>>,
    thread: Option<WhoObject<'a>>,
    requestor_mode: &'static str,
    requestor_pid: Option<u32>,
    opener: Option<WhoObject<'a>>,
    writer: Option<TruthObject<'a>>,
    writers: Vec<WhoObject<'a>>,
    remote: Option<&'a str>,
    rules: Vec<RuleObject>,
}

#[derive(Serialize)]
pub(super) struct WhoObject<'a> {
    pid: u32,
    tid: u32,
    image: &'a str,
}

#[derive(Serialize)]
pub(super) struct ProcessObject<'a> {
    pid: u32,
    image: &'a str,
}

#[derive(Serialize)]
pub(super) struct TruthObject<'a> {
    pid: u32,
    tid: u32,
    image: &'a str,
    kernel: bool,
}

#[derive(Serialize)]
pub(super) struct RuleObject {
    rule: &'static str,
    pid: Option<u32>,
    verdict: &'static str,
}

#[derive(Serialize)]
pub(super) struct UnrecordedLine<'a> {
    kind: &'static str,
    time: Time,
    path: &'a str,
    offset: Option<i64>,
    length: u32,
    fast_io: bool,
    failed: Option<&'a str>,
    explain: ExplainObject<'a>,
}

impl<'a> ExplainObject<'a> {
    pub(super) fn new(explanation: &'a Explanation) -> Self {
        let rules = Rule::ALL.map(|rule| {
            let conclusion = rule.concludes(explanation);
            let pid = match conclusion {
                Conclusion::Skipped | Conclusion::Unknown => None,
                Conclusion::Process { pid, .. } => Some(pid),
            };
            RuleObject { rule: rule.name(), pid, verdict: rule.verdict(explanation).name() }
        });
        let writer = match &explanation.truth {
            Truth::User(who) => Some((who, false)),
            Truth::Kernel(who) => Some((who, true)),
            Truth::Several(_) | Truth::Again(_) | Truth::Remote(_) => None,
        };
        let (writers, remote): (&[Who], _) = match &explanation.truth {
            Truth::User(_) | Truth::Kernel(_) => (&[], None),
            Truth::Several(all) | Truth::Again(all) => (all, None),
            Truth::Remote(client) => (&[], Some(client.as_str())),
        };
        Self {
            current: WhoObject::new(&explanation.current),
            attached_to: explanation
                .attached_to
                .as_ref()
                .map(|(pid, image)| ProcessObject { pid: *pid, image }),
            thread: explanation.thread.as_ref().map(WhoObject::new),
            requestor_mode: mode(explanation.user_mode),
            requestor_pid: explanation.requestor.as_ref().map(|(pid, _)| *pid),
            opener: explanation.opener.as_ref().map(WhoObject::new),
            writer: writer.map(|(Who { pid, tid, image }, kernel)| TruthObject {
                pid: *pid,
                tid: *tid,
                image,
                kernel,
            }),
            writers: writers.iter().map(WhoObject::new).collect(),
            remote,
            rules: rules.into(),
        }
    }
}

impl<'a> WhoObject<'a> {
    pub(super) fn new(Who { pid, tid, image }: &'a Who) -> Self {
        Self { pid: *pid, tid: *tid, image }
    }
}

impl<'a> UnrecordedLine<'a> {
    pub(super) fn new(explanation: &'a Explanation) -> Self {
        Self {
            kind: "unrecorded",
            time: Time(Some(explanation.time)),
            path: &explanation.path,
            offset: byte_offset(explanation.offset),
            length: explanation.length,
            fast_io: explanation.fast_io,
            failed: explanation.failed.as_deref(),
            explain: ExplainObject::new(explanation),
        }
    }
}
