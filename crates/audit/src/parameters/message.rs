//! Values on their way over the control port: the context of the connection, which the Filter Manager copies.
//!
//! | offset | size | field |
//! |---|---|---|
//! | 0 | 8 | magic: the characters `WHOWCTRL` |
//! | 8 | 2 | major version: 1; another one is refused |
//! | 10 | 2 | minor version: 0 |
//! | 12 | 4 | flags: bit 0 the registry is read again first |
//! | 16 | | settings, one after another |
//!
//! | offset | size | field of a setting |
//! |---|---|---|
//! | 0 | 2 | number of the parameter |
//! | 2 | 2 | reserved |
//! | 4 | 4 | registry type |
//! | 8 | 4 | bytes of the value |
//! | 12 | 4 | reserved |
//! | 16 | | the value, and zeros up to a multiple of 8 |

use core::iter;

use super::table::Parameter;
use super::value::Raw;
use crate::record::Code;

const MAGIC: &[u8; 8] = b"WHOWCTRL";
const MAJOR: u16 = 1;
const MINOR: u16 = 0;
const ALIGNMENT: usize = 8;
const RELOAD: u32 = 1 << 0;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// The registry is to be read again, before the settings take effect.
    pub reload: bool,
    settings: Settings<'a>,
}

/// The settings of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings<'a>(&'a [u8]);

impl<'a> Message<'a> {
    /// Reads a message; `None` if it is not one, as a whole, of this major version.
    #[must_use]
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (magic, rest) = bytes.split_first_chunk()?;
        let (major, rest) = rest.split_first_chunk()?;
        let (_minor, rest) = rest.split_first_chunk::<2>()?;
        let (flags, rest) = rest.split_first_chunk()?;
        if magic != MAGIC || u16::from_le_bytes(*major) != MAJOR {
            return None;
        }
        let settings = Settings(rest);
        let mut left = settings.clone();
        while !left.0.is_empty() {
            left.next()?;
        }
        Some(Self { reload: u32::from_le_bytes(*flags) & RELOAD != 0, settings })
    }

    /// What it sets, each parameter by its number; `None` is a number that no parameter has.
    #[must_use]
    pub fn settings(&self) -> Settings<'a> {
        self.settings.clone()
    }

    /// The beginning of a message; settings follow it.
    pub fn head(reload: bool) -> impl Iterator<Item = u8> {
        let flags = if reload { RELOAD } else { 0 };
        let versions = [MAJOR, MINOR].into_iter().flat_map(u16::to_le_bytes);
        MAGIC.iter().copied().chain(versions).chain(flags.to_le_bytes())
    }

    /// A setting.
    pub fn setting(parameter: Parameter, raw: Raw<'_>) -> impl Iterator<Item = u8> {
        let number = u16::from(Code::Known(parameter).number());
        let size = u32::try_from(raw.data.len()).unwrap_or(u32::MAX);
        let head = [u32::from(number), raw.kind, size, 0];
        let padding = padded(raw.data.len()).wrapping_sub(raw.data.len());
        head.into_iter()
            .flat_map(u32::to_le_bytes)
            .chain(raw.data.iter().copied())
            .chain(iter::repeat_n(0, padding))
    }
}

impl<'a> Iterator for Settings<'a> {
    type Item = (u16, Option<Parameter>, Raw<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let (number, rest) = self.0.split_first_chunk()?;
        let (_reserved, rest) = rest.split_first_chunk::<2>()?;
        let (kind, rest) = rest.split_first_chunk()?;
        let (size, rest) = rest.split_first_chunk()?;
        let (_reserved, rest) = rest.split_first_chunk::<4>()?;
        let size = u32::from_le_bytes(*size) as usize;
        let (data, _) = rest.split_at_checked(size)?;
        let (_, rest) = rest.split_at_checked(padded(size))?;
        self.0 = rest;
        let number = u16::from_le_bytes(*number);
        let code = u8::try_from(number).ok().map(Code::<Parameter>::of_number);
        Some((number, code.and_then(Code::known), Raw { kind: u32::from_le_bytes(*kind), data }))
    }
}

/// The size of a value with the zeros that follow it.
const fn padded(size: usize) -> usize {
    size.wrapping_add(ALIGNMENT).wrapping_sub(1) & !(ALIGNMENT.wrapping_sub(1))
}
