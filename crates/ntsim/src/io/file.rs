//! File objects.

use std::sync::{Arc, OnceLock};

use super::directory::Scan;
use super::file_object;
use super::node::Fcb;
use super::share::Claim;
use super::transaction::TransactionObject;
use super::volume::Volume;
use crate::abi::{
    DispatcherHeader, FileObject, KernelEvent, ListEntry, Ptr, SectionObjectPointers, Shared, SharedText,
    UnicodeString,
};
use crate::fltmgr::{Altitude, ContextList, NameCache};
use crate::sim::{Access, CopyIntent, CreateOptions, CreateSpec, Share};
use crate::util::Lock;

/// `IO_TYPE_FILE`
const IO_TYPE_FILE: i16 = 5;

/// An open file, or one that is being opened.
pub(crate) struct File {
    object: Shared<FileObject>,
    volume: Arc<Volume>,
    /// The path on the volume; the buffer of `FileName`.
    name: SharedText,
    /// The NT path.
    path: SharedText,
    access: Access,
    /// What it does and lets others do, once the file system has opened it.
    claim: OnceLock<Claim>,
    copy: Option<CopyIntent>,
    /// Set when the file system has opened it, unless it opened the volume itself.
    fcb: OnceLock<Arc<Fcb>>,
    /// The filter that opened it for itself: only those below see what happens to it.
    below: OnceLock<Altitude>,
    uses: Lock<Uses>,
    /// The name that a filter gave the file object in place of its own.
    replaced_name: Lock<Option<SharedText>>,
    /// How far a directory has been listed by it.
    pub(super) scan: Lock<Option<Scan>>,
    /// The transaction that it was opened under.
    transaction: OnceLock<Arc<TransactionObject>>,
    /// What filters attached to it.
    pub(crate) contexts: ContextList,
    /// What the Filter Manager knows of the name by which it is opened.
    pub(crate) names: NameCache,
}

/// Who needs a file object.
#[derive(Default)]
struct Uses {
    handles: usize,
    /// The open itself until its cleanup, requests in flight, the cache and memory managers.
    holds: usize,
    /// The close is due, or has been sent.
    closed: bool,
    /// The close has been sent.
    deleted: bool,
    /// The name goes with this file object's cleanup, even if others have the file open (POSIX semantics).
    deletes_at_once: bool,
}

impl File {
    /// The file object of an open that has yet to reach the file system.
    pub(super) fn new(
        volume: Arc<Volume>,
        name: String,
        spec: &CreateSpec,
        copy: Option<CopyIntent>,
    ) -> Self {
        let path = SharedText::new(format!("{}{name}", volume.device_name().as_str()));
        let name = SharedText::new(name);
        let mut object = empty_object();
        object.device_object = volume.device();
        object.file_name = name.descriptor();
        object.flags = flags_of(spec.options);
        if name.as_str().is_empty() {
            object.flags |= file_object::VOLUME_OPEN;
        }
        let object = Shared::new(object);
        Self {
            object,
            volume,
            name,
            path,
            access: spec.access,
            claim: OnceLock::new(),
            copy,
            fcb: OnceLock::new(),
            below: OnceLock::new(),
            uses: Lock::default(),
            replaced_name: Lock::default(),
            scan: Lock::default(),
            transaction: OnceLock::new(),
            contexts: ContextList::default(),
            names: NameCache::default(),
        }
    }

    /// A filter at an altitude opens it for itself.
    pub(super) fn set_below(&self, altitude: Altitude) {
        let _ = self.below.set(altitude);
    }

    /// The altitude of the filter that opened it for itself.
    pub(crate) fn below(&self) -> Option<Altitude> {
        self.below.get().copied()
    }

    pub(crate) fn ptr(&self) -> Ptr<FileObject> {
        self.object.ptr()
    }

    pub(crate) fn volume(&self) -> &Arc<Volume> {
        &self.volume
    }

    /// The path on the volume.
    pub(crate) fn name(&self) -> &str {
        self.name.as_str()
    }

