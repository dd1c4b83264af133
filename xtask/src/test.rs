//! All the checks, one after the other, and a table of how they went.

use std::io::{BufRead, BufReader, IsTerminal, Read, Write};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anstyle::{AnsiColor, Style};
use anyhow::{Context, Result, bail};

use crate::build::{PROGRAM_PROFILE, Part, SIMULATOR_PROFILE, host_cargo};
use crate::cross::clang::Clang;
use crate::cross::driver::{self, Arch, Profile};
use crate::cross::windows_program;
use crate::run::run;
use crate::sanitizer::{Ready, Sanitizer};
use crate::{deadline, debugger, torture, wine, workspace};

/// One check.
struct Step {
    name: &'static str,
    check: fn() -> Result<Report>,
}

/// What a check that went well has to say.
#[derive(Default)]
struct Report {
    /// A few words for the table.
    detail: String,
    /// What was left out, and why.
    skipped: Vec<String>,
}

const STEPS: [Step; 17] = [
    Step { name: "formatting", check: || cargo(&["fmt", "--all", "--check"]) },
    Step { name: "driver, x64", check: || built(Part::Driver, Arch::X64) },
    Step { name: "driver, ARM64", check: || built(Part::Driver, Arch::Arm64) },
    Step { name: "program for Windows", check: || built(Part::WindowsProgram, Arch::X64) },
    Step { name: "drivers that break rules", check: || built(Part::Offenders, Arch::X64) },
    Step {
        name: "clippy",
        check: || cargo(&["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"]),
    },
    Step { name: "clippy, driver", check: || driver::clippy(Arch::X64).map(|()| Report::default()) },
    Step {
        name: "clippy, program for Windows",
        check: || windows_program::clippy().map(|()| Report::default()),
    },
    Step { name: "documentation", check: documentation },
    Step { name: "documentation, driver", check: || driver::document().map(|()| Report::default()) },
    Step { name: "interleavings of the ring and the index", check: models },
    Step { name: "sanitizers: thread", check: || sanitized(Sanitizer::Thread) },
    Step { name: "sanitizers: address", check: || sanitized(Sanitizer::Address) },
    Step { name: "examples in the documentation", check: || tests(&["--doc"]) },
    Step { name: "tests", check: || tests(&["--lib", "--bins", "--tests", "--no-fail-fast"]) },
    Step { name: "debugger's script", check: || debugger::test().map(|()| Report::default()) },
    Step { name: "torture", check: || torture::short().map(|()| Report::default()) },
];

/// Runs the checks with one of these words in their name, all of them if there are no words; an error if one fails.
pub(crate) fn test(only: &[String]) -> Result<()> {
    let wanted = |name: &str| only.is_empty() || only.iter().any(|word| name.contains(word.as_str()));
    if !STEPS.iter().any(|step| wanted(step.name)) {
        bail!("the checks are: {}", STEPS.map(|step| step.name).join(" | "));
    }
    let mut rows = Vec::new();
    for Step { name, check } in STEPS.into_iter().filter(|step| wanted(step.name)) {
        anstream::println!("\n{BOLD}== {name}{BOLD:#}");
        let begin = Instant::now();
        let outcome = deadline::within(PATIENCE, check);
        if let Err(error) = &outcome {
            anstream::eprintln!("{BAD}{name}: {error:#}{BAD:#}");
        }
        rows.push((name, begin.elapsed(), outcome));
    }
    print_table(&rows);
    let failed: Vec<_> =
        rows.iter().filter(|(_, _, outcome)| outcome.is_err()).map(|(name, ..)| *name).collect();
    if !failed.is_empty() {
        bail!("not all is well: {}", failed.join(", "));
    }
    Ok(())
}

/// A step that takes longer does not end by itself: CI gives all of them together twice as long.
const PATIENCE: Duration = Duration::from_mins(45);

const BOLD: Style = Style::new().bold();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default();

fn print_table(rows: &[(&str, Duration, Result<Report>)]) {
    let width = rows.iter().map(|(name, ..)| name.len()).max().unwrap_or(0);
    anstream::println!();
    for (name, time, outcome) in rows {
        let seconds = time.as_secs_f64();
        match outcome {
            Ok(report) => {
                anstream::println!("{GOOD}passed{GOOD:#}  {name:width$}  {seconds:6.1} s  {}", report.detail);
            }
            Err(_) => anstream::println!("{BAD}FAILED{BAD:#}  {name:width$}  {seconds:6.1} s"),
        }
    }
    for line in
        rows.iter().filter_map(|(_, _, outcome)| outcome.as_ref().ok()).flat_map(|report| &report.skipped)
    {
        anstream::println!("{line}");
    }
}

fn cargo(arguments: &[&str]) -> Result<Report> {
    run(host_cargo()?.args(arguments)).map(|()| Report::default())
}

