//! A rule of exclusion, as it is written.
//!
//! | written | stands for |
//! |---|---|
//! | `backup.exe` | whatever has this file name (images only) |
//! | `\Program Files\Backup` | what has this path on whatever volume, and all below it |
//! | `\Device\HarddiskVolume3\Logs` | the same on one volume |
//!
//! All without regard to case, as the system's table of upper-case letters has it. A backslash at the end changes nothing. A
//! path is compared by whole names: `\Logs` covers `\Logs\a.txt` and `\Logs:stream`, not `\Logs2`.

use super::defect::Defect;
use super::texts::Text;

/// The longest rule, in UTF-16 code units.
pub const MAX_UNITS: usize = 1 << 10;

const BACKSLASH: u16 = b'\\' as u16;
const FIRST_PRINTABLE: u16 = b' ' as u16;
/// What no name of a file has, and slashes, which Windows takes for backslashes in some places only.
const FORBIDDEN: [u16; 8] =
    [b'"' as u16, b'*' as u16, b'/' as u16, b':' as u16, b'<' as u16, b'>' as u16, b'?' as u16, b'|' as u16];
const DOT: u16 = b'.' as u16;
/// What volumes' names begin with.
pub(super) const DEVICES: &[u8] = br"\DEVICE\";

/// Where what a rule says begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// At the last name of a path, which it is.
    Name,
    /// At the root of whatever volume.
    Volume,
    /// At `\Device`.
    Device,
}

/// A rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule<'a> {
    /// Where it begins.
    pub anchor: Anchor,
    text: Text<'a>,
    /// Without a backslash at the end.
    length: usize,
}

impl<'a> Rule<'a> {
    /// The rule that a text is; a file name alone is one if `names`.
    ///
    /// # Errors
    ///
    /// What is wrong, and what was found.
    pub fn parse(text: Text<'a>, names: bool) -> Result<Self, (Defect, u64)> {
        let mut units = text.units();
        let length = match units.next_back() {
            None => return Err((Defect::EmptyText, 0)),
            Some(BACKSLASH) => units.len(),
            Some(_) => text.len(),
        };
        if length > MAX_UNITS {
            return Err((Defect::TooLong, text.len() as u64));
        }
        let forbidden = |unit: u16| unit < FIRST_PRINTABLE || FORBIDDEN.contains(&unit);
        if let Some(at) = text.units().position(forbidden) {
            return Err((Defect::Character, at as u64));
        }
        if length == 0 {
            return Err((Defect::Everything, 0));
        }
        let is_path = text.units().next() == Some(BACKSLASH);
        let is_name = text.units().all(|unit| unit != BACKSLASH);
        let is_rule = is_path || (names && is_name);
        if !is_rule {
            return Err((Defect::NotAPath, 0));
        }
        let rule = Self { anchor: anchor(text, is_path), text, length };
        if let Some(at) = rule.bad_component(is_path) {
            return Err((Defect::Component, at));
        }
        // All volumes at once.
        if length.wrapping_add(1) == DEVICES.len() && begins_with_devices(rule.units()) {
            return Err((Defect::Everything, 0));
        }
        Ok(rule)
    }

    /// Its UTF-16 code units.
    pub fn units(&self) -> impl Iterator<Item = u16> + Clone + use<'a> {
        self.text.units().take(self.length)
    }

    /// How many units it has.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.length
    }

    /// Never: a rule has units.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Where a name begins that is empty, `.` or `..`.
    fn bad_component(&self, is_path: bool) -> Option<u64> {
        let mut start = u64::from(is_path);
        let mut dots = 0_u64;
        let mut length = 0_u64;
        let bad = |dots: u64, length: u64| length == 0 || (length <= 2 && dots == length);
        for unit in self.units().skip(usize::from(is_path)) {
            if unit == BACKSLASH {
                if bad(dots, length) {
                    return Some(start);
                }
                start = start.wrapping_add(length).wrapping_add(1);
                (dots, length) = (0, 0);
            } else {
                dots = dots.wrapping_add(u64::from(unit == DOT));
                length = length.wrapping_add(1);
            }
        }
        bad(dots, length).then_some(start)
    }
}

fn anchor(text: Text<'_>, is_path: bool) -> Anchor {
    if !is_path {
        Anchor::Name
    } else if text.len() > DEVICES.len() && begins_with_devices(text.units()) {
        Anchor::Device
    } else {
        Anchor::Volume
    }
}

/// Whether `units` begin with `\Device\`, or are a beginning of that.
pub(super) fn begins_with_devices(units: impl Iterator<Item = u16>) -> bool {
    units.zip(DEVICES).all(|(unit, expected)| upcase_ascii(unit) == u16::from(*expected))
}

/// Of an ASCII letter the upper-case one; the system's table has no other for it.
pub(super) const fn upcase_ascii(unit: u16) -> u16 {
    const LOWER_A: u16 = b'a' as u16;
    const LOWER_Z: u16 = b'z' as u16;
    const DISTANCE: u16 = (b'a' - b'A') as u16;
    if unit >= LOWER_A && unit <= LOWER_Z { unit.wrapping_sub(DISTANCE) } else { unit }
}
