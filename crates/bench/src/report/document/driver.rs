//! What the driver's callbacks cost.

use bench::measures::Callback;

use super::{figure, spread, table};

/// The costs that the test of the driver has written, and the times of its callbacks.
pub(super) fn section(costs: &str, callbacks: &[Callback]) -> String {
    let rows: Vec<_> = callbacks
        .iter()
        .map(|Callback { operation, callback, instructions, calls, driver, routines }| {
            let [median, range] = spread(driver);
            [
                operation.clone(),
                callback.clone(),
                instructions.to_string(),
                calls.to_string(),
                median,
                range,
                figure(routines.median),
            ]
        })
        .collect();
    let headings = ["operation", "callback", "instructions", "calls", "ns", "middle half", "ns in routines"];
    format!("{COSTS}{costs}{CALLBACKS}{}", table(headings, &rows))
}

const COSTS: &str = "
## What an operation costs the driver

Of a write, all callbacks together: instructions that the driver's release image executes, counted by single-stepping it in
the simulator, and its calls of kernel routines; exact, the same on every machine. Nobody is connected. `cargo xtask test`
fails when one rises by more than a tenth.

";

const CALLBACKS: &str = "
Each callback by itself, with its time, in the simulator: *ns* is in the driver, with the way into and out of each routine
(some ten nanoseconds); the routines and the simulator's dispatch are subtracted. What the routines take is the simulator's time
and not the kernel's: the number of calls says more. An operation without a callback is one that the driver need not
be called for.

";
