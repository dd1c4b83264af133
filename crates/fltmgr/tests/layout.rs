//! The layout table that the crate is compiled against says what the structure table of the project says.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

struct Structure {
    coverage: &'static str,
    name: &'static str,
    size: u64,
    members: &'static [Member],
}

struct Member {
    /// As Rust names it.
    path: &'static str,
    /// As the structure table names it, where that differs.
    alias: Option<&'static str>,
    offset: u64,
    size: u64,
}

macro_rules! layouts {
    (@alias) => { None };
    (@alias $alias:literal) => { Some($alias) };
    ($($coverage:ident $module:ident::$type:ident = $name:literal, $size:literal {
        $($($member:ident).+ $(as $alias:literal)?: $offset:literal, $member_size:literal;)*
    })+) => {
        const STRUCTURES: &[Structure] = &[$(Structure {
            coverage: stringify!($coverage),
            name: $name,
            size: $size,
            members: &[$(Member {
                path: stringify!($($member).+),
                alias: layouts!(@alias $($alias)?),
                offset: $offset,
                size: $member_size,
            }),*],
        }),+];
    };
}

include!("../src/layout/table.rs");

#[derive(Deserialize)]
struct TableStructure {
    size: u64,
    fields: Vec<TableField>,
}

#[derive(Deserialize)]
struct TableField {
    field: String,
    offset: u64,
    size: u64,
    r#type: String,
}

type Table = BTreeMap<String, TableStructure>;

fn table(processor: &str) -> Table {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("../../tests/abi/{processor}.json"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn differences(table: &Table) -> Vec<String> {
    let mut found = Vec::new();
    for structure in STRUCTURES {
        let name = structure.name;
        let Some(expected) = table.get(name) else {
            found.push(format!("{name} is not in the table"));
            continue;
        };
        if structure.size != expected.size {
            found.push(format!("{name}: size {} is {} in the table", structure.size, expected.size));
        }
        let mut checked = Vec::new();
        for member in structure.members {
            let path = member.path.replace(' ', "");
            let field = member.alias.map_or(path, str::to_owned);
            match expected.fields.iter().find(|expected| expected.field == field) {
                None => found.push(format!("{name}.{field} is not in the table")),
                Some(expected) if (expected.offset, expected.size) != (member.offset, member.size) => {
                    found.push(format!(
                        "{name}.{field}: offset {}, size {}; in the table {}, {}",
                        member.offset, member.size, expected.offset, expected.size
                    ));
                }
                Some(_) => {}
            }
            checked.push(field);
        }
        if structure.coverage == "whole" {
            for field in &expected.fields {
                // an unnamed structure's members follow it in the table
                if field.r#type != "<unnamed-tag>" && !checked.contains(&field.field) {
                    found.push(format!("{name}.{} is not checked", field.field));
                }
            }
        }
    }
    found
}

#[test]
fn table_agrees_with_x64() {
    assert_eq!(differences(&table("x64")), Vec::<String>::new());
}

#[test]
fn table_agrees_with_arm64() {
    assert_eq!(differences(&table("arm64")), Vec::<String>::new());
}

#[test]
fn a_moved_field_is_noticed() {
    let mut table = table("x64");
    let parameters = table.get_mut("_FLT_PARAMETERS").expect("present");
    let field =
        parameters.fields.iter_mut().find(|field| field.field == "Write.ByteOffset").expect("present");
    field.offset = 8; // as windows-sys 0.61 has it
    assert_eq!(
        differences(&table),
        ["_FLT_PARAMETERS.Write.ByteOffset: offset 16, size 8; in the table 8, 8"]
    );
}

#[test]
fn a_forgotten_field_is_noticed() {
    let mut table = table("x64");
    let data = table.get_mut("_FLT_CALLBACK_DATA").expect("present");
    data.fields.push(TableField { field: "New".into(), offset: 84, size: 4, r#type: "long".into() });
    assert_eq!(differences(&table), ["_FLT_CALLBACK_DATA.New is not checked"]);
}
