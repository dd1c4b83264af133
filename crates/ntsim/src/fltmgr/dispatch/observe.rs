//! Showing a callback to whoever watches.

use std::borrow::Cow;

use super::passage::Passage;
use crate::fltmgr::operation::CopyOrigin;
use crate::ke::Cpu;
use crate::ps::{Process, Thread};
use crate::sim::{Callback, CopySource, Phase, ProcessFacts, ThreadFacts};

/// Shows the callback of a filter that is about to be called.
pub(in crate::fltmgr) fn observe(cpu: &Cpu, passage: &Passage, filter: &str, phase: Phase) {
    let kernel = cpu.kernel();
    let mut observer = kernel.observer.lock();
    let Some(observer) = &mut *observer else { return };
    let operation = &passage.operation;
    observer(&Callback {
        driver: Cow::Borrowed(filter),
        phase,
        major: operation.major,
        minor: operation.minor,
        flags: passage.known.data.flags,
        irp_flags: passage.known.iopb.irp_flags,
        irql: cpu.irql().0,
        time: kernel.clock.now(),
        current: facts(&cpu.thread()),
        attached_to: cpu.thread().attached_to().map(|process| process_facts(&process)),
        thread: operation.thread.as_deref().map(facts),
        requestor_mode: operation.mode,
        requestor_pid: operation.requestor.as_ref().map_or(0, |process| process.pid()),
        file_object: operation.file.ptr().address() as u64,
        // SAFETY: the words cover the whole union, every bit of which was set with the parameters.
        parameters: unsafe { passage.known.iopb.parameters.words },
        path: Cow::Borrowed(operation.file.path()),
        offset: operation.offset,
        length: operation.length,
        copy_source: operation.copy.as_ref().map(copy_source),
        status: (phase == Phase::Post).then(|| passage.ended().status),
    });
}

fn facts(thread: &Thread) -> ThreadFacts {
    let ProcessFacts { pid, image } = process_facts(thread.process());
    ThreadFacts { pid, tid: thread.tid(), image }
}

fn process_facts(process: &Process) -> ProcessFacts {
    ProcessFacts { pid: process.pid(), image: process.image().as_str().to_owned() }
}

fn copy_source(origin: &CopyOrigin) -> CopySource {
    CopySource { path: origin.file.path().to_owned(), offset: origin.offset }
}
