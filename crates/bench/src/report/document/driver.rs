//! What the driver's callbacks cost.

use bench::measures::{COPY_WRITE, Callback, EXCLUDED_PROCESS, PAGING_WRITE, USER_WRITE};

use super::{Target, figure, spread, table};

/// What all callbacks of an operation may take: instructions, and calls of routines.
const GOALS: [(&str, u32, u32); 4] =
    [(USER_WRITE, 150, 6), (COPY_WRITE, 250, 10), (PAGING_WRITE, 30, 2), (EXCLUDED_PROCESS, 30, 2)];

/// The goals of the write path.
pub(super) fn targets(callbacks: &[Callback]) -> Vec<Target> {
    let sum = |operation: &str, cost: fn(&Callback) -> u64| {
        let of = callbacks.iter().filter(|callback| callback.operation == operation);
        of.map(cost).reduce(|sum, cost| sum + cost).map(precise)
    };
    let each = |(operation, instructions, calls): (&str, u32, u32)| {
        let target = |what, goal, cost| Target {
            what: format!("{operation}: {what}"),
            goal: f64::from(goal),
            at_most: true,
            measured: sum(operation, cost),
        };
        [
            target("instructions in the driver", instructions, |callback| callback.instructions),
            target("calls of routines", calls, |callback| callback.calls),
        ]
    };
    GOALS.into_iter().flat_map(each).collect()
}

#[expect(clippy::cast_precision_loss, reason = "far less than 2^52")]
fn precise(count: u64) -> f64 {
    count as f64
}

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
