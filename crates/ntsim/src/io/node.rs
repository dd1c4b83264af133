//! What lies on a volume: files, directories and streams, and their control blocks while they are open.

use super::lock::RangeLocks;
use super::share::{Claim, ShareAccess};
use crate::abi::{AdvancedFcbHeader, ListEntry, Ptr, SectionObjectPointers, Shared};
use crate::cc::pages::Pages;
use crate::fltmgr::{ContextList, NameCache};
use crate::status::NtStatus;
use crate::util::Lock;
use std::sync::{Arc, OnceLock, Weak};

/// `FSRTL_FCB_HEADER_V2`
const HEADER_VERSION: u8 = 2 << 4;
/// `FSRTL_FLAG_ADVANCED_HEADER`
const FLAG_ADVANCED_HEADER: u8 = 0x40;
/// `FSRTL_FLAG2_SUPPORTS_FILTER_CONTEXTS`
const FLAG2_SUPPORTS_FILTER_CONTEXTS: u8 = 0x02;
/// `FastIoIsPossible`
const FAST_IO_IS_POSSIBLE: u8 = 1;

/// A file, directory or stream that exists on a volume.
pub(crate) struct Node {
    /// Its path on the volume, as it was last named.
    path: Lock<Arc<str>>,
    directory: bool,
    sizes: Lock<Sizes>,
    links: Lock<Links>,
    open: Lock<OpenState>,
    /// The file whose stream it is, once a filter asked for what is set on it.
    pub(super) whole: OnceLock<Arc<WholeFile>>,
}

/// A file with all its streams.
#[derive(Default)]
pub(super) struct WholeFile {
    /// What filters attached to it; gone when the last of its streams is closed.
    pub(super) contexts: ContextList,
    pub(super) streams: Lock<Vec<Weak<Node>>>,
    /// Its number on the volume, once somebody asked.
    pub(super) number: OnceLock<i64>,
}

/// Sizes of a stream, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sizes {
    pub(super) file: i64,
    /// What is allocated, at least the size.
    pub(super) allocation: i64,
    /// What has been written, at most the size.
    pub(super) valid: i64,
}

impl Sizes {
    fn of(size: i64) -> Self {
        Self { file: size, allocation: size, valid: size }
    }

    /// Nothing lies beyond the end of a file.
    fn truncated(self, file: i64) -> Self {
        Self { file, allocation: self.allocation.max(file), valid: self.valid.min(file) }
    }
}

/// The names of a file.
struct Links {
    count: usize,
    /// The names beside the one that it is known by, as they were given.
    more: Vec<String>,
    /// The name to take away when the last handle goes.
    deleted: Option<String>,
}

#[derive(Default)]
struct OpenState {
    fcb: Option<Arc<Fcb>>,
    /// File objects that refer to the control block.
    files: usize,
    /// File objects that have not been cleaned up.
    handles: usize,
    shares: ShareAccess,
}

impl Node {
    pub(super) fn new(path: &str, directory: bool, size: i64) -> Self {
        Self {
            path: Lock::new(Arc::from(path)),
            directory,
            sizes: Lock::new(Sizes::of(size)),
            links: Lock::new(Links { count: 1, more: Vec::new(), deleted: None }),
            open: Lock::default(),
            whole: OnceLock::new(),
        }
    }

    /// Its path on the volume.
    pub(crate) fn path(&self) -> Arc<str> {
        Arc::clone(&self.path.lock())
    }

    pub(super) fn set_path(&self, path: &str) {
        *self.path.lock() = Arc::from(path);
    }

    pub(crate) fn is_directory(&self) -> bool {
        self.directory
    }

    /// Size in bytes.
    pub(crate) fn size(&self) -> i64 {
        self.sizes.lock().file
    }

    /// How much has been written, in bytes.
    pub(crate) fn valid_bytes(&self) -> i64 {
        self.sizes.lock().valid
    }

    pub(super) fn sizes(&self) -> Sizes {
        *self.sizes.lock()
    }

    fn change_sizes(&self, change: impl FnOnce(Sizes) -> Sizes) {
        let mut sizes = self.sizes.lock();
        *sizes = change(*sizes);
        let now = *sizes;
        drop(sizes);
        if let Some(fcb) = self.fcb() {
            fcb.set_sizes(now);
        }
    }

    /// Makes the file this long, all of it written.
    pub(super) fn set_size(&self, size: i64) {
        self.change_sizes(|_| Sizes::of(size));
    }

    pub(super) fn restore_sizes(&self, sizes: Sizes) {
        self.change_sizes(|_| sizes);
    }

