//! Content that changes without a write: block clones, offloaded copies, zeroes.

use audit::key::FileKey;
use audit::record::{Change, CopySource, Operation};
use fltmgr::irql::{PASSIVE_LEVEL, assert_at_most};
use fltmgr::pool::{PoolBox, PoolTag};
use fltmgr::raw::IRP_MJ_FILE_SYSTEM_CONTROL;
use fltmgr::{CallbackData, ReferencedFile, RelatedObjects, Synchronized, Thread};

use super::tokens::{TOKEN_BYTES, Token};
use super::{begin, carry, record, recording};
use crate::memory::TAG;
use crate::state::State;
use crate::streams;

/// `FSCTL_SET_ZERO_DATA`
const SET_ZERO_DATA: u32 = 0x0009_80C8;
/// `FSCTL_DUPLICATE_EXTENTS_TO_FILE`
const DUPLICATE_EXTENTS: u32 = 0x0009_8344;
/// `FSCTL_DUPLICATE_EXTENTS_TO_FILE_EX`
const DUPLICATE_EXTENTS_EX: u32 = 0x0009_83E8;
/// `FSCTL_OFFLOAD_READ`
const OFFLOAD_READ: u32 = 0x0009_4264;
/// `FSCTL_OFFLOAD_WRITE`
const OFFLOAD_WRITE: u32 = 0x0009_8268;

pub(crate) enum FsControl {}

/// What is known before the control.
pub(crate) enum Pending {
    /// It changes the file.
    Change(Change),
    /// It asks for a token for what is there.
    Read(CopySource),
}

impl Synchronized for FsControl {
    const MAJOR_FUNCTION: u8 = IRP_MJ_FILE_SYSTEM_CONTROL;
    const TAG: PoolTag = TAG;
    type Carried = Pending;

    /// Maximum IRQL: `PASSIVE_LEVEL` for these controls, which no paging path has ("Dispatch routine IRQL and thread
    /// context").
    fn pre(data: &CallbackData<'_>, objects: &RelatedObjects<'_>) -> Option<PoolBox<Pending>> {
        let control = data.fs_control()?;
        let ours = matches!(
            control.code(),
            SET_ZERO_DATA | DUPLICATE_EXTENTS | DUPLICATE_EXTENTS_EX | OFFLOAD_READ | OFFLOAD_WRITE
        );
        let state = recording().filter(|_| ours)?;
        assert_at_most(PASSIVE_LEVEL);
        let pending = before(state, *data, *objects, control.code(), control.input())?;
        carry(state, pending)
    }

    /// Maximum IRQL: `PASSIVE_LEVEL`.
    fn post(data: &CallbackData<'_>, _objects: &RelatedObjects<'_>, carried: PoolBox<Pending>) {
        assert_at_most(PASSIVE_LEVEL);
        let Some(control) = data.fs_control().filter(|_| data.status().is_success()) else { return };
        let Some(state) = recording() else { return };
        let output = control.output(data.information());
        match &*carried {
            Pending::Read(source) => {
                if let (Some(length), Some(token)) = (u64_at(output, 8), token_at(output, 16)) {
                    state.tokens.remember(token, *source, length);
                }
            }
            Pending::Change(change) => {
                let mut change = *change;
                if change.operation == Operation::OffloadWrite {
                    // What was written may be less than what was asked for ("FSCTL_OFFLOAD_WRITE_OUTPUT structure").
                    change.length = u64_at(output, 8).unwrap_or(change.length);
                }
                record(state, &change);
            }
        }
    }
}

/// Maximum IRQL: `PASSIVE_LEVEL`.
fn before(
    state: &'static State,
    data: CallbackData<'_>,
    objects: RelatedObjects<'_>,
    code: u32,
    input: &[u8],
) -> Option<Pending> {
    assert_at_most(PASSIVE_LEVEL);
    let file = objects.file_object().filter(|file| !file.is_volume_open())?;
    let key = || streams::of_any(state, data, objects, file).map_or(FileKey::UNKNOWN, |stream| stream.key());
    if code == OFFLOAD_READ {
        // FSCTL_OFFLOAD_READ_INPUT: FileOffset
        return Some(Pending::Read(CopySource { file: key(), offset: i64_at(input, 16)? }));
    }
    let operation = match code {
        SET_ZERO_DATA => Operation::Zero,
        OFFLOAD_WRITE => Operation::OffloadWrite,
        _ => Operation::Clone,
    };
    let mut change = begin(state, data, operation)?;
    change.file = key();
    if state.is_excluded(file) {
        return None;
    }
    match code {
        SET_ZERO_DATA => {
            // FILE_ZERO_DATA_INFORMATION: FileOffset, BeyondFinalZero
            change.offset = i64_at(input, 0)?;
            let length = i64_at(input, 8)?.checked_sub(change.offset)?;
            change.length = u64::try_from(length).ok().filter(|length| *length > 0)?;
        }
        OFFLOAD_WRITE => {
            // FSCTL_OFFLOAD_WRITE_INPUT: FileOffset, CopyLength, TransferOffset, Token
            change.offset = i64_at(input, 8)?;
            change.length = u64_at(input, 16)?;
            let known = state.tokens.source(token_at(input, 32)?, u64_at(input, 24)?);
            change.source = Some(known.unwrap_or(CopySource { file: FileKey::UNKNOWN, offset: 0 }));
        }
        _ => {
            // DUPLICATE_EXTENTS_DATA: FileHandle, SourceFileOffset, TargetFileOffset, ByteCount; before them, in the
            // extended structure, its size
            let first = if code == DUPLICATE_EXTENTS_EX { 8 } else { 0 };
            let from = i64_at(input, first + 8)?;
            change.offset = i64_at(input, first + 16)?;
            change.length = u64_at(input, first + 24)?;
            let handle = u64_at(input, first)?;
            change.source =
                Some(CopySource { file: cloned_from(state, data, objects, handle), offset: from });
        }
    }
    Some(Pending::Change(change))
}

/// The file that a clone's handle stands for. A handle means something in the process of who sent the control only: in
/// another thread's callback it is not known.
///
/// Maximum IRQL: `PASSIVE_LEVEL`.
fn cloned_from(
    state: &'static State,
    data: CallbackData<'_>,
    objects: RelatedObjects<'_>,
    handle: u64,
) -> FileKey {
    assert_at_most(PASSIVE_LEVEL);
    let in_context = data.thread().is_some_and(|thread| Thread::with_current(|current| current == thread));
    if !in_context {
        return FileKey::UNKNOWN;
    }
    let Ok(source) = ReferencedFile::by_handle(handle, data.requestor_mode()) else {
        return FileKey::UNKNOWN;
    };
    let key = state.files.key_by_address(source.file());
    if key.is_known() || !source.is_on_volume_of(&objects) {
        return key;
    }
    streams::of_other(state, objects, source.file()).map_or(FileKey::UNKNOWN, |stream| stream.key())
}

/// The 64-bit number at a place of a buffer, if that is long enough.
///
/// Maximum IRQL: `APC_LEVEL`, as for the buffer.
fn u64_at(buffer: &[u8], at: usize) -> Option<u64> {
    buffer.get(at..)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
}

/// Maximum IRQL: as for [`u64_at`].
fn i64_at(buffer: &[u8], at: usize) -> Option<i64> {
    u64_at(buffer, at).map(u64::cast_signed)
}

/// Maximum IRQL: as for [`u64_at`].
fn token_at(buffer: &[u8], at: usize) -> Option<&Token> {
    buffer.get(at..)?.first_chunk::<TOKEN_BYTES>()
}
