//! A consumer is killed at every boundary of a message and in between: its successors get every record, each once when those
//! that came before are passed over by their sequence number.

use std::time::Duration;

use audit::batch::BatchFlags;
use ntsim::{Windows, WriteSpec};

use crate::rig::{Books, Inbox, Machine, Manner, image, offsets, write_many};

/// What waits for the first consumer: more than two messages.
const WAITING: i64 = 2100;
/// What is written while one is there, or was: a message each.
const LATER: i64 = 6;

/// How a consumer ends. Each at a message that has been sent to it.
const DEATHS: [Manner; 3] = [
    // before it has looked at the message: it was acknowledging the one before, or waiting
    Manner::Dies,
    // when it has stored what was in the message, before it acknowledges
    Manner::Disconnects,
    // the same, but it hangs before it is killed
    Manner::Silent,
];

/// Has consumers die at these messages, each of its own connection, and a last one that does not; returns how many messages
/// all of them got.
fn play(image: &[u8], deaths: &[(usize, Manner)]) -> usize {
    let machine = Machine::new(Windows::Win11_24H2);
    let driver = machine.load(image);
    write_many(&machine, r"C:\early.log", 0..WAITING);
    let inbox = Inbox::default();
    let mut deaths = deaths.iter();
    let mut next_to_die = || {
        let death = deaths.next().copied();
        inbox.with(|contents| {
            contents.manner = Manner::Good;
            contents.then = death;
        });
    };
    next_to_die();
    // One that dies at the first message may be gone before it knows that it was connected.
    let mut connection = machine.connect(&inbox).ok();
    let handle = machine.open(r"C:\later.log");
    for offset in 0..LATER {
        machine.sim.write(machine.thread, handle, &WriteSpec::at(WAITING + offset, 1)).expect("a good write");
        machine.sim.settle();
        let is_dead = inbox.with(|contents| contents.manner != Manner::Good);
        if is_dead {
            // Another one is written while nobody is there, or while the dying one hangs.
            machine.sim.advance(Duration::from_millis(300));
            write_many(&machine, &format!(r"C:\{offset}.log"), 10_000 + offset..10_001 + offset);
            if let Some(hanging) = connection.take() {
                hanging.disconnect();
            }
            machine.sim.advance(Duration::from_secs(1));
            next_to_die();
            connection = machine.connect(&inbox).ok();
        }
    }
    if let Some(open) = connection.take() {
        open.disconnect();
    }
    inbox.with(|contents| (contents.manner, contents.then) = (Manner::Good, None));
    machine.connect(&inbox).expect("the last connection is closed");
    machine.sim.advance(Duration::from_secs(1));
    machine.sim.settle();

    let mut received = offsets(&inbox);
    received.sort_unstable();
    let unattended = received.iter().filter(|offset| **offset >= 10_000).count();
    let expected: Vec<_> = (0..WAITING + LATER).collect();
    assert_eq!(received[..received.len() - unattended], expected);
    let messages = inbox.with(|contents| {
        for received in contents.writes.values() {
            assert!(received.path.is_some() && received.image.is_some(), "{received:?}");
        }
        assert!(contents.losses.is_empty(), "{:?}", contents.losses);
        contents.headers.len()
    });
    let produced = received.len() as u64;
    assert_eq!(machine.unload(&driver), Books { produced, delivered: produced, ..Books::default() });
    messages
}

#[test]
fn a_consumer_that_dies_anywhere_leaves_everything_to_its_successor() {
    let Some(image) = image() else { return };
    let messages = play(&image, &[]);
    assert!(messages > 3 + usize::try_from(LATER).expect("few"), "{messages} messages");
    for at in 0..messages {
        for how in DEATHS {
            play(&image, &[(at, how)]);
        }
    }
}

#[test]
fn the_successor_may_die_as_well() {
    let Some(image) = image() else { return };
    for first in 0..4 {
        for second in 0..3 {
            for (one, other) in [(0, 0), (1, 1), (1, 2), (2, 0)] {
                play(&image, &[(first, DEATHS[one]), (second, DEATHS[other]), (0, Manner::Disconnects)]);
            }
        }
    }
}

/// What a consumer may have had already is marked, and what it cannot have had is not.
#[test]
fn only_what_was_sent_before_is_marked_as_sent_again() {
    let Some(image) = image() else { return };
    let machine = Machine::new(Windows::Win11_24H2);
    let driver = machine.load(&image);
    write_many(&machine, r"C:\early.log", 0..WAITING);
    let inbox = Inbox::default();
    inbox.with(|contents| contents.then = Some((1, Manner::Disconnects)));
    let _killed = machine.connect(&inbox);
    inbox.with(|contents| (contents.manner, contents.then) = (Manner::Good, None));
    machine.connect(&inbox).expect("the last connection is closed");
    machine.sim.settle();
    inbox.with(|contents| {
        let mut had = Vec::new();
        for header in &contents.headers {
            let again = header.flags.contains(BatchFlags::REDELIVERED);
            assert_eq!(again, had.contains(&header.batch), "{header:?}");
            had.push(header.batch);
        }
    });
    assert_eq!(machine.unload(&driver).delivered, u64::try_from(WAITING).expect("some"));
}
