//! Reports name function and source line of the driver, if its symbols lie beside the image.

use std::fs;
use std::path::Path;

use crate::built;
use crate::play::{self, Machine};

/// How the leak of `keeps_pool` is reported when its image is copied to a folder, with the symbols of an offender beside
/// it.
fn report(symbols_of: Option<&str>) -> Option<String> {
    let image = built::image("keeps_pool", false)?;
    let folder = tempfile::tempdir().expect("a folder");
    let copy = folder.path().join("copy.sys");
    fs::copy(&image, &copy).expect("it is copied");
    if let Some(offender) = symbols_of {
        let symbols = built::image(offender, false)?.with_extension("pdb");
        fs::copy(symbols, folder.path().join("copy.pdb")).expect("they are copied");
    }
    Some(report_of(&copy))
}

fn report_of(image: &Path) -> String {
    let violations = Machine::new().run(image, play::write);
    violations.first().expect("it leaks").to_string()
}

#[test]
fn the_place_of_an_allocation_is_function_file_and_line() {
    let Some(report) = report(Some("keeps_pool")) else { return };
    let source = fs::read_to_string(built::sources().join("keeps_pool.rs")).expect("the source is there");
    let line = source.lines().position(|line| line.contains("ExAllocatePool2(")).expect("it allocates") + 1;
    let expected =
        format!("keeps_pool::take_note, /whowrote/crates/ntsim/tests/offenders/keeps_pool.rs:{line})");
    assert!(report.contains(&expected) && report.contains("at offender.sys+0x"), "{report}");
}

#[test]
fn without_symbols_the_place_is_an_offset() {
    let Some(report) = report(None) else { return };
    assert!(report.contains("at offender.sys+0x") && !report.contains(".rs"), "{report}");
}

#[test]
fn symbols_of_another_image_are_not_used() {
    let Some(report) = report(Some("panics")) else { return };
    assert!(report.contains("at offender.sys+0x") && !report.contains(".rs"), "{report}");
}
