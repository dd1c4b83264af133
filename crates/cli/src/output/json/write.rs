//! The object of a write.

use audit::record::WriteFlags;
use serde::Serialize;

use super::explain::ExplainObject;
use super::{byte_offset, key, mode};
use crate::model::{Offset, Party, Source, Write};
use crate::output::explain::Explanation;
use crate::output::time::rfc3339;

/// Flags and their names, in the order they are told.
const FLAG_NAMES: [(WriteFlags, &str); 7] = [
    (WriteFlags::PAGING, "paging"),
    (WriteFlags::SYNCHRONOUS_PAGING, "synchronous_paging"),
    (WriteFlags::NON_CACHED, "non_cached"),
    (WriteFlags::FAST_IO, "fast_io"),
    (WriteFlags::GENERATED, "generated"),
    (WriteFlags::REISSUED, "reissued"),
    (WriteFlags::WRITE_THROUGH, "write_through"),
];

#[derive(Serialize)]
pub(super) struct WriteLine<'a> {
    kind: &'static str,
    time: Option<String>,
    operation: String,
    pid: Option<u32>,
    tid: Option<u32>,
    image: Option<&'a str>,
    path: Option<&'a str>,
    offset: Option<i64>,
    length: u32,
    basis: String,
    confidence: String,
    requestor_mode: &'static str,
    executor: Option<PartyObject<'a>>,
    copy_source: Option<SourceObject<'a>>,
    flags: Vec<&'static str>,
    process_key: Option<String>,
    file_key: Option<String>,
    sequence: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    explain: Option<ExplainObject<'a>>,
}

#[derive(Serialize)]
pub(super) struct PartyObject<'a> {
    pid: Option<u32>,
    tid: Option<u32>,
    image: Option<&'a str>,
    process_key: Option<String>,
}

#[derive(Serialize)]
pub(super) struct SourceObject<'a> {
    path: Option<&'a str>,
    offset: i64,
    file_key: Option<String>,
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
            executor,
            copy_source,
        } = *write;
        let mut names: Vec<&'static str> =
            FLAG_NAMES.iter().filter(|(flag, _)| flags.contains(*flag)).map(|(_, name)| *name).collect();
        names.extend(special_offset(offset));
        Self {
            kind: "write",
            time: time.and_then(rfc3339),
            operation: operation.to_string(),
            pid,
            tid,
            image,
            path,
            offset: byte_offset(offset),
            length,
            basis: basis.to_string(),
            confidence: confidence.to_string(),
            requestor_mode: mode(flags.contains(WriteFlags::USER_MODE)),
            executor: executor.map(PartyObject::new),
            copy_source: copy_source.map(SourceObject::new),
            flags: names,
            process_key: key(process_key),
            file_key: key(file_key),
            sequence: sequence.to_string(),
            explain: explanation.map(ExplainObject::new),
        }
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

fn special_offset(offset: Offset) -> Option<&'static str> {
    match offset {
        Offset::At(_) => None,
        Offset::EndOfFile => Some("to_end_of_file"),
        Offset::FilePointer => Some("at_file_pointer"),
    }
}
