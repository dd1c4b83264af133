//! The summary: scenario by rule.

use std::fmt::{self, Write as _};

use super::cell::{COLUMNS, Cell};
use super::rows;
use crate::scenario::model::Topic;
use crate::simulate::suite::{Outcome, Tried};

/// How a column did in a scenario.
#[derive(Clone, Copy, Default)]
struct Score {
    right: u64,
    missed: u64,
    wrong: u64,
    unknown: u64,
    again: u64,
}

impl Score {
    fn count(&mut self, cell: &Cell) {
        match cell {
            Cell::Right(_) => self.right += 1,
            Cell::Missed => self.missed += 1,
            Cell::Wrong(_) => self.wrong += 1,
            Cell::Unknown => self.unknown += 1,
            Cell::Again(_) => self.again += 1,
        }
    }

    fn all(self) -> u64 {
        self.right + self.missed + self.wrong + self.unknown + self.again
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { right, missed, wrong, unknown, again } = *self;
        if self.all() == 0 {
            return f.write_str("–");
        }
        f.write_str(match (right, missed + wrong) {
            (_, 0) if unknown == 0 && again == 0 => return f.write_str("✓"),
            (_, 0) if unknown == 0 => return f.write_str("≈ twice"),
            (_, 0) => return f.write_str("?"),
            (0, _) => "✗",
            _ => "◐",
        })?;
        let faults: Vec<&str> = [(missed, "missed"), (wrong, "wrong")]
            .into_iter()
            .filter_map(|(number, word)| (number > 0).then_some(word))
            .collect();
        write!(f, " {}", faults.join(", "))
    }
}

/// Whether a score counts for something.
type Fits = fn(Score) -> bool;

/// The matrix, by topic, with how each column does over all before it.
pub(super) fn put(all: &[Tried], text: &mut String) -> fmt::Result {
    let scores: Vec<[Score; COLUMNS.len()]> = all.iter().map(scores).collect();
    writeln!(text, "## Summary\n")?;
    writeln!(text, "| | {} |", COLUMNS.join(" | "))?;
    writeln!(text, "| --- |{}", " --: |".repeat(COLUMNS.len()))?;
    let number = |column: usize, fits: Fits| {
        scores.iter().filter(|scores| scores[column].all() > 0 && fits(scores[column])).count()
    };
    let lines: [(&str, Fits); 4] = [
        ("scenarios in which it is always right", |score| score.right == score.all()),
        ("in which it misses what somebody wrote", |score| score.missed > 0),
        ("in which it names the wrong one", |score| score.wrong > 0),
        ("in which it counts a write twice, and is right otherwise", |score| {
            score.again > 0 && score.missed + score.wrong == 0
        }),
    ];
    for (what, fits) in lines {
        let numbers: Vec<String> =
            (0..COLUMNS.len()).map(|column| number(column, fits).to_string()).collect();
        writeln!(text, "| {what} | {} |", numbers.join(" | "))?;
    }
    writeln!(
        text,
        "\n✓ is always right, ✗ never, ◐ not in every case or on every Windows, ? names nobody, – sees nothing,\n\
         ≈ is right about who, but takes the way to the disk of what was written before for another write.\n\
         *missed* is what somebody wrote and the rule skips, *wrong* is laid at another's door, or taken for a user's \
         though the kernel\nmade it by itself or it never was."
    )?;
    for topic in Topic::ALL {
        let of: Vec<_> = all.iter().zip(&scores).filter(|(tried, _)| tried.scenario.topic == topic).collect();
        if of.is_empty() {
            continue;
        }
        writeln!(text, "\n### {}\n", topic.title())?;
        writeln!(text, "| scenario | met | {} |", COLUMNS.join(" | "))?;
        writeln!(text, "| --- | --- |{}", " --- |".repeat(COLUMNS.len()))?;
        for (tried, scores) in of {
            let met = match tried.outcome() {
                Outcome::Met | Outcome::UnexpectedlyMet => "yes",
                Outcome::NotMetYet => "not yet",
                Outcome::NotMet => "**no**",
            };
            let cells: Vec<String> = scores.iter().map(ToString::to_string).collect();
            let Tried { name, scenario, .. } = tried;
            writeln!(text, "| [{}](#{name}) | {met} | {} |", scenario.title, cells.join(" | "))?;
        }
    }
    Ok(())
}

/// How each column does in a scenario, over all versions.
fn scores(tried: &Tried) -> [Score; COLUMNS.len()] {
    let mut scores = [Score::default(); COLUMNS.len()];
    for (row, _) in tried.runs.iter().flat_map(|run| rows(tried, run)) {
        for (score, cell) in scores.iter_mut().zip(&row.cells) {
            score.count(cell);
        }
    }
    scores
}
