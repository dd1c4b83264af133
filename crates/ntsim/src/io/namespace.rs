//! The names on a volume.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use super::node::{Fcb, Node, WholeFile};
use crate::fltmgr::ContextList;
use crate::status::NtStatus;
use crate::util::Lock;

/// What lies on a volume, by path in upper case: names are found in whatever case they are written.
#[derive(Default)]
pub(crate) struct Namespace {
    nodes: Lock<HashMap<String, Arc<Node>>>,
    /// What has lost its names while it was open.
    nameless: Lock<Vec<Arc<Node>>>,
    /// How often a directory has been renamed.
    directories_renamed: AtomicU64,
}

/// Whether a path leads to a node, to a stream of it, or below it.
fn is_at_or_below(key: &str, node: &str) -> bool {
    key.strip_prefix(node).is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '\\']))
}

/// The path of the file that a path leads to, without the stream.
fn file_of(key: &str) -> &str {
    let last = key.rfind('\\').map_or(0, |slash| slash + 1);
    key[last..].find(':').map_or(key, |colon| &key[..last + colon])
}

/// The file that a stream belongs to. All its streams that have names know it afterwards.
fn whole_file(nodes: &HashMap<String, Arc<Node>>, node: &Arc<Node>) -> Arc<WholeFile> {
    let names =
        |(key, known): (&'_ String, &Arc<Node>)| Arc::ptr_eq(known, node).then(|| file_of(key).to_owned());
    let files: Vec<String> = nodes.iter().filter_map(names).collect();
    let mut streams: Vec<_> = nodes
        .iter()
        .filter(|(key, _)| files.iter().any(|file| file_of(key) == file))
        .map(|(_, stream)| stream)
        .collect();
    streams.push(node);
    let known = streams.iter().find_map(|stream| stream.whole.get());
    let whole = node.whole.get().or(known).cloned().unwrap_or_default();
    for stream in streams {
        if stream.whole.set(Arc::clone(&whole)).is_ok() {
            whole.streams.lock().push(Arc::downgrade(stream));
        }
    }
    whole
}

impl Namespace {
    /// What lies at a path.
    pub(super) fn get(&self, path: &str) -> Option<Arc<Node>> {
        self.nodes.lock().get(&path.to_uppercase()).cloned()
    }

    /// What lies at a path, made if need be.
    pub(super) fn get_or_insert(&self, path: &str, directory: bool, size: i64) -> Arc<Node> {
        let make = || Arc::new(Node::new(path, directory, size));
        Arc::clone(self.nodes.lock().entry(path.to_uppercase()).or_insert_with(make))
    }

    /// Takes away a name of what has been deleted, unless something else has it by now.
    pub(super) fn remove(&self, node: &Arc<Node>, name: &str) {
        let mut nodes = self.nodes.lock();
        let key = name.to_uppercase();
        if nodes.get(&key).is_some_and(|known| Arc::ptr_eq(known, node)) {
            nodes.remove(&key);
            node.unlinked();
            if node.is_nameless() {
                let mut nameless = self.nameless.lock();
                nameless.retain(|node| node.fcb().is_some());
                nameless.push(Arc::clone(node));
            }
        }
    }

    /// Gives a file one more name, which must be free.
    pub(super) fn link(&self, node: &Arc<Node>, name: &str) -> Result<(), NtStatus> {
        let mut nodes = self.nodes.lock();
        let key = name.to_uppercase();
        if nodes.contains_key(&key) {
            return Err(NtStatus::OBJECT_NAME_COLLISION);
        }
        node.linked();
        let file = file_of(&node.path().to_uppercase()).to_owned();
        nodes.iter().filter(|(key, _)| file_of(key) == file).for_each(|(_, stream)| stream.renamed());
        nodes.insert(key, Arc::clone(node));
        Ok(())
    }

    /// How often a directory has been renamed: what is known of the names of all that lies below is worthless then.
    pub(crate) fn directories_renamed(&self) -> u64 {
        self.directories_renamed.load(Ordering::Relaxed)
    }

    /// A path that leads to nothing, with the directories that it goes through as they are called.
    pub(super) fn as_it_would_be(&self, path: &str) -> String {
        let nodes = self.nodes.lock();
        let mut parents = path.rmatch_indices('\\').map(|(at, _)| at).filter(|at| *at > 0);
        let known = parents.find_map(|at| Some((at, nodes.get(&path[..at].to_uppercase())?.path())));
        known.map_or_else(|| path.to_owned(), |(at, parent)| format!("{parent}{}", &path[at..]))
    }

    /// Whether a path is a name of this node.
    pub(super) fn is_name_of(&self, path: &str, node: &Arc<Node>) -> bool {
        self.get(path).is_some_and(|known| Arc::ptr_eq(&known, node))
    }

    /// Gives a file or directory, with its streams and all below it, another name that is free in place of this one.
    pub(super) fn rename(&self, from: &str, to: &str) -> Result<(), NtStatus> {
        let mut nodes = self.nodes.lock();
        let old_key = from.to_uppercase();
        let new_key = to.to_uppercase();
        if new_key != old_key && nodes.contains_key(&new_key) {
            return Err(NtStatus::OBJECT_NAME_COLLISION);
        }
        if nodes.get(&old_key).is_some_and(|node| node.is_directory()) {
            // Relaxed: the lock orders it for whoever finds the new names.
            self.directories_renamed.fetch_add(1, Ordering::Relaxed);
        }
        let moving: Vec<_> = nodes.keys().filter(|key| is_at_or_below(key, &old_key)).cloned().collect();
        for key in moving {
            let Some(moved) = nodes.remove(&key) else { continue };
            let path = moved.path();
            // A file that has other names may be known by one that does not change.
            if path.to_uppercase() == key {
                moved.set_path(&format!("{to}{}", &path[from.len()..]));
            }
            moved.renamed();
            nodes.insert(format!("{new_key}{}", &key[old_key.len()..]), moved);
        }
        Ok(())
    }

    /// The control blocks of the streams that are open, in the order of their paths.
    pub(crate) fn open_streams(&self) -> Vec<Arc<Fcb>> {
        let nodes = self.nodes.lock();
        let mut open: Vec<_> = nodes.iter().filter_map(|(path, node)| Some((path, node.fcb()?))).collect();
        open.sort_by_key(|(path, _)| *path);
        let nameless: Vec<_> = self.nameless.lock().iter().filter_map(|node| node.fcb()).collect();
        open.into_iter().map(|(_, fcb)| fcb).chain(nameless).collect()
    }

    /// What filters attached to the whole file that a stream belongs to.
    pub(crate) fn contexts_of_file(&self, node: &Arc<Node>) -> ContextList {
        whole_file(&self.nodes.lock(), node).contexts.clone()
    }

    /// A stream has been closed. Returns what filters attached to the whole file, if it was the last of its streams.
    pub(crate) fn stream_closed(&self, node: &Arc<Node>) -> Option<ContextList> {
        node.whole.get().filter(|whole| !whole.contexts.is_empty())?;
        let nodes = self.nodes.lock();
        let whole = whole_file(&nodes, node);
        let is_open = |stream: &Weak<Node>| stream.upgrade().is_some_and(|node| node.fcb().is_some());
        let open = whole.streams.lock().iter().any(is_open);
        (!open).then(|| whole.contexts.take())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_any_case_and_kept_as_they_were_made() {
        let names = Namespace::default();
        let made = names.get_or_insert(r"\Dir\File", false, 0);
        assert!(Arc::ptr_eq(&names.get_or_insert(r"\DIR\file", false, 0), &made));
        assert_eq!(&*made.path(), r"\Dir\File");
    }

    #[test]
    fn a_rename_takes_along_streams_and_children() {
        let names = Namespace::default();
        let directory = names.get_or_insert(r"\a", true, 0);
        let child = names.get_or_insert(r"\A\x", false, 0);
        let stream = names.get_or_insert(r"\a\x:s", false, 0);
        let other = names.get_or_insert(r"\ab", false, 0);
        names.rename(&directory.path(), r"\longer").expect("the name is free");
        assert_eq!(&*child.path(), r"\longer\x");
        assert_eq!(&*stream.path(), r"\longer\x:s");
        assert_eq!(&*other.path(), r"\ab");
        assert!(names.get(r"\a\x").is_none());
        assert!(Arc::ptr_eq(&names.get(r"\Longer\X:S").expect("it moved along"), &stream));
    }

    #[test]
    fn a_name_in_use_is_not_given_again() {
        let names = Namespace::default();
        let first = names.get_or_insert(r"\a", false, 0);
        names.get_or_insert(r"\b", false, 0);
        assert_eq!(names.rename(&first.path(), r"\B"), Err(NtStatus::OBJECT_NAME_COLLISION));
        names.rename(&first.path(), r"\A").expect("only the case changes");
        assert_eq!(&*first.path(), r"\A");
    }

    #[test]
    fn a_deleted_file_does_not_take_its_successor_along() {
        let names = Namespace::default();
        let first = names.get_or_insert(r"\a", false, 0);
        names.rename(&first.path(), r"\b").expect("the name is free");
        names.remove(&first, r"\b");
        let second = names.get_or_insert(r"\b", false, 0);
        names.remove(&first, r"\b");
        assert!(Arc::ptr_eq(&names.get(r"\b").expect("it is still there"), &second));
    }
}
