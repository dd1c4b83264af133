//! How the I/O manager sends a request: through the filters of the volume, and down to the file system.

use crate::abi::Parameters;
use crate::fltmgr::{self, Answer, Operation};
use crate::io::request::IoStatus;
use crate::ke::Cpu;

/// Sends a synchronous request and returns when it is complete; `target` is the file system's part.
pub(crate) fn send(
    cpu: &Cpu,
    operation: Operation,
    parameters: Parameters,
    target: impl FnOnce(&Cpu) -> IoStatus + Send + 'static,
) -> IoStatus {
    fltmgr::dispatch(cpu, operation, parameters, |cpu, _| Answer::Complete(target(cpu)))
}
