//! What the figures were measured on.

use std::process::Command;

/// The machine and the versions.
pub(crate) struct Machine {
    pub(crate) processor: String,
    pub(crate) processors: usize,
    pub(crate) system: String,
    pub(crate) compiler: String,
    /// The share of the processors' time that other programs use: figures of a busy machine are worth little.
    pub(crate) busy: Option<f64>,
}

impl Machine {
    /// This one.
    pub(crate) fn here() -> Self {
        let information = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = information.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        Self {
            processor: model.map_or(std::env::consts::ARCH, |(_, name)| name).to_owned(),
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            system: said(Command::new("uname").arg("-sr")).unwrap_or_else(|| std::env::consts::OS.to_owned()),
            compiler: said(Command::new("rustc").arg("--version")).unwrap_or_default(),
            busy: bench::busy::busy(),
        }
    }
}

/// What a program prints, if it can be run.
fn said(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
