//! The object of a write.

use std::net::IpAddr;

use audit::attribution::{Basis, Confidence};
use audit::record::{Code, Operation, WriteFlags};
use serde::{Serialize, Serializer};

use super::explain::ExplainObject;
use super::text::{Digits, Shown, Time};
use super::{byte_offset, key, mode};
use crate::model::{ClientParty, Offset, Party, Source, Write};
use crate::output::explain::Explanation;

/// Flags and their names, in the order they are told.
const FLAG_NAMES: [(WriteFlags, &str); 9] = [
    (WriteFlags::PAGING, "paging"),
    (WriteFlags::SYNCHRONOUS_PAGING, "synchronous_paging"),
    (WriteFlags::NON_CACHED, "non_cached"),
    (WriteFlags::FAST_IO, "fast_io"),
    (WriteFlags::GENERATED, "generated"),
    (WriteFlags::REISSUED, "reissued"),
    (WriteFlags::WRITE_THROUGH, "write_through"),
    (WriteFlags::OUTCOME_UNKNOWN, "outcome_unknown"),
    (WriteFlags::MAY_BE_CACHED, "may_be_cached"),
];

#[derive(Serialize)]
pub(super) struct WriteLine<'a> {
    kind: &'static str,
    time: Time,
    operation: Shown<Code<Operation>>,
    pid: Option<u32>,
    tid: Option<u32>,
    image: Option<&'a str>,
    path: Option<&'a str>,
    offset: Option<i64>,
    length: u32,
    /// Only where it is more than the length.
    #[serde(skip_serializing_if = "Option::is_none")]
    requested: Option<u32>,
    basis: Shown<Code<Basis>>,
    confidence: Shown<Code<Confidence>>,
    requestor_mode: &'static str,
    executor: Option<PartyObject<'a>>,
    copy_source: Option<SourceObject<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<ClientObject<'a>>,
    /// Only of mapped writes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    candidates: Vec<PartyObject<'a>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    other_candidates: bool,
    flags: FlagNames,
    process_key: Option<Digits>,
    file_key: Option<Digits>,
    sequence: Digits,
    #[serde(skip_serializing_if = "Option::is_none")]
    explain: Option<ExplainObject<'a>>,
}

#[derive(Serialize)]
pub(super) struct PartyObject<'a> {
    pid: Option<u32>,
    tid: Option<u32>,
    image: Option<&'a str>,
    process_key: Option<Digits>,
}

#[derive(Serialize)]
struct ClientObject<'a> {
    address: Option<IpAddr>,
    share: Option<&'a str>,
    key: Digits,
}

#[derive(Serialize)]
pub(super) struct SourceObject<'a> {
    path: Option<&'a str>,
    offset: i64,
    file_key: Option<Digits>,
}

impl<'a> WriteLine<'a> {
    pub(super) fn new(write: &Write<'a>, explanation: Option<&'a Explanation>) -> Self {
        let Write {
            sequence,
            time,
            operation,
            originator: Party { process_key, pid, tid, image },
            basis,
            confidence,
            flags,
            file_key,
            path,
            offset,
            length,
            missing,
            executor,
            copy_source,
            client,
            candidates,
            other_candidates,
        } = *write;
        Self {
            kind: "write",
            time: Time(time),
            operation: Shown(operation),
            pid,
            tid,
            image,
            path,
            offset: byte_offset(offset),
            length,
            requested: (missing > 0).then(|| length.saturating_add(missing)),
            basis: Shown(basis),
            confidence: Shown(confidence),
            requestor_mode: mode(flags.contains(WriteFlags::USER_MODE)),
            executor: executor.map(PartyObject::new),
            copy_source: copy_source.map(SourceObject::new),
            client: client.map(ClientObject::new),
            candidates: candidates.into_iter().flatten().map(PartyObject::new).collect(),
            other_candidates,
            flags: FlagNames(flags, offset),
            process_key: key(process_key),
            file_key: key(file_key),
            sequence: Digits(sequence),
            explain: explanation.map(ExplainObject::new),
        }
    }
}

impl<'a> ClientObject<'a> {
    fn new(client: ClientParty<'a>) -> Self {
        let ClientParty { key, address, share } = client;
        Self { address, share, key: Digits(key) }
    }
}

impl<'a> PartyObject<'a> {
    pub(super) fn new(party: Party<'a>) -> Self {
        let Party { process_key, pid, tid, image } = party;
        Self { pid, tid, image, process_key: key(process_key) }
    }
}

impl<'a> SourceObject<'a> {
    pub(super) fn new(source: Source<'a>) -> Self {
        let Source { file_key, path, offset } = source;
        Self { path, offset, file_key: key(file_key) }
    }
}

/// Flags by name, and what is special about the offset.
pub(super) struct FlagNames(pub(super) WriteFlags, pub(super) Offset);

impl Serialize for FlagNames {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(flags, offset) = *self;
        let names = FLAG_NAMES.iter().filter(|(flag, _)| flags.contains(*flag)).map(|(_, name)| *name);
        serializer.collect_seq(names.chain(special_offset(offset)))
    }
}

fn special_offset(offset: Offset) -> Option<&'static str> {
    match offset {
        Offset::At(_) => None,
        Offset::EndOfFile => Some("to_end_of_file"),
        Offset::FilePointer => Some("at_file_pointer"),
    }
}
