//! Values, as registry and port have them.

use super::defect::{Defect, Refusal};
use super::rule::Rule;
use super::table::{Parameter, Shape};
use super::texts::Texts;

/// A 32-bit number.
pub const REG_DWORD: u32 = 4;
/// Texts.
pub const REG_MULTI_SZ: u32 = 7;

/// The longest value.
pub const MAX_BYTES: usize = 1 << 21;

/// A value that nobody has looked at yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Raw<'a> {
    /// Its registry type.
    pub kind: u32,
    /// Its bytes.
    pub data: &'a [u8],
}

/// A value that may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// A number in its range.
    Number(u32),
    /// Texts each of which is a rule.
    Rules(Texts<'a>),
}

/// Checks a value of a parameter.
///
/// # Errors
///
/// What is wrong first.
pub fn check(parameter: Parameter, raw: Raw<'_>) -> Result<Value<'_>, Refusal> {
    let Raw { kind, data } = raw;
    let shape = parameter.row().shape;
    if kind != shape.registry_type() {
        return Err(Refusal::of(Defect::Type, u64::from(kind)));
    }
    if data.len() > MAX_BYTES {
        return Err(Refusal::of(Defect::Size, data.len() as u64));
    }
    match shape {
        Shape::PowerOfTwo { least, most, .. } => {
            let number = number(data)?;
            if !(least..=most).contains(&number) {
                return Err(Refusal::of(Defect::OutOfRange, u64::from(number)));
            }
            if !number.is_power_of_two() {
                return Err(Refusal::of(Defect::NotAPowerOfTwo, u64::from(number)));
            }
            Ok(Value::Number(number))
        }
        Shape::Bits { all, .. } => {
            let number = number(data)?;
            let unknown = number & !all.bits();
            if unknown != 0 {
                return Err(Refusal::of(Defect::UnknownBits, u64::from(unknown)));
            }
            Ok(Value::Number(number))
        }
        Shape::Rules { names } => {
            let texts = Texts::of_value(data)?;
            for (index, text) in texts.iter().enumerate() {
                if let Err((defect, found)) = Rule::parse(text, names) {
                    let text = u32::try_from(index).unwrap_or(u32::MAX);
                    return Err(Refusal { defect, text, found });
                }
            }
            Ok(Value::Rules(texts))
        }
    }
}

fn number(data: &[u8]) -> Result<u32, Refusal> {
    let refusal = Refusal::of(Defect::Size, data.len() as u64);
    data.try_into().map(u32::from_le_bytes).map_err(|_| refusal)
}
