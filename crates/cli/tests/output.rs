//! The result goes to standard output, and foreign text in it is harmless.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue panics")]

use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// `keys check` of a directory with a file whose name would clear the screen and colour the rest.
fn check(dir: &Path, json: bool) -> Command {
    let keystore = dir.join("keystore");
    if !keystore.exists() {
        DirBuilder::new().mode(0o700).create(&keystore).unwrap();
        fs::write(keystore.join("\u{1b}[2J\u{9b}31m\u{202e}x"), "{").unwrap();
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_aztec-kit"));
    command.args(["keys", "check"]).arg(keystore);
    command.args(json.then_some("--json"));
    command
}

#[test]
fn a_file_name_is_shown_and_not_interpreted() {
    let dir = tempfile::tempdir().unwrap();
    for json in [false, true] {
        // As on a terminal: other outputs get no sequences at all.
        let mut command = check(dir.path(), json);
        let output = command.env("CLICOLOR_FORCE", "1").output().unwrap();
        let mut text = String::from_utf8(output.stdout).unwrap();
        text.push_str(&String::from_utf8(output.stderr).unwrap());
        assert!(!text.contains(['\u{9b}', '\u{202e}']), "{text:?}");
        assert!(!text.contains("\u{1b}[2J"), "{text:?}");
        assert!(text.contains("[2J"), "it is named: {text:?}");
    }
}

#[test]
fn a_result_that_cannot_be_written_is_a_failure() {
    let release = tempfile::tempdir().unwrap();
    let of = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_aztec-kit"));
        command.args(arguments);
        command
    };
    let place = release.path().join("6.9.9");
    fs::create_dir(&place).unwrap();
    fs::write(place.join("release.toml"), "like = \"6.0.0\"\n").unwrap();
    let place = place.to_str().unwrap();
    for arguments in [
        &["release", "check", place][..],
        &["release", "check", place, "--json"][..],
    ] {
        let well = of(arguments).output().unwrap();
        assert_eq!(well.status.code(), Some(0), "{well:?}");
        let full = File::options().write(true).open("/dev/full").unwrap();
        let full = of(arguments).stdout(full).output().unwrap();
        assert_eq!(full.status.code(), Some(1), "{full:?}");
        let message = String::from_utf8(full.stderr).unwrap();
        assert!(message.contains("No space left"), "{message}");
        // `| head`: the reader has enough.
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let closed = of(arguments).stdout(Stdio::from(writer)).output().unwrap();
        assert_eq!(closed.status.code(), Some(0), "{closed:?}");
    }
}
