//! Random numbers by a seed that the caller keeps.

use crate::abi::Ptr;
use crate::ke::Cpu;

/// `RtlRandom`, `RtlRandomEx`: a number below `MAXLONG`, and the next seed, by the generator that the page on `RtlUniform` (ntddk.h)
/// describes.
pub(crate) fn next(_cpu: &Cpu, seed: Ptr<u32>) -> u32 {
    const MULTIPLIER: u64 = 0x7FFF_FFED;
    const INCREMENT: u64 = 0x7FFF_FFC3;
    const MODULUS: u64 = 0x7FFF_FFFF;
    let next = (u64::from(seed.read()) * MULTIPLIER + INCREMENT) % MODULUS;
    let next = u32::try_from(next).expect("the modulus has 31 bits");
    seed.write(next);
    next
}
