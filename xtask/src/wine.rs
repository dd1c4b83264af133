//! Wine, to run the Windows program and to install the INF where there is no Windows.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::apt::Apt;
use crate::cache;
use crate::cross;
use crate::cross::mingw::Mingw;
use crate::run::{run, say};

/// The folder in the cache; changes whenever the fetched set does.
const FOLDER: &str = "wine-1";

/// Wine without what it needs for windows, sound, cameras and printers.
const PACKAGES: [&str; 5] = ["wine64", "libwine", "libz-mingw-w64", "libunwind8", "liblzma5"];
const EXCLUDE: [&str; 3] = ["./usr/share/doc", "./usr/share/man", "./usr/i686-w64-mingw32"];

/// Which Wine's `user32.dll` stands on.
const ZLIB: &str = "usr/x86_64-w64-mingw32/lib/zlib1.dll";

/// Starts it from wherever the cache is.
const SCRIPT: &str = r#"#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
LD_LIBRARY_PATH="$here/usr/lib/x86_64-linux-gnu" exec "$here/usr/lib/wine/wine64" "$@"
"#;

/// Exports that this Wine lacks and Rust's standard library imports, led to a function of the same parameters.
const BCRYPTPRIMITIVES: &str =
    "LIBRARY bcryptprimitives.dll\nEXPORTS\nProcessPrng = advapi32.SystemFunction036\n";

/// What a test needs to use Wine.
pub(crate) struct Wine {
    /// The program to run.
    pub(crate) program: PathBuf,
    /// A folder of DLLs that it lacks; each belongs into the system folder of a new prefix.
    pub(crate) libraries: PathBuf,
}

/// Wine from the cache, fetched if it is not there.
pub(crate) fn get() -> Result<Wine> {
    let folder = cache::folder(FOLDER, |folder| {
        say(format_args!("Wine is fetched once; nothing is installed"));
        let apt = Apt::update()?;
        apt.unpack(&apt.exactly(&PACKAGES)?, folder, &EXCLUDE)?;
        // Debian's script looks for the server in /usr
        let server = folder.join("usr/lib/wine/wineserver");
        fs::rename(server.with_file_name("wineserver64"), &server)?;
        // and its package links to this one in another package
        fs::copy(folder.join(ZLIB), folder.join("usr/lib/x86_64-linux-gnu/wine/x86_64-windows/zlib1.dll"))?;
        write_program(&folder.join("wine"), SCRIPT)
    })
    .context("cannot fetch Wine")?;
    let libraries = cross::folder().join("wine");
    fs::create_dir_all(&libraries)?;
    fs::copy(folder.join(ZLIB), libraries.join("zlib1.dll"))?;
    make_forwarder(&libraries)?;
    Ok(Wine { program: folder.join("wine"), libraries })
}

/// `bcryptprimitives.dll`, which has no code, only forwarded exports.
fn make_forwarder(folder: &Path) -> Result<()> {
    let definition = folder.join("bcryptprimitives.def");
    fs::write(&definition, BCRYPTPRIMITIVES)?;
    run(Mingw::get()?
        .command()
        .args(["-shared", "-nostdlib", "-Wl,--entry=0", "-o"])
        .args([folder.join("bcryptprimitives.dll"), definition]))
}

fn write_program(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text)?;
    #[cfg(unix)]
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    Ok(())
}
