//! Places for values of one type, in chunks that come and go with use.

use core::mem::{align_of, offset_of, size_of};
use core::num::NonZeroU32;

use super::{Memory, NoRoom};
use crate::debug::Item;

/// Values in a chunk: small enough that a chunk is easily had, large enough that the table of chunks is
/// short.
pub(super) const CHUNK: usize = 256;

/// The free place after the last one.
const NO_PLACE: u16 = u16::MAX;

/// Where in a slab a value is: one more than its place, counted through all chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub(super) struct Id(NonZeroU32);

impl Id {
    fn at(chunk: usize, place: u16) -> Option<Self> {
        let number = chunk.checked_mul(CHUNK)?.checked_add(usize::from(place))?.checked_add(1)?;
        Some(Self(NonZeroU32::new(u32::try_from(number).ok()?)?))
    }

    const fn number(self) -> usize {
        self.0.get() as usize - 1
    }

    const fn chunk(self) -> usize {
        self.number() / CHUNK
    }

    const fn place(self) -> usize {
        self.number() % CHUNK
    }
}

pub(super) struct Slab<T, M: Memory> {
    chunks: M::Array<Chunk<T, M>>,
    /// No chunk below this one has room.
    roomy: usize,
}

struct Chunk<T, M: Memory> {
    /// None as long as nothing is in it.
    places: Option<M::Array<Place<T>>>,
    /// The first free place, if there are places, or [`NO_PLACE`].
    free: u16,
    used: u16,
}

/// Its layout is that which "Type layout" of the Rust reference gives for it, so that debuggers find the value.
#[repr(C, u8)]
enum Place<T> {
    Used(T) = USED,
    /// With the next free one, or [`NO_PLACE`].
    Free(u16),
}

/// How a place that is used begins.
pub(super) const USED: u8 = 0;

/// Where debuggers find the values.
pub(super) struct SlabLayout {
    pub(super) chunk_size: usize,
    pub(super) chunk_places: usize,
    pub(super) places_size: usize,
    pub(super) chunk_used: usize,
    pub(super) place_size: usize,
    pub(super) place_value: usize,
}

impl<T, M: Memory> Slab<T, M> {
    pub(super) const LAYOUT: SlabLayout = SlabLayout {
        chunk_size: size_of::<Chunk<T, M>>(),
        chunk_places: offset_of!(Chunk<T, M>, places),
        places_size: size_of::<Option<M::Array<Place<T>>>>(),
        chunk_used: offset_of!(Chunk<T, M>, used),
        place_size: size_of::<Place<T>>(),
        // behind the byte that tells which it is, aligned as the more demanding of a value and a number
        place_value: if align_of::<T>() > align_of::<u16>() { align_of::<T>() } else { align_of::<u16>() },
    };

    /// Room for `capacity` values, rounded up to a whole chunk; memory for them is had when they come.
    pub(super) fn new(capacity: usize) -> Option<Self> {
        Some(Self { chunks: M::array(capacity.div_ceil(CHUNK), |_| Chunk::EMPTY)?, roomy: 0 })
    }

    /// Tells a debugger where the chunks are.
    pub(super) fn describe(&self, item: &Item) {
        item.of(&self.chunks);
    }

    pub(super) fn insert(&mut self, value: T) -> Result<Id, NoRoom> {
        let from = self.chunks.get(self.roomy..).unwrap_or_default();
        let index = from.iter().position(Chunk::has_room).ok_or(NoRoom)?.wrapping_add(self.roomy);
        let chunk = self.chunks.get_mut(index).ok_or(NoRoom)?;
        let place = chunk.insert(value).ok_or(NoRoom)?;
        self.roomy = index;
        Id::at(index, place).ok_or(NoRoom)
    }

    pub(super) fn get(&self, id: Id) -> Option<&T> {
        match self.chunks.get(id.chunk())?.places.as_ref()?.get(id.place())? {
            Place::Used(value) => Some(value),
            Place::Free(_) => None,
        }
    }

    pub(super) fn get_mut(&mut self, id: Id) -> Option<&mut T> {
        match self.chunks.get_mut(id.chunk())?.places.as_mut()?.get_mut(id.place())? {
            Place::Used(value) => Some(value),
            Place::Free(_) => None,
        }
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        let places = self.chunks.iter_mut().filter_map(|chunk| chunk.places.as_mut());
        places.flat_map(|places| places.iter_mut()).filter_map(|place| match place {
            Place::Used(value) => Some(value),
            Place::Free(_) => None,
        })
    }

    pub(super) fn remove(&mut self, id: Id) -> Option<T> {
        let chunk = self.chunks.get_mut(id.chunk())?;
        let value = chunk.remove(id.place())?;
        self.roomy = self.roomy.min(id.chunk());
        // An empty chunk's memory goes back, but for the first, which few values would else make and unmake.
        if chunk.used == 0 && id.chunk() != 0 {
            *chunk = Chunk::EMPTY;
        }
        Some(value)
    }
}

impl<T, M: Memory> Chunk<T, M> {
    const EMPTY: Self = Self { places: None, free: NO_PLACE, used: 0 };

    const fn has_room(&self) -> bool {
        self.places.is_none() || self.free != NO_PLACE
    }

    fn insert(&mut self, value: T) -> Option<u16> {
        let places = match &mut self.places {
            Some(places) => places,
            none => {
                let following = |index: usize| match u16::try_from(index.wrapping_add(1)) {
                    Ok(next) if usize::from(next) < CHUNK => next,
                    _ => NO_PLACE,
                };
                let places = none.insert(M::array(CHUNK, |index| Place::Free(following(index)))?);
                self.free = 0;
                places
            }
        };
        let free = self.free;
        let place = places.get_mut(usize::from(free))?;
        let Place::Free(next) = place else { return None };
        self.free = *next;
        *place = Place::Used(value);
        self.used = self.used.wrapping_add(1);
        Some(free)
    }

    fn remove(&mut self, place: usize) -> Option<T> {
        let slot = self.places.as_mut()?.get_mut(place)?;
        if matches!(slot, Place::Free(_)) {
            return None;
        }
        let Place::Used(value) = core::mem::replace(slot, Place::Free(self.free)) else { return None };
        self.free = u16::try_from(place).unwrap_or(NO_PLACE);
        self.used = self.used.wrapping_sub(1);
        Some(value)
    }
}
