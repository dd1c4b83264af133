//! Bitmaps (wdm.h, `RTL_BITMAP`): the size in bits, and the bits in 32-bit words.

use std::ops::Range;

use crate::abi::Ptr;
use crate::ke::Cpu;
use crate::verifier::Rule;

/// What the searches return that find nothing.
const NOT_FOUND: u32 = u32::MAX;
const WORD_BITS: usize = 32;

/// `RTL_BITMAP`
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Header {
    bits: u32,
    alignment: u32,
    words: Ptr<u32>,
}

/// `RtlInitializeBitMap`: the bits stay what they are.
pub(crate) fn initialize(_cpu: &Cpu, header: Ptr<Header>, words: Ptr<u32>, bits: u32) {
    header.write(Header { bits, alignment: 0, words });
}

impl Header {
    fn at(cpu: &Cpu, header: Ptr<Self>, range: &Range<u32>) -> Option<Self> {
        let header = header.read();
        if range.end > header.bits || range.start > range.end {
            let detail = format!("bits {range:?} of a bitmap that has {}", header.bits);
            cpu.violation(Rule::InvalidParameter, detail);
            return None;
        }
        Some(header)
    }

    fn get(&self, bit: u32) -> bool {
        self.words.offset(bit as usize / WORD_BITS).read() >> (bit % u32::BITS) & 1 != 0
    }

    fn put(&self, range: Range<u32>, value: bool) {
        for bit in range {
            let word = self.words.offset(bit as usize / WORD_BITS);
            let mask = 1 << (bit % u32::BITS);
            word.write(if value { word.read() | mask } else { word.read() & !mask });
        }
    }

    /// The first run of so many bits of a value, from a hint on, and before it if there is none.
    fn find(&self, count: u32, hint: u32, value: bool) -> Option<u32> {
        let hint = if hint < self.bits { hint } else { 0 };
        // "RtlFindClearBits": a number of zero finds the hint, rounded down to a byte.
        if count == 0 {
            return Some(hint & !7);
        }
        let last = self.bits.checked_sub(count)?;
        let fits = |start: &u32| (*start..start + count).all(|bit| self.get(bit) == value);
        (hint..=last).find(fits).or_else(|| (0..hint.min(last + 1)).find(fits))
    }

    fn count(&self) -> u32 {
        (0..self.bits).map(|bit| u32::from(self.get(bit))).sum()
    }
}

/// `RtlSetBits`, `RtlClearBits`.
pub(crate) fn put<const VALUE: bool>(cpu: &Cpu, header: Ptr<Header>, start: u32, count: u32) {
    let range = start..start.saturating_add(count);
    if let Some(header) = Header::at(cpu, header, &range) {
        header.put(range, VALUE);
    }
}

/// `RtlSetBit`, `RtlClearBit`.
pub(crate) fn put_one<const VALUE: bool>(cpu: &Cpu, header: Ptr<Header>, bit: u32) {
    put::<VALUE>(cpu, header, bit, 1);
}

/// `RtlSetAllBits`, `RtlClearAllBits`.
pub(crate) fn put_all<const VALUE: bool>(_cpu: &Cpu, header: Ptr<Header>) {
    let header = header.read();
    header.put(0..header.bits, VALUE);
}

/// `RtlTestBit`.
pub(crate) fn test(cpu: &Cpu, header: Ptr<Header>, bit: u32) -> u8 {
    let found = Header::at(cpu, header, &(bit..bit.saturating_add(1)));
    u8::from(found.is_some_and(|header| header.get(bit)))
}

/// `RtlAreBitsSet`, `RtlAreBitsClear`: false of no bits, and of what lies beyond the end.
pub(crate) fn are<const VALUE: bool>(_cpu: &Cpu, header: Ptr<Header>, start: u32, count: u32) -> u8 {
    let header = header.read();
    let end = start.checked_add(count).filter(|end| count > 0 && *end <= header.bits);
    u8::from(end.is_some_and(|end| (start..end).all(|bit| header.get(bit) == VALUE)))
}

/// `RtlFindSetBits`, `RtlFindClearBits`.
pub(crate) fn find<const VALUE: bool>(_cpu: &Cpu, header: Ptr<Header>, count: u32, hint: u32) -> u32 {
    header.read().find(count, hint, VALUE).unwrap_or(NOT_FOUND)
}

/// `RtlFindSetBitsAndClear`, `RtlFindClearBitsAndSet`.
pub(crate) fn find_and_flip<const VALUE: bool>(
    _cpu: &Cpu,
    header: Ptr<Header>,
    count: u32,
    hint: u32,
) -> u32 {
    let header = header.read();
    let found = header.find(count, hint, VALUE);
    if let Some(start) = found {
        header.put(start..start + count, !VALUE);
    }
    found.unwrap_or(NOT_FOUND)
}

/// `RtlNumberOfSetBits`.
pub(crate) fn count_set(_cpu: &Cpu, header: Ptr<Header>) -> u32 {
    header.read().count()
}

/// `RtlNumberOfClearBits`.
pub(crate) fn count_clear(_cpu: &Cpu, header: Ptr<Header>) -> u32 {
    let header = header.read();
    header.bits - header.count()
}
