//! What a step may be, and how often it is.

/// Kinds of steps.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Write,
    Create,
    Close,
    Read,
    CopyFile,
    CopyChunk,
    StartProcess,
    ExitProcess,
    StartThread,
    ExitThread,
    Advance,
    Settle,
    Connection,
    Manner,
    Driver,
    Volume,
    SystemWrite,
    OnHandle,
    Cache,
    Share,
    Impersonate,
    MdlWrite,
}

/// How often each comes.
pub(super) const KINDS: [(u32, Kind); 22] = [
    (700, Kind::Write),
    (90, Kind::Create),
    (60, Kind::Close),
    (40, Kind::Read),
    (25, Kind::CopyFile),
    (40, Kind::CopyChunk),
    (10, Kind::StartProcess),
    (8, Kind::ExitProcess),
    (16, Kind::StartThread),
    (14, Kind::ExitThread),
    (12, Kind::Advance),
    (6, Kind::Settle),
    (6, Kind::Connection),
    (4, Kind::Manner),
    (1, Kind::Driver),
    (1, Kind::Volume),
    (6, Kind::SystemWrite),
    (30, Kind::OnHandle),
    (3, Kind::Cache),
    (12, Kind::Share),
    (10, Kind::Impersonate),
    (20, Kind::MdlWrite),
];
