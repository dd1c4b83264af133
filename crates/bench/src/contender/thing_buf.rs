//! A queue whose slots are filled in place.

use std::hint::black_box;

use audit::record::Event;
use audit::ring::WhenFull;

use super::{Contender, SLOTS};

/// A record that there is a default of, which the queue asks for.
#[derive(Clone)]
struct Place([u8; 64]);

impl Default for Place {
    fn default() -> Self {
        Self([0; 64])
    }
}

/// `thingbuf::ThingBuf`, which cannot overwrite.
pub struct ThingBuf(thingbuf::ThingBuf<Place>);

impl Contender for ThingBuf {
    const NAME: &'static str = "thingbuf";

    fn new(producers: usize, when_full: WhenFull) -> Option<Self> {
        (when_full == WhenFull::DropNewest).then(|| Self(thingbuf::ThingBuf::new(producers * SLOTS)))
    }

    #[inline]
    fn push(&self, _producer: usize, event: &Event) -> bool {
        let Ok(mut place) = self.0.push_ref() else { return false };
        place.0 = event.to_bytes().0;
        true
    }

    fn drain(&self) -> u64 {
        let mut taken = 0;
        while let Some(place) = self.0.pop_ref() {
            black_box(&place.0);
            taken += 1;
        }
        taken
    }
}
