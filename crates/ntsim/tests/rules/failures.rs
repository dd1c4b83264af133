//! Every call of a driver that can fail is made to fail, one after the other: rules 15 and 26 without anybody knowing
//! where the driver is wrong.

use std::collections::BTreeSet;
use std::path::Path;

use crate::built;
use crate::play::{self, Machine};

/// More fallible calls than any of the drivers makes.
const LIMIT: u64 = 200;

/// The numbers of the rules that are broken when each call in turn fails, and how many calls there were.
fn sweep(image: &Path) -> (BTreeSet<u8>, u64) {
    let mut broken = BTreeSet::new();
    for n in 1..LIMIT {
        let machine = Machine::new();
        machine.sim.fail_nth_of_all(n);
        let violations = machine.run(image, play::write_twice);
        broken.extend(violations.iter().map(|violation| violation.rule.number()));
        if machine.sim.fallible_calls().1 == 0 {
            return (broken, n - 1);
        }
    }
    panic!("there is no end of calls that can fail");
}

#[test]
fn a_driver_that_ignores_a_failure_is_found_by_trying_all() {
    let Some(image) = built::image("ignores_failure", false) else { return };
    let (broken, calls) = sweep(&image);
    assert_eq!(broken, BTreeSet::from([15]));
    assert!(calls >= 3, "registration, start, and the allocation: {calls}");
}

#[test]
fn a_driver_entry_that_forgets_to_unwind_is_found_by_trying_all() {
    let Some(image) = built::image("forgets_to_unwind", false) else { return };
    assert_eq!(sweep(&image).0, BTreeSet::from([26]));
}

#[test]
fn drivers_that_keep_the_rules_survive_every_failure() {
    for (offender, mended) in
        [("well_behaved", false), ("ignores_failure", true), ("forgets_to_unwind", true)]
    {
        let Some(image) = built::image(offender, mended) else { return };
        let (broken, calls) = sweep(&image);
        assert!(broken.is_empty() && calls >= 2, "{offender}: {broken:?} in {calls} calls");
    }
}
