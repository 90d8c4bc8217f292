//! Several `keys new` at once into one directory: each key that was said to be made is there, once.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

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

/// What each of them came to.
fn all_at_once(dir: &Path, more: &[&str]) -> Vec<Output> {
    DirBuilder::new()
        .mode(0o700)
        .create(dir.join("keystore"))
        .unwrap();
    let running: Vec<_> = (0..AT_ONCE).map(|at| start(dir, at, more)).collect();
    let ended = running.into_iter().map(Child::wait_with_output);
    ended.map(Result::unwrap).collect()
}

fn said(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The attester in the file that a report names.
fn is_in_its_file(report: &Value) {
    let text = fs::read_to_string(report["file"].as_str().unwrap()).unwrap();
    let file: Value = serde_json::from_str(&text).unwrap();
    let key = file.pointer("/validators/0/attester/bls").unwrap();
    assert!(key.is_string(), "half a file: {text}");
    let words = text.len();
    assert!(words > 200, "half a file: {text}");
}

#[test]
fn each_has_a_file_of_its_own() {
    for _ in 0..3 {
        let dir = tempfile::tempdir().unwrap();
        let ended = all_at_once(dir.path(), &[]);
        assert!(ended.iter().all(|it| it.status.success()), "{ended:?}");
        let reports: Vec<_> = ended.iter().map(said).collect();
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
fn a_name_is_given_once() {
    for _ in 0..3 {
        let dir = tempfile::tempdir().unwrap();
        let ended = all_at_once(dir.path(), &["--name", "mine"]);
        let (won, lost): (Vec<_>, Vec<_>) = ended.iter().partition(|it| it.status.success());
        assert_eq!(won.len(), 1, "{ended:?}");
        let report = said(won[0]);
        is_in_its_file(&report);
        for output in lost {
            let text = String::from_utf8_lossy(&output.stderr);
            // Before it began, or when it was about to take the name.
            let late = "does not replace it. Read it, then choose another name";
            let told = text.contains("Choose another name") || text.contains(late);
            assert!(text.contains("mine.json") && told, "{text}");
        }
        let names: Vec<_> = fs::read_dir(dir.path().join("keystore"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(names, ["mine.json"]);
        // A mnemonic of no keys is a secret that nobody asked for, and that of the winner's is all there is of them.
        let at = ended.iter().position(|it| it.status.success()).unwrap();
        let words: Vec<_> = (0..AT_ONCE)
            .filter(|at| dir.path().join(format!("words{at}")).exists())
            .collect();
        assert_eq!(words, [at], "the mnemonics that are left");
    }
}
