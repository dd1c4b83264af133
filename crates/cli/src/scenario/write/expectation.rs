//! What must be recorded.

use super::text::Node;
use super::{offset as offset_of, versions};
use crate::scenario::model::{
    Candidate, Expectation, ExpectedChange, ExpectedExecutor, ExpectedOriginator, ExpectedSource,
    RemoteClient,
};

pub(super) fn node(expectation: &Expectation) -> Node {
    let Expectation { place: _, versions: range, changes } = expectation;
    versions(Node::new("expect"), *range).children(changes.iter().map(change))
}

fn change(change: &ExpectedChange) -> Node {
    let ExpectedChange {
        place: _,
        kind,
        originator,
        path,
        to,
        offset,
        length,
        size,
        basis,
        confidence,
        requestor_mode,
        executor,
        copy_source,
        client,
    } = change;
    let mut node = Node::new(kind.name());
    let mut candidates = Vec::new();
    match originator {
        ExpectedOriginator::One { pid, tid, image } => {
            node = node
                .number_or_null("pid", *pid)
                .number_or_null("tid", *tid)
                .text_or_null("image", image.as_deref());
        }
        ExpectedOriginator::Candidates(all) => candidates.clone_from(all),
    }
    node = node.text_or_null("path", path.as_deref()).maybe_text("to", to.as_deref());
    if let Some(offset) = offset {
        node = offset_of(node, *offset);
    }
    let executor = executor.iter().map(|ExpectedExecutor { pid, tid }| {
        Node::new("executor").number("pid", pid).maybe_number("tid", *tid)
    });
    let source = copy_source.iter().map(|ExpectedSource { path, offset }| {
        Node::new("copy-source").text_or_null("path", path.as_deref()).number("offset", offset)
    });
    let client = client.iter().map(|RemoteClient { address, share }| {
        Node::new("client")
            .text_or_null("address", address.as_deref())
            .text_or_null("share", share.as_deref())
    });
    let candidates = candidates.iter().map(|Candidate { pid, image }| {
        Node::new("candidate").number("pid", pid).text_or_null("image", image.as_deref())
    });
    node.maybe_number("length", *length)
        .maybe_number("size", *size)
        .text("basis", basis)
        .maybe_text("confidence", confidence.as_deref())
        .maybe_text("requestor-mode", requestor_mode.as_deref())
        .children(candidates)
        .children(executor)
        .children(source)
        .children(client)
}
