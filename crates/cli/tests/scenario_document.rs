//! The examples of `docs/scenarios.md`, played.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod support;

use std::collections::BTreeSet;
use std::fs;

use support::{file, simulate, workspace};
use whowrote_cli::scenario::Scenario;

/// Steps that a scenario of a torture run alone may have.
const OF_TORTURE: [&str; 4] = ["load", "unload", "volume", "consumer"];

fn document() -> String {
    fs::read_to_string(workspace().join("docs/scenarios.md")).unwrap()
}

/// The blocks of KDL.
fn examples(document: &str) -> Vec<&str> {
    let blocks = document.split("```kdl\n").skip(1);
    blocks.map(|block| block.split("```").next().unwrap_or_default()).collect()
}

#[test]
fn every_example_is_played() {
    let document = document();
    let examples = examples(&document);
    let machine = examples.iter().find(|example| example.contains("The machine of the examples")).unwrap();
    let mut played = 0;
    for example in &examples {
        let text = if example.starts_with("play {") {
            format!("{machine}\n{example}")
        } else if example.contains("\nplay {") {
            (*example).to_owned()
        } else {
            continue;
        };
        let (_folder, path) = file("example.kdl", text.as_bytes());
        simulate(&path, &[]).ended(0);
        played += 1;
    }
    assert!(played >= 9, "{played} examples are played");
}

#[test]
fn what_is_said_of_expectations_can_be_read() {
    let document = document();
    let changes = examples(&document).into_iter().find(|example| example.starts_with("write pid")).unwrap();
    let text = format!("scenario \"x\"\nplay\nexpect {{\n{changes}}}\n");
    Scenario::parse("example.kdl", &text).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn every_step_has_an_example() {
    let document = document();
    let played: BTreeSet<&str> = examples(&document)
        .into_iter()
        .filter(|example| example.contains("play {"))
        .flat_map(str::lines)
        .filter_map(|line| line.strip_prefix("    ")?.split_whitespace().next())
        .collect();
    let section = document.split("\n## ").find(|section| section.starts_with("`play`")).unwrap();
    let tables = section.split("| step | meaning |\n").skip(1);
    let mut steps = BTreeSet::new();
    for row in tables.flat_map(|table| table.lines().skip(1).take_while(|line| line.starts_with('|'))) {
        let cell = row.split('|').nth(1).unwrap_or_default();
        let names = cell.split('`').skip(1).step_by(2).flat_map(|code| code.split(", "));
        steps.extend(names.filter_map(|name| name.split_whitespace().next()).map(str::to_owned));
    }
    assert!(steps.len() > 40, "{steps:?}");
    let known = |step: &&String| !OF_TORTURE.contains(&step.trim_matches('"')) && !step.starts_with('"');
    let lacking: Vec<&String> = steps
        .iter()
        .filter(known)
        .filter(|step| !["good", "silent", "confused", "deaf", "query-directory"].contains(&step.as_str()))
        .filter(|step| !played.contains(step.as_str()))
        .collect();
    assert!(lacking.is_empty(), "without an example: {lacking:?}");
}