    /// Sets the end of the file; what lies beyond is gone, and what is new has not been written.
    pub(super) fn set_end(&self, size: i64) {
        self.change_sizes(|sizes| sizes.truncated(size));
    }

    /// Sets what is allocated; a file that was longer is truncated to it.
    pub(super) fn set_allocation(&self, allocation: i64) {
        self.change_sizes(|sizes| Sizes { allocation, ..sizes.truncated(sizes.file.min(allocation)) });
    }

    /// Sets how much is taken as written.
    pub(super) fn set_valid(&self, valid: i64) {
        self.change_sizes(|sizes| Sizes { valid, ..sizes });
    }

    /// A write has ended there.
    pub(super) fn written_to(&self, end: i64) {
        let sizes = self.sizes();
        if end > sizes.valid {
            self.change_sizes(|sizes| {
                let file = sizes.file.max(end);
                Sizes { file, allocation: sizes.allocation.max(file), valid: sizes.valid.max(end) }
            });
        }
    }

    /// It has got another name.
    pub(super) fn renamed(&self) {
        if let Some(fcb) = self.fcb() {
            fcb.names.renamed();
        }
    }

    /// It has one more name.
    pub(super) fn linked(&self, name: &str) {
        self.links.lock().count += 1;
        self.spell(name);
    }

    /// Notes how a name is written.
    pub(super) fn spell(&self, name: &str) {
        self.links.lock().more.push(name.to_owned());
    }

    /// How a name is written that it has.
    pub(super) fn spelling(&self, key: &str) -> String {
        let links = self.links.lock();
        let found = links.more.iter().rev().find(|name| name.to_uppercase() == key);
        found.cloned().unwrap_or_else(|| key.to_owned())
    }

    /// A name has gone.
    pub(super) fn unlinked(&self) {
        let mut links = self.links.lock();
        links.count = links.count.saturating_sub(1);
    }

    /// Whether it has lost all its names.
    pub(super) fn is_nameless(&self) -> bool {
        self.links.lock().count == 0
    }

    pub(super) fn has_more_names(&self) -> bool {
        self.links.lock().count > 1
    }

    /// Its name goes with the last handle, or does not after all.
    pub(super) fn set_deleted(&self, name: Option<&str>) {
        self.links.lock().deleted = name.map(str::to_owned);
    }

    pub(super) fn is_deleted(&self) -> bool {
        self.links.lock().deleted.is_some()
    }

    /// The name to take away now.
    pub(super) fn take_deleted(&self) -> Option<String> {
        self.links.lock().deleted.take()
    }

    /// A file object comes: all of those open at a time share one control block.
    /// It is refused if others do not share it, unless that has been decided already.
    pub(super) fn open(self: &Arc<Self>, claim: Claim, decided: bool) -> Result<Arc<Fcb>, NtStatus> {
        let mut open = self.open.lock();
        if !decided {
            open.shares.check(claim)?;
        }
        open.shares.add(claim);
        open.files += 1;
        open.handles += 1;
        Ok(Arc::clone(open.fcb.get_or_insert_with(|| Arc::new(Fcb::new(self)))))
    }

    /// Whether somebody has a handle of it, or has it mapped.
    pub(super) fn is_in_use(&self) -> bool {
        let open = self.open.lock();
        open.handles > 0 || open.fcb.as_ref().is_some_and(|fcb| fcb.pages().is_mapped())
    }

    /// The control block, while the stream is open.
    pub(super) fn fcb(&self) -> Option<Arc<Fcb>> {
        self.open.lock().fcb.clone()
    }

    /// A file object has no handle any more. Returns whether it was the last that had.
    pub(super) fn clean_up(&self, claim: Claim) -> bool {
        let mut open = self.open.lock();
        open.shares.remove(claim);
        open.handles = open.handles.saturating_sub(1);
        open.handles == 0
    }

    /// A file object goes. Returns the control block if it was the last.
    pub(super) fn close(&self) -> Option<Arc<Fcb>> {
        let mut open = self.open.lock();
        open.files = open.files.saturating_sub(1);
        if open.files == 0 { open.fcb.take() } else { None }
    }
}

/// The control block of an open stream (`FsContext`), shared by its file objects.
pub(crate) struct Fcb {
    header: Shared<AdvancedFcbHeader>,
    section: Shared<SectionObjectPointers>,
    node: Arc<Node>,
    pages: Pages,
    /// What is locked of it.
    pub(super) locks: RangeLocks,
    /// What filters attached to the stream; gone when the last file object goes.
    pub(crate) contexts: ContextList,
    /// The contexts of sections that filters have of it.
    pub(crate) sections: ContextList,
    /// What the Filter Manager knows of its names.
    pub(crate) names: NameCache,
}

