//! The kernel's core: execution, scheduling, time, events.

pub(crate) mod clock;
pub(crate) mod cpu;
pub(crate) mod crash;
pub(crate) mod dispatcher;
pub(crate) mod dpc;
pub(crate) mod emulate;
mod escape;
pub(crate) mod event;
pub(crate) mod fault;
pub(crate) mod gate;
pub(crate) mod host_thread;
pub(crate) mod irql;
pub(crate) mod meter;
pub(crate) mod mutex;
pub(crate) mod processors;
pub(crate) mod registers;
pub(crate) mod routines;
pub(crate) mod rundown;
pub(crate) mod scheduler;
pub(crate) mod semaphore;
pub(crate) mod spin_lock;
pub(crate) mod stack;
pub(crate) mod step;
pub(crate) mod stopwatch;
pub(crate) mod stores;
pub(crate) mod time;
pub(crate) mod timer;

pub(crate) use cpu::{Cpu, Entry, Frame};
pub(crate) use irql::Irql;

use crate::abi::Address;
use crate::kernel::Kernel;

/// Whether the instruction of a driver at an address is one for the kernel alone.
pub(crate) fn is_privileged(kernel: &Kernel, address: Address) -> bool {
    emulate::text(kernel, address).is_some_and(|(_, privileged)| privileged)
}
