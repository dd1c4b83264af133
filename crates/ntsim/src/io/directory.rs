//! What a directory lists, and in which form (ntifs, `NtQueryDirectoryFile`; ifs, `IRP_MJ_DIRECTORY_CONTROL`).

use std::ops::Bound;
use std::sync::Arc;

use super::answer::Answer;
use super::file::File;
use super::namespace::Child;
use super::query_information::{ATTRIBUTE_DIRECTORY, attributes};
use crate::ke::Cpu;
use crate::rtl::unicode;
use crate::status::NtStatus;

/// `FILE_INFORMATION_CLASS`
pub(super) mod class {
    pub(in crate::io) const DIRECTORY: u32 = 1;
    pub(in crate::io) const FULL: u32 = 2;
    pub(in crate::io) const BOTH: u32 = 3;
    pub(in crate::io) const NAMES: u32 = 12;
    pub(in crate::io) const ID_BOTH: u32 = 37;
    pub(in crate::io) const ID_FULL: u32 = 38;
}

/// Where the name of an entry begins, by class.
const NAME_OFFSETS: [(u32, usize); 6] = [
    (class::DIRECTORY, 64),
    (class::FULL, 68),
    (class::BOTH, 94),
    (class::NAMES, 12),
    (class::ID_BOTH, 104),
    (class::ID_FULL, 80),
];
/// Distance between entries, in bytes.
const ENTRY_ALIGNMENT: usize = 8;
/// `sizeof(ShortName)`, and what comes before it to align it.
const SHORT_NAME_BYTES: usize = 24;
/// The directory itself and the one above, which all but the root list.
const DOTS: [&str; 2] = [".", ".."];

/// How far a directory has been listed by a file object.
pub(super) struct Scan {
    /// What names must match, in upper case; that of the first query holds for all that follow [inf: so does the FAT file system,
    /// whose source is public].
    expression: Option<Vec<u16>>,
    /// How many of the dots have been told.
    dots: usize,
    /// The last name told, in upper case.
    last: Option<String>,
    /// Whether anything has been told.
    found: bool,
}

impl Scan {
    fn new(expression: Option<Vec<u16>>) -> Self {
        Self { expression, dots: 0, last: None, found: false }
    }

    fn matches(&self, name: &str) -> bool {
        let Some(expression) = &self.expression else { return true };
        let name: Vec<u16> = name.encode_utf16().map(unicode::upcase).collect();
        unicode::matches(expression, &name)
    }
}

/// What a query asks for.
pub(super) struct Query {
    pub(super) class: u32,
    pub(super) room: usize,
    pub(super) restart: bool,
    pub(super) single: bool,
    pub(super) expression: Option<Vec<u16>>,
}

/// An entry, before it has a form.
struct Entry {
    name: String,
    child: Option<Child>,
}

/// Lists what comes next by a file object.
pub(super) fn list(cpu: &Cpu, file: &Arc<File>, query: Query) -> Result<Vec<u8>, (NtStatus, Vec<u8>)> {
    let fail = |status| (status, Vec::new());
    let offset = NAME_OFFSETS.iter().find(|(class, _)| *class == query.class).map(|(_, offset)| *offset);
    let offset = offset.ok_or_else(|| fail(NtStatus::INVALID_INFO_CLASS))?;
    let is_directory = |file: &File| file.fcb().is_some_and(|fcb| fcb.node().is_directory());
    if !is_directory(file) {
        return Err(fail(NtStatus::INVALID_PARAMETER));
    }
    if query.room < offset {
        return Err(fail(NtStatus::INFO_LENGTH_MISMATCH));
    }
    let path = file.current_name().unwrap_or_else(|| Arc::from(file.name()));
    let mut scan = file.scan.lock();
    let scan = scan.get_or_insert_with(|| Scan::new(query.expression));
    if query.restart {
        *scan = Scan::new(scan.expression.take());
    }
    let mut told: Vec<u8> = Vec::new();
    let mut previous = None;
    while let Some(entry) = next(file, &path, scan) {
        let start = told.len().next_multiple_of(ENTRY_ALIGNMENT);
        let bytes = form(cpu, file, query.class, &entry);
        if start + bytes.len() > query.room {
            if told.is_empty() {
                // As much of it as there is room for; it comes again [inf].
                return Err((NtStatus::BUFFER_OVERFLOW, bytes[..query.room].to_vec()));
            }
            break;
        }
        told.resize(start, 0);
        told.extend_from_slice(&bytes);
        if let Some(previous) = previous.replace(start) {
            let distance = u32::try_from(start - previous).unwrap_or(u32::MAX);
            told[previous..previous + size_of::<u32>()].copy_from_slice(&distance.to_le_bytes());
        }
        pass(scan, &entry);
        if query.single {
            break;
        }
    }
    match (told.is_empty(), scan.found) {
        (false, _) => Ok(told),
        (true, false) => Err(fail(NtStatus::NO_SUCH_FILE)),
        (true, true) => Err(fail(NtStatus::NO_MORE_FILES)),
    }
}

