//! Each rule of `docs/verifier.md` with drivers that break it, and it alone.
//!
//! The offenders are images made of the sources in `tests/offenders`. Each has a twin, of the same source, that does the
//! same and keeps the rule: a check that fires without a reason is noticed by it.
#![cfg(all(target_arch = "x86_64", target_os = "linux"))]

mod built;
mod play;

use std::collections::BTreeSet;

use ntsim::{Rule, Violation};
use play::{Machine, Play};

/// An offender, and how it must be caught.
struct Case {
    /// The number of the rule.
    rule: u8,
    /// The name of source and image.
    offender: &'static str,
    play: Play,
    /// The name under which the rule is reported.
    reported: &'static str,
    /// The entry point that is named.
    callback: &'static str,
    /// What the operation and the detail must say.
    words: &'static [&'static str],
}

macro_rules! cases {
    ($($number:literal $offender:ident($play:path): $reported:literal in $callback:literal, $words:expr;)*) => {
        const CASES: &[Case] = &[$(Case {
            rule: $number,
            offender: stringify!($offender),
            play: $play,
            reported: $reported,
            callback: concat!("offender ", $callback),
            words: &$words,
        }),*];

        $(
            #[test]
            fn $offender() {
                let case = CASES.iter().find(|case| case.offender == stringify!($offender));
                case.expect("every test is a case").check();
            }
        )*
    };
}

const ON_FILE: &str = r"on \Device\HarddiskVolume3\a.txt";

cases! {
    1 unknown_status(play::write): "pre-operation-status" in "pre-write", ["IRP_MJ_WRITE", ON_FILE, "returns 7"];
    2 stray_completion_context(play::write): "completion-context" in "pre-write", ["IRP_MJ_WRITE", ON_FILE];
    3 no_post_operation(play::write): "post-operation-registered" in "pre-write", ["IRP_MJ_WRITE", ON_FILE, "0x66"];
    4 pends_fast_io(play::write_fast): "pending" in "pre-write", ["IRP_MJ_WRITE (fast I/O)", ON_FILE];
    5 disallows_irp(play::write): "disallow-fast-io" in "pre-write", ["IRP_MJ_WRITE", ON_FILE];
    6 disallows_fsfilter_io(play::write): "disallow-fsfilter-io" in "pre-write", ["IRP_MJ_WRITE", ON_FILE];
    7 synchronizes_create(play::write): "synchronize" in "pre-create", ["IRP_MJ_CREATE", ON_FILE];
    7 synchronizes_fast_io(play::write_fast): "synchronize" in "pre-write", ["fast I/O", ON_FILE];
    7 synchronizes_asynchronous_write(play::write_asynchronously): "synchronize" in "pre-write",
        ["IRP_MJ_WRITE", ON_FILE, "asynchronous"];
    8 completes_as_pending(play::write): "completion-status" in "pre-write", ["STATUS_PENDING", ON_FILE];
    8 fails_cleanup(play::write): "completion-status" in "pre-cleanup", ["IRP_MJ_CLEANUP", ON_FILE];
    9 changes_mode(play::write): "requestor-unchanged" in "pre-write", ["RequestorMode", ON_FILE];
    10 changes_offset(play::write): "callback-data-unchanged" in "pre-write", ["Iopb->Parameters", ON_FILE];
    11 returns_raised(play::write): "irql-return" in "pre-write", ["DISPATCH_LEVEL", ON_FILE];
    11 returns_in_critical_region(play::write): "irql-return" in "pre-write", ["critical region", ON_FILE];
    11 returns_with_lock(play::write): "push-lock" in "pre-write", ["1 push lock", ON_FILE];
    12 allocates_context_at_dispatch(play::write): "irql-too-high" in "pre-write",
        ["FltAllocateContext during IRP_MJ_WRITE", ON_FILE];
}

impl Case {
    fn check(&self) {
        let Some(image) = built::image(self.offender, false) else { return };
        let violations = Machine::new().run(&image, self.play);
        let texts: Vec<_> = violations.iter().map(ToString::to_string).collect();
        let texts = texts.join("\n");
        assert!(!violations.is_empty(), "{} is not caught", self.offender);
        for violation in &violations {
            assert_eq!(violation.rule.number(), self.rule, "another rule is reported:\n{texts}");
            assert_eq!(violation.rule.name(), self.reported, "{texts}");
            assert_eq!(violation.callback, self.callback, "{texts}");
        }
        let text = violations[0].to_string();
        for word in self.words.iter().copied().chain([self.reported, self.callback]) {
            assert!(text.contains(word), "`{word}` is not in: {text}");
        }
        let twin = built::image(self.offender, true).expect("both are made at once");
        let violations = Machine::new().run(&twin, self.play);
        assert!(violations.is_empty(), "the mended {}: {}", self.offender, list(&violations));
    }
}

fn list(violations: &[Violation]) -> String {
    violations.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// The control: nothing that the cases do makes a driver break rules that keeps them.
#[test]
fn a_driver_that_keeps_the_rules_is_accused_of_nothing() {
    let Some(image) = built::image("well_behaved", false) else { return };
    for case in CASES {
        let violations = Machine::new().run(&image, case.play);
        assert!(violations.is_empty(), "played as for {}: {}", case.offender, list(&violations));
    }
}

#[test]
fn every_rule_has_an_offender_and_every_offender_is_a_case() {
    let numbers: BTreeSet<_> = CASES.iter().map(|case| case.rule).collect();
    let all: BTreeSet<_> = Rule::ALL.iter().map(|rule| rule.number()).collect();
    let missing: Vec<_> = all.difference(&numbers).collect();
    assert!(missing.is_empty(), "rules without an offender: {missing:?}");
    for entry in std::fs::read_dir(built::sources()).expect("the sources are there") {
        let path = entry.expect("the folder can be read").path();
        let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
        let is_case = CASES.iter().any(|case| case.offender == name);
        assert!(path.is_dir() || is_case || name == "well_behaved", "{name} is no case");
    }
}

/// What the first lines of a source say is what the table says.
#[test]
fn every_offender_says_which_rule_it_breaks() {
    for case in CASES {
        let source = built::sources().join(format!("{}.rs", case.offender));
        let text = std::fs::read_to_string(source).expect("the source is there");
        assert!(text.starts_with(&format!("//! Rule {}: ", case.rule)), "{}", case.offender);
    }
}
