//! Reading from the driver until the user ends it.

use windows::Win32::Foundation::{
    E_NOTIMPL, ERROR_ACCESS_DENIED, ERROR_CONNECTION_COUNT_LIMIT, ERROR_FILE_NOT_FOUND,
    ERROR_FLT_NO_WAITER_FOR_REPLY,
};
use windows::core::{Error, HRESULT};

use super::port::{Port, Received, Stop, drives, stop_on_ctrl_c};
use crate::consumer::{Books, Consumer, ConsumerError};
use crate::failure::Failure;
use crate::output::words::{count, grouped};
use crate::output::{ExplainedSink, Sink};

/// Reads from the driver until Ctrl-C.
pub(super) fn run(output: Box<dyn ExplainedSink + Send>) -> Result<(), Failure> {
    let mut port = Port::connect().map_err(|error| not_connected(&error))?;
    let stop = stop_on_ctrl_c().map_err(|error| broken("Ctrl-C cannot be caught", &error))?;
    let mut consumer = Consumer::new(output, drives());
    anstream::eprintln!("connected to the driver; Ctrl-C ends");
    let ended = read(&mut port, &stop, &mut consumer);
    // Before the summary the driver is free for the next one who watches.
    drop(port);
    let told = tell(&consumer);
    ended.and(told)
}

/// Hands each message to the consumer, and its acknowledgement to the driver.
fn read<S: Sink>(port: &mut Port, stop: &Stop, consumer: &mut Consumer<S>) -> Result<(), Failure> {
    loop {
        let (id, reply) = match port.receive(stop) {
            Ok(Received::Stopped) => return Ok(()),
            Ok(Received::Message { id, bytes }) => (id, consumer.on_message(bytes).map_err(from_consumer)?),
            Err(error) => return Err(broken("the connection to the driver has ended", &error)),
        };
        match port.reply(id, reply) {
            // The driver waited too long and sends it again; the consumer knows it then.
            Err(error) if error.code() != ERROR_FLT_NO_WAITER_FOR_REPLY => {
                return Err(broken("the driver cannot be answered", &error));
            }
            _ => {}
        }
    }
}

fn from_consumer(error: ConsumerError) -> Failure {
    match error {
        ConsumerError::Output(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {
            Failure::OutputClosed
        }
        ConsumerError::Message(_) | ConsumerError::Output(_) => Failure::Unusable(error.to_string()),
    }
}

fn broken(what: &str, error: &Error) -> Failure {
    Failure::Unusable(format!("{what}: {}", described(error)))
}

/// An error of Windows in words, with its number.
fn described(error: &Error) -> String {
    format!("{} (HRESULT 0x{:08X})", error.message().trim_end_matches(['.', ' ']), error.code().0)
}

/// Why there is no connection, and what to do.
pub(crate) fn not_connected(error: &Error) -> Failure {
    let is = |code: u32| error.code() == HRESULT::from_win32(code);
    let help = if is(ERROR_FILE_NOT_FOUND.0) {
        "the driver is not loaded: run `fltmc load whowrote` as an administrator"
    } else if is(ERROR_ACCESS_DENIED.0) {
        "only administrators can use the driver: run this in an elevated prompt"
    } else if is(ERROR_CONNECTION_COUNT_LIMIT.0) {
        "somebody else is connected: the driver serves one at a time"
    } else if error.code() == E_NOTIMPL {
        "this Windows has no Filter Manager"
    } else {
        "`fltmc filters` shows whether the driver is loaded"
    };
    let described = described(error);
    Failure::Unusable(format!("there is no driver to connect to: {described}\n  help: {help}"))
}

/// Says what was received, and whether anything is missing.
fn tell<S: Sink>(consumer: &Consumer<S>) -> Result<(), Failure> {
    let Books { received, lost, duplicates, faults, .. } = consumer.books();
    let again =
        if *duplicates == 0 { String::new() } else { format!(", {} came again", grouped(*duplicates)) };
    anstream::eprintln!(
        "{}, {} lost by the driver since it started{again}",
        count(*received, "write"),
        grouped(*lost)
    );
    match faults.first() {
        None => Ok(()),
        Some(fault) => Err(Failure::Broken(format!("the records do not add up: {fault}"))),
    }
}
