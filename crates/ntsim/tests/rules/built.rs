//! The images that `cargo xtask build offenders` makes.

use std::io::Write as _;
use std::path::{Path, PathBuf};

const CRATE: &str = env!("CARGO_MANIFEST_DIR");
const IMAGES: &str = "../../target/x86_64-pc-windows-msvc/offenders";

/// The folder of the sources.
pub(crate) fn sources() -> PathBuf {
    Path::new(CRATE).join("tests/offenders")
}

/// The image of an offender, or of its mended twin. If it was not built the test is skipped, visibly; where
/// `WHOWROTE_REQUIRE_BUILDS` is set, as `cargo xtask test` does, that is a failure. An image that was made of other texts
/// than are there now always is.
pub(crate) fn image(offender: &str, mended: bool) -> Option<PathBuf> {
    let folder = Path::new(CRATE).join(IMAGES);
    let path = folder.join(format!("{offender}{}.sys", if mended { ".mended" } else { "" }));
    let Ok(made_of) = std::fs::read_to_string(folder.join(format!("{offender}.made-of"))) else {
        assert!(std::env::var_os("WHOWROTE_REQUIRE_BUILDS").is_none(), "{} is missing", path.display());
        // not by `eprintln!`, which the test harness swallows
        let _ = writeln!(std::io::stderr(), "skipped: `cargo xtask build offenders` has not made {offender}");
        return None;
    };
    let read = |file: &str| std::fs::read_to_string(sources().join(file)).unwrap_or_default();
    let now = read(&format!("{offender}.rs")) + &read("support/mod.rs");
    assert!(made_of.starts_with(&now), "{offender} has changed: `cargo xtask build offenders`");
    Some(path)
}
