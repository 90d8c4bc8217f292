//! The run lock is taken from a real process. This test has a process of its own, because it would inherit the locks of
//! other tests.

use std::path::Path;
use std::process::{Command, Stdio};

use provision::engine::{Event, FileJournal, Journal, RunLock};

fn noted(name: &str) -> Event {
    Event::Noted {
        name: name.into(),
        value: 1.into(),
    }
}

/// Not a test: the process from which the lock is taken.
#[test]
fn a_run_of_another_process() {
    let Ok(state) = std::env::var("AZTEC_KIT_TEST_STATE") else {
        return;
    };
    let state = Path::new(&state);
    let _lock = RunLock::take(&state.join("lock"), &mut |_| {}).unwrap();
    let mut journal = FileJournal::new(state);
    for at in 0.. {
        journal.append(&noted(&format!("{at}"))).unwrap();
    }
}

#[test]
fn a_run_that_blocks_a_rollback_is_stopped_and_loses_nothing() {
    for _ in 0..4 {
        let dir = tempfile::tempdir().unwrap();
        let mut other = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "a_run_of_another_process"])
            .env("AZTEC_KIT_TEST_STATE", dir.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lock = dir.path().join("lock");
        let at_work = || {
            let receipt = FileJournal::new(dir.path()).receipt().unwrap();
            receipt.notes.len() > 3
        };
        while !at_work() {
            assert!(other.try_wait().unwrap().is_none(), "it ended by itself");
            std::thread::yield_now();
        }
        let fault = RunLock::take(&lock, &mut |_| {}).unwrap_err();
        assert!(fault.chain().contains(&format!("process {}", other.id())));
        let before = FileJournal::new(dir.path()).receipt().unwrap().notes;
        let mut notes = Vec::new();
        let held = RunLock::take_over(&lock, &mut |note| notes.push(note.to_owned())).unwrap();
        assert!(held.is_some() && notes.len() == 1, "{notes:?}");
        assert!(!other.wait().unwrap().success());
        let mut journal = FileJournal::new(dir.path());
        journal.append(&noted("mine")).unwrap();
        let after = journal.receipt().unwrap().notes;
        assert!(after.contains_key("mine") && before.keys().all(|name| after.contains_key(name)));
    }
}
