//! The object of a change without a write.

use audit::attribution::{Basis, Confidence};
use audit::record::{Code, Operation, WriteFlags};
use serde::Serialize;

use super::text::{Digits, Shown, Time};
use super::write::{FlagNames, PartyObject, SourceObject};
use super::{key, mode};
use crate::model::{Change, FileTime, Offset, Party};

#[derive(Serialize)]
pub(super) struct ChangeLine<'a> {
    kind: &'static str,
    time: Time,
    operation: Shown<Operation>,
    pid: Option<u32>,
    tid: Option<u32>,
    image: Option<&'a str>,
    path: Option<&'a str>,
    offset: Option<i64>,
    length: Option<u64>,
    size: Option<i64>,
    end_before: Option<i64>,
    to: Option<&'a str>,
    since: Option<Time>,
    source: Option<SourceObject<'a>>,
    basis: Shown<Code<Basis>>,
    confidence: Shown<Code<Confidence>>,
    requestor_mode: &'static str,
    executor: Option<PartyObject<'a>>,
    flags: FlagNames,
    process_key: Option<Digits>,
    file_key: Option<Digits>,
    to_key: Option<Digits>,
    sequence: Digits,
}

impl<'a> ChangeLine<'a> {
    pub(super) fn new(change: &Change<'a>) -> Self {
        let Change {
            sequence,
            time,
            operation,
            originator: Party { process_key, pid, tid, image },
            basis,
            confidence,
            flags,
            file_key,
            path,
            range,
            size,
            end_before,
            to_key,
            to,
            since,
            source,
            executor,
        } = *change;
        Self {
            kind: "change",
            time: Time(time),
            operation: Shown(operation),
            pid,
            tid,
            image,
            path,
            offset: range.map(|(offset, _)| offset),
            length: range.map(|(_, length)| length),
            size,
            end_before,
            to,
            since: since.map(|since: FileTime| Time(Some(since))),
            source: source.map(SourceObject::new),
            basis: Shown(basis),
            confidence: Shown(confidence),
            requestor_mode: mode(flags.contains(WriteFlags::USER_MODE)),
            executor: executor.map(PartyObject::new),
            flags: FlagNames(flags, Offset::At(0)),
            process_key: key(process_key),
            file_key: key(file_key),
            to_key: key(to_key),
            sequence: Digits(sequence),
        }
    }
}
