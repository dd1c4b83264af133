//! The end of a simulation before its time: a bug check, a fault, a deadlock.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

use crate::failure::Failure;

thread_local! {
    /// Whether panics of this thread are caught here, and need not be told on standard error.
    static CAUGHT: Cell<bool> = const { Cell::new(false) };
    /// Where the last of them happened.
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// How the simulator begins what it says of such an end; anything else is an error of this program.
const ENDED: &str = "the simulation ended";

/// Does something with a simulation. If it ends before its time, that is a [`Failure::Broken`] and not the end of the
/// program, provided that the program is built with `panic = "unwind"`.
pub(crate) fn caught<R>(work: impl FnOnce() -> Result<R, Failure>) -> Result<R, Failure> {
    catch(work).unwrap_or_else(|message| Err(Failure::Broken(message)))
}

/// The same, but the early end is told from failures.
pub(super) fn catch<R>(work: impl FnOnce() -> Result<R, Failure>) -> Result<Result<R, Failure>, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            // A program that ends at a panic has nobody else who tells why.
            if CAUGHT.get() && cfg!(panic = "unwind") {
                PLACE.set(info.location().map(ToString::to_string));
            } else {
                before(info);
            }
        }));
    });
    let outer = CAUGHT.replace(true);
    // What the work has in hand is thrown away with it.
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    CAUGHT.set(outer);
    result.map_err(|payload| message(payload.as_ref()))
}

fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("a panic without a message");
    match PLACE.take() {
        Some(place) if !text.starts_with(ENDED) => format!("{text}\n  at {place}"),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(work: impl FnOnce() -> Result<u32, Failure>) -> Result<u32, String> {
        caught(work).map_err(|failure| failure.to_string())
    }

    #[test]
    fn the_end_of_a_simulation_is_an_ordinary_failure() {
        assert_eq!(outcome(|| Ok(1)), Ok(1));
        assert_eq!(outcome(|| Err(Failure::Broken("no".to_owned()))), Err("no".to_owned()));
        let ended = "the simulation ended: bug check 0x000000E2";
        assert_eq!(outcome(|| panic!("{ended}")), Err(ended.to_owned()));
        let bug = outcome(|| panic!("a bug")).unwrap_err();
        assert!(bug.starts_with("a bug\n  at ") && bug.contains("crash.rs"), "{bug}");
    }
}
