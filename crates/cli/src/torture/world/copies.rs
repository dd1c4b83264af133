//! Who makes the writes of a copy, and from what.

use super::{Invalid, SYSTEM_PID, Truth, World, ensure};
use crate::model::Offset;
use crate::scenario::model::FileSystem;
use crate::windows_version::WindowsVersion;

impl World {
    pub(super) fn copy_file(
        &mut self,
        thread: &str,
        (from, to): (&str, &str),
        size: u64,
        chunk: u32,
    ) -> Result<Vec<Truth>, Invalid> {
        let thread = self.living_thread(thread)?;
        ensure(self.threads[thread].attached.is_empty())?;
        self.meets(thread);
        let author = self.author(thread).ok_or(Invalid)?;
        let (from, to) = (self.file(from)?, self.file(to)?);
        let size = i64::try_from(size).map_err(|_| Invalid)?;
        ensure(!self.is_deleting(from) && !self.is_deleting(to))?;
        ensure(!self.is_held_up(to))?;
        ensure(!self.files[from].is_held() && !self.files[to].is_held())?;
        ensure(from != to && chunk > 0 && size > 0 && size % i64::from(chunk) == 0)?;
        self.files[from].size = size;
        self.files[to].size = size;
        let kernel = self.has_kernel_copy();
        self.opened(from, kernel);
        self.opened(to, true);
        let volumes = [from, to].map(|file| self.files[file].volume);
        let refs = self.volumes[volumes[0]].file_system == FileSystem::Refs && volumes[0] == volumes[1];
        let by_worker = kernel || self.is_reposted(to);
        let truth = |offset| Truth {
            length: chunk,
            missing: 0,
            offset: Some(Offset::At(offset)),
            author: author.clone(),
            file: self.named(to),
            volume: volumes[1],
            kernel_mode: kernel,
            executor: by_worker.then_some(SYSTEM_PID),
            source: kernel.then(|| (self.named(from), offset)),
            // The file system may clone instead.
            optional: refs && self.windows >= WindowsVersion::Win11_24H2,
            pends: false,
        };
        let offsets = (0..size / i64::from(chunk)).map(|number| number * i64::from(chunk));
        let truths = offsets.map(truth).collect();
        self.closed(to);
        self.closed(from);
        Ok(truths)
    }

    /// A copy that its caller waits for.
    pub(super) fn copy_chunk(
        &mut self,
        thread: &str,
        from: (&str, i64),
        to: (&str, i64),
        length: u32,
    ) -> Result<Vec<Truth>, Invalid> {
        let destination = self.own_handle(thread, to.0)?;
        ensure(!self.is_held_up(self.handles[destination].file))?;
        self.copied_chunk(thread, from, to, length)
    }

    pub(super) fn copied_chunk(
        &mut self,
        thread: &str,
        (from, from_offset): (&str, i64),
        (to, to_offset): (&str, i64),
        length: u32,
    ) -> Result<Vec<Truth>, Invalid> {
        ensure(self.has_kernel_copy())?;
        let (source, destination) = (self.own_handle(thread, from)?, self.own_handle(thread, to)?);
        let thread = self.thread(thread)?;
        ensure(self.handles[source].read)?;
        ensure(self.handles[destination].write || self.handles[destination].append)?;
        let [source, destination] = [source, destination].map(|handle| self.handles[handle].file);
        let end = from_offset.checked_add(i64::from(length)).ok_or(Invalid)?;
        ensure(length > 0 && end <= self.files[source].size)?;
        let author = self.author(thread).ok_or(Invalid)?;
        let size = &mut self.files[destination].size;
        *size = (*size).max(to_offset + i64::from(length));
        Ok(vec![Truth {
            length,
            missing: 0,
            offset: Some(Offset::At(to_offset)),
            author,
            file: self.named(destination),
            volume: self.files[destination].volume,
            kernel_mode: true,
            executor: Some(SYSTEM_PID),
            source: Some((self.named(source), from_offset)),
            optional: false,
            pends: false,
        }])
    }
}
