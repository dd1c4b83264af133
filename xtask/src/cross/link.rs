//! The linker of the driver: lld, with the same command line in whatever folder and under whatever temporary name.
//!
//! lld writes its command line and the paths of its inputs into the symbol file, whose hash is the signature that the
//! image carries. rustc hands over inputs in a folder with a random name, and absolute paths; both would make two builds
//! of the same source differ. This program, started under the name [`NAME`], puts fixed relative names in their place.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::compiler;
use crate::run::run;
use crate::workspace;

/// What this program is called as a linker. rustc concludes from the name which command line to give.
const NAME: &str = "lld-link";
/// How rustc says so again.
const FLAVOR: [&str; 2] = ["-flavor", "link"];
/// Tells lld where the symbol file shall say that the checkout is.
const SOURCE_PATH: &str = "/pdbsourcepath:/whowrote";
/// rustc's temporary folders are named like this, and as many letters and digits.
const TEMPORARY: &str = "rustc";
const RANDOM_CHARACTERS: usize = 6;
/// The folder that stands in for those.
const FIXED: &str = "link-inputs";

/// Makes the linker in `folder`: a copy of this program under another name.
pub(crate) fn install(folder: &Path) -> Result<PathBuf> {
    let linker = folder.join(NAME);
    let program = std::env::current_exe().context("this program has no path")?;
    fs::copy(program, &linker).with_context(|| format!("cannot write {}", linker.display()))?;
    Ok(linker)
}

/// Whether this program was started as the linker.
pub(crate) fn is_wanted() -> bool {
    std::env::args_os()
        .next()
        .is_some_and(|name| Path::new(&name).file_stem().is_some_and(|stem| stem == NAME))
}

/// Links.
pub(crate) fn main() -> Result<()> {
    let root = format!("{}/", workspace::root().display());
    // lld learns its flavor from its name alone, which is what it notes
    let mut arguments: Vec<String> =
        std::env::args().skip(1).filter(|argument| !FLAVOR.contains(&argument.as_str())).collect();
    if let Some(temporary) = arguments.iter().find_map(|argument| temporary_folder(argument, &root)) {
        let temporary = temporary.to_owned();
        let fixed = Path::new(&temporary).with_file_name(FIXED);
        copy_folder(Path::new(&temporary), &fixed).with_context(|| format!("cannot copy {temporary}"))?;
        let fixed = fixed.display().to_string();
        for argument in &mut arguments {
            *argument = argument.replace(&temporary, &fixed);
        }
    }
    let mut lld = Command::new(compiler::linker()?);
    #[cfg(unix)]
    std::os::unix::process::CommandExt::arg0(&mut lld, NAME);
    run(lld
        .current_dir(workspace::root())
        .arg(SOURCE_PATH)
        .args(arguments.iter().map(|argument| argument.replace(&root, ""))))
}

/// The temporary folder in this checkout that an argument leads into.
fn temporary_folder<'a>(argument: &'a str, root: &str) -> Option<&'a str> {
    let path = &argument[argument.find(root)?..];
    path.match_indices('/').map(|(slash, _)| &path[..slash]).find(|folder| {
        let name = folder.rsplit('/').next().and_then(|name| name.strip_prefix(TEMPORARY));
        name.is_some_and(|random| {
            random.len() == RANDOM_CHARACTERS && random.bytes().all(|byte| byte.is_ascii_alphanumeric())
        })
    })
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    if to.exists() {
        fs::remove_dir_all(to)?;
    }
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::temporary_folder;

    #[test]
    fn the_temporary_folder_is_found_in_an_argument() {
        let find = |argument| temporary_folder(argument, "/checkout/");
        assert_eq!(find("/DEF:/checkout/deps/rustcAb12Cd/lib.def"), Some("/checkout/deps/rustcAb12Cd"));
        assert_eq!(find("/checkout/deps/rustcAb12Cd/symbols.o"), Some("/checkout/deps/rustcAb12Cd"));
        assert_eq!(find("/checkout/deps/rustc-1.96.0/symbols.o"), None);
        assert_eq!(find("/elsewhere/rustcAb12Cd/symbols.o"), None);
        assert_eq!(find("/RELEASE"), None);
    }
}
