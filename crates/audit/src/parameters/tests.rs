//! Values, rules and messages: what is taken, what is refused and why, and what rules cover.

use std::collections::HashSet;

use proptest::prelude::*;

use super::{
    Anchor, Audit, Defect, MAX_TEXTS, MAX_UNITS, Message, Parameter, REG_DWORD, REG_MULTI_SZ, Raw, Refusal,
    Rules, Shape, Subject, TABLE, Value, check,
};
use crate::dictionary::Memory;
use crate::record::Code;

enum Heap {}

impl Memory for Heap {
    type Array<T> = Vec<T>;

    fn array<T>(length: usize, element: impl FnMut(usize) -> T) -> Option<Vec<T>> {
        Some((0..length).map(element).collect())
    }
}

fn utf16(text: &str) -> Vec<u16> {
    text.encode_utf16().collect()
}

fn multi(texts: &[&str]) -> Vec<u8> {
    let units = texts.iter().flat_map(|text| text.encode_utf16().chain([0])).chain([0]);
    units.flat_map(u16::to_le_bytes).collect()
}

fn refused(parameter: Parameter, kind: u32, data: &[u8]) -> (Defect, u32, u64) {
    match check(parameter, Raw { kind, data }) {
        Err(Refusal { defect, text, found }) => (defect, text, found),
        Ok(value) => panic!("{value:?}"),
    }
}

fn refused_texts(parameter: Parameter, texts: &[&str]) -> (Defect, u32, u64) {
    refused(parameter, REG_MULTI_SZ, &multi(texts))
}

/// Upper case beyond ASCII as the system has it, as far as these tests go.
fn upcase(unit: u16) -> u16 {
    char::from_u32(unit.into())
        .and_then(|letter| letter.to_uppercase().next())
        .and_then(|letter| u16::try_from(u32::from(letter)).ok())
        .unwrap_or(unit)
}

fn rules(texts: &[&str], names: bool) -> Rules<Heap> {
    let data = multi(texts);
    let parameter = if names { Parameter::ExcludeImages } else { Parameter::ExcludePaths };
    match check(parameter, Raw { kind: REG_MULTI_SZ, data: &data }) {
        Ok(Value::Rules(texts)) => Rules::new(texts, names, upcase).expect("there is memory"),
        other => panic!("{other:?}"),
    }
}

fn covers(rules: &Rules<Heap>, name: &str) -> bool {
    rules.cover(&Subject::of_name(&utf16(name)), upcase)
}

#[test]
fn the_table_has_each_parameter_once_and_defaults_that_it_would_take() {
    let names: HashSet<_> = TABLE.iter().map(|row| row.name).collect();
    assert_eq!(names.len(), TABLE.len());
    for row in &TABLE {
        assert_eq!(row.parameter.row(), row);
        assert_eq!(row.parameter.to_string(), row.name);
        let default = row.shape.default();
        let taken = match row.shape {
            Shape::Rules { .. } => {
                check(row.parameter, Raw { kind: REG_MULTI_SZ, data: &multi(&[]) }).is_ok()
            }
            Shape::PowerOfTwo { .. } | Shape::Bits { .. } => {
                check(row.parameter, Raw { kind: REG_DWORD, data: &default.to_le_bytes() })
                    == Ok(Value::Number(default))
            }
        };
        assert!(taken, "{}", row.name);
    }
}

#[test]
fn numbers_are_taken_in_their_range() {
    let ring_size = |number: u32| -> Result<u32, Refusal> {
        match check(Parameter::RingSize, Raw { kind: REG_DWORD, data: &number.to_le_bytes() })? {
            Value::Number(number) => Ok(number),
            Value::Rules(texts) => panic!("{texts:?}"),
        }
    };
    for number in [1 << 10, 1 << 14, 1 << 18] {
        assert_eq!(ring_size(number), Ok(number));
    }
    for (number, defect) in [
        (0, Defect::OutOfRange),
        ((1 << 10) - 1, Defect::OutOfRange),
        ((1 << 18) + 1, Defect::OutOfRange),
        (u32::MAX, Defect::OutOfRange),
        (5000, Defect::NotAPowerOfTwo),
    ] {
        assert_eq!(ring_size(number), Err(Refusal::of(defect, number.into())));
    }
    assert_eq!(refused(Parameter::Audit, REG_DWORD, &0x19_u32.to_le_bytes()), (Defect::UnknownBits, 0, 0x18));
    let writes = Raw { kind: REG_DWORD, data: &1_u32.to_le_bytes() };
    assert_eq!(check(Parameter::Audit, writes), Ok(Value::Number(Audit::WRITES.bits())));
}

#[test]
fn a_value_of_another_type_or_size_is_refused() {
    assert_eq!(refused(Parameter::RingSize, 1, b"1\x006\x00\0\0"), (Defect::Type, 0, 1));
    assert_eq!(refused(Parameter::ExcludePaths, REG_DWORD, &[0; 4]), (Defect::Type, 0, 4));
    for size in [0, 3, 5, 8] {
        assert_eq!(refused(Parameter::Audit, REG_DWORD, &vec![0; size]), (Defect::Size, 0, size as u64));
    }
    let long = vec![0; super::MAX_BYTES + 2];
    assert_eq!(refused(Parameter::ExcludeImages, REG_MULTI_SZ, &long).0, Defect::Size);
}

