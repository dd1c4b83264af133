//! Files and handles: what is opened, closed, renamed and deleted.

use std::sync::Arc;

use super::{Invalid, KnownFile, KnownHandle, KnownVolume, VOLUME_PREFIX, World, ensure};
use crate::scenario::model::{CopyIntent, Create, Disposition, FileSystem, HandleAction};
use crate::windows_version::WindowsVersion;

impl World {
    /// The file of a path whose volume is there.
    pub(super) fn file(&mut self, path: &str) -> Result<usize, Invalid> {
        if let Some(file) = self.paths.get(path) {
            return Ok(*file);
        }
        let is_on = |volume: &KnownVolume| !volume.gone && path.starts_with(&*volume.drive);
        let volume = self.volumes.iter().position(is_on).ok_or(Invalid)?;
        let file = self.files.len();
        self.paths.insert(path.to_owned(), file);
        self.files.push(KnownFile {
            path: path.into(),
            earlier: Vec::new(),
            links: Vec::new(),
            mapped: 0,
            busy: 0,
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
        if let Some(drive) = path.strip_prefix(VOLUME_PREFIX) {
            return self.open_volume(handle, drive);
        }
        let file = self.file(path)?;
        ensure(!self.is_deleting(file))?;
        let truncates = !matches!(disposition, Disposition::Open | Disposition::OpenIf);
        ensure(!truncates || !self.files[file].is_held())?;
        let transaction = match &create.transaction {
            Some(name) => Some(self.enlist(name, file, truncates)?),
            None => None,
        };
        self.meets(thread);
        let exists = self.files[file].exists;
        match disposition {
            Disposition::Open | Disposition::Overwrite => ensure(exists)?,
            Disposition::Create => ensure(!exists)?,
            Disposition::Supersede | Disposition::OpenIf | Disposition::OverwriteIf => {}
        }
        let copied = *copy == Some(CopyIntent::Source) && self.has_kernel_copy();
        self.opened(file, access.write || access.append || copied);
        if truncates {
            self.files[file].size = 0;
        }
        self.handle_names.insert(handle.clone(), self.handles.len());
        self.handles.push(KnownHandle {
            name: handle.as_str().into(),
            process: self.threads[thread].acts_in(),
            file,
            read: access.read,
            write: access.write,
            append: access.append,
            delete: access.delete,
            non_cached: create.non_cached,
            asynchronous: create.asynchronous,
            value: self.handles.len(),
            transaction,
            dead: false,
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
        self.handle_in(self.threads[thread].acts_in(), handle)
    }

    pub(super) fn handle_in(&self, process: usize, handle: &str) -> Result<usize, Invalid> {
        let handle = self.handle_names.get(handle).copied().ok_or(Invalid)?;
        let KnownHandle { open, dead, process: owner, .. } = self.handles[handle];
        ensure(open && !dead && owner == process)?;
        Ok(handle)
    }

    /// Closes a handle of a thread that lives, even one that is good for nothing else.
    pub(super) fn close_own(&mut self, thread: &str, handle: &str) -> Result<(), Invalid> {
        let thread = self.living_thread(thread)?;
        if self.volume_handles.remove(handle).is_some() {
            return Ok(());
        }
        let handle = self.handle_names.get(handle).copied().ok_or(Invalid)?;
        let KnownHandle { open, process, .. } = self.handles[handle];
        ensure(open && process == self.threads[thread].acts_in())?;
        self.close(handle);
        Ok(())
    }

    pub(super) fn on_handle(&mut self, handle: usize, what: &HandleAction) -> Result<(), Invalid> {
        let KnownHandle { file, write, delete, .. } = self.handles[handle];
        match what {
            HandleAction::Rename(path) => {
                ensure(delete && !self.files[file].deleting)?;
                self.rename(file, path)
            }
            HandleAction::Link(path) => {
                ensure(delete && !self.files[file].deleting)?;
                self.link(file, path)
            }
            HandleAction::Delete { posix: false } => {
                // With a file go its streams, whoever has them open.
                let known = &self.files[file];
                ensure(delete && known.links.is_empty() && !known.is_held())?;
                ensure(!self.has_streams(&known.path))?;
                self.files[file].deleting = true;
                Ok(())
            }
            HandleAction::EndOfFile(size) => {
                ensure(write && !self.files[file].is_held())?;
                self.files[file].size = i64::try_from(*size).map_err(|_| Invalid)?;
                Ok(())
            }
            HandleAction::Zero { .. } => {
                let file_system = self.volumes[self.files[file].volume].file_system;
                ensure(write && matches!(file_system, FileSystem::Ntfs | FileSystem::Refs))
            }
            HandleAction::Flush | HandleAction::Basic => ensure(write),
            HandleAction::Query => Ok(()),
            _ => Err(Invalid),
        }
    }

    /// Whether a file has streams beside its own data, or had.
    fn has_streams(&self, path: &str) -> bool {
        let streams = format!("{path}:");
        self.paths.keys().any(|known| known.starts_with(&streams))
    }

    /// Whether it goes with a last handle: its own, or as a stream its file's.
    pub(super) fn is_deleting(&self, file: usize) -> bool {
        let KnownFile { path, deleting, .. } = &self.files[file];
        let whole = path.rsplit_once(':').and_then(|(whole, _)| self.paths.get(whole));
        *deleting || whole.is_some_and(|whole| self.files[*whole].deleting)
    }

    /// A file without streams or links gets a name that nothing has.
    pub(super) fn rename(&mut self, file: usize, to: &str) -> Result<(), Invalid> {
        ensure(self.files[file].links.is_empty())?;
        self.check_new_name(file, to)?;
        let from = Arc::clone(&self.files[file].path);
        self.paths.remove(&*from);
        self.paths.insert(to.to_owned(), file);
        self.rename_under_way(file, to);
        let file = &mut self.files[file];
        file.earlier.push(std::mem::replace(&mut file.path, to.into()));
        Ok(())
    }

    /// A file without streams gets a further name.
    fn link(&mut self, file: usize, to: &str) -> Result<(), Invalid> {
        let since = match self.volumes[self.files[file].volume].file_system {
            FileSystem::Ntfs => WindowsVersion::Win10_2004,
            FileSystem::Refs => WindowsVersion::Win11_21H2,
            _ => return Err(Invalid),
        };
        ensure(self.windows >= since)?;
        self.check_new_name(file, to)?;
        self.paths.insert(to.to_owned(), file);
        self.rename_under_way(file, to);
        self.files[file].links.push(to.into());
        Ok(())
    }

    /// A name on the file's volume that nothing has, where neither has streams.
    fn check_new_name(&self, file: usize, to: &str) -> Result<(), Invalid> {
        let from = &self.files[file].path;
        let drive = &self.volumes[self.files[file].volume].drive;
        let involved = |path: &str| is_stream(path) || self.has_streams(path);
        ensure(!self.is_held_up(file))?;
        ensure(to.starts_with(&**drive) && !involved(from) && !involved(to))?;
        let taken = self.paths.get(to).is_some_and(|other| self.files[*other].exists);
        ensure(*to != **from && !taken)
    }
}

/// Whether a path names a stream other than the file's own data.
fn is_stream(path: &str) -> bool {
    path.matches(':').count() > 1
}

#[cfg(test)]
mod tests {
    use super::World;
    use crate::scenario::Scenario;
    use crate::windows_version::WindowsVersion;

    const MACHINE: &str = r##"
        scenario "Streams" {
            why "A file's streams go with it"
            windows "11-24h2"
            torture processors=1 schedule="fixed"
        }
        volume drive="C:" device=#"\Device\HarddiskVolume1"# file-system="ntfs"
        process "p" pid=1000 image=#"C:\p.exe"# session=1 {
            thread "t" tid=1004
        }
        play {
            create "file" thread="t" path=#"C:\f"# access="write delete"
            STEP
            STEP
        }"##;

    /// Whether two steps can be played after a file was opened.
    fn is_valid(steps: [&str; 2]) -> bool {
        let text = steps.into_iter().fold(MACHINE.to_owned(), |text, step| text.replacen("STEP", step, 1));
        let scenario = Scenario::parse("streams.kdl", &text).unwrap_or_else(|error| panic!("{error}"));
        let mut world =
            World::new(&scenario, WindowsVersion::Win11_24H2).unwrap_or_else(|_| panic!("{text}"));
        scenario.steps.iter().all(|step| world.apply(&step.action).is_ok())
    }

    /// Regression test: a stream was opened after its file was gone (`STATUS_OBJECT_NAME_NOT_FOUND`).
    #[test]
    fn a_file_with_streams_stays() {
        let delete = r#"delete "file" thread="t""#;
        let open = |path: &str| format!(r##"create "other" thread="t" path=#"C:\{path}"#"##);
        assert!(is_valid([&open("g:s"), delete]), "another's stream");
        assert!(!is_valid([&open("f:s"), delete]));
        assert!(!is_valid([delete, &open("f:s")]));
    }
}