/// The next entry that matches.
fn next(file: &File, path: &str, scan: &mut Scan) -> Option<Entry> {
    if path.trim_end_matches('\\').is_empty() {
        scan.dots = DOTS.len();
    }
    while scan.dots < DOTS.len() {
        if scan.matches(DOTS[scan.dots]) {
            return Some(Entry { name: DOTS[scan.dots].to_owned(), child: None });
        }
        scan.dots += 1;
    }
    let mut children = file.volume().names.children(path);
    let from = scan.last.clone().map_or(Bound::Unbounded, Bound::Excluded);
    let found = children.range((from, Bound::Unbounded)).find(|(_, child)| scan.matches(&child.name));
    let key = found.map(|(key, _)| key.clone())?;
    children.remove(&key).map(|child| Entry { name: child.name.clone(), child: Some(child) })
}

/// An entry has been told.
fn pass(scan: &mut Scan, entry: &Entry) {
    scan.found = true;
    match entry.child {
        None => scan.dots += 1,
        Some(_) => scan.last = Some(entry.name.to_uppercase()),
    }
}

/// An entry as a class has it; that it is the last it says until another one follows.
fn form(cpu: &Cpu, file: &File, class: u32, entry: &Entry) -> Vec<u8> {
    let name: Vec<u8> = entry.name.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let name_bytes = u32::try_from(name.len()).unwrap_or(u32::MAX);
    // The distance to the next entry, and an index, which these file systems do not use.
    let answer = Answer::default().u32(0).u32(0);
    if class == class::NAMES {
        return answer.u32(name_bytes).bytes(&name).into_bytes();
    }
    let node = entry.child.as_ref().and_then(|child| child.node.as_ref());
    let sizes = node.filter(|node| !node.is_directory()).map(|node| node.sizes());
    // No times are kept: all are the present.
    let now = i64::try_from(cpu.kernel().clock.now()).unwrap_or(i64::MAX);
    let answer = (0..4).fold(answer, |answer, _| answer.i64(now));
    let answer = answer
        .i64(sizes.map_or(0, |sizes| sizes.file))
        .i64(sizes.map_or(0, |sizes| sizes.allocation))
        .u32(node.map_or(ATTRIBUTE_DIRECTORY, |node| attributes(node)))
        .u32(name_bytes);
    let number = || node.map_or(0, |node| file.volume().names.number_of_file(node));
    // The size of extended attributes, of which there are none, and a short name, of which there is none either.
    let answer = match class {
        class::FULL => answer.u32(0),
        class::ID_FULL => answer.u32(0).padding(4).i64(number()),
        class::BOTH => answer.u32(0).padding(2 + SHORT_NAME_BYTES),
        class::ID_BOTH => answer.u32(0).padding(2 + SHORT_NAME_BYTES + 2).i64(number()),
        _ => answer,
    };
    answer.bytes(&name).into_bytes()
}