#[test]
fn malformed_lists_of_texts_are_refused() {
    let images = |data: &[u8]| refused(Parameter::ExcludeImages, REG_MULTI_SZ, data);
    assert_eq!(images(b"a\0\0\0\0"), (Defect::OddSize, 0, 5));
    assert_eq!(images(b"a\0"), (Defect::Unterminated, 0, 2));
    assert_eq!(images(b"a\0\0\0"), (Defect::Unterminated, 0, 4));
    assert_eq!(images(b"a\0\0\0\0\0b\0\0\0\0\0"), (Defect::EmptyText, 1, 0));
    assert_eq!(images(b"\0\0b\0\0\0\0\0"), (Defect::EmptyText, 0, 0));
    let many: Vec<_> = (0..=MAX_TEXTS).map(|_| "a").collect();
    assert_eq!(images(&multi(&many)), (Defect::TooManyTexts, 0, MAX_TEXTS as u64));
    // What the registry's editors leave behind where there are none, or at the end.
    for empty in [&b""[..], b"\0\0", b"\0\0\0\0", b"a\0\0\0\0\0\0\0"] {
        assert!(
            check(Parameter::ExcludeImages, Raw { kind: REG_MULTI_SZ, data: empty }).is_ok(),
            "{empty:?}"
        );
    }
}

