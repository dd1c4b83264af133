//! The channel of the standard library.

use std::hint::black_box;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use audit::record::Event;
use audit::ring::WhenFull;

use super::{Contender, Record, SLOTS};

/// `std::sync::mpsc::sync_channel`, which cannot overwrite.
pub struct Channel {
    sender: SyncSender<Record>,
    receiver: Mutex<Receiver<Record>>,
}

impl Contender for Channel {
    const NAME: &'static str = "std::sync::mpsc";

    fn new(producers: usize, when_full: WhenFull) -> Option<Self> {
        let (sender, receiver) = sync_channel(producers * SLOTS);
        (when_full == WhenFull::DropNewest).then(|| Self { sender, receiver: Mutex::new(receiver) })
    }

    #[inline]
    fn push(&self, _producer: usize, event: &Event) -> bool {
        self.sender.try_send(event.to_bytes().0).is_ok()
    }

    fn drain(&self) -> u64 {
        let Ok(receiver) = self.receiver.lock() else { return 0 };
        let mut taken = 0;
        while let Ok(record) = receiver.try_recv() {
            black_box(record);
            taken += 1;
        }
        taken
    }
}
