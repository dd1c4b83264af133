//! Changes that are no `IRP_MJ_WRITE`, as a filter sees them.

use ntsim::{Callback, Major};

use crate::scenario::model::ChangeKind;

/// `FILE_INFORMATION_CLASS`, as far as it changes names or sizes.
const CLASSES: [(u64, &[ChangeKind]); 9] = [
    (10, &[ChangeKind::Rename]),
    (11, &[ChangeKind::Link]),
    (13, &[ChangeKind::Delete]),
    (19, &[ChangeKind::Truncate]),
    (20, &[ChangeKind::Truncate, ChangeKind::Extend]),
    (39, &[ChangeKind::SetValidData]),
    (64, &[ChangeKind::Delete]),
    (65, &[ChangeKind::Rename]),
    (72, &[ChangeKind::Link]),
];
/// Controls that change what is in a file.
const CONTROLS: [(u64, &[ChangeKind]); 4] = [
    (0x0009_80C8, &[ChangeKind::Zero]),
    (0x0009_8344, &[ChangeKind::Clone]),
    (0x0009_83E8, &[ChangeKind::Clone]),
    (0x0009_8268, &[ChangeKind::OffloadWrite]),
];
/// `FILE_DELETE_ON_CLOSE`
const DELETE_ON_CLOSE: u64 = 0x1000;
/// Where the disposition is in a create's options.
const DISPOSITION_SHIFT: u32 = 24;
/// `FILE_SUPERSEDE`, `FILE_OVERWRITE`, `FILE_OVERWRITE_IF`
const THROWS_AWAY: [u64; 3] = [0, 4, 5];

/// What an operation is, if it is a change that is watched for.
pub(super) fn of(callback: &Callback<'_>, watched: &[ChangeKind]) -> Option<&'static str> {
    let low = |word: usize| callback.parameters[word] & 0xFFFF_FFFF;
    let find = |table: &[(u64, &'static [ChangeKind])], value: u64| {
        table.iter().find(|(known, _)| *known == value).map_or(&[][..], |(_, kinds)| kinds)
    };
    let kinds = match callback.major {
        Major::SetInformation => find(&CLASSES, low(1)),
        Major::FileSystemControl => find(&CONTROLS, low(2)),
        Major::Create if low(1) & DELETE_ON_CLOSE != 0 => &[ChangeKind::Delete],
        Major::Create if THROWS_AWAY.contains(&(low(1) >> DISPOSITION_SHIFT)) => &[ChangeKind::Overwrite],
        _ => &[],
    };
    kinds.iter().find(|kind| watched.contains(kind)).map(|kind| kind.name())
}