    /// Whether the path names a stream of a file.
    pub(super) fn names_stream(&self) -> bool {
        self.name().rsplit('\\').next().is_some_and(|last| last.contains(':'))
    }

    /// A filter gives the file object another name; it is what a create that is reparsed goes on with.
    pub(super) fn replace_name(&self, name: String) {
        let name = SharedText::new(name);
        self.object.update(|object| object.file_name = name.descriptor());
        *self.replaced_name.lock() = Some(name);
    }

    /// The name that it was given.
    pub(super) fn replaced_name(&self) -> Option<String> {
        self.replaced_name.lock().as_ref().map(|name| name.as_str().to_owned())
    }

    /// The NT path.
    pub(crate) fn path(&self) -> &str {
        self.path.as_str()
    }

    pub(crate) fn path_text(&self) -> &SharedText {
        &self.path
    }

    pub(crate) fn access(&self) -> Access {
        self.access
    }

    pub(super) fn set_transaction(&self, transaction: Arc<TransactionObject>) {
        let _ = self.transaction.set(transaction);
    }

    /// The transaction that it was opened under.
    pub(crate) fn transaction(&self) -> Option<&Arc<TransactionObject>> {
        self.transaction.get()
    }

    pub(crate) fn copy_intent(&self) -> Option<CopyIntent> {
        self.copy
    }

    /// What the file is called now on its volume, if it exists; of several names the one it was opened by.
    pub(crate) fn current_name(&self) -> Option<Arc<str>> {
        let Some(fcb) = self.fcb() else {
            return self.volume.names.get(self.name()).map(|node| node.path());
        };
        let node = fcb.node();
        let is_linked = || node.has_more_names() || self.names_stream();
        if is_linked() && self.volume.names.is_name_of(self.name(), node) {
            return Some(Arc::from(self.name()));
        }
        Some(node.path())
    }

    /// The path on the volume as its parts are called there; of what does not exist yet, as it would be.
    pub(crate) fn normalized_name(&self) -> String {
        match self.current_name() {
            Some(name) => name.to_string(),
            None => self.volume.names.as_it_would_be(self.name()),
        }
    }

    /// A range is to be locked by it.
    pub(super) fn locked(&self) {
        self.object.update(|object| object.lock_operation = 1);
    }

    /// Whether a range has ever been locked by it.
    pub(super) fn has_locked(&self) -> bool {
        self.object.get().lock_operation != 0
    }

    /// Whether there are handles of it beside one.
    pub(super) fn has_more_handles(&self) -> bool {
        self.uses.lock().handles > 1
    }

    pub(crate) fn handle_opened(&self) {
        self.uses.lock().handles += 1;
    }

    /// A handle has been closed. Returns whether it was the last, so that the cleanup is due.
    pub(super) fn handle_closed(&self) -> bool {
        let mut uses = self.uses.lock();
        uses.handles = uses.handles.saturating_sub(1);
        uses.handles == 0
    }

    pub(super) fn delete_at_once(&self, deletes: bool) {
        self.uses.lock().deletes_at_once = deletes;
    }

    pub(super) fn deletes_at_once(&self) -> bool {
        self.uses.lock().deletes_at_once
    }

    pub(super) fn set_delete_pending(&self, pending: bool) {
        self.object.update(|object| object.delete_pending = u8::from(pending));
    }

    /// Somebody of the system needs the file object: it is not closed before [`File::release`].
    pub(crate) fn hold(&self) {
        self.uses.lock().holds += 1;
    }

    /// Takes back a hold. Returns whether nothing of the system needs the file object any more, so that it may go.
    pub(super) fn release(&self) -> bool {
        let mut uses = self.uses.lock();
        uses.holds = uses.holds.saturating_sub(1);
        if uses.holds > 0 || uses.closed {
            return false;
        }
        uses.closed = true;
        true
    }

    /// The close is sent, unless it has been.
    pub(super) fn begin_delete(&self) -> bool {
        !std::mem::replace(&mut self.uses.lock().deleted, true)
    }

    /// The control block of its stream, once the file system has opened it.
    pub(crate) fn fcb(&self) -> Option<&Arc<Fcb>> {
        self.fcb.get()
    }

