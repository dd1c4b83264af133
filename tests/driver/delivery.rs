//! That every record arrives, or is counted.

use std::time::Duration;

use audit::batch::BatchFlags;
use ntsim::{Windows, WriteSpec};

use crate::rig::{Books, Inbox, Machine, Manner, image, offsets, write_many};

/// More than one batch holds.
const MANY: i64 = 3000;

#[test]
fn what_was_recorded_before_anybody_connected_arrives() {
    let Some(image) = image() else { return };
    let machine = Machine::new(Windows::Win11_24H2);
    let driver = machine.load(&image);
    write_many(&machine, r"C:\early.log", 0..MANY);
    let inbox = Inbox::default();
    machine.connect(&inbox).expect("nobody else is connected");
    assert_eq!(offsets(&inbox), (0..MANY).collect::<Vec<_>>());
    inbox.with(|contents| {
        assert!(contents.headers.len() > 2, "it takes several batches");
        let batches: Vec<_> = contents.headers.iter().map(|header| header.batch).collect();
        assert_eq!(batches, (1..=contents.headers.len() as u64).collect::<Vec<_>>());
        assert!(contents.repeated.is_empty(), "{:?}", contents.repeated);
        assert!(contents.writes.values().all(|received| received.path.is_some() && received.image.is_some()));
    });
    let books = machine.unload(&driver);
    assert_eq!(books, Books { produced: 3000, delivered: 3000, ..Books::default() });
}

/// Each way in which a consumer can fail to acknowledge, and what it does next.
#[test]
fn what_is_not_acknowledged_comes_again() {
    let Some(image) = image() else { return };
    for manner in [Manner::Silent, Manner::Disconnects, Manner::Confused, Manner::Terse] {
        let machine = Machine::new(Windows::Win11_24H2);
        let driver = machine.load(&image);
        let inbox = Inbox::default();
        let connection = machine.connect(&inbox).expect("nobody else is connected");
        inbox.set_manner(manner);
        write_many(&machine, r"C:\a.log", 0..10);
        machine.sim.settle();
        machine.sim.advance(Duration::from_secs(10));
        assert_eq!(offsets(&inbox), (0..1).collect::<Vec<_>>(), "{manner:?}: it came, and nothing after it");
        inbox.set_manner(Manner::Good);
        if manner == Manner::Disconnects {
            machine.connect(&inbox).expect("the last connection is closed");
        }
        machine.sim.advance(Duration::from_secs(10));
        machine.sim.settle();
        assert_eq!(offsets(&inbox), (0..10).collect::<Vec<_>>(), "{manner:?}");
        inbox.with(|contents| {
            let again = |header: &&audit::batch::Header| header.flags.contains(BatchFlags::REDELIVERED);
            assert!(contents.headers.iter().filter(again).count() > 0, "{manner:?}");
        });
        drop(connection);
        let books = machine.unload(&driver);
        assert_eq!(books, Books { produced: 10, delivered: 10, ..Books::default() }, "{manner:?}");
    }
}

/// A consumer that is killed at every batch, and comes back.
#[test]
fn a_consumer_that_dies_again_and_again_gets_everything_once() {
    let Some(image) = image() else { return };
    let machine = Machine::new(Windows::Win11_24H2);
    let driver = machine.load(&image);
    let inbox = Inbox::default();
    for round in 0..20 {
        write_many(&machine, &format!(r"C:\{round}.log"), round * 100..round * 100 + 100);
        inbox.set_manner(Manner::Disconnects);
        machine.connect(&inbox).expect("the last connection is closed");
        machine.sim.advance(Duration::from_secs(1));
    }
    inbox.set_manner(Manner::Good);
    machine.connect(&inbox).expect("the last connection is closed");
    machine.sim.settle();
    let mut offsets = offsets(&inbox);
    offsets.sort_unstable();
    assert_eq!(offsets, (0..2000).collect::<Vec<_>>());
    inbox.with(|contents| {
        for received in contents.writes.values() {
            assert!(received.path.is_some() && received.image.is_some(), "{received:?}");
        }
    });
    let books = machine.unload(&driver);
    assert_eq!(books, Books { produced: 2000, delivered: 2000, ..Books::default() });
}

#[test]
fn a_new_connection_is_told_everything_again() {
    let Some(image) = image() else { return };
    let machine = Machine::new(Windows::Win11_24H2);
    let driver = machine.load(&image);
    let inbox = Inbox::default();
    let connection = machine.connect(&inbox).expect("nobody else is connected");
    let handle = machine.open(r"C:\kept.txt");
    machine.write(handle, &WriteSpec::at(0, 1));
    connection.disconnect();
    let second = Inbox::default();
    machine.connect(&second).expect("the last connection is closed");
    machine.write(handle, &WriteSpec::at(1, 1));
    let writes = second.writes();
    assert_eq!(writes.len(), 1);
    assert_eq!(writes[0].path.as_deref(), Some(r"\Device\HarddiskVolume3\kept.txt"));
    assert!(writes[0].image.is_some());
    machine.unload(&driver);
}

#[test]
fn one_consumer_at_a_time() {
    let Some(image) = image() else { return };
    let machine = Machine::new(Windows::Win11_24H2);
    let driver = machine.load(&image);
    let inbox = Inbox::default();
    let connection = machine.connect(&inbox).expect("nobody else is connected");
    assert!(machine.connect(&Inbox::default()).is_err());
    connection.disconnect();
    machine.connect(&inbox).expect("the last connection is closed");
    machine.unload(&driver);
}

