//! What is done with a handle, beyond reading and writing.

use super::text::Node;
use crate::scenario::model::{BlockClone, HandleAction, OffloadRead, OffloadWrite, Share};

/// The node that such a step reads from.
pub(super) fn node(thread: &str, handle: &str, what: &HandleAction) -> Node {
    let on = |name: &str| Node::new(name).argument(handle).text("thread", thread);
    let range =
        |name: &str, offset: u64, length: u64| on(name).number("offset", offset).number("length", length);
    match what {
        HandleAction::Rename(path) => on("rename").text("to", path),
        HandleAction::Link(path) => on("link").text("to", path),
        HandleAction::EndOfFile(size) => on("set-end-of-file").number("size", size),
        HandleAction::Allocation(size) => on("set-allocation").number("size", size),
        HandleAction::ValidData(size) => on("set-valid-data").number("size", size),
        HandleAction::Basic => on("set-basic"),
        HandleAction::Delete { posix } => on("delete").flag("posix", *posix),
        HandleAction::Undelete => on("undelete"),
        HandleAction::Zero { offset, length } => range("zero", *offset, *length),
        HandleAction::Flush => on("flush"),
        HandleAction::Query => on("query"),
        HandleAction::QueryDirectory => on("query-directory"),
        HandleAction::Lock { offset, length } => range("lock", *offset, *length),
        HandleAction::Unlock { offset, length } => range("unlock", *offset, *length),
        HandleAction::Dismount => on("dismount"),
        HandleAction::Control(code) => on("control").number("code", code),
    }
}

pub(super) fn clone(clone: &BlockClone) -> Node {
    let BlockClone { thread, from, to, from_offset, to_offset, length, extended } = clone;
    Node::new("clone")
        .text("thread", thread)
        .text("from", from)
        .text("to", to)
        .number("from-offset", from_offset)
        .number("to-offset", to_offset)
        .number("length", length)
        .flag("extended", *extended)
}

pub(super) fn offload_read(read: &OffloadRead) -> Node {
    let OffloadRead { token, thread, handle, offset, length } = read;
    Node::new("offload-read")
        .argument(token)
        .text("thread", thread)
        .text("from", handle)
        .number("offset", offset)
        .number("length", length)
}

pub(super) fn offload_write(write: &OffloadWrite) -> Node {
    let OffloadWrite { token, thread, handle, token_offset, offset, length } = write;
    Node::new("offload-write")
        .argument(token)
        .text("thread", thread)
        .text("to", handle)
        .number("token-offset", token_offset)
        .number("offset", offset)
        .number("length", length)
}

pub(super) fn share(share: &Share) -> Node {
    let Share { thread, from, handle, process } = share;
    let name = if thread.is_some() { "duplicate" } else { "inherit" };
    Node::new(name)
        .argument(handle)
        .maybe_text("thread", thread.as_deref())
        .text("from", from)
        .text("process", process)
}
