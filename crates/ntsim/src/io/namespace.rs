//! The names on a volume.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use super::node::{Fcb, Node, WholeFile};
use crate::fltmgr::ContextList;
use crate::sim::Replace;
use crate::status::NtStatus;
use crate::util::Lock;

/// What lies on a volume: names are found in whatever case they are written.
#[derive(Default)]
pub(crate) struct Namespace {
    nodes: Lock<Nodes>,
    /// What has lost its names while it was open.
    nameless: Lock<Vec<Arc<Node>>>,
    /// How often a directory has been renamed.
    directories_renamed: AtomicU64,
    /// How many files have been given numbers.
    numbers: AtomicI64,
}

/// What a directory lists.
pub(super) struct Child {
    /// As it is written.
    pub(super) name: String,
    pub(super) node: Option<Arc<Node>>,
}

/// Whether a path leads to a node, to a stream of it, or below it.
fn is_at_or_below(key: &str, node: &str) -> bool {
    key.strip_prefix(node).is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '\\']))
}

/// What lies on a volume, by path in upper case.
type Nodes = HashMap<String, Arc<Node>>;

/// The path of the file that a path leads to, without the stream.
fn file_of(key: &str) -> &str {
    let last = key.rfind('\\').map_or(0, |slash| slash + 1);
    key[last..].find(':').map_or(key, |colon| &key[..last + colon])
}

/// A path as its file is known: the streams of a file that has several names are kept under the one that it is known by.
fn known_as<'a>(nodes: &Nodes, path: &'a str) -> Cow<'a, str> {
    let (file, stream) = path.split_at(file_of(path).len());
    if stream.is_empty() {
        return Cow::Borrowed(path);
    }
    match nodes.get(&file.to_uppercase()).filter(|file| file.has_more_names()) {
        Some(known) => Cow::Owned(format!("{}{stream}", known.path())),
        None => Cow::Borrowed(path),
    }
}

/// Where a path is kept.
fn key_of(nodes: &Nodes, path: &str) -> String {
    known_as(nodes, path).to_uppercase()
}

/// A file has lost a name: where it was known by that, its streams follow to another one, or go with the last.
fn name_lost(nodes: &mut Nodes, node: &Arc<Node>, name: &str) -> Vec<Arc<Node>> {
    if file_of(name).len() < name.len() || node.path().to_uppercase() != name {
        return Vec::new();
    }
    let other = nodes.iter().find(|(_, known)| Arc::ptr_eq(known, node)).map(|(key, _)| node.spelling(key));
    if let Some(other) = &other {
        node.set_path(other);
        node.renamed();
    }
    let streams: Vec<_> =
        nodes.keys().filter(|key| key.len() > name.len() && file_of(key) == name).cloned().collect();
    let mut gone = Vec::new();
    for key in streams {
        let Some(stream) = nodes.remove(&key) else { continue };
        if let Some(other) = &other {
            let path = stream.path();
            let path = format!("{other}{}", &path[file_of(&path).len()..]);
            stream.set_path(&path);
            stream.renamed();
            nodes.insert(path.to_uppercase(), stream);
        } else {
            stream.unlinked();
            gone.push(stream);
        }
    }
    gone
}

