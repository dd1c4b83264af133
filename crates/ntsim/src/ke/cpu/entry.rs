//! How a driver is entered: by which callback, about which operation.

use std::fmt;
use std::sync::Arc;

use crate::fltmgr::Operation;
use crate::io::driver::Driver;
use crate::io::irp_sent::Dispatch;
use crate::sim::Major;

/// An entry point of a driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    Load,
    FilterUnload,
    InstanceSetup,
    InstanceQueryTeardown,
    InstanceTeardownStart,
    InstanceTeardownComplete,
    Pre(Major),
    Post(Major),
    /// A post-operation callback whose instance is torn down.
    Draining(Major),
    ContextCleanup,
    /// A dispatch routine for a device of its own.
    Dispatch(Dispatch),
    TransactionNotification,
    PortConnect,
    PortDisconnect,
    PortMessage,
    ProcessNotify,
    /// A thread notify routine.
    ThreadNotify,
    SystemThread,
    WorkItem,
    /// A deferred procedure call, or a timer's callback.
    Dpc,
    AsyncCompletion,
    /// A routine of a callback data queue.
    Queue,
    /// The routine that takes or releases the lock of such a queue.
    QueueLock,
    /// A cancel routine.
    Cancel,
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Load => "DriverEntry",
            Self::FilterUnload => "filter unload",
            Self::InstanceSetup => "instance setup",
            Self::InstanceQueryTeardown => "instance query teardown",
            Self::InstanceTeardownStart => "instance teardown start",
            Self::InstanceTeardownComplete => "instance teardown complete",
            Self::Pre(major) => return write!(f, "pre-{}", major.short_name()),
            Self::Post(major) => return write!(f, "post-{}", major.short_name()),
            Self::Draining(major) => return write!(f, "post-{} (draining)", major.short_name()),
            Self::ContextCleanup => "context cleanup",
            Self::Dispatch(dispatch) => dispatch.name(),
            Self::TransactionNotification => "transaction notification",
            Self::PortConnect => "port connect",
            Self::PortDisconnect => "port disconnect",
            Self::PortMessage => "port message",
            Self::ProcessNotify => "process notify",
            Self::ThreadNotify => "thread notify",
            Self::SystemThread => "system thread",
            Self::WorkItem => "work item",
            Self::Dpc => "deferred procedure call",
            Self::AsyncCompletion => "completion of its own I/O",
            Self::Queue => "queue routine",
            Self::QueueLock => "queue lock routine",
            Self::Cancel => "cancel routine",
        };
        f.pad(name)
    }
}

/// One call of a driver.
#[derive(Clone)]
pub(crate) struct Frame {
    pub(crate) driver: Arc<Driver>,
    pub(crate) entry: Entry,
    /// The operation that it is about, for callbacks that are about one.
    pub(crate) operation: Option<Arc<Operation>>,
}
