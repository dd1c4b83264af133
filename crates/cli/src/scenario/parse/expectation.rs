//! What must be recorded.

use super::values::{MODES, signed, write_offset};
use crate::place::BadInput;
use crate::scenario::model::{Expectation, ExpectedExecutor, ExpectedSource, ExpectedWrite};
use crate::scenario::node::Node;
use crate::windows_version::VersionRange;

const BASES: [(&str, ()); 3] = [("thread", ()), ("requestor-process", ()), ("unknown", ())];
const CONFIDENCES: [(&str, ()); 3] = [("certain", ()), ("likely", ()), ("none", ())];

pub(super) fn read_expectation(node: &mut Node<'_, '_>) -> Result<Expectation, BadInput> {
    let versions = match node.text("windows")? {
        None => VersionRange::ALL,
        Some(range) => VersionRange::parse(range).map_err(|message| node.error_at("windows", message))?,
    };
    node.done()?;
    let mut writes = Vec::new();
    for mut child in node.children() {
        if child.name() != "write" {
            return Err(child.error(format!("`{}` cannot be expected; only `write` can", child.name())));
        }
        writes.push(read_expected_write(&mut child)?);
    }
    Ok(Expectation { place: node.place(), versions, writes })
}

fn read_expected_write(node: &mut Node<'_, '_>) -> Result<ExpectedWrite, BadInput> {
    let basis = node.needed_text("basis")?.to_owned();
    node.one_of("basis", &basis, &BASES)?;
    let confidence = node.text("confidence")?.map(str::to_owned);
    if let Some(confidence) = &confidence {
        node.one_of("confidence", confidence, &CONFIDENCES)?;
    }
    let requestor_mode = node.text("requestor-mode")?.map(str::to_owned);
    if let Some(mode) = &requestor_mode {
        node.one_of("requestor-mode", mode, &MODES)?;
    }
    let mut write = ExpectedWrite {
        place: node.place(),
        pid: node.number_or_null("pid")?,
        tid: node.number_or_null("tid")?,
        image: node.text_or_null("image")?.map(str::to_owned),
        path: node.text_or_null("path")?.map(str::to_owned),
        offset: write_offset(node)?,
        length: node.needed_number("length")?,
        basis,
        confidence,
        requestor_mode,
        executor: None,
        copy_source: None,
    };
    node.done()?;
    for mut child in node.children() {
        match child.name() {
            "executor" if write.executor.is_none() => {
                write.executor =
                    Some(ExpectedExecutor { pid: child.needed_number("pid")?, tid: child.number("tid")? });
            }
            "copy-source" if write.copy_source.is_none() => {
                let offset = child.needed_number::<u64>("offset")?;
                write.copy_source = Some(ExpectedSource {
                    path: child.text_or_null("path")?.map(str::to_owned),
                    offset: signed(&child, "offset", offset)?,
                });
            }
            other => {
                let message =
                    format!("a write has one `executor` and one `copy-source` at most, not `{other}`");
                return Err(child.error(message));
            }
        }
        child.done_without_children()?;
    }
    Ok(write)
}
