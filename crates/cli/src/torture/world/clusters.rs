//! Copies that the file system or the storage makes by itself: no write passes any filter.

use super::{Invalid, KnownHandle, World, ensure};
use crate::scenario::model::{BlockClone, FileSystem, OffloadRead, OffloadWrite};

/// What clones are a multiple of (Win32, "Block Cloning": whole clusters).
pub(in crate::torture) const CLUSTER: u64 = 4096;

impl World {
    /// Within what both files surely have.
    pub(super) fn clone_blocks(&self, clone: &BlockClone) -> Result<(), Invalid> {
        let BlockClone { thread, from, to, from_offset, to_offset, length, extended: _ } = clone;
        let (from, to) = (self.own_handle(thread, from)?, self.own_handle(thread, to)?);
        let [from_file, to_file] = [from, to].map(|handle| self.handles[handle].file);
        let volume = self.files[from_file].volume;
        ensure(self.volumes[volume].file_system == FileSystem::Refs && volume == self.files[to_file].volume)?;
        ensure(from_file != to_file && self.handles[from].read && self.handles[to].write)?;
        ensure([from_offset, to_offset, length].into_iter().all(|number| number % CLUSTER == 0))?;
        self.check_inside(from_file, *from_offset, *length)?;
        self.check_inside(to_file, *to_offset, *length)
    }

    pub(super) fn offload_read(&mut self, read: &OffloadRead) -> Result<(), Invalid> {
        let OffloadRead { token, thread, handle, offset, length } = read;
        let handle = self.own_handle(thread, handle)?;
        let KnownHandle { file, read, .. } = self.handles[handle];
        ensure(read && self.offloads(file) && !self.tokens.contains_key(token))?;
        self.check_inside(file, *offset, *length)?;
        self.tokens.insert(token.clone(), *length);
        Ok(())
    }

    pub(super) fn offload_write(&self, write: &OffloadWrite) -> Result<(), Invalid> {
        let OffloadWrite { token, thread, handle, token_offset, offset, length } = write;
        let handle = self.own_handle(thread, handle)?;
        let KnownHandle { file, write, .. } = self.handles[handle];
        let known = self.tokens.get(token).copied().ok_or(Invalid)?;
        ensure(write && self.offloads(file))?;
        ensure(token_offset.checked_add(*length).is_some_and(|end| end <= known))?;
        self.check_inside(file, *offset, *length)
    }

    fn offloads(&self, file: usize) -> bool {
        self.volumes[self.files[file].volume].file_system == FileSystem::Ntfs
    }

    fn check_inside(&self, file: usize, offset: u64, length: u64) -> Result<(), Invalid> {
        let end = offset.checked_add(length).and_then(|end| i64::try_from(end).ok()).ok_or(Invalid)?;
        ensure(length > 0 && end <= self.files[file].size)
    }
}
