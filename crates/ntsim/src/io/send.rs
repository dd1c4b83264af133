//! How the I/O manager sends a request: through the filters of the volume, and down to the file system.

use crate::abi::Parameters;
use crate::fltmgr::{self, Answer, Arrival, Operation};
use crate::io::request::IoStatus;
use crate::ke::Cpu;

/// Sends a synchronous request and returns when it is complete; `target` is the file system's part, which gets the request as
/// the lowest filter left it.
pub(crate) fn send(
    cpu: &Cpu,
    operation: Operation,
    parameters: Parameters,
    target: impl FnOnce(&Cpu, &Arrival<'_>) -> IoStatus + Send + 'static,
) -> IoStatus {
    fltmgr::dispatch(cpu, operation, parameters, |cpu, arrival| Answer::Complete(target(cpu, arrival)))
}
