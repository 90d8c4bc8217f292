//! Several `keys new` at the same time in one directory: each reported key exists exactly once.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue panics")]

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

const AT_ONCE: usize = 6;

fn start(dir: &Path, at: usize, more: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_aztec-kit"))
        .args(["keys", "new", "--json", "--coinbase"])
        .arg(format!("0x{}", "11".repeat(20)))
        .arg("--mnemonic-file")
        .arg(dir.join(format!("words{at}")))
        .arg("--out")
        .arg(dir.join("keystore"))
        .args(more)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Runs all of them, and returns their outputs.
fn all_at_once(dir: &Path, more: &[&str]) -> Vec<Output> {
    DirBuilder::new()
        .mode(0o700)
        .create(dir.join("keystore"))
        .unwrap();
    let running: Vec<_> = (0..AT_ONCE).map(|at| start(dir, at, more)).collect();
    let ended = running.into_iter().map(Child::wait_with_output);
    ended.map(Result::unwrap).collect()
}

fn report(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Checks that the file of a report is complete.
fn is_in_its_file(report: &Value) {
    let text = fs::read_to_string(report["file"].as_str().unwrap()).unwrap();
    let file: Value = serde_json::from_str(&text).unwrap();
    let key = file.pointer("/validators/0/attester/bls").unwrap();
    assert!(key.is_string(), "half a file: {text}");
    let words = text.len();
    assert!(words > 200, "half a file: {text}");
}

#[test]
fn each_run_has_its_own_file() {
    for _ in 0..3 {
        let dir = tempfile::tempdir().unwrap();
        let ended = all_at_once(dir.path(), &[]);
        assert!(ended.iter().all(|it| it.status.success()), "{ended:?}");
        let reports: Vec<_> = ended.iter().map(report).collect();
        reports.iter().for_each(is_in_its_file);
        let files: BTreeSet<_> = reports.iter().map(|it| it["file"].to_string()).collect();
        assert_eq!(files.len(), AT_ONCE, "{reports:?}");
        let listed = Command::new(env!("CARGO_BIN_EXE_aztec-kit"))
            .args(["keys", "list", "--json"])
            .arg(dir.path().join("keystore"))
            .output()
            .unwrap();
        let listed = String::from_utf8(listed.stdout).unwrap().to_lowercase();
        for report in &reports {
            let attester = report.pointer("/attesters/0/attester").unwrap();
            let attester = attester.as_str().unwrap().to_lowercase();
            assert!(listed.contains(&attester), "{attester} is not in {listed}");
        }
    }
}

#[test]
fn a_name_is_used_once() {
    for _ in 0..3 {
        let dir = tempfile::tempdir().unwrap();
        let ended = all_at_once(dir.path(), &["--name", "mine"]);
        let (won, lost): (Vec<_>, Vec<_>) = ended.iter().partition(|it| it.status.success());
        assert_eq!(won.len(), 1, "{ended:?}");
        let report = report(won[0]);
        is_in_its_file(&report);
        for output in lost {
            let text = String::from_utf8_lossy(&output.stderr);
            // The name was taken before the run began, or just before it wrote the file.
            let late = "does not replace it. Read it, then choose another name";
            let explained = text.contains("Choose another name") || text.contains(late);
            assert!(text.contains("mine.json") && explained, "{text}");
        }
        let names: Vec<_> = fs::read_dir(dir.path().join("keystore"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(names, ["mine.json"]);
        // A mnemonic without keys must not exist. The mnemonic of the winner must exist, because it is the only backup.
        let at = ended.iter().position(|it| it.status.success()).unwrap();
        let words: Vec<_> = (0..AT_ONCE)
            .filter(|at| dir.path().join(format!("words{at}")).exists())
            .collect();
        assert_eq!(words, [at], "the mnemonics that are left");
    }
}
