//! Processes and threads.

use super::Generator;
use crate::place::Place;
use crate::scenario::model::{Process, Thread};

impl Generator {
    pub(super) fn new_process(&mut self, lane: u32, pid: u32, minimal: bool) -> Process {
        let name = self.name("p");
        // No two processes have the same image, so that mistaking one for another shows.
        let image = if minimal { format!("Minimal-{name}") } else { format!(r"C:\Programs\{name}.exe") };
        let mut threads: Vec<Thread> = (0..self.rng.u32(1..3)).map(|_| self.new_thread(lane)).collect();
        threads.dedup_by_key(|thread| thread.tid);
        Process {
            place: Place::START,
            name,
            pid,
            parent: None,
            image,
            user: None,
            session: self.rng.u32(0..3),
            minimal,
            threads,
        }
    }

    /// A thread whose number may have been another's.
    pub(super) fn new_thread(&mut self, lane: u32) -> Thread {
        let tid = 100_000 * (lane + 1) + 4 * self.rng.u32(0..60);
        Thread { place: Place::START, name: self.name("t"), tid }
    }
}
