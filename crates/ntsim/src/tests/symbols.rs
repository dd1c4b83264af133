//! Places in the code of the project's own driver.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use object::Object as _;
use object::read::pe::{ImageNtHeaders, ImageOptionalHeader, PeFile64};

use crate::symbols::Symbols;

/// The release image, or the one that `WHOWROTE_SYS` names. If it was not built the test is skipped, visibly; where
/// `WHOWROTE_REQUIRE_BUILDS` is set, as `cargo xtask test` does, that is a failure.
fn driver() -> Option<(PathBuf, Vec<u8>)> {
    let built = "../../target/x86_64-pc-windows-msvc/release/whowrote.sys";
    let path = std::env::var_os("WHOWROTE_SYS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join(built), PathBuf::from);
    if let Ok(image) = std::fs::read(&path) {
        return Some((path, image));
    }
    assert!(std::env::var_os("WHOWROTE_REQUIRE_BUILDS").is_none(), "{} is missing", path.display());
    // not by `eprintln!`, which the test harness swallows
    let _ = writeln!(std::io::stderr(), "skipped: `cargo xtask build` has not made the driver");
    None
}

fn entry_point(image: &[u8]) -> usize {
    let file = PeFile64::parse(image).expect("the image is one");
    file.nt_headers().optional_header().address_of_entry_point() as usize
}

#[test]
fn the_entry_point_of_the_driver_is_found_in_its_source() {
    let Some((path, image)) = driver() else { return };
    let symbols = Symbols::of("whowrote.sys", &image);
    let rva = entry_point(&image);
    assert_eq!(
        symbols.describe(rva, rva),
        format!("at whowrote.sys+0x{rva:X}"),
        "it is not said where it is"
    );
    let symbols = Symbols::of("whowrote.sys", &image);
    symbols.look_beside(&path);
    let place = symbols.describe(rva, rva);
    assert!(place.starts_with(&format!("at whowrote.sys+0x{rva:X} (")), "{place}");
    assert!(place.contains("(whowrote::entry::driver_entry, /whowrote/src/entry.rs:"), "{place}");
}

#[test]
fn symbols_of_another_build_are_not_used() {
    let Some((path, mut image)) = driver() else { return };
    let guid = {
        let file = PeFile64::parse(&*image).expect("the image is one");
        file.pdb_info().expect("it has debug information").expect("it names its symbols").guid()
    };
    let position = image.windows(guid.len()).position(|bytes| bytes == guid).expect("it is there");
    image[position] ^= 1;
    let symbols = Symbols::of("whowrote.sys", &image);
    symbols.look_beside(&path);
    let rva = entry_point(&image);
    assert_eq!(symbols.describe(rva, rva), format!("at whowrote.sys+0x{rva:X}"));
}
