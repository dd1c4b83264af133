//! Finding the driver's image.

use std::env;
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// The variable that names the driver's image.
const VARIABLE: &str = "WHOWROTE_SYS";
/// Where `cargo xtask build` leaves it, in the folder where cargo builds.
const BUILT: &str = "x86_64-pc-windows-msvc/release/whowrote.sys";
/// What the folder is called where cargo builds, unless it was told another.
const TARGET: &str = "target";

/// The driver's image: the one given, or of the environment, or built beside this program, or below this folder.
pub(crate) fn find(given: Option<&Path>) -> Result<PathBuf, Failure> {
    let from_environment = env::var_os(VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(named) = given.map(Path::to_owned).or(from_environment) {
        let found = named.is_file();
        let missing = || Failure::Unusable(format!("there is no driver at {}", named.display()));
        return found.then(|| named.clone()).ok_or_else(missing);
    }
    let program = env::current_exe().ok();
    let beside = program.iter().flat_map(|path| path.ancestors().skip(1)).map(|folder| folder.join(BUILT));
    let here = env::current_dir().ok();
    let below = here.iter().flat_map(|path| path.ancestors()).map(|folder| folder.join(TARGET).join(BUILT));
    beside.chain(below).find(|path| path.is_file()).ok_or_else(|| {
        Failure::Unusable(format!(
            "there is no driver to run\n  help: run `cargo xtask build` first, or name one with --driver or {VARIABLE}"
        ))
    })
}
