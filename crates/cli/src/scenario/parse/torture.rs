//! How a scenario that a torture run left is played.

use crate::place::BadInput;
use crate::scenario::model::{Faults, Schedule, Torture};
use crate::scenario::node::Node;
use crate::scenario::words;

/// Processors of a machine, unless it is said.
const PROCESSORS: u32 = 4;

/// `torture processors= schedule= seed= faults= fault-seed= fail=`
pub(super) fn read(node: &mut Node<'_, '_>) -> Result<Torture, BadInput> {
    let name = node.text("schedule")?.unwrap_or("fixed").to_owned();
    node.word("schedule", &words::SCHEDULES)?;
    let seed: Option<u64> = node.number("seed")?;
    let schedule = match (name.as_str(), seed) {
        ("seeded", seed) => Schedule::Seeded(seed.unwrap_or(0)),
        (_, Some(_)) => return Err(node.error_at("seed", "only a schedule that is \"seeded\" has a seed")),
        ("threads", None) => Schedule::Threads,
        (_, None) => Schedule::Fixed,
    };
    let per_million: Option<u32> = node.number("faults")?;
    let fault_seed: Option<u64> = node.number("fault-seed")?;
    let nth: Option<u64> = node.number("fail")?;
    let faults = match (per_million, nth) {
        (Some(_), Some(_)) => return Err(node.error_at("fail", "either `faults` or `fail`")),
        (None, Some(nth)) => Faults::Nth(nth),
        (Some(per_million), None) => Faults::Drawn { seed: fault_seed.unwrap_or(0), per_million },
        (None, None) => Faults::None,
    };
    let processors = node.number("processors")?.unwrap_or(PROCESSORS);
    Ok(Torture { schedule, faults, processors })
}
