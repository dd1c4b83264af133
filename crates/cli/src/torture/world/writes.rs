//! Who makes a write.

use super::{
    ALTITUDE, Author, Invalid, KnownFile, KnownHandle, KnownThread, Named, SYSTEM_PID, Truth, World, ensure,
};
use crate::model::Offset;
use crate::scenario::model::{Act, FastIo, Filter, Operation, Write, WriteEnd};

impl World {
    pub(super) fn author(&self, thread: usize) -> Option<Author> {
        let KnownThread { tid, process, .. } = self.threads[thread];
        let is_user = !self.processes[process].kernel;
        is_user.then(|| Author::Thread { tid, process: self.program(process) })
    }

    pub(super) fn named(&self, file: usize) -> Named {
        let KnownFile { path, earlier, links, named, .. } = &self.files[file];
        let paths = earlier.iter().chain(links).chain([path]).cloned().collect();
        Named { paths, file, known: *named }
    }

    /// The filters that have to do with every write to a file.
    fn filters_of(&self, file: usize) -> impl Iterator<Item = &Filter> {
        let path = self.files[file].path.to_uppercase();
        self.filters.iter().filter(move |filter| {
            let meant = filter.path.as_ref().is_none_or(|part| path.contains(&part.to_uppercase()));
            meant && filter.every == 1 && filter.operation == Operation::Write
        })
    }

    /// Whether a filter above has a worker send such writes on.
    pub(super) fn is_reposted(&self, file: usize) -> bool {
        self.filters_of(file).any(|filter| {
            let above = filter.altitude.parse::<f64>().is_ok_and(|altitude| altitude > ALTITUDE);
            above && matches!(filter.act, Act::Repost | Act::Hold)
        })
    }

    /// Whether a filter holds such writes up. Nobody may wait for one: the driver never rests while a consumer does not
    /// acknowledge, so that the simulator would not send it on by itself.
    pub(super) fn is_held_up(&self, file: usize) -> bool {
        self.filters_of(file).any(|filter| filter.act == Act::Hold)
    }

    /// A write that its caller waits for.
    pub(super) fn write(&mut self, write: &Write) -> Result<Vec<Truth>, Invalid> {
        let handle = self.handle_names.get(&write.handle).copied().ok_or(Invalid)?;
        ensure(!self.is_held_up(self.handles[handle].file))?;
        self.written(write)
    }

    /// Who makes a write.
    pub(super) fn written(&mut self, write: &Write) -> Result<Vec<Truth>, Invalid> {
        let thread = self.thread(&write.thread)?;
        let executor = match &write.executor {
            Some(executor) => Some(self.living_thread(executor)?),
            None => None,
        };
        ensure(self.threads[thread].alive || executor.is_some())?;
        let handle = self.handle_in(self.threads[thread].acts_in(), &write.handle)?;
        ensure(!write.no_thread || self.threads[thread].attached.is_empty())?;
        let KnownHandle { file, write: may_write, append, asynchronous, .. } = self.handles[handle];
        ensure(may_write || append)?;
        // An asynchronous handle has no file pointer.
        ensure(!asynchronous || !matches!(write.offset, Offset::FilePointer))?;
        let by_user = !write.generated && !write.paging;
        let to_the_end = by_user && !may_write;
        let offset = match write.offset {
            _ if to_the_end => Some(Offset::EndOfFile),
            Offset::FilePointer if by_user => None,
            offset => Some(offset),
        };
        let requestor = match &write.requestor {
            Some(requestor) => Some(self.living_process(requestor)?),
            None => None,
        };
        let nothing = write.fast_io == FastIo::RefusedOnly || matches!(write.end, WriteEnd::Fails(_));
        // Where the scenario says how a write ends, the file system only says so: the file stays as it is.
        if !write.paging && !nothing && write.end == WriteEnd::Model {
            let size = &mut self.files[file].size;
            *size = match offset {
                Some(Offset::At(offset)) => (*size).max(offset + i64::from(write.length)),
                Some(_) => size.saturating_add(i64::from(write.length)),
                None => *size,
            };
        }
        // Memory management writes what somebody wrote before; what was refused or failed was not written.
        if write.paging || nothing {
            return Ok(Vec::new());
        }
        let by_filter = write.generated && write.kernel_mode;
        let author = match requestor {
            // What a minifilter generates is its own, whatever thread runs.
            _ if !write.no_thread && by_filter => self.author(thread).map(|_| Author::Unknown),
            _ if !write.no_thread => self.author(thread),
            Some(0) if write.kernel_mode => None,
            None | Some(0) => Some(Author::Unknown),
            Some(process) => Some(Author::Requestor(self.program(process))),
        };
        let Some(author) = author else { return Ok(Vec::new()) };
        let runs = executor.unwrap_or(thread);
        let other = (write.no_thread || by_filter || runs != thread).then(|| self.pid_of(runs));
        Ok(vec![Truth {
            length: write.written(),
            missing: write.length - write.written(),
            offset,
            author,
            file: self.named(file),
            volume: self.files[file].volume,
            kernel_mode: write.kernel_mode,
            executor: if self.is_reposted(file) { Some(SYSTEM_PID) } else { other },
            source: None,
            optional: false,
            pends: false,
        }])
    }
}
