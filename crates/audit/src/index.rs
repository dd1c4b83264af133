//! A map from addresses to keys, or values of a few words, that can be asked at any IRQL: no lock, no wait, no
//! allocation.
//!
//! The driver finds with it the key of a file by `FILE_OBJECT::FsContext`, which all file objects of a stream share,
//! on whatever volume, and who a thread is by the address of its object ([`crate::threads`]).
//!
//! An address can be in either of two buckets, in one of eight *ways* each. A way is guarded by a
//! version, whose lower half is odd while the way changes hands and counts how often it has, and whose upper
//! half does the same for replacements of the value. Readers never wait for a writer and never retry: a way
//! that changes hands under a reader did not hold the address at one moment of the reader's call, so that
//! passing over it is a right answer. To be taken for unchanged it would have to change hands 2³¹ times
//! meanwhile. A value of one word is replaced in one store, which readers need not notice.

use core::array;
use core::hint::cold_path;
use core::num::NonZeroU64;
use core::ops::Range;

use crate::fault::{Fault, seeded};
use crate::record::{high, low, pair};
use crate::sync::{AtomicU64, Ordering};

/// Loom's models need but as many ways as they have addresses.
const WAYS: usize = if cfg!(loom) { 3 } else { 8 };

/// 2⁶⁴ divided by the golden ratio: an odd number without a pattern.
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;
/// The first multiplier of the finalizer of `MurmurHash3`, another such number.
const SPREAD_AGAIN: u64 = 0xFF51_AFD7_ED55_8CCD;

/// Eight ways of an [`AddressIndex`] with values of `WORDS` words, in memory that the caller owns. All-zero memory is an
/// empty bucket.
#[derive(Debug)]
#[repr(C, align(64))]
pub struct Bucket<const WORDS: usize = 1> {
    /// 0 in a way that is free.
    addresses: [AtomicU64; WAYS],
    held: [Held<WORDS>; WAYS],
}

/// What a way holds beside its address.
#[derive(Debug)]
#[repr(C)]
struct Held<const WORDS: usize> {
    version: AtomicU64,
    value: [AtomicU64; WORDS],
}

impl<const WORDS: usize> Default for Bucket<WORDS> {
    fn default() -> Self {
        Self {
            addresses: array::from_fn(|_| AtomicU64::default()),
            held: array::from_fn(|_| Held::default()),
        }
    }
}

impl<const WORDS: usize> Default for Held<WORDS> {
    fn default() -> Self {
        Self { version: AtomicU64::default(), value: array::from_fn(|_| AtomicU64::default()) }
    }
}

/// Both buckets that the address may be in are full. The address stays unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// There are not as many buckets as the index has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrongSize;

/// A lock-free map from addresses to values of `WORDS` words over memory that the caller owns: `BUCKETS` of them, a power of
/// two. (Known when it is compiled, that saves each look-up five instructions.)
#[derive(Clone, Copy, Debug)]
pub struct AddressIndex<'m, const BUCKETS: usize, const WORDS: usize = 1> {
    buckets: &'m [Bucket<WORDS>; BUCKETS],
}

/// Where an index holds an address, from when it was put there to when it is removed, or has its value of several words
/// replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The way, counted through all buckets.
    way: u32,
    /// Its version's lower half.
    hands: u32,
}

impl Place {
    #[inline]
    fn of_way(bucket: usize, way: usize, hands: u32) -> Option<Self> {
        let way = u32::try_from(bucket.wrapping_mul(WAYS).wrapping_add(way)).ok()?;
        Some(Self { way, hands })
    }

    /// As one number, whose two lowest bits are 0. Ways are fewer than 2³⁰.
    #[inline]
    #[must_use]
    pub(crate) fn word(self) -> u64 {
        pair(self.way << 2, self.hands)
    }

    /// The place of a number that [`word`](Self::word) made; its two lowest bits are not heeded.
    #[inline]
    #[must_use]
    pub(crate) fn of_word(word: u64) -> Self {
        Self { way: low(word) >> 2, hands: high(word) }
    }
}

/// One way of a bucket.
#[derive(Clone, Copy)]
struct Way<'m, const WORDS: usize> {
    address: &'m AtomicU64,
    held: &'m Held<WORDS>,
}

/// Maps from addresses to keys.
impl<const BUCKETS: usize> AddressIndex<'_, BUCKETS> {
    /// The key of `address`, as [`find`](Self::find) has it.
    #[expect(clippy::inline_always, reason = "as for `find`")]
    #[inline(always)]
    #[must_use]
    pub fn get(&self, address: u64) -> Option<u64> {
        self.find(address).map(|[key]| key)
    }

    /// Gives `address` the key `key`, as [`put`](Self::put) does.
    ///
    /// # Errors
    ///
    /// [`Full`]: nothing was changed.
    pub fn insert(&self, address: NonZeroU64, key: u64) -> Result<(), Full> {
        self.put(address, [key])
    }

    /// Removes `address` if its key is `key`: a key that has replaced it meanwhile stays.
    pub fn remove(&self, address: NonZeroU64, key: u64) {
        self.clear(address, Some([key]));
    }
}

