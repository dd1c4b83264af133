//! Writes and copies whose callers do not wait: they are who they were when the request began, whatever ends meanwhile.

use std::sync::Arc;

use super::{Invalid, KnownHandle, Named, Truth, World, ensure};
use crate::scenario::model::{FastIo, StartCopyChunk, StartWrite};

/// A request that may not be complete.
pub(in crate::torture) struct Outstanding {
    pub(in crate::torture) request: Arc<str>,
    /// Who began it.
    pub(in crate::torture) thread: usize,
    /// What it reads and writes, and how much.
    files: Vec<usize>,
    length: u32,
}

impl World {
    pub(super) fn start_write(&mut self, start: &StartWrite) -> Result<Vec<Truth>, Invalid> {
        let StartWrite { request, notice: _, write } = start;
        let thread = self.living_thread(&write.thread)?;
        self.check_new_request(request)?;
        ensure(write.executor.is_none() && write.requestor.is_none() && write.fast_io == FastIo::No)?;
        ensure(!write.no_thread && !write.paging && !write.generated && !write.reissued)?;
        let handle = self.own_handle(&write.thread, &write.handle)?;
        let KnownHandle { file, asynchronous, transaction, .. } = self.handles[handle];
        ensure(asynchronous && transaction.is_none() && !self.is_deleting(file))?;
        let size = self.files[file].size;
        let truths = self.written(write)?;
        // When it grows is not known.
        self.files[file].size = size;
        self.begin(request, thread, vec![file], write.written());
        Ok(pending(truths))
    }

    pub(super) fn start_copy_chunk(&mut self, start: &StartCopyChunk) -> Result<Vec<Truth>, Invalid> {
        let StartCopyChunk { request, thread, from, to, from_offset, to_offset, length } = start;
        self.check_new_request(request)?;
        let caller = self.living_thread(thread)?;
        let (source, destination) = (self.own_handle(thread, from)?, self.own_handle(thread, to)?);
        let files = [source, destination].map(|handle| self.handles[handle].file);
        let plain = |handle: usize| self.handles[handle].transaction.is_none();
        ensure(plain(source) && plain(destination) && !files.iter().any(|file| self.is_deleting(*file)))?;
        // The call returns before the write is complete only if the destination is asynchronous.
        ensure(self.handles[destination].asynchronous || !self.is_held_up(files[1]))?;
        let size = self.files[files[1]].size;
        let truths = self.copied_chunk(thread, (from, *from_offset), (to, *to_offset), *length)?;
        self.files[files[1]].size = size;
        self.begin(request, caller, files.to_vec(), *length);
        Ok(pending(truths))
    }

    /// It is complete from here on.
    pub(super) fn complete(&mut self, request: &str) -> Result<(), Invalid> {
        let found = self.outstanding.iter().position(|known| *known.request == *request).ok_or(Invalid)?;
        for file in self.outstanding.swap_remove(found).files {
            self.files[file].busy -= 1;
        }
        Ok(())
    }

    fn check_new_request(&self, request: &str) -> Result<(), Invalid> {
        ensure(!self.requests.contains(request))
    }

    fn begin(&mut self, request: &str, thread: usize, files: Vec<usize>, length: u32) {
        self.requests.insert(request.to_owned());
        for file in &files {
            self.files[*file].busy += 1;
        }
        self.outstanding.push(Outstanding { request: request.into(), thread, files, length });
    }

    /// A file gets a name: requests that are on their way may be recorded with it.
    pub(super) fn rename_under_way(&mut self, file: usize, to: &str) {
        for Outstanding { files, length, .. } in &self.outstanding {
            if files.contains(&file) {
                self.later_names.push((*length, file, to.into()));
            }
        }
    }

    /// Gives what was begun the names that its files got before it was complete.
    pub(in crate::torture) fn add_later_names<'t>(&self, truths: impl Iterator<Item = &'t mut Truth>) {
        if self.later_names.is_empty() {
            return;
        }
        for truth in truths.filter(|truth| truth.pends) {
            let source = truth.source.as_mut().map(|(named, _)| named);
            for named in [Some(&mut truth.file), source].into_iter().flatten() {
                let Named { file, paths, .. } = named;
                let of_it = self.later_names.iter();
                let of_it = of_it.filter(|(length, other, _)| *length == truth.length && other == file);
                paths.extend(of_it.map(|(_, _, path)| Arc::clone(path)));
            }
        }
    }
}

fn pending(mut truths: Vec<Truth>) -> Vec<Truth> {
    for truth in &mut truths {
        truth.pends = true;
    }
    truths
}
