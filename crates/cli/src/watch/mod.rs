//! `whowrote watch`: reads the live driver.

#[cfg(windows)]
mod live;
#[cfg(windows)]
mod port;

#[cfg(windows)]
pub(crate) use self::live::not_connected;
#[cfg(windows)]
pub(crate) use self::port::drives;
use crate::failure::Failure;
use crate::output::ExplainedSink;

/// Reads from the driver until Ctrl-C.
///
/// # Errors
///
/// No driver to connect to, an output that cannot be written, records that do not add up.
#[cfg(windows)]
pub fn run(output: Box<dyn ExplainedSink + Send>) -> Result<(), Failure> {
    live::run(output)
}

/// There is no driver here.
///
/// # Errors
///
/// Always, and says so.
#[cfg(not(windows))]
pub fn run(_: Box<dyn ExplainedSink + Send>) -> Result<(), Failure> {
    let message = "`watch` reads the driver of a running Windows, and this is none\n  \
                   help: `whowrote simulate` runs the driver on a simulated machine";
    Err(Failure::Unusable(message.to_owned()))
}
