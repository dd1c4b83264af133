//! Compares every structure with the layout table.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use serde_json::Value;

use super::{Field, Layout, flt, nt};

const OWN_TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/abi/x64.json");
/// Where the table that this project's own was taken from lies when it is at hand.
const REFERENCE_TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/abi/x64.json");

/// The table's idea of a structure: its size, and its fields' offsets and sizes.
struct Known {
    size: usize,
    fields: BTreeMap<String, (usize, usize)>,
}

fn number(value: &Value, key: &str) -> usize {
    value[key].as_u64().and_then(|number| usize::try_from(number).ok()).expect("the table gives numbers")
}

/// What the table says of a structure, or of one member of a union.
fn known(table: &Value, layout: &Layout) -> Known {
    let entry = &table[layout.name];
    assert!(!entry.is_null(), "{} is not in the table", layout.name);
    let all: BTreeMap<String, (usize, usize)> = entry["fields"]
        .as_array()
        .expect("each entry lists its fields")
        .iter()
        .map(|field| {
            let name = field["field"].as_str().expect("each field has a name").to_owned();
            (name, (number(field, "offset"), number(field, "size")))
        })
        .collect();
    if layout.member.is_empty() {
        return Known { size: number(entry, "size"), fields: all };
    }
    let size = all[layout.member.trim_end_matches('.')].1;
    let fields = all
        .into_iter()
        .filter_map(|(name, place)| Some((name.strip_prefix(layout.member)?.to_owned(), place)))
        .collect();
    Known { size, fields }
}

/// The first difference between a structure and the table, if there is one.
fn difference(table: &Value, layout: &Layout) -> Option<String> {
    let known = known(table, layout);
    let structure = format!("{}{}", layout.name, layout.member.trim_end_matches('.'));
    if known.size != layout.size {
        return Some(format!("{structure} has {} bytes, not {}", known.size, layout.size));
    }
    for Field { name, offset, size } in layout.fields.iter().filter(|field| field.name != "_") {
        match known.fields.get(*name) {
            None => return Some(format!("{structure} has no field {name}")),
            Some(place) if *place != (*offset, *size) => {
                return Some(format!("{structure}.{name} is at {place:?}, not at {:?}", (offset, size)));
            }
            Some(_) => {}
        }
    }
    let covered = |(offset, size): &(usize, usize)| {
        layout.fields.iter().any(|field| field.offset < offset + size && *offset < field.offset + field.size)
    };
    let missing = known.fields.iter().find(|(_, place)| !covered(place));
    missing.map(|(name, _)| format!("{structure} lacks field {name}"))
}

fn read_table(path: &Path) -> Option<Value> {
    let text = fs::read_to_string(path).ok()?;
    Some(serde_json::from_str(&text).expect("the table is JSON"))
}

fn all_layouts() -> impl Iterator<Item = &'static Layout> {
    nt::LAYOUTS.iter().chain(flt::LAYOUTS)
}

#[test]
fn every_structure_is_laid_out_as_the_table_says() {
    let table = read_table(Path::new(OWN_TABLE)).expect("the table is part of the project");
    let differences: Vec<_> = all_layouts().filter_map(|layout| difference(&table, layout)).collect();
    assert!(differences.is_empty(), "{differences:#?}");
}

#[test]
fn every_structure_is_laid_out_as_the_reference_table_says() {
    let Some(table) = read_table(Path::new(REFERENCE_TABLE)) else {
        // Not by `eprintln!`, which the test harness keeps to itself when a test passes.
        let _ = writeln!(std::io::stderr(), "skipped: {REFERENCE_TABLE} is not there");
        return;
    };
    let differences: Vec<_> = all_layouts().filter_map(|layout| difference(&table, layout)).collect();
    assert!(differences.is_empty(), "{differences:#?}");
}

/// A comparison that cannot fail would be none: shift each field of each structure and see it noticed.
#[test]
fn a_shifted_field_is_noticed() {
    let table = read_table(Path::new(OWN_TABLE)).expect("the table is part of the project");
    for layout in all_layouts() {
        for shifted in (0..layout.fields.len()).filter(|index| layout.fields[*index].name != "_") {
            let fields: Vec<Field> = layout
                .fields
                .iter()
                .enumerate()
                .map(|(index, field)| Field {
                    name: field.name,
                    offset: field.offset + if index == shifted { 4 } else { 0 },
                    size: field.size,
                })
                .collect();
            let broken = Layout {
                name: layout.name,
                member: layout.member,
                size: layout.size,
                fields: Box::leak(fields.into_boxed_slice()),
            };
            assert!(difference(&table, &broken).is_some(), "{}.{}", layout.name, layout.fields[shifted].name);
        }
    }
}

#[test]
fn the_parameter_union_has_the_size_of_the_table() {
    let table = read_table(Path::new(OWN_TABLE)).expect("the table is part of the project");
    assert_eq!(size_of::<super::Parameters>(), number(&table["_FLT_PARAMETERS"], "size"));
}

/// Parameters of `IRP_MJ_SET_INFORMATION` once left the last word as it happened to be, which filters and watchers read.
#[test]
fn parameters_leave_no_word_of_the_union_unset() {
    use super::{Parameters, Ptr};

    let made = [
        Parameters::set_information(20, Ptr::NULL, 8),
        Parameters::query_information(5, Ptr::NULL, 24),
        Parameters::prepare_mdl(4096, 512, Ptr::NULL),
    ];
    for parameters in made {
        // SAFETY: every bit was set, which is what this test is about.
        assert_eq!(unsafe { parameters.words }[5], 0);
    }
}