    /// What it does and lets others do.
    pub(super) fn claim(&self) -> Claim {
        self.claim.get().copied().unwrap_or_default()
    }

    /// The file system has opened it.
    pub(super) fn opened(&self, fcb: Arc<Fcb>, claim: Claim, share: Share) {
        let _ = self.claim.set(claim);
        self.object.update(|object| {
            object.shared_read = u8::from(share.contains(Share::READ));
            object.shared_write = u8::from(share.contains(Share::WRITE));
            object.shared_delete = u8::from(share.contains(Share::DELETE));
            object.fs_context = fcb.header();
            object.section_object_pointer = fcb.section();
            object.read_access = u8::from(self.access.contains(Access::READ_DATA));
            object.write_access = u8::from(self.access.intersects(Access::WRITE_DATA | Access::APPEND_DATA));
            object.delete_access = u8::from(self.access.contains(Access::DELETE));
            object.flags |= file_object::FILE_OPEN | file_object::CACHE_SUPPORTED;
        });
        let _ = self.fcb.set(fcb);
    }

    pub(crate) fn flags(&self) -> u32 {
        self.object.get().flags
    }

    pub(super) fn add_flags(&self, flags: u32) {
        self.object.update(|object| object.flags |= flags);
    }

    pub(crate) fn has(&self, flag: u32) -> bool {
        self.flags() & flag != 0
    }

    /// `CurrentByteOffset`.
    pub(crate) fn position(&self) -> i64 {
        self.object.get().current_byte_offset
    }

    pub(crate) fn set_position(&self, position: i64) {
        self.object.update(|object| object.current_byte_offset = position);
    }
}

/// The flags that the I/O manager sets before it sends the create.
fn flags_of(options: CreateOptions) -> u32 {
    let synchronous = CreateOptions::SYNCHRONOUS_IO_ALERT | CreateOptions::SYNCHRONOUS_IO_NONALERT;
    [
        (synchronous, file_object::SYNCHRONOUS_IO),
        (CreateOptions::NO_INTERMEDIATE_BUFFERING, file_object::NO_INTERMEDIATE_BUFFERING),
        (CreateOptions::WRITE_THROUGH, file_object::WRITE_THROUGH),
        (CreateOptions::SEQUENTIAL_ONLY, file_object::SEQUENTIAL_ONLY),
        (CreateOptions::DELETE_ON_CLOSE, file_object::DELETE_ON_CLOSE),
    ]
    .into_iter()
    .filter(|(option, _)| options.intersects(*option))
    .fold(0, |flags, (_, flag)| flags | flag)
}

pub(super) fn empty_object() -> FileObject {
    let list = ListEntry { flink: Ptr::NULL, blink: Ptr::NULL };
    let header =
        DispatcherHeader { kind: 0, signalling: 0, size: 6, reserved: 0, signal_state: 0, wait_list: list };
    let event = KernelEvent { header };
    FileObject {
        kind: IO_TYPE_FILE,
        size: i16::try_from(size_of::<FileObject>()).expect("a file object is small"),
        device_object: Ptr::NULL,
        vpb: Ptr::NULL,
        fs_context: Ptr::NULL,
        fs_context2: Ptr::NULL,
        section_object_pointer: Ptr::<SectionObjectPointers>::NULL,
        private_cache_map: Ptr::NULL,
        final_status: 0,
        related_file_object: Ptr::NULL,
        lock_operation: 0,
        delete_pending: 0,
        read_access: 0,
        write_access: 0,
        delete_access: 0,
        shared_read: 0,
        shared_write: 0,
        shared_delete: 0,
        flags: 0,
        file_name: UnicodeString { length: 0, maximum_length: 0, buffer: Ptr::NULL },
        current_byte_offset: 0,
        waiters: 0,
        busy: 0,
        last_lock: Ptr::NULL,
        lock: event,
        event,
        completion_context: Ptr::NULL,
        irp_list_lock: 0,
        irp_list: list,
        extension: Ptr::NULL,
    }
}
