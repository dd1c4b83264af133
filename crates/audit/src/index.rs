//! A map from addresses to keys that can be asked at any IRQL: no lock, no wait, no allocation.
//!
//! The driver finds with it the key of a copy's source file by `FILE_OBJECT::FsContext`, which all file
//! objects of a stream share, on whatever volume.
//!
//! An address can be in either of two buckets, in one of eight *ways* each. A way is guarded by a
//! version: odd while it is being changed, and never the same twice. Readers never wait for a writer
//! and never retry: a way that changes under a reader did not hold the address at one moment of the
//! reader's call, so that passing over it is a right answer.

use core::num::NonZeroU64;

use crate::fault::{Fault, seeded};
use crate::sync::{AtomicU64, Ordering};

/// Loom's models need but as many ways as they have addresses.
const WAYS: usize = if cfg!(loom) { 3 } else { 8 };

/// 2⁶⁴ divided by the golden ratio: an odd number without a pattern.
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;
/// The first multiplier of the finalizer of `MurmurHash3`, another such number.
const SPREAD_AGAIN: u64 = 0xFF51_AFD7_ED55_8CCD;

/// Eight ways of an [`AddressIndex`], in memory that the caller owns. All-zero memory is an empty bucket.
#[derive(Debug, Default)]
#[repr(C, align(64))]
pub struct Bucket {
    /// 0 in a way that is free.
    addresses: [AtomicU64; WAYS],
    keys: [AtomicU64; WAYS],
    versions: [AtomicU64; WAYS],
}

/// Both buckets that the address may be in are full. The address stays unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// The memory is no power of two of buckets, or of none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAPowerOfTwo;

/// A lock-free map from addresses to keys over memory that the caller owns.
#[derive(Clone, Copy, Debug)]
pub struct AddressIndex<'m> {
    buckets: &'m [Bucket],
}

/// One way of a bucket.
#[derive(Clone, Copy)]
struct Way<'m> {
    address: &'m AtomicU64,
    key: &'m AtomicU64,
    version: &'m AtomicU64,
}

impl<'m> AddressIndex<'m> {
    /// The map that `buckets` hold.
    ///
    /// # Errors
    ///
    /// [`NotAPowerOfTwo`].
    pub const fn new(buckets: &'m [Bucket]) -> Result<Self, NotAPowerOfTwo> {
        if buckets.len().is_power_of_two() { Ok(Self { buckets }) } else { Err(NotAPowerOfTwo) }
    }

    /// The key of `address`. Wait-free.
    ///
    /// A call during which the address is inserted or removed answers as before or after that; one
    /// during which its key is replaced may also answer `None`.
    #[must_use]
    pub fn get(&self, address: u64) -> Option<u64> {
        let address = NonZeroU64::new(address)?;
        // The second bucket is not even computed for most, which are in their first.
        let (spread, first) = self.first_bucket(address);
        let found = self.buckets.get(first)?.read(address.get());
        found.or_else(|| self.buckets.get(self.second_bucket(spread, first))?.read(address.get()))
    }

    /// Gives `address` the key `key`, in place of the one it may have.
    ///
    /// Two simultaneous insertions of the *same* address may both take place; the caller orders them,
    /// or removes both.
    ///
    /// # Errors
    ///
    /// [`Full`]: nothing was changed.
    pub fn insert(&self, address: NonZeroU64, key: u64) -> Result<(), Full> {
        let address_value = address.get();
        if self.ways(address).any(|way| way.change(address_value, None, address_value, key)) {
            return Ok(());
        }
        // The emptier bucket first: with that choice hardly any address is refused before most ways are used.
        let [first, second] = self.buckets_of(address);
        let free = |bucket: Option<&Bucket>| bucket.map_or(0, Bucket::free);
        let order = if free(second) > free(first) { [second, first] } else { [first, second] };
        let mut ways = order.into_iter().flatten().flat_map(Bucket::ways);
        if ways.any(|way| way.change(0, None, address_value, key)) { Ok(()) } else { Err(Full) }
    }

    /// Removes `address` if its key is `key`: a key that has replaced it meanwhile stays.
    pub fn remove(&self, address: NonZeroU64, key: u64) {
        for way in self.ways(address) {
            let _another_removed_or_replaced_it = !way.change(address.get(), Some(key), 0, 0);
        }
    }

    /// The ways that may hold `address`.
    #[inline]
    fn ways(&self, address: NonZeroU64) -> impl Iterator<Item = Way<'m>> + use<'m> {
        self.buckets_of(address).into_iter().flatten().flat_map(Bucket::ways)
    }

