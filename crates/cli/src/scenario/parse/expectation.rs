//! What must be recorded.

use super::read_versions;
use super::values::{signed, write_offset};
use crate::place::BadInput;
use crate::scenario::model::{
    Candidate, ChangeKind, Expectation, ExpectedChange, ExpectedExecutor, ExpectedOriginator, ExpectedSource,
    FieldUse, RemoteClient,
};
use crate::scenario::node::Node;
use crate::scenario::words;

pub(super) fn read_expectation(node: &mut Node<'_, '_>) -> Result<Expectation, BadInput> {
    let versions = read_versions(node)?;
    node.done()?;
    let mut changes = Vec::new();
    for mut child in node.children() {
        let named = |(name, _): &&(&str, ChangeKind)| *name == child.name();
        let Some((_, kind)) = ChangeKind::NAMES.iter().find(named) else {
            let known = ChangeKind::NAMES.map(|(name, _)| name).join(", ");
            return Err(child.error(format!("`{}` cannot be expected; use one of {known}", child.name())));
        };
        changes.push(read_change(&mut child, *kind)?);
    }
    Ok(Expectation { place: node.place(), versions, changes })
}

fn read_change(node: &mut Node<'_, '_>, kind: ChangeKind) -> Result<ExpectedChange, BadInput> {
    let basis = stated(node, "basis", &words::BASES)?
        .ok_or_else(|| node.error(format!("`{}` lacks the property `basis`", node.name())))?;
    let (offset, length) = match kind.range() {
        FieldUse::None => (None, None),
        FieldUse::Optional if !node.has("offset") => (None, None),
        FieldUse::Needed | FieldUse::Optional => {
            (Some(write_offset(node)?), Some(node.needed_number("length")?))
        }
    };
    let size = match kind.size() {
        FieldUse::None => None,
        FieldUse::Needed | FieldUse::Optional => Some(node.needed_number("size")?),
    };
    let to = match kind.to() {
        FieldUse::None => None,
        FieldUse::Needed | FieldUse::Optional => Some(node.needed_text("to")?.to_owned()),
    };
    let originator = match candidates(node)? {
        Some(candidates) => ExpectedOriginator::Candidates(candidates),
        None => ExpectedOriginator::One {
            pid: node.number_or_null("pid")?,
            tid: node.number_or_null("tid")?,
            image: node.text_or_null("image")?.map(str::to_owned),
        },
    };
    let mut change = ExpectedChange {
        place: node.place(),
        kind,
        originator,
        path: node.text_or_null("path")?.map(str::to_owned),
        to,
        offset,
        length,
        size,
        basis,
        confidence: stated(node, "confidence", &words::CONFIDENCES)?,
        requestor_mode: stated(node, "requestor-mode", &words::MODES)?,
        executor: None,
        copy_source: None,
        client: None,
    };
    node.done()?;
    for mut child in node.children() {
        match child.name() {
            "candidate" => continue,
            "executor" if change.executor.is_none() => {
                change.executor =
                    Some(ExpectedExecutor { pid: child.needed_number("pid")?, tid: child.number("tid")? });
            }
            "copy-source" if change.copy_source.is_none() => {
                let offset = child.needed_number::<u64>("offset")?;
                change.copy_source = Some(ExpectedSource {
                    path: child.text_or_null("path")?.map(str::to_owned),
                    offset: signed(&child, "offset", offset)?,
                });
            }
            "client" if change.client.is_none() => {
                change.client = Some(RemoteClient {
                    address: child.text_or_null("address")?.map(str::to_owned),
                    share: child.text_or_null("share")?.map(str::to_owned),
                });
            }
            other => {
                let message = format!(
                    "a change has candidates, one `executor`, one `copy-source` and one `client` at most, not `{other}`"
                );
                return Err(child.error(message));
            }
        }
        child.done_without_children()?;
    }
    Ok(change)
}

/// The processes that may have made the change; `None` if one is named in the change itself.
fn candidates(node: &Node<'_, '_>) -> Result<Option<Vec<Candidate>>, BadInput> {
    let mut candidates = Vec::new();
    for mut child in node.children().filter(|child| child.name() == "candidate") {
        candidates.push(Candidate {
            pid: child.needed_number("pid")?,
            image: child.text_or_null("image")?.map(str::to_owned),
        });
        child.done_without_children()?;
    }
    Ok(Some(candidates).filter(|candidates| !candidates.is_empty()))
}

/// A property that may lack, one of some words.
fn stated<T: Copy>(
    node: &mut Node<'_, '_>,
    property: &str,
    words: &[(&str, T)],
) -> Result<Option<String>, BadInput> {
    let Some(text) = node.text(property)?.map(str::to_owned) else {
        return Ok(None);
    };
    node.one_of(property, &text, words)?;
    Ok(Some(text))
}