fn built(part: Part, arch: Arch) -> Result<Report> {
    part.build(arch, Profile::Release).map(|_| Report::default())
}

fn documentation() -> Result<Report> {
    run(host_cargo()?.env("RUSTDOCFLAGS", "--deny warnings").args([
        "doc",
        "--no-deps",
        "--workspace",
        "--exclude",
        "whowrote",
        "--exclude",
        "fltmgr",
    ]))
    .map(|()| Report::default())
}

/// The concurrent parts, in every interleaving; another build of them, in a folder of its own.
fn models() -> Result<Report> {
    let mut cargo = host_cargo()?;
    cargo
        .env("RUSTFLAGS", "--cfg loom")
        .args(["test", "--release", "--package", "audit", "--test", "loom_*", "--target-dir"])
        .arg(workspace::host_target().join("loom"))
        .args(PROGRAM_PROFILE);
    count_tests(&mut cargo)
}

/// The ring and the index under stress, with real threads.
fn sanitized(sanitizer: Sanitizer) -> Result<Report> {
    match sanitizer.tests() {
        Ready::Command(mut cargo) => count_tests(&mut cargo),
        Ready::Not(why) => {
            let skipped = format!("{SKIPPED}: the {} sanitizer: {why}", sanitizer.name());
            Ok(Report { detail: why, skipped: vec![skipped] })
        }
    }
}

fn tests(selection: &[&str]) -> Result<Report> {
    let mut cargo = host_cargo()?;
    cargo.args(["test", "--workspace"]).args(SIMULATOR_PROFILE).args(selection);
    cargo.env("WHOWROTE_REQUIRE_BUILDS", "1"); // the steps before made them
    match wine::get() {
        Ok(wine) => {
            cargo.env("WHOWROTE_WINE", wine.program).env("WHOWROTE_WINE_LIBRARIES", wine.libraries);
        }
        Err(error) => anstream::eprintln!("{error:#}"),
    }
    match Clang::get() {
        Ok(clang) => {
            cargo
                .env("WHOWROTE_CLANG", clang.program)
                .env("WHOWROTE_CLANG_LIBRARIES", clang.libraries)
                .env("WHOWROTE_CLANG_RESOURCES", clang.resources);
        }
        Err(error) => anstream::eprintln!("{error:#}"),
    }
    count_tests(&mut cargo)
}

/// Runs tests, with their output, and counts them.
fn count_tests(cargo: &mut Command) -> Result<Report> {
    if std::io::stderr().is_terminal() {
        cargo.env("CARGO_TERM_COLOR", "always");
    }
    let (succeeded, lines) = relay(cargo)?;
    let mut report = Report::default();
    let (mut passed, mut failed) = (0, 0);
    for line in &lines {
        if let Some(result) = line.strip_prefix("test result: ") {
            passed += count_before(result, " passed");
            failed += count_before(result, " failed");
        } else if line.starts_with(SKIPPED) {
            report.skipped.push(line.clone());
        }
    }
    if !succeeded {
        bail!("{passed} passed, {failed} failed");
    }
    report.detail = format!("{passed} passed");
    Ok(report)
}

/// How the line begins by which a test says on stderr what it leaves out.
const SKIPPED: &str = "skipped";

/// The number before a word, as in `; 3 failed`.
fn count_before(line: &str, word: &str) -> usize {
    let digits = line.split(word).next().and_then(|before| before.rsplit(' ').next());
    digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

/// Runs a program, passes on its output line by line and returns the lines.
fn relay(command: &mut Command) -> Result<(bool, Vec<String>)> {
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().context("cannot start cargo")?;
    let (stdout, stderr) =
        (child.stdout.take().context("no stdout")?, child.stderr.take().context("no stderr")?);
    let errors = thread::spawn(|| pass_on(stderr, std::io::stderr()));
    let output = thread::spawn(|| pass_on(stdout, std::io::stdout()));
    // The end of the program, in time or not, is the end of what it says.
    let status = deadline::wait(&mut child);
    let mut lines = output.join().ok().context("the relay of stdout died")??;
    lines.extend(errors.join().ok().context("the relay of stderr died")??);
    Ok((status?.success(), lines))
}

fn pass_on(from: impl Read, mut to: impl Write) -> Result<Vec<String>> {
    let mut reader = BufReader::new(from);
    let mut lines = Vec::new();
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? != 0 {
        to.write_all(&line)?;
        to.flush()?;
        lines.push(String::from_utf8_lossy(&line).trim_end().to_owned());
        line.clear();
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_counted() {
        let line = "FAILED. 12 passed; 3 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s";
        assert_eq!(count_before(line, " passed"), 12);
        assert_eq!(count_before(line, " failed"), 3);
        assert_eq!(count_before("nonsense", " failed"), 0);
    }
}
