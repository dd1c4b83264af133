//! Where things are in this checkout.

use std::path::{Path, PathBuf};

/// The checkout's top folder.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is a folder of the workspace")
}

/// The output folder of cross builds. It stays in the checkout whatever `CARGO_TARGET_DIR` says, since wdk-build looks
/// for the workspace above its own output.
pub(crate) fn target() -> PathBuf {
    root().join("target")
}

/// The output folder of builds for this host.
pub(crate) fn host_target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(target, |folder| root().join(folder))
}
