//! What the simulator is asked for, from what the scenario says.

use std::net::SocketAddr;

use ntsim::{
    Access, Act, CopyIntent, CreateOptions, CreateSpec, Disposition, EcpSpec, FastIo, FileSystem, FilterSpec,
    Major, Mode, NtStatus, Outcome, Process, Thread, VolumeSpec, When, WriteOffset, WriteSpec,
};

use crate::model::Offset;
use crate::scenario::model;

/// A port that an SMB client may have.
const CLIENT_PORT: u16 = 49_152;

/// A write, with the thread that carries it out and the process that is said to have asked for it, where those are others.
pub(crate) fn write_spec(
    write: &model::Write,
    executor: Option<Thread>,
    requestor: Option<Process>,
) -> WriteSpec {
    let model::Write {
        thread: _,
        handle: _,
        offset,
        length,
        non_cached,
        write_through,
        paging,
        synchronous_paging,
        fast_io,
        kernel_mode,
        executor: _,
        no_thread,
        requestor: _,
        generated,
        reissued,
        end,
    } = write;
    let offset = match offset {
        Offset::At(offset) => WriteOffset::At(*offset),
        Offset::EndOfFile => WriteOffset::EndOfFile,
        Offset::FilePointer => WriteOffset::FilePointer,
    };
    WriteSpec {
        non_cached: *non_cached,
        write_through: *write_through,
        paging: *paging,
        synchronous_paging: *synchronous_paging,
        fast_io: match fast_io {
            model::FastIo::No => FastIo::No,
            model::FastIo::Accepted => FastIo::Accepted,
            model::FastIo::Refused => FastIo::RefusedThenIrp,
            model::FastIo::RefusedOnly => FastIo::Refused,
        },
        mode: mode(*kernel_mode),
        executor,
        thread_null: *no_thread,
        requestor,
        generated: *generated,
        reissued: *reissued,
        outcome: match end {
            model::WriteEnd::Model => Outcome::Model,
            model::WriteEnd::Partly(bytes) => Outcome::Bytes(*bytes),
            model::WriteEnd::Fails(why) => Outcome::Given(failure(*why)),
        },
        ..WriteSpec::new(offset, *length)
    }
}

/// The status of a write that fails so.
fn failure(why: model::WriteFailure) -> NtStatus {
    match why {
        model::WriteFailure::DiskFull => NtStatus::DISK_FULL,
        model::WriteFailure::LockConflict => NtStatus::FILE_LOCK_CONFLICT,
    }
}

/// Whether a write ended as its scenario says.
pub(crate) fn ends_as_told(write: &model::Write, result: Result<u32, NtStatus>) -> Result<(), NtStatus> {
    match (result, write.end) {
        (Err(NtStatus::FLT_DISALLOW_FAST_IO), _) if write.fast_io == model::FastIo::RefusedOnly => Ok(()),
        (Err(status), model::WriteEnd::Fails(why)) if status == failure(why) => Ok(()),
        (result, _) => result.map(drop),
    }
}

pub(crate) fn create_spec(create: &model::Create) -> CreateSpec {
    let model::Create {
        thread: _,
        handle: _,
        path,
        access: model::Access { read, write, append, delete },
        disposition,
        copy,
        kernel_mode,
        non_cached,
        write_through,
        delete_on_close,
        asynchronous,
        server_open,
        transaction: _,
    } = create;
    let mut access = Access::SYNCHRONIZE;
    access.set(Access::GENERIC_READ, *read);
    access.set(Access::GENERIC_WRITE, *write);
    access.set(Access::APPEND_DATA, *append || *write);
    access.set(Access::DELETE, *delete || *delete_on_close);
    let mut spec =
        CreateSpec::new(path).mode(mode(*kernel_mode)).access(access).disposition(match disposition {
            model::Disposition::Supersede => Disposition::Supersede,
            model::Disposition::Open => Disposition::Open,
            model::Disposition::Create => Disposition::Create,
            model::Disposition::OpenIf => Disposition::OpenIf,
            model::Disposition::Overwrite => Disposition::Overwrite,
            model::Disposition::OverwriteIf => Disposition::OverwriteIf,
        });
    spec.options.set(CreateOptions::NO_INTERMEDIATE_BUFFERING, *non_cached);
    spec.options.set(CreateOptions::WRITE_THROUGH, *write_through);
    spec.options.set(CreateOptions::DELETE_ON_CLOSE, *delete_on_close);
    spec.options.set(CreateOptions::SYNCHRONOUS_IO_NONALERT, !*asynchronous);
    if let Some(model::ServerOpen { client, share, forged }) = server_open {
        let opened = EcpSpec::srv_open(share, SocketAddr::new(*client, CLIENT_PORT));
        spec = spec.ecp(if *forged { opened.forged() } else { opened });
    }
    match copy {
        None => spec,
        Some(model::CopyIntent::Source) => spec.copy(CopyIntent::Source),
        Some(model::CopyIntent::Destination) => spec.copy(CopyIntent::Destination),
    }
}

fn mode(kernel: bool) -> Mode {
    if kernel { Mode::Kernel } else { Mode::User }
}

pub(crate) fn volume_spec(volume: &model::Volume) -> VolumeSpec {
    let file_system = match volume.file_system {
        model::FileSystem::Ntfs => FileSystem::Ntfs,
        model::FileSystem::Fat => FileSystem::Fat,
        model::FileSystem::ExFat => FileSystem::ExFat,
        model::FileSystem::Refs => FileSystem::Refs,
        model::FileSystem::Network => FileSystem::Lanman,
    };
    VolumeSpec {
        dos: volume.drive.clone(),
        guid: volume.guid.clone(),
        ..VolumeSpec::new(&volume.device).file_system(file_system)
    }
}

pub(crate) fn filter_spec(filter: &model::Filter) -> FilterSpec {
    let model::Filter { name, altitude, operation, act, every, path, paging } = filter;
    let major = match operation {
        model::Operation::Create => Major::Create,
        model::Operation::Read => Major::Read,
        model::Operation::Write => Major::Write,
        model::Operation::SetInformation => Major::SetInformation,
        model::Operation::Control => Major::FileSystemControl,
        model::Operation::Cleanup => Major::Cleanup,
        model::Operation::Close => Major::Close,
    };
    let when = When { path: path.clone(), paging: *paging, ..When::every(major).nth(*every) };
    let act = match act {
        model::Act::Repost => Act::Repost,
        model::Act::Hold => Act::Hold,
        model::Act::Reissue => Act::Reissue,
        model::Act::Write { offset, length } => {
            Act::Write { offset: i64::try_from(*offset).unwrap_or(i64::MAX), length: *length }
        }
        model::Act::CompleteAtDispatch => Act::CompleteAtDispatch,
        model::Act::Deny => Act::Complete(NtStatus::ACCESS_DENIED),
    };
    FilterSpec::new(name, altitude).act(when, act)
}