impl Fcb {
    fn new(node: &Arc<Node>) -> Self {
        let sizes = node.sizes();
        let empty_list = ListEntry { flink: Ptr::NULL, blink: Ptr::NULL };
        let header = Shared::new(AdvancedFcbHeader {
            node_type_code: 0,
            node_byte_size: i16::try_from(size_of::<AdvancedFcbHeader>()).expect("the header is small"),
            flags: FLAG_ADVANCED_HEADER,
            is_fast_io_possible: FAST_IO_IS_POSSIBLE,
            flags2: FLAG2_SUPPORTS_FILTER_CONTEXTS,
            version: HEADER_VERSION,
            resource: Ptr::NULL,
            paging_io_resource: Ptr::NULL,
            allocation_size: sizes.allocation,
            file_size: sizes.file,
            valid_data_length: sizes.valid,
            fast_mutex: Ptr::NULL,
            filter_contexts: empty_list,
            push_lock: 0,
            file_context_support_pointer: Ptr::NULL,
            oplock: Ptr::NULL,
            reserved_context: Ptr::NULL,
        });
        let list = header.ptr().byte_offset(std::mem::offset_of!(AdvancedFcbHeader, filter_contexts));
        header.update(|header| header.filter_contexts = ListEntry { flink: list, blink: list });
        let section = Shared::new(SectionObjectPointers {
            data_section_object: Ptr::NULL,
            shared_cache_map: Ptr::NULL,
            image_section_object: Ptr::NULL,
        });
        Self {
            header,
            section,
            node: Arc::clone(node),
            pages: Pages::default(),
            locks: RangeLocks::default(),
            contexts: ContextList::default(),
            sections: ContextList::default(),
            names: NameCache::default(),
        }
    }

    pub(super) fn header(&self) -> Ptr {
        self.header.ptr().cast()
    }

    pub(super) fn section(&self) -> Ptr<SectionObjectPointers> {
        self.section.ptr()
    }

    /// Its dirty pages.
    pub(crate) fn pages(&self) -> &Pages {
        &self.pages
    }

    /// Whether there are pages for the lazy writer.
    pub(crate) fn has_cached_dirt(&self) -> bool {
        self.pages.has_cached_dirt()
    }

    /// Whether there are pages for the modified page writer.
    pub(crate) fn has_mapped_dirt(&self) -> bool {
        self.pages.has_mapped_dirt()
    }

    pub(crate) fn node(&self) -> &Arc<Node> {
        &self.node
    }

    fn set_sizes(&self, sizes: Sizes) {
        self.header.update(|header| {
            header.allocation_size = sizes.allocation;
            header.file_size = sizes.file;
            header.valid_data_length = sizes.valid;
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(node: &Arc<Node>) -> Arc<Fcb> {
        node.open(Claim::default(), false).expect("it is shared")
    }

    #[test]
    fn file_objects_of_a_stream_share_a_control_block_until_the_last_goes() {
        let node = Arc::new(Node::new(r"\a", false, 10));
        let first = opened(&node);
        let second = opened(&node);
        assert!(Arc::ptr_eq(&first, &second));
        assert!(node.close().is_none());
        assert!(node.close().is_some_and(|last| Arc::ptr_eq(&last, &first)));
        assert!(!Arc::ptr_eq(&opened(&node), &first), "a file opened later has a control block of its own");
    }

    #[test]
    fn the_control_block_knows_the_size() {
        let node = Arc::new(Node::new(r"\a", false, 10));
        let fcb = opened(&node);
        node.set_size(20);
        assert_eq!(fcb.header.get().file_size, 20);
    }

    #[test]
    fn sizes_follow_what_is_set_and_written() {
        let node = Node::new(r"\a", false, 0);
        let sizes = |file, allocation, valid| Sizes { file, allocation, valid };
        node.set_end(100);
        assert_eq!(node.sizes(), sizes(100, 100, 0), "what is new has not been written");
        node.written_to(40);
        assert_eq!(node.sizes(), sizes(100, 100, 40));
        node.set_valid(90);
        node.set_allocation(60);
        assert_eq!(node.sizes(), sizes(60, 60, 60), "an allocation that is too small truncates");
        node.set_allocation(1000);
        node.written_to(200);
        assert_eq!(node.sizes(), sizes(200, 1000, 200));
    }
}
