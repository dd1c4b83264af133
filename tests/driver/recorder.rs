//! What is lost where there is no room: while nobody is connected the oldest, while somebody is the newest; and that
//! exactly that is told.

use std::time::Duration;

use audit::ledger::LossReason;
use audit::record::Code;
use ntsim::{Config, Connection, CreateSpec, RegistryValue, Schedule, Windows, WriteSpec};

use crate::rig::{Books, Inbox, Machine, Manner, image, offsets, write_many};

/// The slots of one processor: the least there can be.
const RING: i64 = 1024;
/// So many are given up at once, and one more takes the place of one of them.
const AT_ONCE: i64 = 64;

fn machine(config: Config) -> Machine {
    let machine = Machine::with(config);
    let size = RegistryValue::Dword(u32::try_from(RING).expect("a small ring"));
    machine.sim.set_parameter("whowrote", "RingSize", &size);
    machine
}

fn one_processor() -> Machine {
    machine(Config::new(Windows::Win11_24H2).processors(1))
}

/// Reason and number of what the stream says was lost.
fn losses(inbox: &Inbox) -> Vec<(LossReason, u64)> {
    let known = |reason| match reason {
        Code::Known(reason) => reason,
        Code::Newer(_) => panic!("{reason:?}"),
    };
    inbox.with(|contents| contents.losses.iter().map(|loss| (known(loss.reason), loss.count)).collect())
}

#[test]
fn while_nobody_is_connected_the_newest_are_kept() {
    let Some(image) = image() else { return };
    let machine = one_processor();
    let driver = machine.load(&image);
    let made = RING + 500;
    write_many(&machine, r"C:\flood.log", 0..made);
    let inbox = Inbox::default();
    machine.connect(&inbox).expect("nobody else is connected");
    let kept = offsets(&inbox);
    let lost = made - i64::try_from(kept.len()).expect("few");
    assert_eq!(kept, (lost..made).collect::<Vec<_>>(), "the newest, without a gap");
    assert!((made - RING..made - RING + AT_ONCE).contains(&lost), "{lost} of {made} were overwritten");
    let overwritten = u64::try_from(lost).expect("some");
    assert_eq!(losses(&inbox), [(LossReason::Overwritten, overwritten)]);
    inbox.with(|contents| {
        assert_eq!(contents.events_before_losses, [0], "what is gone is older than what is there");
        assert_eq!(contents.headers.last().map(|header| header.lost), Some(overwritten));
    });
    let books = machine.unload(&driver);
    let expected = Books { produced: 1524, delivered: 1524 - overwritten, overwritten, ..Books::default() };
    assert_eq!(books, expected);
}

#[test]
fn while_somebody_is_connected_the_oldest_are_kept() {
    let Some(image) = image() else { return };
    let machine = one_processor();
    let driver = machine.load(&image);
    let inbox = Inbox::default();
    machine.connect(&inbox).expect("nobody else is connected");
    inbox.set_manner(Manner::Silent);
    // The first is taken into a message; the ring is what is behind it.
    write_many(&machine, r"C:\first.log", 0..1);
    machine.sim.settle();
    write_many(&machine, r"C:\flood.log", 0..RING + 100);
    inbox.set_manner(Manner::Good);
    machine.sim.advance(Duration::from_secs(10));
    machine.sim.settle();
    assert_eq!(offsets(&inbox), std::iter::once(0).chain(0..RING).collect::<Vec<_>>());
    assert_eq!(losses(&inbox), [(LossReason::RingFull, 100)]);
    // From then on there is room.
    write_many(&machine, r"C:\after.log", 7..8);
    machine.sim.settle();
    assert_eq!(offsets(&inbox).last(), Some(&7));
    let expected = Books { produced: 1126, delivered: 1026, ring_full: 100, ..Books::default() };
    assert_eq!(machine.unload(&driver), expected);
}

