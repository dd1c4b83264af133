//! The page.

mod driver;
mod growth;
mod ring;
mod stream;
mod table;

use std::fmt::Write as _;

use bench::measures::{Measures, Spread};

pub(crate) use ring::CONTENDERS;

use crate::machine::Machine;
use crate::results::Results;
use table::table;

/// The charts' files, beside the page.
pub(crate) const RING_CHART: &str = "performance-ring.svg";
pub(crate) const GROWTH_CHART: &str = "performance-growth.svg";

/// Of the processors' time, what others may use without an influence on the figures that is worth a word.
const QUIET: f64 = 0.1;

/// A goal and what came of it.
struct Target {
    what: String,
    goal: f64,
    /// Whether it is to be at most, not at least, the goal.
    at_most: bool,
    measured: Option<f64>,
}

impl Target {
    fn row(&self) -> [String; 4] {
        let Self { what, goal, at_most, measured } = self;
        let bound = if *at_most { "at most" } else { "at least" };
        let (measured, verdict) = match measured {
            Some(measured) if if *at_most { measured <= goal } else { measured >= goal } => {
                (figure(*measured), "met")
            }
            Some(measured) => (figure(*measured), "**not met**"),
            None => ("not measured".to_owned(), ""),
        };
        [what.clone(), format!("{bound} {}", figure(*goal)), measured, verdict.to_owned()]
    }
}

/// The whole page, as Markdown.
pub(crate) fn document(machine: &Machine, costs: &str, measures: &Measures, results: &Results) -> String {
    let targets: Vec<_> = ring::targets(results)
        .into_iter()
        .chain(driver::targets(&measures.callbacks))
        .chain(stream::target(&measures.rates))
        .collect();
    [
        introduction(machine, measures),
        "\n## Targets\n\n".to_owned(),
        table(["", "target", "measured", "met?"], &targets.iter().map(Target::row).collect::<Vec<_>>()),
        driver::section(costs, &measures.callbacks),
        growth::section(&measures.growth, &measures.shards),
        ring::section(results),
        stream::section(&measures.rates),
    ]
    .concat()
}

fn introduction(machine: &Machine, measures: &Measures) -> String {
    let Machine { processor, processors, system, compiler, busy } = machine;
    let version = env!("CARGO_PKG_VERSION");
    let mut text = String::from(
        "# Performance\n\nWhat a write costs the driver, how that grows, what the [ring](ring.md) costs beside others, and how fast the \
         program reads.\n`cargo xtask bench` measures all this and writes this page; not edited by hand. Ratios are of one run.\n\n",
    );
    let rows = [
        ["machine", &format!("{processor}, {processors} processors")],
        ["system", system],
        ["versions", &format!("whowrote {version}, {compiler}, release builds")],
    ];
    for [what, value] in rows {
        let _ = writeln!(text, "* {what}: {value}");
    }
    let busy = busy.iter().chain(&measures.busy).copied().reduce(f64::max);
    if busy.is_some_and(|busy| busy > QUIET) {
        let _ = writeln!(
            text,
            "\n**Provisional: other programs used {:.0} % of the processors meanwhile. Instructions are exact all the same; \
             times are not.**",
            busy.unwrap_or(0.0) * 100.0
        );
    }
    text.push_str("\nTimes are medians, with the range of the middle half of the samples.\n");
    text
}

/// A number with as many digits as are worth telling, and commas.
fn figure(number: f64) -> String {
    let decimals = if number < 10.0 { 2 } else { usize::from(number < 1_000.0) };
    let text = format!("{number:.decimals$}");
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if fraction.is_empty() { grouped } else { format!("{grouped}.{fraction}") }
}

/// A median and the middle half.
fn spread(Spread { median, low, high }: &Spread) -> [String; 2] {
    [figure(*median), format!("{} to {}", figure(*low), figure(*high))]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_digits_that_count() {
        let shown = [0.5, 12.34, 999.96, 1_234.6, 1_000_000.0].map(figure);
        assert_eq!(shown, ["0.50", "12.3", "1,000.0", "1,235", "1,000,000"]);
    }

    #[test]
    fn a_target_that_is_missed_is_said_to_be() {
        let verdict =
            |measured, at_most| Target { what: String::new(), goal: 1.3, at_most, measured }.row()[3].clone();
        assert_eq!(verdict(Some(1.3), true), "met");
        assert_eq!(verdict(Some(1.31), true), "**not met**");
        assert_eq!(verdict(Some(1.31), false), "met");
        assert_eq!(verdict(Some(1.29), false), "**not met**");
        assert_eq!(verdict(None, true), "");
    }

    #[test]
    fn figures_of_a_busy_machine_are_provisional() {
        let page = |busy| {
            let machine = Machine {
                processor: String::new(),
                processors: 2,
                system: String::new(),
                compiler: String::new(),
                busy: Some(busy),
            };
            document(&machine, "| the table |\n", &Measures::default(), &Results::new())
        };
        assert!(page(0.2).contains("Provisional: other programs used 20 %"));
        assert!(!page(0.05).contains("Provisional"));
        assert_eq!(page(0.0).matches("| the table |").count(), 1);
        assert!(page(0.0).contains("not measured"));
    }
}
