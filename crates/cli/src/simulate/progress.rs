//! Progress on standard error, if somebody is looking.

use std::io::{IsTerminal as _, stderr, stdout};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar that is there only if standard error is a terminal.
pub(crate) struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// Shows a file of so many bytes being read.
    pub(crate) fn reading(bytes: u64) -> Self {
        Self::new("reading", bytes, true)
    }

    /// Shows so many events or scenarios being played. If what is recorded goes to the terminal, that shows the progress.
    pub(crate) fn playing(events: u64) -> Self {
        Self::new("playing", events, !stdout().is_terminal())
    }

    fn new(what: &'static str, length: u64, wanted: bool) -> Self {
        let watched = wanted && stderr().is_terminal();
        let target = if watched { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let style = ProgressStyle::with_template("{msg} {wide_bar} {percent:>3}% {eta:>4}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::with_draw_target(Some(length), target).with_style(style).with_message(what);
        Self { bar }
    }

    /// What to call as a reader of bytes goes on.
    pub(crate) fn advancer(&self) -> Box<dyn FnMut(u64)> {
        let bar = self.bar.clone();
        Box::new(move |count| bar.inc(count))
    }

    pub(crate) fn set(&mut self, position: u64) {
        self.bar.set_position(position);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
