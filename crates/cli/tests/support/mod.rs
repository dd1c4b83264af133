//! What the tests of the program share: running it, and making captures for it.

#![allow(dead_code, reason = "each test program uses a part of this")]

pub(crate) mod capture;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// What the program did.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The program, not affected by the environment of the tests.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_whowrote"));
    command.args(arguments).env_remove("WHOWROTE_SYS").env_remove("CLICOLOR_FORCE").stdin(Stdio::null());
    command
}

/// Runs the program.
pub(crate) fn run(arguments: &[&str]) -> Ran {
    ran(&command(arguments).output().expect("the program starts"))
}

/// Runs the program with the driver.
pub(crate) fn simulate(file: &Path, arguments: &[&str]) -> Ran {
    let file = file.to_str().expect("a path in UTF-8");
    let driver = driver();
    let driver = driver.to_str().expect("a path in UTF-8");
    run(&[&["simulate", file, "--driver", driver], arguments].concat())
}

fn ran(output: &Output) -> Ran {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("output in UTF-8");
    Ran { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
}

impl Ran {
    /// Fails unless the program ended with this code; returns itself.
    #[track_caller]
    pub(crate) fn ended(self, code: i32) -> Self {
        let Self { stdout, stderr, .. } = &self;
        let shown = stdout.lines().take(20).collect::<Vec<_>>().join("\n");
        assert_eq!(self.code, Some(code), "standard error:\n{stderr}\nstandard output begins:\n{shown}");
        self
    }

    /// Fails unless the input was refused, before anything was put out.
    #[track_caller]
    pub(crate) fn refused(self) -> Self {
        let refused = self.ended(2);
        assert_eq!(refused.stdout, "", "nothing may come out");
        refused
    }

    /// The objects of one kind, of JSON Lines.
    #[track_caller]
    pub(crate) fn objects(&self, kind: &str) -> Vec<serde_json::Value> {
        let parse = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line}"));
        let all: Vec<serde_json::Value> = self.stdout.lines().map(parse).collect();
        all.into_iter().filter(|object| object["kind"] == kind).collect()
    }
}

/// The workspace.
pub(crate) fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("crates/cli is two folders down")
}

/// The driver's image: of `WHOWROTE_SYS`, or as `cargo xtask build` leaves it.
#[track_caller]
pub(crate) fn driver() -> PathBuf {
    let built = workspace().join("target/x86_64-pc-windows-msvc/release/whowrote.sys");
    let path = std::env::var_os("WHOWROTE_SYS").map_or(built, PathBuf::from);
    assert!(path.is_file(), "there is no {}: run `cargo xtask build` first", path.display());
    path
}

/// A file with this name and content, in a folder that goes away.
pub(crate) fn file(name: &str, content: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().join(name);
    std::fs::write(&path, content).expect("the folder can be written to");
    (folder, path)
}

/// A file of the shared test data; `None` if it is not there, which is said aloud.
pub(crate) fn shared(name: &str) -> Option<PathBuf> {
    let beside = workspace().join("../shared");
    let folder = std::env::var_os("WHOWROTE_SHARED").map_or(beside, PathBuf::from);
    let path = folder.join(name);
    if path.is_file() {
        return Some(path);
    }
    // Not by `eprintln!`, which the test harness swallows.
    let _ = writeln!(
        std::io::stderr(),
        "skipped: {name} is not there (its folder is ../shared, or WHOWROTE_SHARED)"
    );
    None
}
