//! Tests of reading scenarios.

use proptest::prelude::*;

use super::model::{Action, ExpectedOriginator, FastIo, Faults, NotMet, Schedule, Step};
use super::*;
use crate::model::Offset;
use crate::place::{BadInput, Place};
use crate::windows_version::{VersionRange, WindowsVersion};

const WHOLE: &str = r##"scenario "A title" {
    why "because"
    source "somewhere"
    windows ">=11-22h2"
    start "2024-01-01T12:00:00Z"
}
volume drive="C:" device=#"\Device\HarddiskVolume3"# file-system="ntfs"
process "explorer" pid=3756 image=#"C:\Windows\explorer.exe"# session=1 user="S-1-5-18" {
    thread "ui" tid=3760
}
play {
    create "file" thread="ui" path=#"C:\a"# access="append" copy="destination"
    write "file" thread="ui" offset="end-of-file" length=8 fast-io="refused" executor="system"
    write "file" thread="ui" offset=4096 length=8 data-thread=#null requestor="explorer"
    read "file" thread="ui" offset=0 length=8
    close "file" thread="ui"
    copy-file thread="ui" from=#"C:\a"# to=#"C:\b"# size=100 chunk=10
    create "asynchronous" thread="ui" path=#"C:\c"# access="read write delete" asynchronous=#true delete-on-close=#true client="192.0.2.7" share=#"\\s\x"# forged=#true
    rename "asynchronous" thread="ui" to=#"C:\d"#
    link "asynchronous" thread="ui" to=#"C:\e"#
    set-end-of-file "asynchronous" thread="ui" size=10
    set-allocation "asynchronous" thread="ui" size=20
    set-valid-data "asynchronous" thread="ui" size=5
    set-basic "asynchronous" thread="ui"
    delete "asynchronous" thread="ui" posix=#true
    undelete "asynchronous" thread="ui"
    zero "asynchronous" thread="ui" offset=1 length=2
    flush "asynchronous" thread="ui"
    query "asynchronous" thread="ui"
    query-directory "asynchronous" thread="ui"
    lock "asynchronous" thread="ui" offset=3 length=4
    unlock "asynchronous" thread="ui" offset=3 length=4
    control "asynchronous" thread="ui" code=622755
    create "other" thread="ui" path=#"C:\f"#
    clone thread="ui" from="other" to="asynchronous" from-offset=4096 to-offset=8192 length=4096 extended=#true
    offload-read "token" thread="ui" from="other" offset=512 length=1024
    offload-write "token" thread="ui" to="asynchronous" token-offset=512 offset=4096 length=512
    duplicate "copy" thread="ui" from="other" process="explorer"
    inherit "inherited" from="other" process="explorer"
    section "section" thread="ui" handle="other" protection="execute-read-write" size=8192
    share-section "shared" thread="ui" from="section" process="explorer"
    map "view" thread="ui" section="shared"
    dirty "view" thread="ui" offset=5 length=6
    flush-view "view" thread="ui" offset=7 length=8
    unmap "view" thread="ui"
    close-section "section" thread="ui"
    lazy-write
    write-mapped-pages
    mdl-write "other" thread="ui" offset=9 length=10 fast-io=#true
    filter "backup" altitude="389000" operation="create" act="write" offset=11 length=12 every=13 path="x" paging=#true
    filter "scanner" altitude="328000.5" act="repost"
    release-held
    start-write "asynchronous" thread="ui" offset=0 length=8 request="r1" notice="port"
    start-copy-chunk request="r2" thread="ui" from="other" to="asynchronous" from-offset=1 to-offset=2 length=3
    complete "r1"
    begin-transaction "t"
    create "transacted" thread="ui" path=#"C:\g"# transaction="t"
    roll-back "t"
    attach "ui" process="explorer"
    detach "ui"
    dismount "transacted" thread="ui"
    impersonate "ui" client="explorer"
    revert "ui"
    advance "100ms"
    process "other" pid=100 image=#"C:\o.exe"#
    thread "worker" process="other" tid=104
    exit-thread "worker"
    exit-process "other"
    settle
    disconnect
    connect
}
expect {
    write pid=3756 tid=3760 image=#"C:\Windows\explorer.exe"# path=#"C:\b"# offset=0 length=10 basis="thread" {
        executor pid=4
        copy-source path=#"C:\a"# offset=0
    }
    write pid=#null tid=#null image=#null path=#null offset="file-pointer" length=1 basis="unknown" confidence="none"
    mapped-write path=#"C:\b"# basis="section" {
        candidate pid=3756 image=#"C:\Windows\explorer.exe"#
        candidate pid=100 image=#null
    }
    rename pid=#null tid=#null image=#null path=#"C:\b"# to=#"C:\c"# basis="remote-client" {
        client address="192.0.2.7" share=#null
    }
    truncate pid=3756 tid=3760 image=#null path=#null size=7 basis="thread" requestor-mode="user"
}
"##;

