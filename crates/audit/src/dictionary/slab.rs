//! Places for values of one type, in chunks that come and go with use.

use super::{Memory, NoRoom};

/// Values in a chunk: small enough that a chunk is easily had, large enough that the table of chunks is
/// short.
const CHUNK: usize = 256;

/// Where in a slab a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Id {
    chunk: u32,
    place: u16,
}

pub(super) struct Slab<T, M: Memory> {
    chunks: M::Array<Option<Chunk<T, M>>>,
    /// No chunk below this one has room.
    roomy: usize,
}

struct Chunk<T, M: Memory> {
    places: M::Array<Place<T>>,
    /// The first free place.
    free: Option<u16>,
    used: u16,
}

enum Place<T> {
    Used(T),
    /// With the next free one.
    Free(Option<u16>),
}

impl<T, M: Memory> Slab<T, M> {
    /// Room for `capacity` values, rounded up to a whole chunk; memory for them is had when they come.
    pub(super) fn new(capacity: usize) -> Option<Self> {
        Some(Self { chunks: M::array(capacity.div_ceil(CHUNK), |_| None)?, roomy: 0 })
    }

    pub(super) fn insert(&mut self, value: T) -> Result<Id, NoRoom> {
        let has_room = |chunk: &Option<Chunk<T, M>>| chunk.as_ref().is_none_or(|chunk| chunk.free.is_some());
        let from = self.chunks.get(self.roomy..).unwrap_or_default();
        let index = from.iter().position(has_room).ok_or(NoRoom)?.wrapping_add(self.roomy);
        let entry = self.chunks.get_mut(index).ok_or(NoRoom)?;
        let chunk = match entry {
            Some(chunk) => chunk,
            None => entry.insert(Chunk::new().ok_or(NoRoom)?),
        };
        let place = chunk.insert(value).ok_or(NoRoom)?;
        self.roomy = index;
        Ok(Id { chunk: u32::try_from(index).map_err(|_| NoRoom)?, place })
    }

    pub(super) fn get(&self, id: Id) -> Option<&T> {
        match self.chunks.get(id.chunk as usize)?.as_ref()?.places.get(usize::from(id.place))? {
            Place::Used(value) => Some(value),
            Place::Free(_) => None,
        }
    }

    pub(super) fn get_mut(&mut self, id: Id) -> Option<&mut T> {
        match self.chunks.get_mut(id.chunk as usize)?.as_mut()?.places.get_mut(usize::from(id.place))? {
            Place::Used(value) => Some(value),
            Place::Free(_) => None,
        }
    }

    pub(super) fn remove(&mut self, id: Id) -> Option<T> {
        let entry = self.chunks.get_mut(id.chunk as usize)?;
        let chunk = entry.as_mut()?;
        let value = chunk.remove(id.place)?;
        self.roomy = self.roomy.min(id.chunk as usize);
        // An empty chunk's memory goes back, but for the first, which few values would else make and unmake.
        if chunk.used == 0 && id.chunk != 0 {
            *entry = None;
        }
        Some(value)
    }
}

impl<T, M: Memory> Chunk<T, M> {
    fn new() -> Option<Self> {
        let following = |index: usize| Some(index.wrapping_add(1)).filter(|next| *next < CHUNK);
        let places =
            M::array(CHUNK, |index| Place::Free(following(index).and_then(|next| u16::try_from(next).ok())))?;
        Some(Self { places, free: Some(0), used: 0 })
    }

    fn insert(&mut self, value: T) -> Option<u16> {
        let free = self.free?;
        let place = self.places.get_mut(usize::from(free))?;
        let Place::Free(next) = place else { return None };
        self.free = *next;
        *place = Place::Used(value);
        self.used = self.used.wrapping_add(1);
        Some(free)
    }

    fn remove(&mut self, place: u16) -> Option<T> {
        let slot = self.places.get_mut(usize::from(place))?;
        if matches!(slot, Place::Free(_)) {
            return None;
        }
        let Place::Used(value) = core::mem::replace(slot, Place::Free(self.free)) else { return None };
        self.free = Some(place);
        self.used = self.used.wrapping_sub(1);
        Some(value)
    }
}
