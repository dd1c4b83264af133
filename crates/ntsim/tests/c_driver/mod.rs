//! Compiles a driver from C, with clang and the linker of the Rust toolchain.

use std::ffi::{OsStr, OsString};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, io};

/// Names clang, the folders of its libraries, and its headers; `cargo xtask test` sets them.
const CLANG: &str = "WHOWROTE_CLANG";
const LIBRARIES: &str = "WHOWROTE_CLANG_LIBRARIES";
/// Set where everything that a test needs must be there.
const REQUIRED: &str = "WHOWROTE_REQUIRE_BUILDS";

/// The routines that the drivers import.
const IMPORTS: [(&str, &str); 2] = [
    ("ntoskrnl.exe", include_str!("../minifilters/ntoskrnl.txt")),
    ("fltmgr.sys", include_str!("../minifilters/fltmgr.txt")),
];

/// A driver's image.
pub(crate) struct CDriver {
    pub(crate) image: Vec<u8>,
}

/// Compiles and links a source of `tests/minifilters`, with macros defined on the command line; `None`, said on standard
/// error, where there is no compiler.
pub(crate) fn compile_defining(source: &str, macros: &[&str]) -> Option<CDriver> {
    let Some(clang) = clang() else {
        assert!(env::var_os(REQUIRED).is_none(), "there is no clang: {CLANG} names none");
        // Not by `eprintln!`, which the test harness keeps to itself when a test passes.
        let _ = writeln!(io::stderr(), "skipped: {source} needs clang, which {CLANG} may name");
        return None;
    };
    // This module serves the tests of other crates, too.
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ntsim/tests/minifilters");
    let folder = tempfile::tempdir().expect("there is room for temporary files");
    let object = folder.path().join("driver.obj");
    let mut command = Command::new(clang);
    if let Some(libraries) = env::var_os(LIBRARIES) {
        command.env("LD_LIBRARY_PATH", libraries);
    }
    command
        .args([
            "--target=x86_64-pc-windows-msvc",
            "-fms-extensions",
            "-fasync-exceptions",
            "-ffreestanding",
            "-nostdlibinc",
        ])
        .args(["-mno-implicit-float", "-masm=intel", "-O2", "-Wall", "-Wno-unused-function", "-c", "-o"])
        .arg(&object)
        .args(macros.iter().map(|name| format!("-D{name}")))
        .arg(sources.join(source));
    run(&mut command);
    let mut link = linker();
    link.args([
        "/nologo",
        "/driver",
        "/subsystem:native",
        "/entry:DriverEntry",
        "/nodefaultlib",
        "/dynamicbase",
    ]);
    for (library, names) in IMPORTS {
        let import = folder.path().join(format!("{library}.lib"));
        let definition = folder.path().join(format!("{library}.def"));
        fs::write(&definition, format!("LIBRARY {library}\nEXPORTS\n{names}")).expect("it can be written");
        run(linker()
            .args(["/lib", "/nologo", "/machine:x64"])
            .args([flag("/def:", &definition), flag("/out:", &import)]));
        link.arg(import);
    }
    let image = folder.path().join("driver.sys");
    run(link.arg(flag("/out:", &image)).arg(object));
    Some(CDriver { image: fs::read(image).expect("the linker made it") })
}

fn clang() -> Option<OsString> {
    env::var_os(CLANG).filter(|value| !value.is_empty()).or_else(|| {
        let works =
            Command::new("clang").arg("--version").output().is_ok_and(|output| output.status.success());
        works.then(|| OsString::from("clang"))
    })
}

/// The linker of the Rust toolchain, for Windows.
fn linker() -> Command {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).args(["--print", "sysroot"]).output().expect("rustc runs");
    let sysroot = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    let mut command = Command::new(sysroot.join("lib/rustlib/x86_64-unknown-linux-gnu/bin/rust-lld"));
    command.args(["-flavor", "link"]);
    command
}

fn flag(name: &str, path: &Path) -> OsString {
    [OsStr::new(name), path.as_os_str()].into_iter().collect()
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?}:\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
