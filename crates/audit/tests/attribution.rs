//! Every combination of facts, and what it must yield.

use audit::attribution::{
    Attribution, Basis, Confidence, Facts, Mode, Originator, Process, ProcessKind, Thread, attribute,
};
use audit::key::ProcessKey;

const TID: u32 = 0x1B20;

const fn process(key: u64, pid: u32, kind: ProcessKind) -> Process {
    Process { key: ProcessKey(key), pid, kind }
}

/// The thread's owner, and the requestor process, are different ones, so that neither passes for the other.
const THREAD_USER: Process = process(101, 404, ProcessKind::User);
const THREAD_KERNEL: Process = process(102, 408, ProcessKind::Kernel);
const REQUESTOR_USER: Process = process(201, 804, ProcessKind::User);
const REQUESTOR_KERNEL: Process = process(202, 808, ProcessKind::Kernel);

/// A process kind, or that there is none.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    None,
    User,
    Kernel,
}

/// What must come out.
#[derive(Clone, Copy, Debug)]
enum Yields {
    /// The thread's process, certainly.
    Thread,
    /// The kernel, because the thread is its.
    KernelThread,
    /// The requestor process, likely.
    Requestor,
    /// The kernel, because the requestor is a kernel process.
    KernelRequestor,
    /// Nobody can tell.
    Unknown,
}

/// Thread's process, requestor process, mode, copy information; and the result.
#[rustfmt::skip]
const TABLE: [(Kind, Kind, Mode, bool, Yields); 36] = [
    (Kind::User,   Kind::None,   Mode::User,   false, Yields::Thread), // WriteFile
    (Kind::User,   Kind::None,   Mode::User,   true,  Yields::Thread),
    (Kind::User,   Kind::None,   Mode::Kernel, false, Yields::Thread), // a driver writes in a user's thread
    (Kind::User,   Kind::None,   Mode::Kernel, true,  Yields::Thread), // NtCopyFileChunk, on whatever thread it runs
    (Kind::User,   Kind::User,   Mode::User,   false, Yields::Thread),
    (Kind::User,   Kind::User,   Mode::User,   true,  Yields::Thread),
    (Kind::User,   Kind::User,   Mode::Kernel, false, Yields::Thread),
    (Kind::User,   Kind::User,   Mode::Kernel, true,  Yields::Thread),
    (Kind::User,   Kind::Kernel, Mode::User,   false, Yields::Thread),
    (Kind::User,   Kind::Kernel, Mode::User,   true,  Yields::Thread),
    (Kind::User,   Kind::Kernel, Mode::Kernel, false, Yields::Thread),
    (Kind::User,   Kind::Kernel, Mode::Kernel, true,  Yields::Thread),
    (Kind::Kernel, Kind::None,   Mode::User,   false, Yields::KernelThread),
    (Kind::Kernel, Kind::None,   Mode::User,   true,  Yields::KernelThread),
    (Kind::Kernel, Kind::None,   Mode::Kernel, false, Yields::KernelThread), // a driver's log, the SMB server
    (Kind::Kernel, Kind::None,   Mode::Kernel, true,  Yields::KernelThread), // a driver copies a file
    (Kind::Kernel, Kind::User,   Mode::User,   false, Yields::KernelThread),
    (Kind::Kernel, Kind::User,   Mode::User,   true,  Yields::KernelThread),
    (Kind::Kernel, Kind::User,   Mode::Kernel, false, Yields::KernelThread), // a System thread attached to a process
    (Kind::Kernel, Kind::User,   Mode::Kernel, true,  Yields::KernelThread),
    (Kind::Kernel, Kind::Kernel, Mode::User,   false, Yields::KernelThread),
    (Kind::Kernel, Kind::Kernel, Mode::User,   true,  Yields::KernelThread),
    (Kind::Kernel, Kind::Kernel, Mode::Kernel, false, Yields::KernelThread),
    (Kind::Kernel, Kind::Kernel, Mode::Kernel, true,  Yields::KernelThread),
    (Kind::None,   Kind::User,   Mode::User,   false, Yields::Requestor),
    (Kind::None,   Kind::User,   Mode::User,   true,  Yields::Requestor),
    (Kind::None,   Kind::User,   Mode::Kernel, false, Yields::Requestor),
    (Kind::None,   Kind::User,   Mode::Kernel, true,  Yields::Requestor),
    (Kind::None,   Kind::Kernel, Mode::User,   false, Yields::Unknown), // a kernel process has no user mode
    (Kind::None,   Kind::Kernel, Mode::User,   true,  Yields::Unknown),
    (Kind::None,   Kind::Kernel, Mode::Kernel, false, Yields::KernelRequestor),
    (Kind::None,   Kind::Kernel, Mode::Kernel, true,  Yields::Unknown), // the worker that carries out a copy
    (Kind::None,   Kind::None,   Mode::User,   false, Yields::Unknown),
    (Kind::None,   Kind::None,   Mode::User,   true,  Yields::Unknown),
    (Kind::None,   Kind::None,   Mode::Kernel, false, Yields::Unknown),
    (Kind::None,   Kind::None,   Mode::Kernel, true,  Yields::Unknown),
];

