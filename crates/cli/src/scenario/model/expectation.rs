//! What must be recorded.

use crate::model::Offset;
use crate::place::Place;
use crate::windows_version::VersionRange;

/// What must be recorded on some versions: these changes, in this order, and no others.
#[derive(Clone, Debug)]
pub(crate) struct Expectation {
    pub(crate) place: Place,
    pub(crate) versions: VersionRange,
    pub(crate) changes: Vec<ExpectedChange>,
}

impl Expectation {
    /// The kinds of changes that it has.
    pub(crate) fn kinds(&self) -> Vec<ChangeKind> {
        self.changes.iter().map(|change| change.kind).collect()
    }
}

/// A way in which a file can change, or its content come to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ChangeKind {
    /// `IRP_MJ_WRITE` or its fast I/O, for somebody.
    Write,
    /// Pages that were changed through a mapped view, on their way to the disk.
    MappedWrite,
    /// `FSCTL_DUPLICATE_EXTENTS_TO_FILE`: the file shares another's clusters.
    Clone,
    /// `FSCTL_OFFLOAD_WRITE`: the storage copies.
    OffloadWrite,
    /// `FSCTL_SET_ZERO_DATA`
    Zero,
    /// The end of the file comes nearer.
    Truncate,
    /// The end of the file goes further out.
    Extend,
    /// The end of the valid data goes further out: what was on the disk there becomes content.
    SetValidData,
    /// A create that throws the content of an existing file away.
    Overwrite,
    /// The last name goes, and the file with it.
    Delete,
    /// The file has another name.
    Rename,
    /// The file has one more name.
    Link,
    /// What a transaction did to the file never happened.
    RollBack,
    /// A create that made the file.
    Create,
    /// A create that replaced the file by a new one.
    Supersede,
    /// The end of the file was set, and nobody knows where it was.
    SetEndOfFile,
    /// Clusters are taken or given, and the end of the file stays.
    SetAllocation,
    /// The file is to go with a handle.
    DeletePending,
    /// It is to stay after all.
    DeleteCancelled,
    /// What a transaction did to the file holds.
    Commit,
}

/// A property that kinds of changes have, or have not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FieldUse {
    Needed,
    /// Compared if it is stated.
    Optional,
    None,
}

impl ChangeKind {
    /// All kinds, with their names.
    pub(crate) const NAMES: [(&'static str, Self); 20] = [
        ("write", Self::Write),
        ("mapped-write", Self::MappedWrite),
        ("clone", Self::Clone),
        ("offload-write", Self::OffloadWrite),
        ("zero", Self::Zero),
        ("truncate", Self::Truncate),
        ("extend", Self::Extend),
        ("set-valid-data", Self::SetValidData),
        ("overwrite", Self::Overwrite),
        ("delete", Self::Delete),
        ("rename", Self::Rename),
        ("link", Self::Link),
        ("roll-back", Self::RollBack),
        ("create", Self::Create),
        ("supersede", Self::Supersede),
        ("set-end-of-file", Self::SetEndOfFile),
        ("set-allocation", Self::SetAllocation),
        ("delete-pending", Self::DeletePending),
        ("delete-cancelled", Self::DeleteCancelled),
        ("commit", Self::Commit),
    ];

    /// Whether it changes no content by itself, and is compared only where an expectation has one of its kind: most
    /// scenarios make the files that they are about.
    pub(crate) fn is_incidental(self) -> bool {
        matches!(
            self,
            Self::Create | Self::SetAllocation | Self::DeletePending | Self::DeleteCancelled | Self::Commit
        )
    }

    pub(crate) fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| *name)
    }

    /// Whether it has `offset` and `length`.
    pub(crate) fn range(self) -> FieldUse {
        match self {
            Self::Write | Self::Clone | Self::OffloadWrite | Self::Zero => FieldUse::Needed,
            // Which pages go to the disk together is not for a scenario to say.
            Self::MappedWrite => FieldUse::Optional,
            _ => FieldUse::None,
        }
    }

    /// Whether it has `size`.
    pub(crate) fn size(self) -> FieldUse {
        match self {
            Self::Truncate | Self::Extend | Self::SetValidData | Self::SetEndOfFile | Self::SetAllocation => {
                FieldUse::Needed
            }
            _ => FieldUse::None,
        }
    }

    /// Whether it has `to`, another path.
    pub(crate) fn to(self) -> FieldUse {
        match self {
            Self::Rename | Self::Link => FieldUse::Needed,
            _ => FieldUse::None,
        }
    }
}

/// One change that must be recorded.
#[derive(Clone, Debug)]
pub(crate) struct ExpectedChange {
    pub(crate) place: Place,
    pub(crate) kind: ChangeKind,
    pub(crate) originator: ExpectedOriginator,
    /// `None` if it must be unknown.
    pub(crate) path: Option<String>,
    /// The other path of what has two.
    pub(crate) to: Option<String>,
    pub(crate) offset: Option<Offset>,
    pub(crate) length: Option<u64>,
    pub(crate) size: Option<u64>,
    pub(crate) basis: String,
    /// Compared if it is stated.
    pub(crate) confidence: Option<String>,
    /// Likewise: "user" or "kernel".
    pub(crate) requestor_mode: Option<String>,
    /// Must be there with these, or not be there.
    pub(crate) executor: Option<ExpectedExecutor>,
    /// Likewise.
    pub(crate) copy_source: Option<ExpectedSource>,
    /// Likewise: the machine on whose behalf it is done.
    pub(crate) client: Option<RemoteClient>,
}

/// Who must be named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ExpectedOriginator {
    /// One process and thread; what is `None` must be unknown.
    One { pid: Option<u32>, tid: Option<u32>, image: Option<String> },
    /// It was one or some of these, and nobody can tell which.
    Candidates(Vec<Candidate>),
}

/// A process that may have made a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) pid: u32,
    pub(crate) image: Option<String>,
}

/// Who asks from another machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RemoteClient {
    pub(crate) address: Option<String>,
    pub(crate) share: Option<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct ExpectedExecutor {
    pub(crate) pid: u32,
    /// Compared if it is stated: which worker carries a write out is not for a scenario to say.
    pub(crate) tid: Option<u32>,
}

#[derive(Clone, Debug)]
pub(crate) struct ExpectedSource {
    /// `None` if it must be unknown.
    pub(crate) path: Option<String>,
    pub(crate) offset: i64,
}
