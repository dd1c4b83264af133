//! A scenario: why it must be so, and what each rule says of each write.

use std::fmt::{self, Write as _};

use super::cell::{COLUMNS, Row};
use super::rows;
use crate::output::words::count;
use crate::simulate::suite::{Outcome, Tried, versions};

pub(super) fn put(tried: &Tried, text: &mut String) -> fmt::Result {
    let Tried { name, scenario, runs } = tried;
    writeln!(text, "\n## {name}\n\n[{}](../tests/scenarios/{name}.kdl)", scenario.title)?;
    if let Some(why) = &scenario.why {
        writeln!(text, "\n{}", why.trim())?;
    }
    for source in &scenario.sources {
        writeln!(text, "\nSource: {source}")?;
    }
    if tried.outcome() == Outcome::NotMetYet {
        for not_met in &scenario.not_met {
            writeln!(text, "\n**Not met yet:** {} Needs: {}.", not_met.reason, not_met.needs)?;
        }
    }
    // Versions on which the same was seen share a table.
    let mut from = 0;
    while let Some(first) = runs.get(from) {
        let rows = rows(tried, first);
        let same = runs[from..].iter().take_while(|run| super::rows(tried, run) == rows).count();
        let on = versions(runs[from..from + same].iter().map(|run| run.windows));
        if rows.is_empty() {
            writeln!(text, "\nWindows {on}: nothing of it reaches the driver.")?;
        } else {
            writeln!(text, "\nWindows {on}:\n")?;
            table(&rows, text)?;
        }
        from += same;
    }
    Ok(())
}

fn table(rows: &[(Row, u64)], text: &mut String) -> fmt::Result {
    writeln!(text, "| seen | really wrote | {} |", COLUMNS.join(" | "))?;
    writeln!(text, "| --- | --- |{}", " --- |".repeat(COLUMNS.len()))?;
    for (Row { what, wrote, cells }, number) in rows {
        write!(text, "| {} | {wrote} |", count(*number, what))?;
        for cell in cells {
            write!(text, " {cell} |")?;
        }
        text.push('\n');
    }
    Ok(())
}