impl<'m, const BUCKETS: usize, const WORDS: usize> AddressIndex<'m, BUCKETS, WORDS> {
    /// The map that `buckets` hold.
    ///
    /// # Errors
    ///
    /// [`WrongSize`].
    pub fn new(buckets: &'m [Bucket<WORDS>]) -> Result<Self, WrongSize> {
        const { assert!(BUCKETS.is_power_of_two()) };
        buckets.try_into().map(|buckets| Self { buckets }).map_err(|_| WrongSize)
    }

    /// The value of `address`. Wait-free.
    ///
    /// A call during which the address is put or removed, or its value replaced, answers as before or after that; but
    /// one during which a value of several words is replaced may also answer `None`. The words of what it answers were
    /// put together.
    #[expect(clippy::inline_always, reason = "on the way of every write, several times")]
    #[inline(always)]
    #[must_use]
    pub fn find(&self, address: u64) -> Option<[u64; WORDS]> {
        let address = NonZeroU64::new(address)?;
        let found = self.find_first(address);
        if found.is_some() { found } else { self.search(address) }
    }

    /// The value of `address`, if it is in the first way of its first bucket, as most are: no call. Otherwise
    /// [`find`](Self::find) may still know it.
    #[expect(clippy::inline_always, reason = "as for `find`")]
    #[inline(always)]
    #[must_use]
    pub fn find_first(&self, address: NonZeroU64) -> Option<[u64; WORDS]> {
        let (_, first) = Self::first_bucket(address);
        self.buckets.get(first)?.ways().next()?.read(address.get())
    }

    /// Looks into every way that may hold `address`.
    #[inline(never)]
    fn search(self, address: NonZeroU64) -> Option<[u64; WORDS]> {
        self.ways(address).find_map(|way| way.read(address.get()))
    }

    /// Where `address` is held. Wait-free.
    #[expect(clippy::inline_always, reason = "as for `find`")]
    #[inline(always)]
    #[must_use]
    pub fn place(&self, address: NonZeroU64) -> Option<Place> {
        let (_, first) = Self::first_bucket(address);
        let hands = self.buckets.get(first)?.ways().next().and_then(|way| way.hands_of(address.get()));
        match hands {
            Some(hands) => Place::of_way(first, 0, hands),
            None => self.search_place(address),
        }
    }

    /// Looks into every way that may hold `address`.
    #[inline(never)]
    fn search_place(self, address: NonZeroU64) -> Option<Place> {
        let (spread, first) = Self::first_bucket(address);
        [first, Self::second_bucket(spread, first)].into_iter().find_map(|bucket| {
            let mut ways = self.buckets.get(bucket)?.ways().enumerate();
            ways.find_map(|(number, way)| Place::of_way(bucket, number, way.hands_of(address.get())?))
        })
    }

    /// The value at a place, as long as that is what [`place`](Self::place) found. Wait-free.
    #[expect(clippy::inline_always, reason = "as for `find`")]
    #[inline(always)]
    #[must_use]
    pub fn at(&self, place: Place) -> Option<[u64; WORDS]> {
        let Place { way, hands } = place;
        let Bucket { held, .. } = self.buckets.get(way as usize / WAYS)?;
        held.get(way as usize % WAYS)?.read_in(hands)
    }

    /// Gives `address` the value `value`, in place of the one it may have.
    ///
    /// Of two simultaneous calls for the *same* address both may take effect; the caller orders them, or removes both.
    ///
    /// # Errors
    ///
    /// [`Full`]: nothing was changed.
    pub fn put(&self, address: NonZeroU64, value: [u64; WORDS]) -> Result<(), Full> {
        let address_value = address.get();
        if self.ways(address).any(|way| way.replace(address_value, value)) {
            return Ok(());
        }
        // The emptier bucket first: with that choice hardly any address is refused before most ways are used.
        let [first, second] = self.buckets_of(address);
        let free = |bucket: Option<&Bucket<WORDS>>| bucket.map_or(0, Bucket::free);
        let order = if free(second) > free(first) { [second, first] } else { [first, second] };
        let mut ways = order.into_iter().flatten().flat_map(Bucket::ways);
        if ways.any(|way| way.change(0, None, address_value, value)) { Ok(()) } else { Err(Full) }
    }

    /// Removes `address`, if its value is `value` where one is given: one that has replaced it meanwhile stays then.
    pub fn clear(&self, address: NonZeroU64, value: Option<[u64; WORDS]>) {
        for way in self.ways(address) {
            let _another_removed_or_replaced_it = !way.change(address.get(), value, 0, [0; WORDS]);
        }
    }