/// A consumer that leaves makes the ring a recorder again, from the next record on.
#[test]
fn when_the_consumer_leaves_the_newest_are_kept_again() {
    let Some(image) = image() else { return };
    let machine = one_processor();
    let driver = machine.load(&image);
    let inbox = Inbox::default();
    let connection = machine.connect(&inbox).expect("nobody else is connected");
    write_many(&machine, r"C:\seen.log", 0..10);
    machine.sim.settle();
    connection.disconnect();
    machine.sim.settle();
    write_many(&machine, r"C:\flood.log", 0..2 * RING);
    machine.connect(&inbox).expect("the last connection is closed");
    assert_eq!(offsets(&inbox).last(), Some(&(2 * RING - 1)), "the newest is there");
    let books = machine.unload(&driver);
    assert_eq!((books.produced, books.ring_full, books.shutdown), (2058, 0, 0));
    assert_eq!(losses(&inbox), [(LossReason::Overwritten, books.overwritten)]);
}

/// Numbers without a pattern, the same in each run (Vigna: xorshift64*).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % bound
    }
}

/// What came and what was told as lost make up what was written.
fn assert_balanced(inbox: &Inbox, books: &Books, made: u64, seed: u64) {
    let received = inbox.with(|contents| contents.writes.len() as u64);
    assert_eq!((books.produced, books.delivered), (made, received), "seed {seed}: {books:?}");
    let told = |reason| losses(inbox).into_iter().filter(|loss| loss.0 == reason).map(|loss| loss.1).sum();
    let [overwritten, full]: [u64; 2] = [LossReason::Overwritten, LossReason::RingFull].map(told);
    assert_eq!((overwritten, full), (books.overwritten, books.ring_full), "seed {seed}");
}

/// Consumers come, hang and go in any order between floods: all is delivered once or told as lost, for the reason that fits.
#[test]
fn whoever_comes_and_goes_the_books_balance() {
    let Some(image) = image() else { return };
    for seed in 1..=12 {
        let mut numbers = Numbers(seed);
        let machine = machine(Config::new(Windows::Win11_24H2).processors(2));
        let driver = machine.load(&image);
        let inbox = Inbox::default();
        let mut connection: Option<Connection> = None;
        let mut made = 0;
        for round in 0..12 {
            match (numbers.below(4), connection.take()) {
                (0, Some(open)) => open.disconnect(),
                (1 | 2, Some(open)) => {
                    let manner = if numbers.below(2) == 0 { Manner::Silent } else { Manner::Good };
                    inbox.set_manner(manner);
                    connection = Some(open);
                }
                (_, open @ Some(_)) => connection = open,
                (_, None) => {
                    inbox.set_manner(Manner::Good);
                    connection = Some(machine.connect(&inbox).expect("nobody else is connected"));
                }
            }
            let amount = numbers.below(1500);
            write_many(&machine, &format!(r"C:\{round}.log"), 0..i64::try_from(amount).expect("few"));
            made += amount;
            machine.sim.advance(Duration::from_millis(numbers.below(3000)));
        }
        inbox.set_manner(Manner::Good);
        if let Some(open) = connection.take() {
            open.disconnect();
        }
        machine.connect(&inbox).expect("the last connection is closed");
        machine.sim.settle();
        assert_balanced(&inbox, &machine.unload(&driver), made, seed);
    }
}

/// The same, while other threads write all the time.
#[test]
fn the_ring_changes_its_ways_while_it_is_written_to() {
    const WRITERS: u64 = 3;
    const EACH: u64 = 3000;
    let Some(image) = image() else { return };
    let machine = machine(Config::new(Windows::Win11_24H2).processors(2).schedule(Schedule::Threads));
    let driver = machine.load(&image);
    let inbox = Inbox::default();
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|number| {
                let thread = machine.sim.add_thread(machine.explorer, None).expect("it lives");
                let sim = &machine.sim;
                scope.spawn(move || {
                    let handle = sim.create(thread, &CreateSpec::new(&format!(r"C:\{number}.log")));
                    let handle = handle.expect("the path is good");
                    for offset in 0..EACH {
                        let offset = i64::try_from(offset).expect("few");
                        sim.write(thread, handle, &WriteSpec::at(offset, 1)).expect("a good write");
                    }
                })
            })
            .collect();
        while writers.iter().any(|writer| !writer.is_finished()) {
            machine.connect(&inbox).expect("the last connection is closed").disconnect();
        }
    });
    machine.connect(&inbox).expect("the last connection is closed");
    machine.sim.settle();
    let books = machine.unload(&driver);
    assert_balanced(&inbox, &books, WRITERS * EACH, 0);
}
