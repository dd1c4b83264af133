//! Volumes are locked and dismounted: `FSCTL_LOCK_VOLUME`, `FSCTL_UNLOCK_VOLUME`, `FSCTL_DISMOUNT_VOLUME` (winioctl).

use std::sync::Arc;

use super::file::File;
use super::fs_control::control;
use super::request::{IoStatus, file_of};
use super::{Volume, file_object, waiting};
use crate::cc::pages;
use crate::cc::write_out::{Writer, write_out};
use crate::fltmgr;
use crate::ke::Cpu;
use crate::sim::Handle;
use crate::status::NtStatus;

/// `FSCTL_LOCK_VOLUME`
const LOCK_VOLUME: u32 = 0x0009_0018;
/// `FSCTL_UNLOCK_VOLUME`
const UNLOCK_VOLUME: u32 = 0x0009_001C;
/// `FSCTL_DISMOUNT_VOLUME`
const DISMOUNT_VOLUME: u32 = 0x0009_0020;

/// The file object behind a handle of a volume.
fn opened_volume(cpu: &Cpu, handle: Handle) -> Result<Arc<File>, NtStatus> {
    let file = file_of(cpu.kernel(), &cpu.thread(), handle)?;
    if file.has(file_object::VOLUME_OPEN) { Ok(file) } else { Err(NtStatus::INVALID_PARAMETER) }
}

/// What is dirty is written, and what is cached of files that nobody has a handle of is let go; what cannot be written stays
/// dirty.
fn write_everything(cpu: &Cpu, volume: &Volume) {
    for stream in volume.names.open_streams() {
        let _ = write_out(cpu, &stream, &pages::EVERYTHING, Writer::FileSystem);
        pages::release_idle(cpu, &stream);
    }
}

/// `FSCTL_LOCK_VOLUME` by the current thread: it is refused while files are open.
pub(crate) fn lock(cpu: &Cpu, handle: Handle) -> Result<(), NtStatus> {
    let file = opened_volume(cpu, handle)?;
    control(cpu, &file, LOCK_VOLUME, (), 0, |cpu, target, _| {
        let volume = target.volume();
        write_everything(cpu, volume);
        let is_free = volume.names.open_streams().is_empty();
        let locked = is_free && volume.lock(target.ptr().address());
        IoStatus::plain(if locked { NtStatus::SUCCESS } else { NtStatus::ACCESS_DENIED })
    })
    .map(|_| ())
}

/// `FSCTL_UNLOCK_VOLUME` by the current thread.
pub(crate) fn unlock(cpu: &Cpu, handle: Handle) -> Result<(), NtStatus> {
    let file = opened_volume(cpu, handle)?;
    control(cpu, &file, UNLOCK_VOLUME, (), 0, |_, target, _| {
        let unlocked = target.volume().unlock(target.ptr().address());
        IoStatus::plain(if unlocked { NtStatus::SUCCESS } else { NtStatus::NOT_LOCKED })
    })
    .map(|_| ())
}

/// `FSCTL_DISMOUNT_VOLUME` by the current thread: what is dirty is written, requests that wait end, filters detach, and files that
/// are open are good for nothing but being closed. Only who has locked the volume dismounts it while it is locked.
pub(crate) fn dismount(cpu: &Cpu, handle: Handle) -> Result<(), NtStatus> {
    let file = opened_volume(cpu, handle)?;
    let volume = Arc::clone(file.volume());
    let target = Arc::clone(&volume);
    control(cpu, &file, DISMOUNT_VOLUME, (), 0, move |cpu, by, _| {
        if target.is_locked_by_other(by.ptr().address()) {
            return IoStatus::plain(NtStatus::ACCESS_DENIED);
        }
        write_everything(cpu, &target);
        for stream in target.names.open_streams() {
            // What could not be written is lost.
            pages::discard(cpu, &stream, &pages::EVERYTHING);
            pages::release_idle(cpu, &stream);
        }
        target.set_dismounted();
        IoStatus::plain(NtStatus::SUCCESS)
    })?;
    let is_there = |file: &File| Arc::ptr_eq(file.volume(), &volume);
    waiting::end(cpu, |operation| is_there(&operation.file), NtStatus::VOLUME_DISMOUNTED);
    fltmgr::teardown::volume_dismounted(cpu, &volume);
    cpu.kernel().volumes.remove(&volume);
    Ok(())
}
