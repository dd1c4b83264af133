//! Handles that another process gets, accounts that a thread takes on, and writes straight into the cache.

use super::{Invalid, KnownHandle, SYSTEM_PID, Truth, World, ensure};
use crate::model::Offset;
use crate::scenario::model::Share;

impl World {
    /// Another process has the same file open from now on; the driver hears nothing of it.
    pub(super) fn share(&mut self, share: &Share) -> Result<(), Invalid> {
        let Share { thread, from, handle, process } = share;
        let process = self.living_process(process)?;
        ensure(process != 0 && !self.handle_names.contains_key(handle))?;
        let (from, value) = if let Some(thread) = thread {
            (self.own_handle(thread, from)?, self.handles.len())
        } else {
            let from = self.handle_names.get(from).copied().ok_or(Invalid)?;
            let KnownHandle { open, dead, value, process: parent, .. } = self.handles[from];
            let has_it = |known: &KnownHandle| known.process == process && known.value == value;
            ensure(open && !dead && parent != 0 && !self.handles.iter().any(has_it))?;
            (from, value)
        };
        let known = self.handles[from].clone();
        self.files[known.file].open += 1;
        self.handle_names.insert(handle.clone(), self.handles.len());
        self.handles.push(KnownHandle { name: handle.as_str().into(), process, value, ..known });
        Ok(())
    }

    /// Whose account a thread acts under says nothing of who writes.
    pub(super) fn impersonate(&self, thread: &str, client: &str) -> Result<(), Invalid> {
        self.living_thread(thread)?;
        self.living_process(client).map(|_| ())
    }

    /// One write, when the pages are asked for; that they are full carries no new data.
    pub(super) fn mdl_write(
        &mut self,
        thread: &str,
        handle: &str,
        offset: u64,
        length: u32,
    ) -> Result<Vec<Truth>, Invalid> {
        let handle = self.own_handle(thread, handle)?;
        let thread = self.thread(thread)?;
        let KnownHandle { file, write, non_cached, .. } = self.handles[handle];
        ensure(write && !non_cached && !self.is_held_up(file))?;
        let offset = i64::try_from(offset).map_err(|_| Invalid)?;
        let size = &mut self.files[file].size;
        *size = (*size).max(offset + i64::from(length));
        let truth = |author| Truth {
            length,
            missing: 0,
            offset: Some(Offset::At(offset)),
            author,
            file: self.named(file),
            volume: self.files[file].volume,
            kernel_mode: true,
            executor: self.is_reposted(file).then_some(SYSTEM_PID),
            source: None,
            optional: false,
            pends: false,
        };
        Ok(self.author(thread).map(truth).into_iter().collect())
    }
}
