//! Rules in force: found by their hash, so that judging takes as long with ten thousand of them as with one.
//!
//! Open addressing over memory that is made with the rules and never grows. Each place that a rule might end at, that is each
//! end of a name in the path, is one look-up.

use core::iter;

use super::rule::{Anchor, Rule, begins_with_devices, upcase_ascii};
use super::texts::Texts;
use crate::dictionary::{Memory, NoRoom};

const BACKSLASH: u16 = b'\\' as u16;
/// Begins the name of a stream.
const COLON: u16 = b':' as u16;
const FIRST_BEYOND_ASCII: u16 = 0x80;
/// Separators of `\Device\HarddiskVolume3`.
const SEPARATORS_OF_DEVICE: usize = 2;

/// Of the 64-bit FNV-1a hash.
const HASH_BASIS: u64 = 0xCBF2_9CE4_8422_2325;
const HASH_PRIME: u64 = 0x0100_0000_01B3;

/// Rules of exclusion in force.
#[derive(Debug)]
pub struct Rules<M: Memory> {
    /// The texts of all rules, in upper case.
    units: M::Array<u16>,
    known: M::Array<Known>,
    /// Indices of rules and one; 0 is a free place. Twice as many as rules at least; a power of two.
    places: M::Array<u32>,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    hash: u64,
    start: u32,
    length: u32,
    anchor: Anchor,
}

impl Known {
    const NONE: Self = Self { hash: 0, start: 0, length: 0, anchor: Anchor::Name };
}

/// What rules are about: where a file is, or an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject<'a> {
    /// The volume's device, as `\Device\HarddiskVolume3`; empty if it is not known.
    pub device: &'a [u16],
    /// The path on the volume, with a backslash at the beginning.
    pub path: &'a [u16],
}

impl<'a> Subject<'a> {
    /// What a whole name says, `\Device\HarddiskVolume3\Windows\explorer.exe`: the volume is the name after `\Device`.
    #[must_use]
    pub fn of_name(name: &'a [u16]) -> Self {
        let rootless = Self { device: &[], path: name };
        if !begins_with_devices(name.iter().copied()) {
            return rootless;
        }
        let mut separators = name.iter().enumerate().filter(|(_, unit)| **unit == BACKSLASH);
        let root = separators.nth(SEPARATORS_OF_DEVICE).map(|(index, _)| index);
        let split = root.and_then(|root| name.split_at_checked(root));
        split.map_or(rootless, |(device, path)| Self { device, path })
    }

    fn name(&self) -> &'a [u16] {
        self.path.rsplit(|unit| *unit == BACKSLASH).next().unwrap_or_default()
    }
}

impl<M: Memory> Rules<M> {
    /// No rules.
    ///
    /// # Errors
    ///
    /// [`NoRoom`]: there is no memory.
    pub fn none() -> Result<Self, NoRoom> {
        Self::new(Texts::NONE, false, |unit| unit)
    }

    /// The rules that these texts are, which [`check`](super::check) has looked at. `upcase` is asked for units beyond ASCII.
    ///
    /// # Errors
    ///
    /// [`NoRoom`]: there is no memory.
    pub fn new(texts: Texts<'_>, names: bool, upcase: impl Fn(u16) -> u16) -> Result<Self, NoRoom> {
        let parsed = || texts.iter().filter_map(|text| Rule::parse(text, names).ok());
        let count = parsed().count();
        let length = parsed().fold(0_usize, |sum, rule| sum.wrapping_add(rule.len()));
        let mut all = parsed().flat_map(|rule| rule.units());
        let units = M::array(length, |_| all.next().map_or(0, |unit| upper(unit, &upcase))).ok_or(NoRoom)?;
        let mut start = 0_usize;
        let mut rules_left = parsed();
        let known = M::array(count, |_| {
            let Some(rule) = rules_left.next() else { return Known::NONE };
            let own = units.get(start..).unwrap_or_default().iter().take(rule.len());
            let hash = own.fold(basis(rule.anchor), |hash, unit| hashed(hash, *unit));
            // Both fit: a value is not that long.
            let [place, length] = [start, rule.len()].map(|size| u32::try_from(size).unwrap_or(0));
            start = start.wrapping_add(rule.len());
            Known { hash, start: place, length, anchor: rule.anchor }
        });
        let known = known.ok_or(NoRoom)?;
        let place_count = count.wrapping_mul(2).checked_next_power_of_two().ok_or(NoRoom)?;
        let mut places = M::array(place_count, |_| 0_u32).ok_or(NoRoom)?;
        for (index, rule) in (1..).zip(known.iter()) {
            let free = sequence(rule.hash, place_count)
                .find(|place| places.get(*place).is_some_and(|taken| *taken == 0));
            if let Some(place) = free.and_then(|place| places.get_mut(place)) {
                *place = index;
            }
        }
        Ok(Self { units, known, places })
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.known.len()
    }

