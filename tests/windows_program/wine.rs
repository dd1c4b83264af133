//! Wine with a prefix of its own.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use wait_timeout::ChildExt;

/// When a program that hangs is ended; nothing here takes nearly as long.
const GIVE_UP: Duration = Duration::from_mins(5);

/// Says on stderr what is left out; not by `eprintln!`, which the test harness swallows.
pub(crate) fn skipped(why: &str) {
    let _ = std::io::stderr().write_all(format!("skipped: {why}\n").as_bytes());
}

/// One user at a time: the prefix has one registry.
static TURN: Mutex<()> = Mutex::new(());

pub(crate) struct Wine {
    program: PathBuf,
    folder: PathBuf,
    /// The same between processes.
    _lock: File,
    _turn: MutexGuard<'static, ()>,
}

impl Wine {
    /// Wine as `WHOWROTE_WINE` or the search path has it; without it the test is skipped, visibly.
    pub(crate) fn get() -> Option<Self> {
        let Some(program) = find() else {
            skipped("there is no Wine here (`cargo xtask test` fetches it)");
            return None;
        };
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("wine");
        fs::create_dir_all(&folder).expect("a folder for Wine");
        let lock = File::create(folder.join("lock")).expect("a lock for Wine");
        lock.lock().expect("a lock for Wine");
        let wine = Self { program, folder, _lock: lock, _turn: turn };
        wine.make_prefix();
        Some(wine)
    }

    fn make_prefix(&self) {
        let ready = self.prefix().join("ready");
        let made_for = self.program.to_string_lossy();
        if fs::read_to_string(&ready).is_ok_and(|program| program == made_for) {
            return;
        }
        let _ = fs::remove_dir_all(self.prefix());
        // it may fail for want of the libraries that follow, after making the prefix
        let made = self.run("wineboot", &["--init"]);
        if let Some(libraries) = std::env::var_os("WHOWROTE_WINE_LIBRARIES") {
            for library in fs::read_dir(libraries).expect("Wine's libraries") {
                let library = library.expect("Wine's libraries");
                let place = self.windows().join("system32").join(library.file_name());
                if library.path().extension() == Some(OsStr::new("dll")) && !place.exists() {
                    fs::copy(library.path(), place).expect("Wine's libraries");
                }
            }
        }
        let output = self.run("cmd", &["/c", "ver"]);
        assert!(output.status.success(), "Wine does not work: {output:?}, after {made:?}");
        fs::write(ready, &*made_for).expect("the prefix is writable");
    }

    /// Runs a program to its end.
    ///
    /// Its output goes to files: Wine's services inherit it, and a pipe would be open as long as they live.
    pub(crate) fn run(&self, program: impl AsRef<OsStr>, arguments: &[&str]) -> Output {
        let [stdout, stderr] = ["stdout", "stderr"].map(|name| self.folder.join(name));
        let create = |path| File::create(path).expect("a file for output");
        let mut child = Command::new(&self.program)
            .arg(program)
            .args(arguments)
            .env("WINEPREFIX", self.prefix())
            .env("WINEDEBUG", "-all")
            .env("WINEDLLOVERRIDES", "mscoree,mshtml=") // or it offers to install them
            .env_remove("DISPLAY")
            .stdin(Stdio::null())
            .stdout(create(&stdout))
            .stderr(create(&stderr))
            .spawn()
            .expect("Wine starts");
        let status = child.wait_timeout(GIVE_UP).expect("Wine runs").unwrap_or_else(|| {
            child.kill().expect("Wine can be ended");
            child.wait().expect("Wine runs")
        });
        let read = |path| fs::read(path).expect("the output is readable");
        Output { status, stdout: read(stdout), stderr: read(stderr) }
    }

    fn prefix(&self) -> PathBuf {
        self.folder.join("prefix")
    }

    /// The drive's root, which programs in the prefix know as `C:\`.
    pub(crate) fn drive(&self) -> PathBuf {
        self.prefix().join("drive_c")
    }

    pub(crate) fn windows(&self) -> PathBuf {
        self.drive().join("windows")
    }
}

fn find() -> Option<PathBuf> {
    if let Some(program) = std::env::var_os("WHOWROTE_WINE") {
        return Some(program.into());
    }
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    ["wine64", "wine"]
        .iter()
        .find_map(|name| folders.iter().map(|folder| folder.join(name)).find(|file| file.is_file()))
}
