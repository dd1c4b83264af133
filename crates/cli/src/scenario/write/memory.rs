//! Sections, views and the cache; other filters.

use super::text::Node;
use crate::scenario::model::{Act, Filter, Memory};
use crate::scenario::words::{self, word};

/// The node that such a step reads from.
pub(super) fn node(memory: &Memory) -> Node {
    let by = |step: &str, name: &str, thread: &str| Node::new(step).argument(name).text("thread", thread);
    match memory {
        Memory::Section { name, thread, handle, protection, size } => by("section", name, thread)
            .text("handle", handle)
            .text("protection", word(&words::PROTECTIONS, protection))
            .maybe_number("size", *size),
        Memory::Share { name, thread, from, process } => {
            by("share-section", name, thread).text("from", from).text("process", process)
        }
        Memory::Map { view, thread, section } => by("map", view, thread).text("section", section),
        Memory::Dirty { view, thread, offset, length } => {
            by("dirty", view, thread).number("offset", offset).number("length", length)
        }
        Memory::FlushView { view, thread, offset, length } => {
            by("flush-view", view, thread).number("offset", offset).number("length", length)
        }
        Memory::Unmap { view, thread } => by("unmap", view, thread),
        Memory::Close { section, thread } => by("close-section", section, thread),
        Memory::LazyWrite => Node::new("lazy-write"),
        Memory::ModifiedWrite => Node::new("write-mapped-pages"),
        Memory::MdlWrite { thread, handle, offset, length, fast_io } => by("mdl-write", handle, thread)
            .number("offset", offset)
            .number("length", length)
            .flag("fast-io", *fast_io),
    }
}

pub(super) fn filter(filter: &Filter) -> Node {
    let Filter { name, altitude, operation, act, every, path, paging } = filter;
    // What a table has of a write are no numbers of anybody's.
    let kind = if let Act::Write { .. } = act { &words::OWN_WRITE } else { act };
    let node = Node::new("filter")
        .argument(name)
        .text("altitude", altitude)
        .text("operation", word(&words::OPERATIONS, operation))
        .text("act", word(&words::ACTS, kind))
        .number("every", every)
        .maybe_text("path", path.as_deref())
        .flag("paging", *paging);
    match act {
        Act::Write { offset, length } => node.number("offset", offset).number("length", length),
        _ => node,
    }
}
