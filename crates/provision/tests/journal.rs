//! The journal on real bytes: a record that was torn at any byte, by a kill or a full disk, never counts and never
//! stands in the way; two writers do not lose each other's records.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use provision::engine::{Event, FileJournal, Journal, Origin, Receipt, ResourceId};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;
use tempfile::TempDir;

fn file(dir: &TempDir) -> PathBuf {
    dir.path().join("journal.jsonl")
}

fn id(name: &str) -> ResourceId {
    ResourceId::new("file", name)
}

fn noted(name: &str) -> Event {
    Event::Noted {
        name: name.into(),
        value: json!(true),
    }
}

/// One record with letters of two, three and four bytes, as the file of an operator has them.
fn foreign() -> Event {
    Event::Intent {
        id: id("/etc/motd"),
        spec: json!({"content": "Grüße"}),
        prior: json!({"file": "für € und 😀\n"}),
        origin: Origin::Changed,
    }
}

fn receipt(dir: &Path) -> Receipt {
    FileJournal::new(dir).receipt().unwrap()
}

#[test]
fn a_record_torn_at_any_byte_never_counts_and_the_next_one_can_be_written() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = FileJournal::new(dir.path());
    journal.append(&noted("first")).unwrap();
    let before = receipt(dir.path());
    let whole = fs::read(file(&dir)).unwrap().len();
    journal.append(&foreign()).unwrap();
    let bytes = fs::read(file(&dir)).unwrap();
    assert!(!bytes.is_ascii(), "no letter of several bytes to tear");
    for end in whole..bytes.len() {
        fs::write(file(&dir), &bytes[..end]).unwrap();
        assert_eq!(receipt(dir.path()), before, "torn at byte {end}");
        FileJournal::new(dir.path()).append(&noted("next")).unwrap();
        let after = receipt(dir.path());
        assert_eq!(after.entries, before.entries, "torn at byte {end}");
        assert!(after.notes.contains_key("next"), "torn at byte {end}");
        assert!(after.notes.contains_key("first"), "torn at byte {end}");
    }
}

/// `confirm` works beside an apply: when it is killed in the middle of its record, the apply goes on.
#[test]
fn what_another_writer_left_torn_does_not_swallow_the_next_record() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = FileJournal::new(dir.path());
    journal.append(&noted("first")).unwrap();
    let mut other = OpenOptions::new().append(true).open(file(&dir)).unwrap();
    other.write_all(b"{\"event\":\"confir").unwrap();
    journal.append(&noted("second")).unwrap();
    let notes = receipt(dir.path()).notes;
    assert!(notes.contains_key("first") && notes.contains_key("second"));
}

const FULL: &str = "KIT_TEST_FULL_DISK";

/// A record that finds no room, and then some, in one process: a limit on the size of files tears the write just as
/// a full disk does.
#[test]
fn a_record_that_finds_no_room_fails_and_the_journal_goes_on_when_there_is_some() {
    if let Some(dir) = std::env::var_os(FULL) {
        return full(Path::new(&dir));
    }
    let dir = tempfile::tempdir().unwrap();
    let me = std::env::current_exe().unwrap();
    // Whoever ignores the signal is told by the write, and a shell's child goes on ignoring what it did.
    // Through pipes: where our own output goes to a file, the limit would be on that as well.
    let output = Command::new("sh")
        .args([
            "-c",
            "trap '' XFSZ; ulimit -S -f 2; exec \"$0\" \"$@\"",
            &me.display().to_string(),
        ])
        .args(["--exact", "--test-threads=1", "--quiet"])
        .arg("a_record_that_finds_no_room_fails_and_the_journal_goes_on_when_there_is_some")
        .env(FULL, dir.path())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
    assert!(receipt(dir.path()).notes.contains_key("room"), "not tried");
}

fn full(dir: &Path) {
    let mut journal = FileJournal::new(dir);
    let stopped = (0..1000).find_map(|number| {
        let fault = journal.append(&noted(&format!("note {number}"))).err()?;
        Some((number, fault))
    });
    let (written, fault) = stopped.unwrap();
    assert!(fault.remedy().is_some_and(|fix| fix.contains("space")));
    let bytes = fs::read(dir.join("journal.jsonl")).unwrap();
    assert!(written > 0 && bytes.last() != Some(&b'\n'), "nothing torn");
    let limit = getrlimit(Resource::Fsize);
    let room = Rlimit {
        current: limit.maximum,
        ..limit
    };
    setrlimit(Resource::Fsize, room).unwrap();
    journal.append(&noted("room")).unwrap();
    assert_eq!(receipt(dir).notes.len(), written + 1);
}

#[test]
fn two_writers_and_a_compaction_lose_nothing() {
    let dir = tempfile::tempdir().unwrap();
    FileJournal::new(dir.path()).append(&noted("0")).unwrap();
    let line = fs::read(file(&dir)).unwrap();
    // Long enough to be folded.
    fs::write(file(&dir), line.repeat(3995)).unwrap();
    // What a compaction that was killed had staged.
    fs::write(dir.path().join("journal.jsonl.new"), b"{\"event\":").unwrap();
    std::thread::scope(|scope| {
        for name in ["apply", "confirm"] {
            let mut journal = FileJournal::new(dir.path());
            scope.spawn(move || {
                for number in 0..20 {
                    let note = noted(&format!("{name} {number}"));
                    journal.append(&note).unwrap();
                    if name == "apply" {
                        journal.compact().unwrap();
                    }
                }
            });
        }
    });
    assert_eq!(receipt(dir.path()).notes.len(), 41);
    let lines = fs::read_to_string(file(&dir)).unwrap().lines().count();
    assert!(lines < 100, "{lines} lines: it was not folded");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "staged files");
}

#[test]
fn a_damaged_line_in_the_middle_is_told_and_not_skipped() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = FileJournal::new(dir.path());
    journal.append(&noted("first")).unwrap();
    let mut bytes = fs::read(file(&dir)).unwrap();
    bytes.extend(b"{\"event\":\xff}\n");
    fs::write(file(&dir), &bytes).unwrap();
    journal.append(&noted("second")).unwrap();
    let fault = FileJournal::new(dir.path()).receipt().unwrap_err();
    assert!(fault.chain().contains("line 2"), "{}", fault.chain());
}
