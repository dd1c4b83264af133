//! Values that several nodes have.

use crate::model::Offset;
use crate::place::BadInput;
use crate::scenario::node::Node;
use crate::scenario::words;

/// Where a write goes: a number, or in words.
pub(super) fn write_offset(node: &mut Node<'_, '_>) -> Result<Offset, BadInput> {
    if node.is_text("offset")
        && let Some(offset) = node.word("offset", &words::OFFSETS)?
    {
        return Ok(offset);
    }
    let offset = node.needed_number::<u64>("offset")?;
    signed(node, "offset", offset).map(Offset::At)
}

/// The offset as Windows has it, signed.
pub(super) fn signed(node: &Node<'_, '_>, property: &str, offset: u64) -> Result<i64, BadInput> {
    i64::try_from(offset)
        .map_err(|_| node.error_at(property, format!("`{property}` is beyond the largest file")))
}

/// A PID or TID: nobody has 0, and 4 is System's.
pub(super) fn identifier(node: &mut Node<'_, '_>, property: &str) -> Result<u32, BadInput> {
    match node.needed_number::<u32>(property)? {
        0 => Err(node.error_at(property, format!("0 is no {property}"))),
        4 if property == "pid" => {
            Err(node.error_at(property, "4 is the PID of System, which is there already"))
        }
        number => Ok(number),
    }
}

/// A span of time in microseconds.
pub(super) fn duration(text: &str) -> Option<u64> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let (_, factor) = words::UNITS.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}
