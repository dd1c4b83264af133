//! The parts of a Windows Driver Kit that wdk-build looks for, made from mingw-w64's headers, a list of exports
//! and the guard's load configuration.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::compiler::{self, Compiler};
use super::driver::Arch;
use super::write;
use crate::run::run;
use crate::workspace;

/// The kit version that wdk-build is told; it only names folders.
pub(crate) const VERSION: &str = "10.0.26100.0";

/// What no driver needs of the libraries that wdk-build links.
const EMPTY_LIBRARIES: [&str; 3] = ["hal", "wmilib", "arm64rt"];
const EMPTY_ARCHIVE: &[u8] = b"!<arch>\n";

/// What the library's member is called; the symbol file says so too.
const OBJECT: &str = "load_config.obj";

/// Makes the kit for one processor under `folder`; returns its own folder.
///
/// That is named after what the kit is made of, because cargo does not look into libraries: another path makes it link
/// again, and older kits are removed to make bindgen read the headers again.
pub(crate) fn make(folder: &Path, arch: Arch, compiler: &Compiler) -> Result<PathBuf> {
    let ours = workspace::root().join("xtask/wdk");
    let mut hasher = DefaultHasher::new();
    for part in ["ntifs.h", "ntoskrnl.def", "load_config.rs"] {
        fs::read(ours.join(part))?.hash(&mut hasher);
    }
    let name = format!("wdk-{:016x}", hasher.finish());
    remove_older(folder, &name)?;
    let kit = folder.join(name);

    let include = kit.join("Include").join(VERSION);
    fs::create_dir_all(include.join("shared"))?; // expected; all headers are in mingw-w64's own folders
    write(&include.join("km/crt/ntifs.h"), &fs::read(ours.join("ntifs.h"))?)?;

    let libraries = kit.join("Lib").join(VERSION).join("km").join(arch.wdk_name());
    for library in EMPTY_LIBRARIES {
        write(&libraries.join(format!("{library}.lib")), EMPTY_ARCHIVE)?;
    }
    let scratch = tempfile::tempdir()?;

    let exports = scratch.path().join("ntoskrnl.lib");
    run(librarian(arch, &exports)?.arg(format!("/def:{}", ours.join("ntoskrnl.def").display())))?;
    write(&libraries.join("ntoskrnl.lib"), &fs::read(exports)?)?;

    let object = scratch.path().join(OBJECT);
    run(compiler
        .rustc()
        .args(["--edition", "2024", "--crate-type", "lib", "--emit", "obj", "--target", arch.triple(), "-o"])
        .args([&object, &ours.join("load_config.rs")]))?;
    let guard = scratch.path().join("guard.lib");
    run(librarian(arch, &guard)?.current_dir(&scratch).arg(OBJECT))?;
    write(&libraries.join("BufferOverflowFastFailK.lib"), &fs::read(guard)?)?;
    Ok(kit)
}

fn remove_older(folder: &Path, newest: &str) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if name.to_string_lossy().starts_with("wdk-") && name != newest {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

/// The command that makes a library.
pub(super) fn librarian(arch: Arch, library: &Path) -> Result<Command> {
    let mut command = Command::new(compiler::linker()?);
    command
        .args(["-flavor", "link", "/lib", "/nologo"])
        .arg(format!("/machine:{}", arch.lib_name()))
        .arg(format!("/out:{}", library.display()));
    Ok(command)
}

/// The command-line arguments for clang that lead it to those headers and its own.
pub(crate) fn clang_arguments(compiler: &Compiler, arch: Arch) -> String {
    let resources = compiler.clang_resources.display();
    let headers = compiler.headers();
    // mingw-w64 declares no arm64 kernel: its x64 declarations stand in, for a compile and link check only
    let machine = if arch == Arch::Arm64 { "-U_ARM64_ -UARM64 -D_WIN64 -D_AMD64_ -DAMD64" } else { "" };
    format!(
        "--target=x86_64-w64-windows-gnu -fno-ms-compatibility -resource-dir={resources} -isystem {resources}/include \
         -isystem {} -isystem {} {machine}",
        headers.join("ddk").display(),
        headers.display(),
    )
}
