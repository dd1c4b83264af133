//! Writes: the path that everything else is there for.
//!
//! On it there is no lock, no allocation, no name query and nothing paged.

use audit::attribution::{Attribution, attribute};
use audit::key::FileKey;
use audit::record::{CopySource, Event, Write as WriteRecord, WriteFlags, WriteOffset};
use fltmgr::irql::{APC_LEVEL, assert_at_most};
use fltmgr::raw::IRP_MJ_WRITE;
use fltmgr::{
    CallbackData, CopyInformation, FileObject, Mode, NtStatus, Operation, OperationFlags, PreOperation,
    RelatedObjects, WriteParameters,
};

use crate::facts;
use crate::irql::AtDispatchLevel;
use crate::state::{self, State};
use crate::{processor, time};

pub(crate) enum Write {}

impl Operation for Write {
    const MAJOR_FUNCTION: u8 = IRP_MJ_WRITE;
    /// What memory management writes was written before by somebody else.
    const FLAGS: OperationFlags = OperationFlags::SKIP_PAGING_IO;

    /// Maximum IRQL: `APC_LEVEL`.
    fn pre(data: &CallbackData<'_>, objects: &RelatedObjects<'_>) -> PreOperation {
        assert_at_most(APC_LEVEL);
        if data.is_paging_io() {
            return PreOperation::Done;
        }
        if data.is_fast_io() {
            // Refused, it comes again as an IRP, which would be a second write.
            return PreOperation::WithPost;
        }
        record(data, objects);
        PreOperation::Done
    }

    /// Only for fast I/O, hence in its thread.
    ///
    /// Maximum IRQL: `APC_LEVEL`.
    fn post(data: &CallbackData<'_>, objects: &RelatedObjects<'_>) {
        assert_at_most(APC_LEVEL);
        if data.status() != NtStatus::FLT_DISALLOW_FAST_IO {
            record(data, objects);
        }
    }
}

/// Maximum IRQL: `APC_LEVEL`.
fn record(data: &CallbackData<'_>, objects: &RelatedObjects<'_>) {
    let Some(state) = state::get().filter(|state| state.is_recording()) else { return };
    let Some(write) = data.write().filter(|write| !write.is_mdl_completion()) else { return };
    let copy = facts::copy_information(state, data);
    let attribution = attribute(&facts::gather(data, copy.is_some()));
    if attribution.is_recorded() {
        push(state, &event(state, data, objects, write, copy.as_ref(), &attribution));
    }
}

/// Maximum IRQL: `APC_LEVEL`.
fn event(
    state: &State,
    data: &CallbackData<'_>,
    objects: &RelatedObjects<'_>,
    write: WriteParameters<'_>,
    copy: Option<&CopyInformation<'_>>,
    attribution: &Attribution,
) -> Event {
    let offset = match write.offset() {
        WriteParameters::TO_END_OF_FILE => WriteOffset::EndOfFile,
        WriteParameters::AT_FILE_POINTER => WriteOffset::FilePointer,
        offset => WriteOffset::At(offset),
    };
    let file = objects.file_object();
    WriteRecord {
        flags: flags(data, write, file),
        file: file.map_or(FileKey::UNKNOWN, |file| state.files.key_of(objects.instance(), file)),
        executor: facts::executor(data),
        copy: copy.map(|copy| CopySource {
            file: copy.source().map_or(FileKey::UNKNOWN, |source| state.files.key_by_address(source)),
            offset: copy.source_offset(),
        }),
        ..WriteRecord::new(time::now(), attribution, offset, write.length())
    }
    .encode()
}

/// Maximum IRQL: any.
fn flags(data: &CallbackData<'_>, write: WriteParameters<'_>, file: Option<FileObject<'_>>) -> WriteFlags {
    let write_through = write.is_write_through() || file.is_some_and(FileObject::is_write_through);
    let of = |holds: bool, flag: WriteFlags| WriteFlags::from_bits_retain(flag.bits() * u32::from(holds));
    of(data.requestor_mode() == Mode::User, WriteFlags::USER_MODE)
        | of(data.is_paging_io(), WriteFlags::PAGING)
        | of(data.is_synchronous_paging_io(), WriteFlags::SYNCHRONOUS_PAGING)
        | of(data.is_non_cached(), WriteFlags::NON_CACHED)
        | of(data.is_fast_io(), WriteFlags::FAST_IO)
        | of(data.is_generated(), WriteFlags::GENERATED)
        | of(data.is_reissued(), WriteFlags::REISSUED)
        | of(write_through, WriteFlags::WRITE_THROUGH)
}

/// Maximum IRQL: `APC_LEVEL`. A full ring counts what it refuses.
fn push(state: &State, event: &Event) {
    // A producer that is suspended between reserving its place and filling it would hold its processor's
    // records back.
    let _level = AtDispatchLevel::raise();
    if state.ring.push(processor::current(), event).is_ok_and(|pushed| pushed.wake) {
        state.wake.set();
    }
}
