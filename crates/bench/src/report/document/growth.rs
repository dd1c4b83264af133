//! How costs grow.

use bench::measures::{Growth, Shards};

use super::{GROWTH_CHART, figure, spread, table};

pub(super) fn section(growth: &[Growth], shards: &[Shards]) -> String {
    let mut text =
        format!("{GROWTH}![Nanoseconds per write in the driver, by how much there is]({GROWTH_CHART})\n");
    for Growth { of, points } in growth {
        let least = points.first().map_or(0.0, |point| point.driver.median);
        let rows: Vec<_> = points
            .iter()
            .map(|point| {
                let [median, range] = spread(&point.driver);
                let against = figure(point.driver.median / least);
                let writes = figure(1_000.0 / point.driver.median);
                [figure_of(point.size), figure(point.instructions), median, range, writes, against]
            })
            .collect();
        let headings = [
            of.as_str(),
            "instructions",
            "ns",
            "middle half",
            "million writes a second",
            "against the least",
        ];
        text.push('\n');
        text.push_str(&table(headings, &rows));
    }
    text.push_str(WHY);
    let rows: Vec<_> = shards
        .iter()
        .map(|Shards { shards, push, drain }| {
            let ([push, pushes], [drain, drains]) = (spread(push), spread(drain));
            [shards.to_string(), push, pushes, drain, drains]
        })
        .collect();
    text.push_str(SHARDS);
    text.push_str(&table(["shards", "ns to push", "middle half", "ns to drain", "middle half"], &rows));
    text
}

/// A whole number.
#[expect(clippy::cast_precision_loss, reason = "far less than 2^52")]
fn figure_of(size: u64) -> String {
    if size < 1_000 { size.to_string() } else { figure(size as f64) }
}

const GROWTH: &str = "
## How a write's cost grows

A user write where there is much of something, in the driver alone: the mean of its instructions, and its time. Each write is to
another of the open files, or by another process (of many, a thousand write). *Writes a second* is what one processor could do if
it did nothing else.

";

const WHY: &str = "
Flat is the goal. Instructions are not quite: an address that is not in the first of the eight ways of its first bucket, in the index
of open files or in that of threads, is searched for in up to sixteen, which is bounded, and more often needed the fuller the index
is; files for which it has no room are asked for by their context. What rises most with open files is time: each write goes to
another file, whose entry in the index and context are then in no cache any more, and memory answers in its own time. A workload
that stays with its files does not see that. Neither threads with their processes nor processors are many steps away: an address or a
number leads to them. Rules of exclusion are judged once for a process and once for a file, when it is opened; that there are any
costs a write a look at its process, however many there are.
";

const SHARDS: &str = "
The ring by itself, filled by one thread that goes from shard to shard and emptied by another drain, nanoseconds per record.
Pushing does not depend on the number of shards; draining merges them with a heap, which takes a step for each doubling.

";