/// The file that a stream belongs to. All its streams that have names know it afterwards.
fn whole_file(nodes: &Nodes, node: &Arc<Node>) -> Arc<WholeFile> {
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
        let nodes = self.nodes.lock();
        nodes.get(&key_of(&nodes, path)).cloned()
    }

    /// What lies at a path, made if need be.
    pub(super) fn get_or_insert(&self, path: &str, directory: bool, size: i64) -> Arc<Node> {
        let mut nodes = self.nodes.lock();
        let path = known_as(&nodes, path);
        let make = || Arc::new(Node::new(&path, directory, size));
        Arc::clone(nodes.entry(path.to_uppercase()).or_insert_with(make))
    }

    /// Takes away a name of what has been deleted, unless something else has it by now.
    pub(super) fn remove(&self, node: &Arc<Node>, name: &str) {
        let mut nodes = self.nodes.lock();
        let key = key_of(&nodes, name);
        if nodes.get(&key).is_some_and(|known| Arc::ptr_eq(known, node)) {
            self.take_name(&mut nodes, node, &key);
        }
    }

    fn take_name(&self, nodes: &mut Nodes, node: &Arc<Node>, key: &str) {
        nodes.remove(key);
        node.unlinked();
        let mut gone = name_lost(nodes, node, key);
        if node.is_nameless() {
            gone.push(Arc::clone(node));
        }
        let mut nameless = self.nameless.lock();
        nameless.retain(|node| node.fcb().is_some());
        nameless.extend(gone);
    }

    /// Makes a name free for a file, if that may be (ntifs, `FILE_RENAME_INFORMATION`). Returns what had it.
    fn make_free(
        &self,
        nodes: &mut Nodes,
        key: &str,
        replace: Replace,
    ) -> Result<Option<Arc<Node>>, NtStatus> {
        let Some(existing) = nodes.get(key).cloned() else { return Ok(None) };
        if replace == Replace::Never {
            return Err(NtStatus::OBJECT_NAME_COLLISION);
        }
        if existing.is_directory() || replace == Replace::IfClosed && existing.is_in_use() {
            return Err(NtStatus::ACCESS_DENIED);
        }
        self.take_name(nodes, &existing, key);
        Ok(Some(existing))
    }

    /// Gives a file one more name. Returns what had it before.
    pub(super) fn link(
        &self,
        node: &Arc<Node>,
        name: &str,
        replace: Replace,
    ) -> Result<Option<Arc<Node>>, NtStatus> {
        let mut nodes = self.nodes.lock();
        let key = name.to_uppercase();
        if nodes.get(&key).is_some_and(|known| Arc::ptr_eq(known, node)) {
            return if replace == Replace::Never { Err(NtStatus::OBJECT_NAME_COLLISION) } else { Ok(None) };
        }
        let replaced = self.make_free(&mut nodes, &key, replace)?;
        node.linked(name);
        let file = file_of(&node.path().to_uppercase()).to_owned();
        nodes.iter().filter(|(key, _)| file_of(key) == file).for_each(|(_, stream)| stream.renamed());
        nodes.insert(key, Arc::clone(node));
        Ok(replaced)
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

    /// Gives a file or directory, with its streams and all below it, another name in place of this one. Returns what had
    /// the name before.
    pub(super) fn rename(
        &self,
        from: &str,
        to: &str,
        replace: Replace,
    ) -> Result<Option<Arc<Node>>, NtStatus> {
        let mut nodes = self.nodes.lock();
        let from = known_as(&nodes, from).into_owned();
        let old_key = from.to_uppercase();
        let new_key = key_of(&nodes, to);
        let same = |nodes: &Nodes| match (nodes.get(&old_key), nodes.get(&new_key)) {
            (Some(old), Some(new)) => Arc::ptr_eq(old, new),
            _ => false,
        };
        let replaced = if new_key == old_key || replace != Replace::Never && same(&nodes) {
            None
        } else {
            self.make_free(&mut nodes, &new_key, replace)?
        };
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
            } else {
                moved.spell(&format!("{to}{}", &key[old_key.len()..]));
            }
            moved.renamed();
            let before = nodes.insert(format!("{new_key}{}", &key[old_key.len()..]), Arc::clone(&moved));
            if before.is_some_and(|before| Arc::ptr_eq(&before, &moved)) {
                // The file had that name as well.
                moved.unlinked();
            }
        }
        Ok(replaced)
    }

    /// What lies in a directory, by name in upper case; a directory that is there because something lies in it has no node.
    pub(super) fn children(&self, directory: &str) -> BTreeMap<String, Child> {
        let parent = directory.trim_end_matches('\\').to_uppercase();
        // A path begins with a backslash: before that is nothing.
        let depth = parent.matches('\\').count() + 1;
        let nodes = self.nodes.lock();
        let mut children = BTreeMap::<String, Child>::new();
        for (key, node) in nodes.iter() {
            let Some(rest) = key.strip_prefix(parent.as_str()).and_then(|rest| rest.strip_prefix('\\'))
            else {
                continue;
            };
            let (first, is_below) = rest.split_once('\\').map_or((rest, false), |(first, _)| (first, true));
            if first.is_empty() || first.contains(':') {
                continue;
            }
            let known = node.path();
            let path = if known.to_uppercase() == *key { known.to_string() } else { node.spelling(key) };
            let name = path.split('\\').nth(depth).unwrap_or(first).to_owned();
            let node = (!is_below).then(|| Arc::clone(node));
            let child = children.entry(first.to_owned()).or_insert(Child { name: name.clone(), node: None });
            if node.is_some() {
                *child = Child { name, node };
            }
        }
        children
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

    /// The number of the whole file that a stream belongs to: what `FileInternalInformation` tells.
    pub(super) fn number_of_file(&self, node: &Arc<Node>) -> i64 {
        /// Below lie the numbers of the file system's own files.
        const FIRST: i64 = 0x0001_0000_0000_0023;
        let whole = whole_file(&self.nodes.lock(), node);
        // Relaxed: the counter orders nothing but itself.
        *whole.number.get_or_init(|| FIRST + self.numbers.fetch_add(1, Ordering::Relaxed))
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
        names.rename(&directory.path(), r"\longer", Replace::Never).expect("the name is free");
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
        let taken = names.rename(&first.path(), r"\B", Replace::Never);
        assert_eq!(taken.err(), Some(NtStatus::OBJECT_NAME_COLLISION));
        names.rename(&first.path(), r"\A", Replace::Never).expect("only the case changes");
        assert_eq!(&*first.path(), r"\A");
    }

    #[test]
    fn a_deleted_file_does_not_take_its_successor_along() {
        let names = Namespace::default();
        let first = names.get_or_insert(r"\a", false, 0);
        names.rename(&first.path(), r"\b", Replace::Never).expect("the name is free");
        names.remove(&first, r"\b");
        let second = names.get_or_insert(r"\b", false, 0);
        names.remove(&first, r"\b");
        assert!(Arc::ptr_eq(&names.get(r"\b").expect("it is still there"), &second));
    }
}
