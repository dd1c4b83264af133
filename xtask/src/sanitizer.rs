//! Tests of the ring and the index under the sanitizers of a nightly compiler.

use std::env::consts::{ARCH, OS};
use std::process::Command;

use crate::build::PROGRAM_PROFILE;
use crate::run::output;
use crate::workspace;

/// What watches the tests.
#[derive(Clone, Copy)]
pub(crate) enum Sanitizer {
    /// Reports data races.
    Thread,
    /// Reports accesses outside objects, or after their end.
    Address,
}

/// Whether the tests can be run here.
pub(crate) enum Ready {
    /// By this.
    Command(Command),
    /// No, and why not.
    Not(String),
}

/// The library of the sanitizers is for these; the compiler has it for a few more.
const ARCHITECTURES: [&str; 2] = ["x86_64", "aarch64"];

/// What the sanitizer of threads would say of the standard library, which it does not see into.
const SUPPRESSIONS: &str = "crates/audit/tests/tsan-suppressions.txt";

/// Tests with threads of their own, and those that reach every line of the ring and the index.
const TESTS: [&str; 7] = ["--lib", "--test", "ring", "--test", "ring_stress", "--test", "index"];

impl Sanitizer {
    /// As the compiler calls it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Thread => "thread",
            Self::Address => "address",
        }
    }

    /// The cargo command that runs the tests, in a build folder of its own.
    pub(crate) fn tests(self) -> Ready {
        if OS != "linux" || !ARCHITECTURES.contains(&ARCH) {
            return Ready::Not(format!("not made for {ARCH} {OS}"));
        }
        let nightly = |program: &str| {
            let mut command = Command::new("rustup");
            command.current_dir(workspace::root()).args(["run", "nightly", program]);
            command
        };
        if output(nightly("rustc").arg("--version")).is_err() {
            return Ready::Not("no nightly toolchain (rustup toolchain install nightly)".to_owned());
        }
        let name = self.name();
        let mut cargo = nightly("cargo");
        cargo
            .env("RUSTFLAGS", format!("-Zsanitizer={name} -Cunsafe-allow-abi-mismatch=sanitizer"))
            // What cargo says to this program about its own toolchain is not for another one.
            .env_remove("RUSTC")
            .env_remove("RUSTDOC")
            .env_remove("CARGO")
            .env_remove("RUSTUP_TOOLCHAIN")
            .args(["test", "--release", "--package", "audit", "--no-fail-fast"])
            .args(["--target", &format!("{ARCH}-unknown-linux-gnu"), "--target-dir"])
            .arg(workspace::host_target().join("sanitizers").join(name))
            .args(PROGRAM_PROFILE)
            .args(TESTS)
            .args(["--", "--test-threads=1"]);
        if let Self::Thread = self {
            let suppressions = workspace::root().join(SUPPRESSIONS);
            cargo.env("TSAN_OPTIONS", format!("halt_on_error=1 suppressions={}", suppressions.display()));
        }
        Ready::Command(cargo)
    }
}
