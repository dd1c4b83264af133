//! The table of parameters in `docs/driver.md`, and the INF, say what the code does.
#![cfg(not(loom))]

use audit::parameters::{Row, Shape, TABLE};

const DOCUMENT: &str = include_str!("../../../docs/driver.md");
const INF: &str = include_str!("../../../inf/whowrote.inf");

const HEAD: &str =
    "| name | type | values | default | while running | meaning |\n| --- | --- | --- | --- | --- | --- |\n";

fn grouped(number: u32) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().map(|group| str::from_utf8(group).expect("digits")).collect();
    groups.join(",")
}

/// The row of a parameter as the document has it.
fn row(row: &Row) -> String {
    let Row { name, shape, while_running, meaning, .. } = row;
    let (kind, values, default) = match shape {
        Shape::PowerOfTwo { least, most, default } => {
            let values = format!("a power of two, {} to {}", grouped(*least), grouped(*most));
            ("REG_DWORD", values, grouped(*default))
        }
        Shape::Bits { all, default } => {
            ("REG_DWORD", format!("0 to {}", all.bits()), default.bits().to_string())
        }
        Shape::Rules { names: true } => ("REG_MULTI_SZ", "file names, paths".to_owned(), "none".to_owned()),
        Shape::Rules { names: false } => ("REG_MULTI_SZ", "paths".to_owned(), "none".to_owned()),
    };
    let while_running = if *while_running { "yes" } else { "no" };
    format!("| `{name}` | `{kind}` | {values} | {default} | {while_running} | {meaning} |\n")
}

#[test]
fn the_document_has_the_table() {
    let table: String = TABLE.iter().map(row).collect();
    assert!(DOCUMENT.contains(&format!("{HEAD}{table}\n")), "docs/driver.md is to have\n{HEAD}{table}");
}

/// Defaults belong to the driver alone: a value in the INF would be told as one that somebody set, and stay when the default
/// changes.
#[test]
fn the_inf_sets_none() {
    for Row { name, .. } in &TABLE {
        let value = format!("\"{name}\"");
        let set = INF.lines().any(|line| line.trim_start().starts_with("HKR") && line.contains(&value));
        assert!(!set, "{name}");
    }
    assert!(
        INF.contains("HKR,\"Parameters\",\"SupportedFeatures\""),
        "what is looked for is written like this"
    );
}
