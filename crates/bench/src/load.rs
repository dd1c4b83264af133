//! Producers at work, and how long it takes them.

use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use audit::ring::WhenFull;
use quanta::Clock;

use crate::contender::{Contender, record};

/// What is measured.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Threads that push, each as fast as it can.
    pub producers: usize,
    /// Whether another thread drains meanwhile.
    pub consumer: bool,
    /// What happens to a record for which there is no room. Where the newest is dropped and there is a consumer, producers
    /// insist, so that what is measured is what arrives.
    pub when_full: WhenFull,
}

/// All that is measured, in the order of the report.
pub const LOADS: [Load; 6] = [
    Load { producers: 1, consumer: false, when_full: WhenFull::OverwriteOldest },
    Load { producers: 2, consumer: false, when_full: WhenFull::OverwriteOldest },
    Load { producers: 1, consumer: true, when_full: WhenFull::DropNewest },
    Load { producers: 2, consumer: true, when_full: WhenFull::DropNewest },
    Load { producers: 1, consumer: true, when_full: WhenFull::OverwriteOldest },
    Load { producers: 2, consumer: true, when_full: WhenFull::OverwriteOldest },
];

impl Load {
    /// Its name in the report.
    #[must_use]
    pub fn name(&self) -> String {
        let producers = if self.producers == 1 { "1 producer" } else { "2 producers" };
        let mode = match self.when_full {
            WhenFull::DropNewest => "dropping",
            WhenFull::OverwriteOldest => "overwriting",
        };
        let consumer = if self.consumer { "a consumer" } else { "no consumer" };
        format!("{mode}, {consumer}, {producers}")
    }

    /// Has so many records pushed, in all, and returns the time from the first push to the last; with a consumer, and
    /// producers that insist, to the last delivery.
    pub fn run<C: Contender>(&self, contender: &C, records: u64) -> Duration {
        let each = records.div_ceil(self.producers as u64);
        let begin = Barrier::new(self.producers + usize::from(self.consumer));
        let producing = AtomicUsize::new(self.producers);
        let spans: Vec<_> = thread::scope(|scope| {
            let producers = (0..self.producers).map(|producer| {
                let (begin, producing) = (&begin, &producing);
                scope.spawn(move || {
                    begin.wait();
                    let span = self.produce(contender, producer, each);
                    producing.fetch_sub(1, Ordering::Release);
                    span
                })
            });
            let mut threads: Vec<_> = producers.collect();
            if self.consumer {
                let (begin, producing) = (&begin, &producing);
                threads.push(scope.spawn(move || {
                    begin.wait();
                    let start = Instant::now();
                    loop {
                        let last = producing.load(Ordering::Acquire) == 0;
                        if contender.drain() == 0 {
                            if last {
                                return (start, Instant::now());
                            }
                            thread::yield_now();
                        }
                    }
                }));
            }
            // A thread that panics ends the program when the scope does.
            threads.into_iter().filter_map(|thread| thread.join().ok()).collect()
        });
        let start = spans.iter().map(|(start, _)| *start).min();
        let end = spans.iter().map(|(_, end)| *end).max();
        start.zip(end).map_or(Duration::ZERO, |(start, end)| end - start)
    }

    fn produce<C: Contender>(&self, contender: &C, producer: usize, records: u64) -> (Instant, Instant) {
        let insist = self.consumer && self.when_full == WhenFull::DropNewest;
        let clock = Clock::new();
        let start = Instant::now();
        for number in 0..records {
            let event = record(clock.raw(), number);
            while !contender.push(producer, &event) && insist {
                thread::yield_now();
            }
        }
        (start, Instant::now())
    }
}