fn parse(text: &str) -> Result<Scenario, BadInput> {
    Scenario::parse("test.kdl", text)
}

#[test]
fn a_whole_scenario_is_read() {
    let scenario = parse(WHOLE).unwrap();
    assert_eq!(scenario.title, "A title");
    assert_eq!(scenario.steps.len(), 60);
    let Action::Write(write) = &scenario.steps[1].action else { panic!() };
    assert_eq!(
        (write.offset, write.fast_io, write.executor.as_deref()),
        (Offset::EndOfFile, FastIo::Refused, Some("system"))
    );
    let Action::Write(write) = &scenario.steps[2].action else { panic!() };
    assert!(write.no_thread && write.requestor.is_some() && !write.kernel_mode);
    assert!(matches!(scenario.steps[52].action, Action::Advance(100_000)));
    let changes = &scenario.expectation(WindowsVersion::Win11_24H2).unwrap().changes;
    let who = |index: usize| match &changes[index].originator {
        ExpectedOriginator::One { pid, .. } => *pid,
        ExpectedOriginator::Candidates(_) => panic!("one is named"),
    };
    assert_eq!((who(0), who(1)), (Some(3756), None));
    assert_eq!(changes[0].copy_source.as_ref().unwrap().path.as_deref(), Some(r"C:\a"));
}

