//! What the figures were measured on.

use std::process::Command;

/// The machine and the versions.
pub(crate) struct Machine {
    pub(crate) processor: String,
    pub(crate) processors: usize,
    pub(crate) system: String,
    pub(crate) compiler: String,
    /// How many threads wanted to run when the report was made: figures of a busy machine are worth little.
    pub(crate) load: Option<f64>,
}

impl Machine {
    /// This one.
    pub(crate) fn here() -> Self {
        let information = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = information.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        Self {
            processor: model.map_or(std::env::consts::ARCH, |(_, name)| name).to_owned(),
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            system: said(Command::new("uname").arg("-sr")).unwrap_or_else(|| std::env::consts::OS.to_owned()),
            compiler: said(Command::new("rustc").arg("--version")).unwrap_or_default(),
            load: load.split(' ').nth(1).and_then(|minutes| minutes.parse().ok()),
        }
    }
}

/// What a program prints, if it can be run.
fn said(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
