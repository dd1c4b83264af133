//! The words that a scenario uses for what has no name of its own, for reading and for writing.

use crate::model::Offset;

use super::model::{
    Act, CopyIntent, Disposition, FastIo, FileSystem, Manner, Notice, Operation, Protection, Topic,
    WriteFailure,
};

/// Size of the chunks in which `CopyFile2` copies, unless a scenario says otherwise: 1 MiB.
pub(super) const CHUNK: u32 = 1 << 20;

pub(super) const FILE_SYSTEMS: [(&str, FileSystem); 5] = [
    ("ntfs", FileSystem::Ntfs),
    ("fat", FileSystem::Fat),
    ("exfat", FileSystem::ExFat),
    ("refs", FileSystem::Refs),
    ("network", FileSystem::Network),
];
/// Kinds of processes; whether it is a minimal one.
pub(super) const KINDS: [(&str, bool); 2] = [("user", false), ("minimal", true)];
pub(super) const TOPICS: [(&str, Topic); 6] = [
    ("writes", Topic::Writes),
    ("identity", Topic::Identity),
    ("copies", Topic::Copies),
    ("cache", Topic::Cache),
    ("others", Topic::Others),
    ("changes", Topic::Changes),
];
/// Modes; whether it is the kernel's.
pub(super) const MODES: [(&str, bool); 2] = [("user", false), ("kernel", true)];
pub(super) const DISPOSITIONS: [(&str, Disposition); 6] = [
    ("supersede", Disposition::Supersede),
    ("open", Disposition::Open),
    ("create", Disposition::Create),
    ("open-if", Disposition::OpenIf),
    ("overwrite", Disposition::Overwrite),
    ("overwrite-if", Disposition::OverwriteIf),
];
pub(super) const FAST_IO: [(&str, FastIo); 4] = [
    ("no", FastIo::No),
    ("accepted", FastIo::Accepted),
    ("refused", FastIo::Refused),
    ("refused-only", FastIo::RefusedOnly),
];
pub(super) const FAILURES: [(&str, WriteFailure); 2] =
    [("disk-full", WriteFailure::DiskFull), ("lock-conflict", WriteFailure::LockConflict)];
pub(super) const COPY_INTENTS: [(&str, CopyIntent); 2] =
    [("source", CopyIntent::Source), ("destination", CopyIntent::Destination)];

pub(super) const MANNERS: [(&str, Manner); 4] = [
    ("good", Manner::Good),
    ("silent", Manner::Silent),
    ("confused", Manner::Confused),
    ("deaf", Manner::Deaf),
];
/// How the threads of a torture run are scheduled; one needs a seed.
pub(super) const SCHEDULES: [(&str, ()); 3] = [("fixed", ()), ("seeded", ()), ("threads", ())];

pub(super) const NOTICES: [(&str, Notice); 3] =
    [("event", Notice::Event), ("apc", Notice::Apc), ("port", Notice::Port)];
/// Of a request that says no more.
pub(super) const DEFAULT_NOTICE: Notice = Notice::Event;
pub(super) const PROTECTIONS: [(&str, Protection); 5] = [
    ("read-only", Protection::ReadOnly),
    ("read-write", Protection::ReadWrite),
    ("write-copy", Protection::WriteCopy),
    ("execute-read", Protection::ExecuteRead),
    ("execute-read-write", Protection::ExecuteReadWrite),
];
/// Of a section that says no more.
pub(super) const DEFAULT_PROTECTION: Protection = Protection::ReadWrite;
pub(super) const OPERATIONS: [(&str, Operation); 7] = [
    ("create", Operation::Create),
    ("read", Operation::Read),
    ("write", Operation::Write),
    ("set-information", Operation::SetInformation),
    ("file-system-control", Operation::Control),
    ("cleanup", Operation::Cleanup),
    ("close", Operation::Close),
];
/// What a filter cares for that says no more.
pub(super) const DEFAULT_OPERATION: Operation = Operation::Write;
/// A filter's own write, wherever it goes.
pub(super) const OWN_WRITE: Act = Act::Write { offset: 0, length: 0 };
pub(super) const ACTS: [(&str, Act); 6] = [
    ("repost", Act::Repost),
    ("hold", Act::Hold),
    ("reissue", Act::Reissue),
    ("write", OWN_WRITE),
    ("complete-at-dispatch", Act::CompleteAtDispatch),
    ("deny", Act::Deny),
];
/// Where a write goes, where that is no number.
pub(super) const OFFSETS: [(&str, Offset); 2] =
    [("end-of-file", Offset::EndOfFile), ("file-pointer", Offset::FilePointer)];
/// Microseconds in the units of time that a scenario can use, the smallest first.
pub(super) const UNITS: [(&str, u64); 4] = [("us", 1), ("ms", 1_000), ("s", 1_000_000), ("m", 60_000_000)];
/// What an originator can be concluded from.
pub(super) const BASES: [(&str, ()); 7] = [
    ("thread", ()),
    ("requestor-process", ()),
    ("opener", ()),
    ("section", ()),
    ("remote-client", ()),
    ("transaction", ()),
    ("unknown", ()),
];
pub(super) const CONFIDENCES: [(&str, ()); 3] = [("certain", ()), ("likely", ()), ("none", ())];

/// The word for a value.
pub(super) fn word<T: PartialEq>(words: &[(&'static str, T)], value: &T) -> &'static str {
    words.iter().find(|(_, known)| known == value).map_or("", |(word, _)| *word)
}