/// What is changed to what; the text that is to blame, and a part of what is said of it.
const WRONG: &[(&str, &str, &str, &str)] = &[
    ("scenario \"A title\"", "scene \"A title\"", "scene", "`scenario` with the title is missing"),
    ("scenario \"A title\"", "scenario", "scenario", "needs a title"),
    ("scenario \"A title\"", "scenario 7", "7", "must be a text"),
    ("why \"because\"", "reason \"because\"", "reason", "has no meaning here"),
    (">=11-22h2", ">=12", "windows \">=12", "`12` is no version of Windows"),
    ("2024-01-01T12:00:00Z", "noon", "start \"noon", "is no time"),
    ("drive=\"C:\"", "drive=\"C\"", "drive=\"C\"", "is no drive letter"),
    ("file-system=\"ntfs\"", "file-system=\"ext4\"", "file-system=\"ext4\"", "use one of ntfs"),
    ("pid=3756", "pid=-1", "pid=-1", "out of range"),
    ("pid=3756", "pid=4", "pid=4", "PID of System"),
    ("pid=3756", "pid=1.5", "pid=1.5", "whole number"),
    ("user=\"S-1-5-18\"", "user=\"me\"", "user=\"me\"", "is no SID"),
    ("    thread \"ui\" tid=3760", "    fibre \"ui\" tid=3760", "fibre", "only `thread`"),
    ("thread \"ui\" tid=3760", "thread \"ui\"", "thread \"ui\"\n", "lacks the property `tid`"),
    (
        "create \"file\" thread=\"ui\"",
        "create \"file\" thread=\"io\"",
        "thread=\"io\"",
        "there is no thread `io` here (there is system, ui)",
    ),
    ("access=\"append\"", "access=\"all\"", "access=\"all\"", "use read, write, append or delete"),
    (
        "close \"file\" thread=\"ui\"",
        "close \"flie\" thread=\"ui\"",
        "close \"flie\"",
        "there is no handle `flie`",
    ),
    ("read \"file\"", "close \"file\" thread=\"ui\"\n    read \"file\"", "read \"file\"", "has been closed"),
    ("offset=4096 length", "offset=-4096 length", "offset=-4096", "out of range"),
    ("fast-io=\"refused\"", "fast-io=\"maybe\"", "fast-io=\"maybe\"", "use one of no, accepted"),
    ("fast-io=\"refused\"", "slow-io=\"refused\"", "slow-io", "has no property `slow-io`"),
    ("length=8 fast-io", "length=8 length=9 fast-io", "length=9", "twice the property `length`"),
    ("settle\n", "settle 1\n", "1\n    disconnect", "has no further argument"),
    ("settle\n", "settle { now; }\n", "now", "has nothing inside"),
    ("settle\n", "wait\n", "wait", "cannot be played"),
    ("advance \"100ms\"", "advance \"soon\"", "advance \"soon\"", "is no span of time"),
    ("exit-process \"other\"", "exit-process \"system\"", "exit-process \"system\"", "System does not end"),
    (
        "exit-thread \"worker\"",
        "exit-thread \"worker\"\n    exit-thread \"worker\"",
        "exit-thread \"worker\"\n    exit-p",
        "has ended",
    ),
    ("chunk=10", "chunk=0", "chunk=0", "at least 1 byte"),
    (
        "process \"other\"",
        "process \"explorer\"",
        "process \"explorer\" pid=100",
        "there is a process `explorer` already",
    ),
    ("basis=\"thread\"", "basis=\"guess\"", "basis=\"guess\"", "is no basis"),
    (
        "executor pid=4",
        "executor pid=4\n        executor pid=4",
        "executor pid=4\n        copy",
        "one `executor`",
    ),
    ("expect {", "expect windows=\"10-2004\" {", "expect windows", "versions that the scenario is not for"),
    ("expect {", "expect windows=\"11-22h2\" {", "expect windows", "on Windows 11-24h2"),
    ("expect {", "expect {\n}\nexpect {", "expect {\n    write", "a second `expect` for Windows 11-22h2"),
    ("play {", "plays {", "plays", "has no meaning here"),
    ("    truncate pid", "    shrink pid", "shrink", "use one of write, mapped-write"),
    ("size=7", "length=7", "truncate pid", "lacks the property `size`"),
    ("candidate pid=100 image=#null", "witness", "witness", "a change has candidates"),
    ("mapped-write path", "mapped-write pid=1 path", "pid=1 path", "has no property `pid`"),
    ("start \"2024", "not-met \"x\"\n    start \"2024", "not-met", "lacks the property `needs`"),
    (
        "start \"2024",
        "not-met \"x\" needs=\"y\" windows=\"10-2004\"\n    start \"2024",
        "not-met",
        "versions that the scenario is not for",
    ),
    (
        "start \"2024",
        "not-met \"x\" needs=\"y\"\n    not-met \"z\" needs=\"y\" windows=\"11-24h2\"\n    start \"2024",
        "not-met \"z\"",
        "a second `not-met`",
    ),
];

#[test]
fn what_is_wrong_is_told_with_its_place() {
    for (from, to, blamed, message) in WRONG {
        let text = WHOLE.replacen(from, to, 1);
        assert_ne!(text, WHOLE, "{from}");
        let error = parse(&text).expect_err(to);
        let at = text.find(blamed).unwrap_or_else(|| panic!("{blamed}"));
        assert!(error.message.contains(message), "{to}: {error}");
        // A node that is missing altogether is missed at the beginning.
        let expected = if message.contains("title is missing") {
            Place::START
        } else {
            Place::START.advanced(text.as_bytes(), at)
        };
        assert_eq!(error.place, Some(expected), "{error}");
    }
}

/// What a scenario says, without the places where it says it.
fn without_places(scenario: &Scenario) -> String {
    let text = format!("{scenario:?}");
    let mut parts = text.split("Place { ");
    let mut kept = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        kept.push_str(part.split_once('}').map_or(part, |(_, rest)| rest));
    }
    kept
}

#[test]
fn what_is_written_reads_back_as_the_same() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/scenarios");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut texts: Vec<String> = files
        .filter(|path| path.extension().is_some_and(|extension| extension == "kdl"))
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect();
    assert!(!texts.is_empty());
    texts.push(WHOLE.to_owned());
    for text in texts {
        let scenario = parse(&text).unwrap();
        let written = scenario.to_kdl();
        let again = parse(&written).unwrap_or_else(|error| panic!("{error}\n{written}"));
        assert_eq!(without_places(&again), without_places(&scenario), "{written}");
    }
}

