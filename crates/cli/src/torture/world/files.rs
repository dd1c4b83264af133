//! Files and handles: what is opened, closed, renamed and deleted.

use std::sync::Arc;

use super::{Invalid, KnownFile, KnownHandle, World, ensure};
use crate::scenario::model::{CopyIntent, Create, Disposition, HandleAction};

impl World {
    /// The file of a path whose volume is there.
    pub(super) fn file(&mut self, path: &str) -> Result<usize, Invalid> {
        if let Some(file) = self.paths.get(path) {
            return Ok(*file);
        }
        let volume =
            self.volumes.iter().position(|volume| path.starts_with(&*volume.drive)).ok_or(Invalid)?;
        let file = self.files.len();
        self.paths.insert(path.to_owned(), file);
        self.files.push(KnownFile {
            path: path.into(),
            earlier: Vec::new(),
            deleting: false,
            volume,
            exists: false,
            size: 0,
            open: 0,
            named: false,
        });
        Ok(file)
    }

    pub(super) fn create(&mut self, create: &Create) -> Result<(), Invalid> {
        let Create { thread, handle, path, access, disposition, copy, .. } = create;
        let thread = self.living_thread(thread)?;
        ensure(!self.handle_names.contains_key(handle))?;
        let file = self.file(path)?;
        ensure(!self.files[file].deleting)?;
        self.meets(thread);
        let exists = self.files[file].exists;
        match disposition {
            Disposition::Open | Disposition::Overwrite => ensure(exists)?,
            Disposition::Create => ensure(!exists)?,
            Disposition::Supersede | Disposition::OpenIf | Disposition::OverwriteIf => {}
        }
        let copied = *copy == Some(CopyIntent::Source) && self.has_kernel_copy();
        self.opened(file, access.write || access.append || copied);
        if !matches!(disposition, Disposition::Open | Disposition::OpenIf) {
            self.files[file].size = 0;
        }
        self.handle_names.insert(handle.clone(), self.handles.len());
        self.handles.push(KnownHandle {
            name: handle.as_str().into(),
            process: self.threads[thread].process,
            file,
            read: access.read,
            write: access.write,
            append: access.append,
            delete: access.delete,
            non_cached: create.non_cached,
            open: true,
        });
        Ok(())
    }

    /// A file is opened; `named` if that makes the driver ask for its name.
    pub(super) fn opened(&mut self, file: usize, named: bool) {
        let loaded = self.loaded;
        let file = &mut self.files[file];
        file.exists = true;
        file.open += 1;
        file.named |= named && loaded;
    }

    pub(super) fn closed(&mut self, file: usize) {
        let file = &mut self.files[file];
        file.open -= 1;
        if file.open == 0 {
            file.named = false;
            file.earlier.clear();
            if std::mem::take(&mut file.deleting) {
                file.exists = false;
                file.size = 0;
            }
        }
    }

    pub(super) fn close(&mut self, handle: usize) {
        self.handles[handle].open = false;
        self.closed(self.handles[handle].file);
    }

    /// A handle that is open in the process of a thread that lives.
    pub(super) fn own_handle(&self, thread: &str, handle: &str) -> Result<usize, Invalid> {
        let thread = self.living_thread(thread)?;
        self.handle_in(self.threads[thread].process, handle)
    }

    pub(super) fn handle_in(&self, process: usize, handle: &str) -> Result<usize, Invalid> {
        let handle = self.handle_names.get(handle).copied().ok_or(Invalid)?;
        let KnownHandle { open, process: owner, .. } = self.handles[handle];
        ensure(open && owner == process)?;
        Ok(handle)
    }

    pub(super) fn on_handle(&mut self, handle: usize, what: &HandleAction) -> Result<(), Invalid> {
        let KnownHandle { file, write, delete, .. } = self.handles[handle];
        match what {
            HandleAction::Rename(path) => {
                ensure(delete && !self.files[file].deleting)?;
                self.rename(file, path)
            }
            HandleAction::Delete { posix: false } => {
                ensure(delete)?;
                self.files[file].deleting = true;
                Ok(())
            }
            HandleAction::EndOfFile(size) => {
                ensure(write)?;
                self.files[file].size = i64::try_from(*size).map_err(|_| Invalid)?;
                Ok(())
            }
            HandleAction::Zero { .. } => ensure(write && self.volumes[self.files[file].volume].zeroes),
            HandleAction::Flush | HandleAction::Basic => ensure(write),
            HandleAction::Query => Ok(()),
            _ => Err(Invalid),
        }
    }

    /// A file without streams gets a name that nothing has.
    pub(super) fn rename(&mut self, file: usize, to: &str) -> Result<(), Invalid> {
        let from = Arc::clone(&self.files[file].path);
        let drive = &self.volumes[self.files[file].volume].drive;
        let has_streams = |path: &str| {
            let streams = format!("{path}:");
            path.matches(':').count() > 1 || self.paths.keys().any(|known| known.starts_with(&streams))
        };
        ensure(to.starts_with(&**drive) && !has_streams(&from) && !has_streams(to))?;
        let taken = self.paths.get(to).is_some_and(|other| self.files[*other].exists);
        ensure(*to != *from && !taken)?;
        self.paths.remove(&*from);
        self.paths.insert(to.to_owned(), file);
        let file = &mut self.files[file];
        file.earlier.push(std::mem::replace(&mut file.path, to.into()));
        Ok(())
    }
}
