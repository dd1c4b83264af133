//! Where things are in this checkout.

use std::path::{Path, PathBuf};

/// The checkout's top folder.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is a folder of the workspace")
}

/// Cargo's output folder. The cross build stays in it whatever `CARGO_TARGET_DIR` says, since wdk-build looks for
/// the workspace above its own output.
pub(crate) fn target() -> PathBuf {
    root().join("target")
}