#[test]
fn text_that_is_no_kdl_is_refused_with_its_place() {
    let error = parse("scenario \"x\"\nplay {\n    settle\n").unwrap_err();
    assert!(error.message.starts_with("not KDL"), "{error}");
    assert_eq!(error.place.map(|place| place.line), Some(2), "{error}");
}

#[test]
fn a_scenario_may_expect_nothing_in_particular() {
    let scenario = parse("scenario \"x\"\nplay\n").unwrap();
    assert!(scenario.expectation(WindowsVersion::Win10_2004).is_none());
}

#[test]
fn a_dead_thread_can_only_be_the_one_that_asked() {
    let text = WHOLE.replacen("    write \"file\"", "    exit-thread \"ui\"\n    write \"file\"", 1);
    let error = parse(&text).unwrap_err();
    assert_eq!(error.message, "the thread `ui` has ended");
    assert!(error.excerpt.unwrap().contains("data-thread"), "the write that another carries out is no error");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,200}") {
        let _ = parse(&text);
    }

    #[test]
    fn any_name_is_written_so_that_it_reads_back(name in any::<String>(), microseconds in 0..u64::MAX / 60) {
        let mut scenario = Scenario::new(&name);
        scenario.steps.push(Step::new(Action::Advance(microseconds)));
        scenario.not_met.push(NotMet {
            place: Place::START,
            versions: VersionRange::parse(">10-2004 <11-24h2").unwrap(),
            needs: name.clone(),
            reason: name,
        });
        let written = scenario.to_kdl();
        let again = parse(&written).unwrap_or_else(|error| panic!("{error}\n{written}"));
        prop_assert_eq!(without_places(&again), without_places(&scenario));
    }

    #[test]
    fn a_damaged_scenario_never_panics(at in 0..WHOLE.len(), length in 0usize..40, with in "[\"#{}=\\\\a-z0-9 \n]{0,6}") {
        let mut text = WHOLE.to_owned();
        text.replace_range(at..(at + length).min(WHOLE.len()), &with);
        let _ = parse(&text);
    }
}

const TORTURE: &str = r#"scenario "A torture run's" {
    torture schedule="seeded" seed=3 faults=1000 fault-seed=4
}
play {
    volume drive="F:" device="\\Device\\HarddiskVolume9"
    unload
    load
    consumer "silent"
}
"#;

#[test]
fn what_a_torture_run_leaves_is_read_and_written() {
    let scenario = parse(TORTURE).unwrap();
    let torture = scenario.torture.unwrap();
    assert_eq!(torture.schedule, Schedule::Seeded(3));
    assert_eq!(torture.faults, Faults::Drawn { seed: 4, per_million: 1000 });
    let again = parse(&scenario.to_kdl()).unwrap();
    assert_eq!((again.torture, again.steps.len()), (scenario.torture, 4));
    for (from, to) in [("seeded", "fixed"), ("fault-seed=4", "fail=4"), ("silent", "mute"), ("seeded", "any")]
    {
        assert!(parse(&TORTURE.replacen(from, to, 1)).is_err(), "{to}");
    }
}

/// Regression test: what an attached thread opened was taken for its own process's, and was closed with that; a torture
/// case with `attach` could not be read again.
#[test]
fn what_an_attached_thread_opens_is_of_the_process_that_it_is_attached_to() {
    let text = |ends: &str| {
        [
            "scenario \"attached\"",
            "volume drive=\"C:\" device=#\"\\Device\\HarddiskVolume1\"#",
            "process \"a\" pid=1000 image=#\"C:\\a.exe\"# { thread \"ta\" tid=1004; }",
            "process \"b\" pid=2000 image=#\"C:\\b.exe\"# { thread \"tb\" tid=2004; }",
            "process \"c\" pid=3000 image=#\"C:\\c.exe\"# { thread \"tc\" tid=3004; }",
            "play {",
            "    attach \"ta\" process=\"b\"",
            "    create \"h\" thread=\"ta\" path=#\"C:\\f.bin\"#",
            "    detach \"ta\"",
            &format!("    exit-process \"{ends}\""),
            "    close \"h\" thread=\"tc\"",
            "}",
        ]
        .join("\n")
    };
    Scenario::parse("attached.kdl", &text("a")).expect("the handle is the other process's");
    let refused =
        Scenario::parse("attached.kdl", &text("b")).expect_err("the handle has gone with its process");
    assert!(refused.to_string().contains("has been closed"), "{refused}");
}