    /// Removes every address that nobody is about to put or replace.
    pub fn clear_all(&self) {
        for way in self.buckets.iter().flat_map(Bucket::ways) {
            // Relaxed: `change` looks whether the way holds it.
            let address = way.address.load(Ordering::Relaxed);
            if address != 0 {
                let _somebody_else_does = !way.change(address, None, 0, [0; WORDS]);
            }
        }
    }

    /// The addresses and values that a stretch of the buckets holds: what comes or goes meanwhile may be missing.
    pub fn entries(
        &self,
        buckets: Range<usize>,
    ) -> impl Iterator<Item = (NonZeroU64, [u64; WORDS])> + use<'m, BUCKETS, WORDS> {
        let end = buckets.end.min(BUCKETS);
        let stretch = self.buckets.get(buckets.start..end).unwrap_or_default();
        stretch.iter().flat_map(Bucket::ways).filter_map(|way| {
            // Relaxed: `read` looks whether the way holds it.
            let address = NonZeroU64::new(way.address.load(Ordering::Relaxed))?;
            Some((address, way.read(address.get())?))
        })
    }

    /// How many buckets there are.
    #[must_use]
    pub const fn bucket_count(&self) -> usize {
        BUCKETS
    }

    /// The ways that may hold `address`.
    #[inline]
    fn ways(self, address: NonZeroU64) -> impl Iterator<Item = Way<'m, WORDS>> + use<'m, BUCKETS, WORDS> {
        self.buckets_of(address).into_iter().flatten().flat_map(Bucket::ways)
    }

    /// The buckets that `address` may be in: two different ones, unless there is but one.
    #[inline]
    fn buckets_of(self, address: NonZeroU64) -> [Option<&'m Bucket<WORDS>>; 2] {
        let (spread, first) = Self::first_bucket(address);
        let second = Self::second_bucket(spread, first);
        [self.buckets.get(first), self.buckets.get(second).filter(|_| second != first)]
    }

    /// The address spread over 64 bits, and the index of its first bucket.
    #[inline]
    fn first_bucket(address: NonZeroU64) -> (u64, usize) {
        let spread = address.get().wrapping_mul(SPREAD);
        (spread, Self::spot(spread))
    }

    /// The index of the second bucket: another one, unless there is but one.
    #[inline]
    fn second_bucket(spread: u64, first: usize) -> usize {
        let second = Self::spot((spread ^ spread >> 32).wrapping_mul(SPREAD_AGAIN));
        if second == first { first ^ 1 & BUCKETS.wrapping_sub(1) } else { second }
    }

    /// The index of a bucket: the upper bits, which depend on all bits of the address.
    #[expect(clippy::cast_possible_truncation, reason = "there are no more buckets than a usize counts")]
    #[inline]
    const fn spot(spread: u64) -> usize {
        // None of one bucket's index.
        let below = u64::BITS.wrapping_sub(BUCKETS.trailing_zeros());
        (if below == u64::BITS { 0 } else { spread >> below }) as usize
    }
}

impl<const WORDS: usize> Bucket<WORDS> {
    #[inline]
    fn ways(&self) -> impl Iterator<Item = Way<'_, WORDS>> {
        let Self { addresses, held } = self;
        addresses.iter().zip(held).map(|(address, held)| Way { address, held })
    }

    /// How many ways are free, more or less, while others come and go.
    fn free(&self) -> usize {
        // Relaxed: an estimate.
        self.addresses.iter().filter(|address| address.load(Ordering::Relaxed) == 0).count()
    }
}

impl<const WORDS: usize> Held<WORDS> {
    /// The value, if the way has this version throughout.
    #[inline]
    fn read_in(&self, expected: u32) -> Option<[u64; WORDS]> {
        let Self { version, value } = self;
        // Acquire, both, and Relaxed below: as in `Way::read`.
        if hands(version.load(Ordering::Acquire)) != expected {
            return None;
        }
        let value = array::from_fn(|word| value.get(word).map_or(0, |word| word.load(Ordering::Acquire)));
        let unchanged = hands(version.load(Ordering::Relaxed)) == expected;
        (unchanged || seeded(Fault::VersionUnchecked)).then_some(value)
    }
}