fn facts((thread, requestor, requestor_mode, copy, _): (Kind, Kind, Mode, bool, Yields)) -> Facts {
    let choose = |kind, user, kernel| match kind {
        Kind::None => None,
        Kind::User => Some(user),
        Kind::Kernel => Some(kernel),
    };
    Facts {
        thread: choose(thread, THREAD_USER, THREAD_KERNEL).map(|process| Thread { tid: TID, process }),
        requestor: choose(requestor, REQUESTOR_USER, REQUESTOR_KERNEL),
        requestor_mode,
        copy,
    }
}

#[test]
fn every_combination_of_facts_yields_what_the_table_says() {
    for row in TABLE {
        let (originator, basis, confidence, recorded) = match row.4 {
            Yields::Thread => {
                let originator = Originator::User { process: THREAD_USER, tid: TID };
                (originator, Basis::Thread, Confidence::Certain, true)
            }
            Yields::KernelThread => (Originator::Kernel, Basis::Thread, Confidence::Certain, false),
            Yields::Requestor => {
                let originator = Originator::User { process: REQUESTOR_USER, tid: 0 };
                (originator, Basis::RequestorProcess, Confidence::Likely, true)
            }
            Yields::KernelRequestor => {
                (Originator::Kernel, Basis::RequestorProcess, Confidence::Likely, false)
            }
            Yields::Unknown => (Originator::Unknown, Basis::Unknown, Confidence::None, true),
        };
        let attribution = attribute(&facts(row));
        assert_eq!(attribution, Attribution { originator, basis, confidence }, "{row:?}");
        assert_eq!(attribution.is_recorded(), recorded, "{row:?}");
    }
}

#[test]
fn the_table_has_every_combination_once() {
    for (index, row) in TABLE.iter().enumerate() {
        assert!(!TABLE[..index].iter().any(|other| facts(*other) == facts(*row)), "{row:?} is there twice");
    }
    // Three kinds of thread and of requestor, two modes, copy or not.
    assert_eq!(TABLE.len(), 3 * 3 * 2 * 2);
}

#[test]
fn what_a_driver_does_in_a_user_s_thread_is_likely_for_the_user_and_what_a_filter_generates_is_nobody_s() {
    for row in TABLE {
        let concluded = attribute(&facts(row));
        let (by_driver, generated) = (concluded.by_driver(false), concluded.by_driver(true));
        match row.4 {
            Yields::Thread => {
                assert_eq!(by_driver, Attribution { confidence: Confidence::Likely, ..concluded });
                assert_eq!(generated, Attribution::UNKNOWN);
            }
            Yields::KernelThread | Yields::Requestor | Yields::KernelRequestor | Yields::Unknown => {
                assert_eq!((by_driver, generated), (concluded, concluded), "{row:?}");
            }
        }
    }
    assert!(Attribution::REMOTE_CLIENT.is_recorded());
}
