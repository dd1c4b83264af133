//! A map by address.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::abi::Address;

/// A map from the address of an object to what ntsim knows of it.
pub(crate) type AddressMap<T> = HashMap<Address, T, BuildHasherDefault<AddressHasher>>;

/// Spreads addresses, which differ mostly in their middle bits, by one multiplication (Fibonacci hashing).
#[derive(Default)]
pub(crate) struct AddressHasher(u64);

/// 2^64 divided by the golden ratio.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

impl Hasher for AddressHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = (self.0 ^ value).wrapping_mul(GOLDEN).rotate_left(32);
    }

    fn write_usize(&mut self, value: usize) {
        self.write_u64(value as u64);
    }
}
