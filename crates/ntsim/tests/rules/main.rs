//! Each rule of `docs/verifier.md` with drivers that break it, and it alone.
//!
//! The offenders are images made of the sources in `tests/offenders`. Each has a twin, of the same source, that does the
//! same and keeps the rule: a check that fires without a reason is noticed by it.
#![cfg(all(target_arch = "x86_64", target_os = "linux"))]

mod built;
mod failures;
mod places;
mod play;

use std::collections::BTreeSet;
use std::path::Path;

use ntsim::{NtStatus, Rule, Violation};
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
    4 completes_twice(play::write): "pending" in "pre-write", ["FltCompletePendedPreOperation", ON_FILE];
    4 never_completes(play::write): "pending" in "pre-write", ["IRP_MJ_WRITE", ON_FILE, "nobody completes"];
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
    11 returns_with_lock(play::write): "push-lock" in "pre-write", ["1 locks held", ON_FILE];
    12 allocates_context_at_dispatch(play::write): "irql-too-high" in "pre-write",
        ["FltAllocateContext during IRP_MJ_WRITE", ON_FILE];
    13 paged_pool_on_paging_path(play::write_pages): "paging-path" in "pre-write",
        ["ExAllocatePool2 during IRP_MJ_WRITE", ON_FILE, "paged pool"];
    13 waits_on_paging_path(play::write_pages): "paging-path" in "pre-write",
        ["KeWaitForSingleObject during IRP_MJ_WRITE", ON_FILE, "waits"];
    13 pageable_code_on_paging_path(play::write_pages): "paging-path" in "pre-write",
        ["IRP_MJ_WRITE", ON_FILE, "pageable code", "pageable_code_on_paging_path.rs:"];
    14 asks_name_on_paging_path(play::write_pages): "name-query" in "pre-write",
        ["FltGetFileNameInformation during IRP_MJ_WRITE", ON_FILE, "paging I/O"];
    15 ignores_failure(play::write_without_pool): "failure-handled" in "pre-write",
        ["IRP_MJ_WRITE", ON_FILE, "after ExAllocatePool2 was made to fail"];
    16 keeps_name(play::write): "name-reference" in "filter unload", ["1 × file name information"];
    16 releases_name_twice(play::write): "name-reference" in "pre-write",
        ["FltReleaseFileNameInformation during IRP_MJ_WRITE", ON_FILE];
    17 keeps_old_context(play::write_twice): "context-reference" in "filter unload", ["1 × stream context Offn"];
    18 gets_context_at_dispatch(play::write_completed_at_dispatch): "context-in-post-operation" in "post-write",
        ["FltGetStreamContext during IRP_MJ_WRITE", ON_FILE, "gets_context_at_dispatch.rs:"];
    19 keeps_volume_reference(play::write): "object-reference" in "filter unload", ["to a volume"];
    19 keeps_process_reference(play::write): "object-reference" in "filter unload", ["process 4"];
    20 works_while_draining(play::unload_during_write): "draining" in "post-write (draining)",
        ["FltGetStreamContext during IRP_MJ_WRITE", ON_FILE, "works_while_draining.rs:"];
    21 paged_pool_at_dispatch(play::write_completed_at_dispatch): "paged-access" in "post-write",
        ["IRP_MJ_WRITE", ON_FILE, "64 bytes in paged pool, tag Offn, taken in pre-write", "paged_pool_at_dispatch.rs:"];
    22 keeps_thread(play::write_twice): "retained-pointer" in "pre-write",
        ["PsGetThreadId during IRP_MJ_WRITE", ON_FILE, "thread 1004"];
    23 reads_write_buffer(play::write): "user-buffer" in "pre-write",
        ["IRP_MJ_WRITE", ON_FILE, "reads_write_buffer.rs:"];
    23 fetches_twice(play::send_message): "user-buffer" in "port message", ["byte 0", "again", "fetches_twice.rs:"];
    23 reads_past_message(play::send_message): "user-buffer" in "port message",
        ["past the end of a consumer's buffer of 4 bytes", "reads_past_message.rs:"];
    22 keeps_ecp(play::create_for_remote_client_twice): "retained-pointer" in "pre-create",
        ["IRP_MJ_CREATE", ON_FILE, "after the create", "keeps_ecp.rs:"];
    24 trusts_ecp(play::create_for_remote_client): "ecp-trust" in "pre-create",
        ["IRP_MJ_CREATE", ON_FILE, "FltIsEcpFromUserMode", "trusts_ecp.rs:"];
    25 leaves_notify_routine(play::write): "after-unload" in "filter unload", ["notify routine"];
    26 forgets_to_unwind(play::write): "unwind" in "DriverEntry", ["1 × pool block Offn (64 bytes)"];
    27 keeps_pool(play::write): "leak" in "filter unload", ["1 × pool block Offn (64 bytes), taken in pre-write", ON_FILE, "keeps_pool.rs:"];
    27 writes_past_end(play::write): "pool" in "pre-write",
        ["writes to the byte 0 past the end of a pool block of 64 bytes", ON_FILE, "tag Offn", "writes_past_end.rs:"];
    27 uses_freed_pool(play::write): "pool" in "pre-write",
        ["reads offset 0 of a pool block of 64 bytes", ON_FILE, "freed in pre-write", "uses_freed_pool.rs:"];
    28 sends_under_lock(play::write_with_consumer): "reentrancy" in "pre-write",
        ["FltSendMessage during IRP_MJ_WRITE", ON_FILE, "push lock"];
    29 needs_thread(play::write_without_thread): "thread-null" in "pre-write",
        ["IoThreadToProcess during IRP_MJ_WRITE", ON_FILE];
    30 loses_records(play::write): "books" in "filter unload", ["produced 1, delivered 0, lost 0", "DbgPrintEx"];
    31 trusts_reply(play::write_with_consumer): "hostile-consumer" in "pre-write",
        ["IRP_MJ_WRITE", ON_FILE, "past the end of a pool block of 64 bytes", "trusts_reply.rs:"];
    32 panics(play::write_nothing): "crash" in "pre-write", ["KeBugCheckEx during IRP_MJ_WRITE", ON_FILE, "bug check"];
}

impl Case {
    /// Plays with an image on a new machine.
    fn run(&self, image: &Path) -> Vec<Violation> {
        let machine = Machine::new();
        if let Some(routine) = self.fails_at_load() {
            machine.sim.fail_nth(routine, 1, NtStatus::INSUFFICIENT_RESOURCES);
        }
        machine.run(image, self.play)
    }

    /// The routine that fails while the driver loads.
    fn fails_at_load(&self) -> Option<&'static str> {
        (self.rule == 26).then_some("FltRegisterFilter")
    }

    fn check(&self) {
        let Some(image) = built::image(self.offender, false) else { return };
        let violations = self.run(&image);
        let texts: Vec<_> = violations.iter().map(ToString::to_string).collect();
        let texts = texts.join("\n");
        assert!(!violations.is_empty(), "{} is not caught", self.offender);
        for violation in &violations {
            assert_eq!(violation.rule.number(), self.rule, "another rule is reported:\n{texts}");
            assert_eq!(violation.rule.name(), self.reported, "{texts}");
        }
        assert_eq!(violations[0].callback, self.callback, "{texts}");
        let text = violations[0].to_string();
        for word in self.words.iter().copied().chain([self.reported, self.callback]) {
            assert!(text.contains(word), "`{word}` is not in: {text}");
        }
        let twin = built::image(self.offender, true).expect("both are made at once");
        let violations = self.run(&twin);
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
        let violations = case.run(&image);
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