    /// The buckets that `address` may be in: two different ones, unless there is but one.
    #[inline]
    fn buckets_of(&self, address: NonZeroU64) -> [Option<&'m Bucket>; 2] {
        let (spread, first) = self.first_bucket(address);
        let second = self.second_bucket(spread, first);
        [self.buckets.get(first), self.buckets.get(second).filter(|_| second != first)]
    }

    /// The address spread over 64 bits, and the index of its first bucket.
    #[inline]
    fn first_bucket(&self, address: NonZeroU64) -> (u64, usize) {
        let spread = address.get().wrapping_mul(SPREAD);
        (spread, self.place(spread))
    }

    /// The index of the second bucket: another one, unless there is but one.
    #[inline]
    fn second_bucket(&self, spread: u64, first: usize) -> usize {
        let second = self.place((spread ^ spread >> 32).wrapping_mul(SPREAD_AGAIN));
        if second == first { first ^ 1 & self.buckets.len().wrapping_sub(1) } else { second }
    }

    #[inline]
    fn place(&self, spread: u64) -> usize {
        (spread >> 32 & 0xFFFF_FFFF) as usize & self.buckets.len().wrapping_sub(1)
    }
}

impl Bucket {
    fn ways(&self) -> impl Iterator<Item = Way<'_>> {
        let Self { addresses, keys, versions } = self;
        addresses.iter().zip(keys).zip(versions).map(|((address, key), version)| Way {
            address,
            key,
            version,
        })
    }

    /// The key of `address`, if a way here holds it throughout.
    #[inline]
    fn read(&self, address: u64) -> Option<u64> {
        self.ways().find_map(|way| way.read(address))
    }

    /// How many ways are free, more or less, while others come and go.
    fn free(&self) -> usize {
        // Relaxed: an estimate.
        self.addresses.iter().filter(|address| address.load(Ordering::Relaxed) == 0).count()
    }
}

impl Way<'_> {
    /// The key, if this way holds `address` throughout.
    fn read(self, address: u64) -> Option<u64> {
        // Relaxed: most ways end here; what is read is judged below.
        if self.address.load(Ordering::Relaxed) != address {
            return None;
        }
        // Acquire: pairs with the Release store that ends `change`: what is read next is of this version, or
        // of a later one.
        let version = self.version.load(Ordering::Acquire);
        // Acquire: pairs with the Release stores of address and key in `change`. If these are of a later
        // version, then the version below is that one's odd number or more.
        let held = self.address.load(Ordering::Acquire);
        let key = self.key.load(Ordering::Acquire);
        // Relaxed: ordered after the loads above by their Acquire.
        let unchanged = self.version.load(Ordering::Relaxed) == version || seeded(Fault::VersionUnchecked);
        (unchanged && is_settled(version) && held == address).then_some(key)
    }

    /// If this way holds `from`, with the key `from_key` where one is given, makes it hold `to`. Returns
    /// whether it did; if another thread changes the way first, it is as if it had not held `from`.
    ///
    /// A way is taken only by a thread that will change it: one that stays is never in anybody's way.
    fn change(self, from: u64, from_key: Option<u64>, to: u64, to_key: u64) -> bool {
        // Acquire: pairs with the Release store below: what is read next is of this version, or of a later one,
        // in which case the exchange fails.
        let version = self.version.load(Ordering::Acquire);
        // Acquire: pairs with the Release stores below, for the exchange to fail.
        let held = self.address.load(Ordering::Acquire);
        let fits = held == from && from_key.is_none_or(|key| self.key.load(Ordering::Acquire) == key);
        if !fits || !is_settled(version) {
            return false;
        }
        // Acquire on success: pairs with the Release store below. Nobody else changes the way while its
        // version is odd.
        let changing = version.wrapping_add(1);
        if self.version.compare_exchange(version, changing, Ordering::Acquire, Ordering::Relaxed).is_err() {
            return false;
        }
        let release = if seeded(Fault::ChangeRelaxed) { Ordering::Relaxed } else { Ordering::Release };
        // Release: pairs with the Acquire loads above and in `read`: whoever reads these also sees the odd
        // version.
        self.key.store(to_key, release);
        self.address.store(to, release);
        // Release: pairs with the Acquire loads of the version above and in `read`.
        self.version.store(changing.wrapping_add(1), Ordering::Release);
        true
    }
}

/// Whether a way of this version is not being changed.
const fn is_settled(version: u64) -> bool {
    version.is_multiple_of(2)
}