#[test]
fn unloading_delivers_what_it_can() {
    let Some(image) = image() else { return };
    let machine = Machine::new(Windows::Win11_24H2);
    let driver = machine.load(&image);
    let inbox = Inbox::default();
    machine.connect(&inbox).expect("nobody else is connected");
    write_many(&machine, r"C:\last.log", 0..MANY);
    let books = machine.unload(&driver);
    assert_eq!(books, Books { produced: 3000, delivered: 3000, ..Books::default() });
    assert_eq!(offsets(&inbox).len(), 3000);
}

#[test]
fn unloading_counts_what_it_cannot_deliver() {
    let Some(image) = image() else { return };
    for manner in [None, Some(Manner::Silent), Some(Manner::Disconnects), Some(Manner::Confused)] {
        let machine = Machine::new(Windows::Win11_24H2);
        let driver = machine.load(&image);
        let inbox = Inbox::default();
        if let Some(manner) = manner {
            inbox.set_manner(manner);
            let _may_be_closed_at_once = machine.connect(&inbox);
        }
        write_many(&machine, r"C:\last.log", 0..MANY);
        let books = machine.unload(&driver);
        assert_eq!(books, Books { produced: 3000, shutdown: 3000, ..Books::default() }, "{manner:?}");
    }
}

/// A consumer that has acknowledged a name dies with the next write: its successor has to be told the name
/// before it gets the write.
#[test]
fn the_successor_of_a_consumer_knows_the_names_in_what_it_inherits() {
    let Some(image) = image() else { return };
    let machine = Machine::new(Windows::Win11_24H2);
    let driver = machine.load(&image);
    let first = Inbox::default();
    machine.connect(&first).expect("nobody else is connected");
    let handle = machine.open(r"C:\known.txt");
    machine.write(handle, &WriteSpec::at(0, 1));
    first.set_manner(Manner::Disconnects);
    machine.write(handle, &WriteSpec::at(1, 1));
    let second = Inbox::default();
    machine.connect(&second).expect("the last connection is closed");
    assert_eq!(offsets(&second), [1]);
    let writes = second.writes();
    assert_eq!(writes[0].path.as_deref(), Some(r"\Device\HarddiskVolume3\known.txt"));
    assert!(writes[0].image.is_some());
    machine.unload(&driver);
}

/// Names of files that are gone are kept until their writes are acknowledged, and no longer.
#[test]
fn what_is_gone_and_delivered_is_not_told_again() {
    let Some(image) = image() else { return };
    let machine = Machine::new(Windows::Win11_24H2);
    let driver = machine.load(&image);
    let handle = machine.open(r"C:\gone.txt");
    machine.write(handle, &WriteSpec::at(0, 1));
    machine.sim.close(machine.thread, handle).expect("it is open");
    // The stream lives until its dirty pages are on disk.
    machine.sim.lazy_write();
    let first = Inbox::default();
    let connection = machine.connect(&first).expect("nobody else is connected");
    assert_eq!(first.writes()[0].path.as_deref(), Some(r"\Device\HarddiskVolume3\gone.txt"));
    machine.flush();
    connection.disconnect();
    let second = Inbox::default();
    machine.connect(&second).expect("the last connection is closed");
    second.with(|contents| {
        assert!(contents.files.values().all(|(_, path)| path != r"\gone.txt"), "{:?}", contents.files);
    });
    machine.unload(&driver);
}

#[test]
fn unloading_counts_what_is_in_a_batch_that_nobody_acknowledged() {
    let Some(image) = image() else { return };
    let machine = Machine::new(Windows::Win11_24H2);
    let driver = machine.load(&image);
    let inbox = Inbox::default();
    machine.connect(&inbox).expect("nobody else is connected");
    inbox.set_manner(Manner::Silent);
    write_many(&machine, r"C:\last.log", 0..10);
    machine.sim.settle();
    assert_eq!(offsets(&inbox).len(), 1);
    assert_eq!(machine.unload(&driver), Books { produced: 10, shutdown: 10, ..Books::default() });
}

#[test]
fn unloading_makes_a_last_attempt() {
    let Some(image) = image() else { return };
    let machine = Machine::new(Windows::Win11_24H2);
    let driver = machine.load(&image);
    let inbox = Inbox::default();
    machine.connect(&inbox).expect("nobody else is connected");
    inbox.set_manner(Manner::Silent);
    write_many(&machine, r"C:\last.log", 0..10);
    machine.sim.settle();
    inbox.set_manner(Manner::Good);
    assert_eq!(machine.unload(&driver), Books { produced: 10, delivered: 10, ..Books::default() });
    assert_eq!(offsets(&inbox).len(), 10);
}

/// Regression test: the delivery thread used to wake up ten times a second, for ever.
#[test]
fn an_idle_driver_does_nothing() {
    let Some(image) = image() else { return };
    let machine = Machine::new(Windows::Win11_24H2);
    let driver = machine.load(&image);
    let inbox = Inbox::default();
    let day = Duration::from_hours(24);
    machine.sim.settle();
    let alone = machine.sim.calls();
    machine.sim.advance(day);
    assert_eq!(machine.sim.calls(), alone);
    machine.connect(&inbox).expect("nobody else is connected");
    write_many(&machine, r"C:\a.log", 0..10);
    machine.sim.settle();
    let connected = machine.sim.calls();
    machine.sim.advance(day);
    assert_eq!(machine.sim.calls(), connected);
    machine.unload(&driver);
}
