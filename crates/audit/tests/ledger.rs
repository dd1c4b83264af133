//! What loss records are due.

use audit::ledger::{Ledger, LossReason, LossReporter};
use audit::record::{Code, Loss};

const TIME: u64 = 99;

fn loss(reason: LossReason, count: u64, total: u64) -> Loss {
    Loss { time: TIME, reason: Code::Known(reason), count, total }
}

#[test]
fn each_loss_is_reported_once() {
    let mut reporter = LossReporter::new();
    let mut ledger = Ledger::default();
    assert_eq!(reporter.due(&ledger, TIME), None);

    ledger.lost_by_reason = [3, 0, 2, 0];
    let ring_full = reporter.due(&ledger, TIME).expect("a loss");
    assert_eq!(ring_full, loss(LossReason::RingFull, 3, 3));
    assert_eq!(reporter.due(&ledger, TIME), Some(ring_full), "it stays due until it is in a batch");
    reporter.reported(&ring_full);
    let shutdown = reporter.due(&ledger, TIME).expect("another loss");
    assert_eq!(shutdown, loss(LossReason::Shutdown, 2, 2));
    reporter.reported(&shutdown);
    assert_eq!(reporter.due(&ledger, TIME), None);

    ledger.lost_by_reason = [7, 1, 2, 0];
    let ring_full = reporter.due(&ledger, TIME).expect("a loss");
    assert_eq!(ring_full, loss(LossReason::RingFull, 4, 7));
    // More is lost meanwhile: that is for the next time.
    ledger.lost_by_reason = [8, 1, 2, 0];
    reporter.reported(&ring_full);
    assert_eq!(reporter.due(&ledger, TIME), Some(loss(LossReason::RingFull, 1, 8)));
}
