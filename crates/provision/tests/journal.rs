//! The journal on real bytes. A record that is torn at any byte, by a kill or by a full disk, never counts and never
//! blocks the next one. Two writers do not lose each other's records.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue panics")]

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

/// One record with letters of two, three and four bytes, as in a file of an operator.
fn foreign() -> Event {
    Event::Intent {
        id: id("/etc/motd"),
        spec: json!({"content": "Grüße"}),
        prior: json!({"file": "für € und 😀\n"}),
        origin: Origin::Changed,
        after: vec![id("/etc")],
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

/// `confirm` works at the same time as an apply. When it is killed in the middle of its record, the apply continues.
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

/// A record that finds no space, and then finds some, in one process. A limit on the size of files tears the write as a
/// full disk does.
#[test]
fn a_record_that_finds_no_space_fails_and_the_journal_continues_once_there_is_some() {
    if let Some(dir) = std::env::var_os(FULL) {
        return full(Path::new(&dir));
    }
    let dir = tempfile::tempdir().unwrap();
    let me = std::env::current_exe().unwrap();
    // A process that ignores the signal gets an error from the write, and the child of a shell inherits that. The
    // output goes through pipes: the limit would also apply to a file.
    let output = Command::new("sh")
        .args([
            "-c",
            "trap '' XFSZ; ulimit -S -f 2; exec \"$0\" \"$@\"",
            &me.display().to_string(),
        ])
        .args(["--exact", "--test-threads=1", "--quiet"])
        .arg("a_record_that_finds_no_space_fails_and_the_journal_continues_once_there_is_some")
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
    let begun = fs::read_to_string(file(&dir)).unwrap();
    let (header, line) = begun.split_once('\n').unwrap();
    // Enough records to be folded.
    fs::write(file(&dir), format!("{header}\n{}", line.repeat(3995))).unwrap();
    // The staged file of a compaction that was killed.
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

/// A journal with two records, of which another program damaged the first.
fn damaged() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = FileJournal::new(dir.path());
    journal.append(&noted("first")).unwrap();
    journal.append(&noted("second")).unwrap();
    let text = fs::read_to_string(file(&dir)).unwrap();
    fs::write(file(&dir), text.replace("first", "fjrst")).unwrap();
    dir
}

#[test]
fn a_damaged_line_in_the_middle_is_reported_and_not_skipped_and_nothing_is_added() {
    let dir = damaged();
    let before = fs::read(file(&dir)).unwrap();
    let fault = FileJournal::new(dir.path()).receipt().unwrap_err();
    assert!(fault.chain().contains("line 2"), "{}", fault.chain());
    let fix = fault.remedy().unwrap();
    assert!(
        fix.contains("sed -i 2d") && fix.contains("Never delete the file"),
        "{fix}"
    );
    assert!(
        FileJournal::new(dir.path())
            .append(&noted("third"))
            .is_err()
    );
    assert_eq!(fs::read(file(&dir)).unwrap(), before);
    // The fix of the error works.
    let text = String::from_utf8(before).unwrap();
    let lines: Vec<_> = text.lines().collect();
    fs::write(file(&dir), format!("{}\n{}\n", lines[0], lines[2])).unwrap();
    assert!(receipt(dir.path()).notes.contains_key("second"));
}

/// A file that grew before its last blocks reached the disk has zeros there.
#[test]
fn blocks_of_zeros_at_the_end_never_counted() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = FileJournal::new(dir.path());
    journal.append(&noted("first")).unwrap();
    let whole = fs::read(file(&dir)).unwrap();
    for end in ["", "\n", "rest of a record\"}}\n"] {
        let mut bytes = whole.clone();
        bytes.extend([0; 5000]);
        bytes.extend(end.as_bytes());
        fs::write(file(&dir), &bytes).unwrap();
        assert_eq!(receipt(dir.path()).notes.len(), 1, "{end:?}");
        journal.append(&noted("next")).unwrap();
        assert_eq!(receipt(dir.path()).notes.len(), 2, "{end:?}");
    }
}

/// A journal as 0.1.0 of November 2026 wrote it.
const FORMAT_1: &str = concat!(
    r#"{"event":"intent","id":"file[/etc/motd]","spec":{"a":1},"prior":"nothing","origin":"created"}"#,
    "\n",
    r#"{"event":"done","id":"file[/etc/motd]","memory":null}"#,
    "\n",
    r#"{"event":"guarded","change":{"id":"ufw[x]","spec":{},"prior":{},"before":null,"until_us":5}}"#,
    "\n",
);

#[test]
fn an_older_journal_is_read_as_it_is_and_replaced_by_the_first_record() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(file(&dir), FORMAT_1).unwrap();
    let before = receipt(dir.path());
    assert_eq!((before.entries.len(), before.unconfirmed.len()), (1, 1));
    assert_eq!(fs::read_to_string(file(&dir)).unwrap(), FORMAT_1, "looking");
    FileJournal::new(dir.path()).append(&noted("next")).unwrap();
    let after = receipt(dir.path());
    assert_eq!(after.entries, before.entries);
    assert_eq!(after.unconfirmed, before.unconfirmed);
    let text = fs::read_to_string(file(&dir)).unwrap();
    let first = text.lines().next().unwrap();
    assert!(
        first.ends_with(r#""format":2,"program":"aztec-kit 0.1.0"}"#),
        "{first}"
    );
    assert_eq!(text.lines().count(), 3, "header, fold, record");
}

/// An older version that runs at the same time writes lines without a checksum.
#[test]
fn a_record_of_an_older_program_behind_ours_counts() {
    let dir = tempfile::tempdir().unwrap();
    FileJournal::new(dir.path())
        .append(&noted("first"))
        .unwrap();
    let mut other = OpenOptions::new().append(true).open(file(&dir)).unwrap();
    let line = r#"{"event":"noted","name":"other","value":1}"#;
    writeln!(other, "{line}").unwrap();
    FileJournal::new(dir.path()).append(&noted("last")).unwrap();
    assert_eq!(receipt(dir.path()).notes.len(), 3);
}

#[test]
fn what_a_newer_program_wrote_is_refused_and_stays() {
    let newer = [
        r#"{"event":"begin","format":3,"program":"aztec-kit 9.9.9"}"#,
        r#"{"event":"rehearsed","id":"file[/etc/motd]"}"#,
        r#"{"event":"done","id":"file[/etc/motd]","memory":null,"weight":3}"#,
        r#"{"event":"snapshot","receipt":{"entries":[],"leases":[]}}"#,
    ];
    for line in newer {
        let dir = tempfile::tempdir().unwrap();
        let text = format!("{line}\n");
        fs::write(file(&dir), &text).unwrap();
        let mut journal = FileJournal::new(dir.path());
        let fault = journal.receipt().unwrap_err();
        assert!(fault.is_refusal(), "{line}");
        let (message, fix) = (fault.chain(), fault.remedy().unwrap());
        assert!(
            !message.contains("damaged") && fix.contains("newer"),
            "{message}: {fix}"
        );
        assert!(journal.append(&noted("ours")).is_err(), "{line}");
        assert_eq!(fs::read_to_string(file(&dir)).unwrap(), text);
    }
}

/// A fold would drop records that this version does not know.
#[test]
fn a_compaction_does_not_drop_what_a_newer_program_wrote() {
    let dir = tempfile::tempdir().unwrap();
    FileJournal::new(dir.path())
        .append(&noted("first"))
        .unwrap();
    let mut text = fs::read_to_string(file(&dir)).unwrap();
    text.push_str("{\"event\":\"rehearsed\",\"id\":\"file[/etc/motd]\"}\n");
    let line = text.lines().nth(1).unwrap().to_owned() + "\n";
    text.push_str(&line.repeat(4000));
    fs::write(file(&dir), &text).unwrap();
    let fault = FileJournal::new(dir.path()).compact().unwrap_err();
    assert!(fault.is_refusal());
    assert_eq!(fs::read_to_string(file(&dir)).unwrap(), text);
}

#[test]
fn a_condition_is_judged_with_every_other_writer_locked_out() {
    let dir = tempfile::tempdir().unwrap();
    let none = |receipt: &Receipt| receipt.notes.is_empty();
    std::thread::scope(|scope| {
        for name in ["confirm", "take-back"] {
            let mut journal = FileJournal::new(dir.path());
            scope.spawn(move || journal.append_if(&noted(name), &none).unwrap());
        }
    });
    assert_eq!(receipt(dir.path()).notes.len(), 1, "both came in time");
}
