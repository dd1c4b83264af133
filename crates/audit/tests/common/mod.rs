//! What the loom tests share.

use std::env;
use std::process::Command;

use audit::fault::Fault;

/// Names the fault to the process that is to run with it.
const CHOSEN: &str = "AUDIT_FAULT";

/// Preemptions per interleaving that are tried, unless `LOOM_MAX_PREEMPTIONS` says otherwise.
const PREEMPTIONS: usize = 2;

/// Tries all interleavings of a model.
pub(crate) fn model(body: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(PREEMPTIONS));
    builder.max_branches = 10_000;
    builder.check(body);
}

/// Runs the test `model_with_fault` with each fault; it must fail with that complaint.
pub(crate) fn assert_noticed(faults: &[(Fault, &str)]) {
    for (fault, complaint) in faults {
        let run = Command::new(env::current_exe().expect("this program"))
            .args(["--exact", "--ignored", "--nocapture", "model_with_fault"])
            .env(CHOSEN, format!("{fault:?}"))
            .env("RUST_BACKTRACE", "0")
            .output()
            .expect("this program runs");
        let said = String::from_utf8_lossy(&run.stderr);
        assert!(!run.status.success(), "{fault:?} goes unnoticed");
        assert!(said.contains(complaint), "{fault:?} is noticed for another reason:\n{said}");
    }
}

/// Whether this process is to run with this fault.
pub(crate) fn is_chosen(fault: Fault) -> bool {
    env::var(CHOSEN).is_ok_and(|name| name == format!("{fault:?}"))
}