#[test]
fn what_is_no_rule_is_refused_with_its_place() {
    let long = format!(r"\{}", "a".repeat(MAX_UNITS));
    for (texts, expected) in [
        (&[r"\a", r"C:\b"][..], (Defect::Character, 1, 1)),
        (&[r"\a\*.log"], (Defect::Character, 0, 3)),
        (&["\\a\u{1}"], (Defect::Character, 0, 2)),
        (&["/a"], (Defect::Character, 0, 0)),
        (&[r"a\b"], (Defect::NotAPath, 0, 0)),
        (&["a.log"], (Defect::NotAPath, 0, 0)),
        (&[r"\\server\share"], (Defect::Component, 0, 1)),
        (&[r"\a\\b"], (Defect::Component, 0, 3)),
        (&[r"\a\.\b"], (Defect::Component, 0, 3)),
        (&[r"\a\.."], (Defect::Component, 0, 3)),
        (&[r"\"], (Defect::Everything, 0, 0)),
        (&[r"\Device"], (Defect::Everything, 0, 0)),
        (&[r"\device\"], (Defect::Everything, 0, 0)),
        (&[&long], (Defect::TooLong, 0, 1 + MAX_UNITS as u64)),
    ] {
        assert_eq!(refused_texts(Parameter::ExcludePaths, texts), expected, "{texts:?}");
    }
    assert_eq!(refused_texts(Parameter::ExcludeImages, &[r"a\b.exe"]), (Defect::NotAPath, 0, 0));
    assert_eq!(refused_texts(Parameter::ExcludeImages, &[".."]), (Defect::Component, 0, 0));
}

#[test]
fn names_that_only_look_dangerous_are_rules() {
    let odd = [r"\D", r"\Dev", r"\Devices\a", r"\a\...", r"\a\..b", r"\ a", r"\Device\Mup"];
    assert_eq!(rules(&odd, false).count(), odd.len());
}

#[test]
fn a_rule_covers_whole_names_without_regard_to_case() {
    let rules = rules(&[r"\Logs", r"\data\Ärger\", r"\Device\HarddiskVolume4\x", r"\one.txt"], false);
    for covered in [
        r"\Device\HarddiskVolume3\Logs",
        r"\Device\HarddiskVolume3\LOGS\a.txt",
        r"\Device\HarddiskVolume9\logs\a\b\c",
        r"\Device\HarddiskVolume3\logs:stream",
        r"\Device\HarddiskVolume3\DATA\äRGER\a",
        r"\device\harddiskvolume4\X\a",
        r"\Device\HarddiskVolume3\One.TXT:zone",
    ] {
        assert!(covers(&rules, covered), "{covered}");
    }
    for other in [
        r"\Device\HarddiskVolume3\Logs2",
        r"\Device\HarddiskVolume3\Log",
        r"\Device\HarddiskVolume3\a\Logs\b",
        r"\Device\HarddiskVolume3\data",
        r"\Device\HarddiskVolume3\x\a",
        r"\Device\HarddiskVolume3\Device\HarddiskVolume4\x",
        r"\Device\HarddiskVolume4",
        r"\Device\Logs",
        "",
        r"\",
    ] {
        assert!(!covers(&rules, other), "{other}");
    }
}

#[test]
fn an_image_is_found_by_its_name_by_its_path_and_by_its_directory() {
    let rules = rules(&["Backup.EXE", r"\Program Files\Agent", r"\Device\HarddiskVolume3\tools\x.exe"], true);
    for covered in [
        r"\Device\HarddiskVolume3\anywhere\backup.exe",
        r"\Device\HarddiskVolume5\program files\agent\bin\a.exe",
        r"\Device\HarddiskVolume3\Tools\X.exe",
        "backup.exe",
    ] {
        assert!(covers(&rules, covered), "{covered}");
    }
    for other in [
        r"\Device\HarddiskVolume3\backup.exe\other.exe",
        r"\Device\HarddiskVolume5\Tools\X.exe",
        r"\Device\HarddiskVolume3\mybackup.exe",
        r"\Device\HarddiskVolume3\program files\agents\a.exe",
    ] {
        assert!(!covers(&rules, other), "{other}");
    }
}

#[test]
fn no_rules_cover_nothing() {
    let rules = Rules::<Heap>::none().expect("there is memory");
    assert!(!covers(&rules, r"\Device\HarddiskVolume3\a"));
    assert_eq!(rules.count(), 0);
}

/// What makes rules equal for the model: anchor aside, components in upper case.
fn model_covers(rules: &[String], path: &str) -> bool {
    let parts =
        |text: &str| -> Vec<String> { text.to_uppercase().split('\\').skip(1).map(str::to_owned).collect() };
    let path = parts(path);
    rules.iter().any(|rule| path.starts_with(&parts(rule)))
}

proptest! {
    #[test]
    fn rules_cover_what_a_model_says(
        written in prop::collection::vec(r"(\\[a-cA-C]{1,2}){1,3}", 0..40),
        path in r"(\\[a-cA-C]{1,2}){1,4}",
    ) {
        let texts: Vec<_> = written.iter().map(String::as_str).collect();
        let rules = rules(&texts, false);
        let name = format!(r"\Device\V{path}");
        prop_assert_eq!(covers(&rules, &name), model_covers(&written, &path));
    }

    #[test]
    fn whatever_is_in_the_registry_is_taken_or_refused(
        kind in 0_u32..12, data in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        for row in &TABLE {
            if let Ok(Value::Rules(texts)) = check(row.parameter, Raw { kind, data: &data }) {
                let rules = Rules::<Heap>::new(texts, true, upcase).expect("there is memory");
                prop_assert_eq!(rules.count(), texts.count());
            }
        }
    }

    #[test]
    fn a_message_says_what_was_put_into_it(
        reload: bool,
        settings in prop::collection::vec((0..TABLE.len(), any::<u32>(), prop::collection::vec(any::<u8>(), 0..40)), 0..5),
    ) {
        let mut bytes: Vec<u8> = Message::head(reload).collect();
        for (row, kind, data) in &settings {
            bytes.extend(Message::setting(TABLE[*row].parameter, Raw { kind: *kind, data }));
        }
        let message = Message::parse(&bytes).expect("it is whole");
        prop_assert_eq!(message.reload, reload);
        let read: Vec<_> = message.settings().collect();
        prop_assert_eq!(read.len(), settings.len());
        for ((number, parameter, raw), (row, kind, data)) in read.into_iter().zip(&settings) {
            let expected = TABLE[*row].parameter;
            prop_assert_eq!(parameter, Some(expected));
            prop_assert_eq!(number, u16::from(Code::Known(expected).number()));
            prop_assert_eq!(raw, Raw { kind: *kind, data });
        }
        // None of it may be missing.
        for end in 0..bytes.len() {
            let cut = Message::parse(&bytes[..end]);
            prop_assert!(cut.is_none_or(|cut| cut.settings().count() < settings.len()));
        }
    }
}

#[test]
fn what_is_no_message_is_not_taken_for_one() {
    let good: Vec<u8> = Message::head(false).collect();
    assert!(Message::parse(&good).is_some());
    for (at, byte) in [(0, b'X'), (8, 2), (9, 1)] {
        let mut bad = good.clone();
        bad[at] = byte;
        assert_eq!(Message::parse(&bad), None);
    }
    let mut newer: Vec<u8> = good.clone();
    newer[10] = 7; // the minor version
    newer.extend([200, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let message = Message::parse(&newer).expect("a parameter of a newer version is no reason");
    let settings: Vec<_> = message.settings().map(|(number, parameter, _)| (number, parameter)).collect();
    assert_eq!(settings, [(200, None)]);
}

#[test]
fn an_anchor_is_part_of_what_is_looked_up() {
    let parsed = |text: &str| {
        let data = multi(&[text]);
        let Ok(Value::Rules(texts)) =
            check(Parameter::ExcludeImages, Raw { kind: REG_MULTI_SZ, data: &data })
        else {
            panic!("{text}")
        };
        texts.iter().map(|text| super::Rule::parse(text, true).expect("checked").anchor).next()
    };
    assert_eq!(parsed("a.exe"), Some(Anchor::Name));
    assert_eq!(parsed(r"\a.exe"), Some(Anchor::Volume));
    assert_eq!(parsed(r"\DEVICE\a"), Some(Anchor::Device));
}