impl<const WORDS: usize> Way<'_, WORDS> {
    /// The value, if this way holds `address` throughout.
    #[inline]
    fn read(self, address: u64) -> Option<[u64; WORDS]> {
        let Held { version: version_now, value } = self.held;
        // Acquire: pairs with the Release store that ends `change`: what is read next is of this version, or
        // of a later one.
        let version = version_now.load(Ordering::Acquire);
        // Acquire: pairs with the Release stores of address and value in `change`. If these are of a later
        // version, then the version below is that one's odd number or more.
        if self.address.load(Ordering::Acquire) != address {
            return None;
        }
        let value = array::from_fn(|word| value.get(word).map_or(0, |word| word.load(Ordering::Acquire)));
        // Relaxed: ordered after the loads above by their Acquire. It never goes down, so that it is not the even
        // number below an odd one.
        let unchanged = hands(version_now.load(Ordering::Relaxed)) == hands(version) & !1;
        if !unchanged && !seeded(Fault::VersionUnchecked) {
            cold_path();
            return None;
        }
        Some(value)
    }

    /// The version, if this way holds `address` throughout.
    #[inline]
    fn hands_of(self, address: u64) -> Option<u32> {
        let Held { version: version_now, .. } = self.held;
        // Acquire, both, and Relaxed below: as in `read`.
        let version = version_now.load(Ordering::Acquire);
        let holds = self.address.load(Ordering::Acquire) == address;
        let unchanged = hands(version_now.load(Ordering::Relaxed)) == hands(version) & !1;
        (holds && unchanged).then_some(hands(version))
    }

    /// If this way holds `from`, with the value `from_value` where one is given, makes it hold `to`. Returns
    /// whether it did; if another thread changes the way first, it is as if it had not held `from`.
    ///
    /// A way is taken only by a thread that will change it: one that stays is never in anybody's way.
    fn change(self, from: u64, from_value: Option<[u64; WORDS]>, to: u64, to_value: [u64; WORDS]) -> bool {
        let Held { version: shared_version, value } = self.held;
        // Acquire: pairs with the Release store below: what is read next is of this version, or of a later one,
        // in which case the exchange fails.
        let version = shared_version.load(Ordering::Acquire);
        // Acquire: pairs with the Release stores below, for the exchange to fail.
        let held = self.address.load(Ordering::Acquire);
        let is = |expected: [u64; WORDS]| {
            value.iter().zip(expected).all(|(word, expected)| word.load(Ordering::Acquire) == expected)
        };
        let fits = held == from && from_value.is_none_or(is);
        if !fits || version & (CHANGING | REPLACING) != 0 {
            return false;
        }
        // Acquire on success: pairs with the Release stores below and in `replace`. Nobody else changes the way
        // while half of its version is odd.
        let changing = version | CHANGING;
        if shared_version.compare_exchange(version, changing, Ordering::Acquire, Ordering::Relaxed).is_err() {
            return false;
        }
        let release = if seeded(Fault::ChangeRelaxed) { Ordering::Relaxed } else { Ordering::Release };
        // Release: pairs with the Acquire loads above and in `read`: whoever reads these also sees the odd
        // version.
        for (word, to) in value.iter().zip(to_value) {
            word.store(to, release);
        }
        self.address.store(to, release);
        // Release: pairs with the Acquire loads of the version above and in `read`.
        let changed = version & !HANDS | version.wrapping_add(2 * CHANGING) & HANDS;
        shared_version.store(changed, Ordering::Release);
        true
    }

    /// If this way holds `address`, gives it another value, as [`change`](Self::change) would; but if that is one
    /// word, a reader gets the old one or the new.
    fn replace(self, address: u64, to: [u64; WORDS]) -> bool {
        let Held { version: shared_version, value } = self.held;
        let ([word], &[to]) = (value.as_slice(), to.as_slice()) else {
            return self.change(address, None, address, to);
        };
        if seeded(Fault::ReplacedLikeChanged) {
            return self.change(address, None, address, [to; WORDS]);
        }
        // Acquire, both: as in `change`.
        let version = shared_version.load(Ordering::Acquire);
        if self.address.load(Ordering::Acquire) != address || version & (CHANGING | REPLACING) != 0 {
            return false;
        }
        // Acquire on success: as in `change`.
        let replacing = version | REPLACING;
        if shared_version.compare_exchange(version, replacing, Ordering::Acquire, Ordering::Relaxed).is_err()
        {
            return false;
        }
        // Release: pairs with the Acquire loads of the value in `read` and `change`.
        word.store(to, Ordering::Release);
        // Release: pairs with the Acquire loads of the version in `change` and above.
        shared_version.store(version.wrapping_add(2 * REPLACING), Ordering::Release);
        true
    }
}

/// Set in a way's version while it changes hands.
const CHANGING: u64 = 1;
/// The half of the version that counts how often it has.
const HANDS: u64 = 0xFFFF_FFFF;
/// Set in a way's version while its value is replaced; above it is counted how often that was.
const REPLACING: u64 = HANDS + 1;

/// What a reader heeds of a version.
#[expect(clippy::cast_possible_truncation, reason = "the lower half is meant")]
const fn hands(version: u64) -> u32 {
    version as u32
}
