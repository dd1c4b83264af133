//! A limit of time for the programs that a step runs: one that does not end is ended, with all that it has started.

use std::cell::Cell;
use std::fs;
use std::process::{Child, Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// How often it is looked whether a program has ended.
const LOOK: Duration = Duration::from_millis(20);

thread_local! {
    /// When what this thread does must be over, and how long that was from its beginning.
    static END: Cell<Option<(Instant, Duration)>> = const { Cell::new(None) };
}

/// Does something whose programs must all have ended after so long.
pub(crate) fn within<R>(limit: Duration, work: impl FnOnce() -> R) -> R {
    let outer = END.replace(Some((Instant::now() + limit, limit)));
    let result = work();
    END.set(outer);
    result
}

/// Waits for its end; an error if that comes too late.
pub(crate) fn wait(child: &mut Child) -> Result<ExitStatus> {
    let Some((end, limit)) = END.get() else { return Ok(child.wait()?) };
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if Instant::now() >= end {
            end_all(child)?;
            bail!("not at its end after {} s: ended, with all that it had started", limit.as_secs());
        }
        thread::sleep(LOOK);
    }
}

/// Ends a program and what it has started, and those in turn. They stay in our process group, so that Ctrl-C reaches them.
fn end_all(child: &mut Child) -> Result<()> {
    let mut parents = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let stat = fs::read_to_string(entry?.path().join("stat")).unwrap_or_default();
        parents.extend(parent_of(&stat));
    }
    let mut family = vec![child.id()];
    let mut next = 0;
    while let Some(one) = family.get(next).copied() {
        family.extend(parents.iter().filter(|(_, parent)| *parent == one).map(|(id, _)| id));
        next += 1;
    }
    // The standard library ends one process only; `kill` is a command of POSIX.
    let ids = family.iter().map(ToString::to_string);
    Command::new("kill").arg("-KILL").args(ids).status()?;
    child.wait()?;
    Ok(())
}

/// A process and its parent, from `/proc/PID/stat` (proc(5)): its name, in parentheses, may contain anything.
fn parent_of(stat: &str) -> Option<(u32, u32)> {
    let id = stat.split(' ').next()?.parse().ok()?;
    let parent = stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()?;
    Some((id, parent))
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::process::Stdio;

    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]).stdout(Stdio::piped());
        command
    }

    #[test]
    fn what_does_not_end_is_ended_with_its_children() {
        let mut said = String::new();
        let error = within(Duration::from_millis(50), || {
            // The grandchild keeps the pipe open: were it left, the reading would not end.
            let mut child = shell("sleep 1000 & sleep 1000").spawn().expect("a shell");
            let error = wait(&mut child).expect_err("it does not end");
            child.stdout.take().expect("a pipe").read_to_string(&mut said).expect("text");
            error
        });
        assert!(error.to_string().contains("not at its end after 0 s"), "{error}");
    }

    #[test]
    fn parents_are_read_whatever_a_program_is_called() {
        assert_eq!(parent_of("12 (a) b (c) S 7 12 12 0"), Some((12, 7)));
        assert_eq!(parent_of(""), None);
    }

    #[test]
    fn what_ends_is_left_alone() {
        let status = within(Duration::from_hours(1), || {
            wait(&mut shell("exit 3").spawn().expect("a shell")).expect("it ends")
        });
        assert_eq!(status.code(), Some(3));
        assert!(END.get().is_none(), "the limit was for that alone");
    }
}
