//! Tests of both outputs against files that hold what must come out, in `tests/golden`.
//!
//! `UPDATE_GOLDEN=1` writes them anew; read the difference before keeping it.

use std::path::Path;

use audit::key::FileKey;
use audit::ledger::LossReason;
use audit::record::{Code, CopySource, Loss, WriteFlags};

use super::explain::tests::{copied_chunk, who};
use super::explain::{Explanation, Truth};
use super::*;
use crate::consumer::Consumer;
use crate::consumer::names::Drives;
use crate::fake::{Content, FakeDriver, NOON, dictionary, system, unknown_write, write};

/// A little of everything.
fn message() -> Vec<u8> {
    let mut contents = dictionary();
    let mut copied = write(0);
    copied.copy = Some(CopySource { file: FileKey(1), offset: 1 << 20 });
    copied.executor = Some(system());
    let mut plain = write(1_234_567_890);
    plain.time += 1_234_567;
    plain.flags = WriteFlags::USER_MODE | WriteFlags::FAST_IO | WriteFlags::WRITE_THROUGH;
    let mut from_unknown = write(4096);
    from_unknown.copy = Some(CopySource { file: FileKey(0), offset: 0 });
    from_unknown.time += 24 * 60 * 60 * 10_000_000;
    contents.extend([copied, plain, unknown_write(), from_unknown].map(Content::Write));
    let reason = Code::Known(LossReason::RingFull);
    contents.push(Content::Loss(Loss { time: NOON + 1, reason, count: 2, total: 2 }));
    FakeDriver::new().batch(&contents)
}

fn drives() -> Drives {
    let letter = |device: &str, letter: &str| (device.to_owned(), letter.to_owned());
    Drives::new(vec![letter(r"\Device\HarddiskVolume3", "C:"), letter(r"\Device\HarddiskVolume4", "D:")])
}

fn through<S: Sink>(sink: S) {
    Consumer::new(sink, drives()).on_message(&message()).unwrap();
}

fn golden(name: &str, text: &[u8]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    let text = std::str::from_utf8(text).unwrap();
    assert!(text == expected, "{} differs; it is now:\n{text}", path.display());
}

#[test]
fn json_lines() {
    let mut out = Vec::new();
    through(Json::new(&mut out));
    golden("records.jsonl", &out);
}

#[test]
fn json_keys_survive_readers_that_know_only_floating_point() {
    let mut out = Vec::new();
    through(Json::new(&mut out));
    for line in std::str::from_utf8(&out).unwrap().lines() {
        let object: serde_json::Value = serde_json::from_str(line).unwrap();
        for (name, value) in object.as_object().unwrap() {
            let number = value.as_i64().unwrap_or_default();
            assert!(number.unsigned_abs() < 1 << 53, "{name} of {line}");
        }
    }
}

#[test]
fn table() {
    let mut out = Vec::new();
    through(Table::new(&mut out, false, None));
    golden("records.txt", &out);
}

#[test]
fn table_in_colour() {
    let mut plain = Vec::new();
    through(Table::new(&mut plain, false, Some(100)));
    let mut coloured = Vec::new();
    through(Table::new(&mut coloured, true, Some(100)));
    assert!(coloured.contains(&0x1B) && !plain.contains(&0x1B));
    assert_eq!(
        anstream::adapter::strip_str(std::str::from_utf8(&coloured).unwrap()).to_string().into_bytes(),
        plain
    );
}

#[test]
fn a_table_keeps_to_its_width() {
    let mut driver = FakeDriver::new();
    let long = "\\a-rather-long-folder-name\\within-another-one\\and-then-a-third-one\\with-a-file-in-it.txt";
    let mut contents = dictionary();
    contents.push(Content::File { key: 2, volume: 2, path: long });
    contents.push(Content::Write(write(0)));
    let mut out = Vec::new();
    Consumer::new(Table::new(&mut out, false, Some(110)), drives())
        .on_message(&driver.batch(&contents))
        .unwrap();
    let out = String::from_utf8(out).unwrap();
    assert!(out.lines().all(|line| line.chars().count() <= 110), "{out}");
    assert!(out.contains("file-in-it.txt"), "the file's name stays: {out}");
}

/// A chunk of a kernel-mode copy, the kernel's own write, a refused fast I/O and one that stays unknown.
fn explanations() -> [Explanation; 4] {
    let kernel = Explanation {
        thread: Some(who(4, 120, "System")),
        requestor: Some((4, Some("System".to_owned()))),
        copy_source: None,
        paging: true,
        truth: Truth::Kernel(who(4, 120, "System")),
        ..copied_chunk()
    };
    let explorer = who(3756, 3760, r"C:\Windows\explorer.exe");
    let refused = Explanation {
        current: explorer.clone(),
        user_mode: true,
        fast_io: true,
        copy_source: None,
        failed: Some("STATUS_FLT_DISALLOW_FAST_IO".to_owned()),
        ..copied_chunk()
    };
    let unknown = Explanation { thread: None, requestor: None, copy_source: None, ..copied_chunk() };
    [copied_chunk(), kernel, refused, unknown]
}

/// Explains each write that comes in, and what did not come in.
struct Explaining<S>(S);

impl<S: ExplainedSink> Sink for Explaining<S> {
    fn write(&mut self, write: &Write<'_>) -> io::Result<()> {
        let [copied, kernel, refused, unknown] = explanations();
        if write.originator.pid.is_none() {
            self.0.explained(write, &unknown)?;
            self.0.unrecorded(&refused)
        } else if write.executor.is_some() {
            self.0.explained(write, &copied)?;
            self.0.unrecorded(&kernel)
        } else {
            Ok(())
        }
    }

    fn loss(&mut self, _: &crate::model::Loss) -> io::Result<()> {
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[test]
fn explained_table() {
    let mut out = Vec::new();
    through(Explaining(Table::new(&mut out, false, None)));
    golden("explained.txt", &out);
}

#[test]
fn explained_json() {
    let mut out = Vec::new();
    through(Explaining(Json::new(&mut out)));
    golden("explained.jsonl", &out);
}