    /// Whether a rule covers it. `upcase` is asked for units beyond ASCII.
    pub fn cover(&self, subject: &Subject<'_>, upcase: impl Fn(u16) -> u16) -> bool {
        if self.known.is_empty() {
            return false;
        }
        let Subject { device, path } = subject;
        let whole = device.iter().chain(*path).copied();
        let on_volume = path.iter().copied();
        self.cover_beginning(Anchor::Volume, &on_volume, &upcase)
            || self.cover_beginning(Anchor::Device, &whole, &upcase)
            || self.contains(Anchor::Name, &subject.name().iter().copied(), &upcase)
    }

    /// Whether a rule is a beginning of `units` that ends where a name does.
    fn cover_beginning(
        &self,
        anchor: Anchor,
        units: &(impl Iterator<Item = u16> + Clone),
        upcase: &impl Fn(u16) -> u16,
    ) -> bool {
        let mut hash = basis(anchor);
        let mut length = 0_usize;
        for unit in units.clone() {
            let ends = unit == BACKSLASH || unit == COLON;
            if ends && length > 0 && self.find(anchor, hash, length, units, upcase) {
                return true;
            }
            hash = hashed(hash, upper(unit, upcase));
            length = length.wrapping_add(1);
        }
        self.find(anchor, hash, length, units, upcase)
    }

    /// Whether `units` are a rule.
    fn contains(
        &self,
        anchor: Anchor,
        units: &(impl Iterator<Item = u16> + Clone),
        upcase: &impl Fn(u16) -> u16,
    ) -> bool {
        let (hash, length) = units.clone().fold((basis(anchor), 0_usize), |(hash, length), unit| {
            (hashed(hash, upper(unit, upcase)), length.wrapping_add(1))
        });
        self.find(anchor, hash, length, units, upcase)
    }

    /// Whether the first `length` of `units`, which have this hash, are a rule.
    fn find(
        &self,
        anchor: Anchor,
        hash: u64,
        length: usize,
        units: &(impl Iterator<Item = u16> + Clone),
        upcase: &impl Fn(u16) -> u16,
    ) -> bool {
        for place in sequence(hash, self.places.len()) {
            let index = self.places.get(place).and_then(|index| index.checked_sub(1));
            let Some(rule) = index.and_then(|index| self.known.get(index as usize)) else { return false };
            if rule.hash == hash && rule.anchor == anchor && rule.length as usize == length {
                let own = self.units.get(rule.start as usize..).unwrap_or_default().iter().take(length);
                if units.clone().take(length).map(|unit| upper(unit, upcase)).eq(own.copied()) {
                    return true;
                }
            }
        }
        false
    }
}

const fn basis(anchor: Anchor) -> u64 {
    HASH_BASIS ^ anchor as u64
}

fn hashed(hash: u64, unit: u16) -> u64 {
    (hash ^ u64::from(unit)).wrapping_mul(HASH_PRIME)
}

/// The upper-case letter of a letter.
fn upper(unit: u16, upcase: &impl Fn(u16) -> u16) -> u16 {
    if unit < FIRST_BEYOND_ASCII { upcase_ascii(unit) } else { upcase(unit) }
}

/// Where to look for a hash, each place once.
fn sequence(hash: u64, places: usize) -> impl Iterator<Item = usize> {
    let mask = places.wrapping_sub(1);
    let first = (hash >> 32 & 0xFFFF_FFFF) as usize ^ (hash & 0xFFFF_FFFF) as usize;
    iter::successors(Some(first & mask), move |place| Some(place.wrapping_add(1) & mask)).take(places)
}
