//! The opinion of systemd about units, for tests: `systemd-analyze verify`.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot continue panics"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// The directory of an administrator's units: systemd.unit(5).
const UNITS: &str = "etc/systemd/system";
/// The directory of systemd's own units.
const ITS_OWN: &str = "usr/lib/systemd/system";
/// The text of a placeholder for a foreign unit.
const PLACEHOLDER: &str = "[Service]\nExecStart=/bin/true\n";

/// The complaints of systemd about these units and drop-ins, each with its absolute path; nothing when there are none.
/// `dir` is an empty directory. It becomes a root directory that contains every program and unit that they name.
///
/// Without systemd it prints that the test is skipped and returns `None`; in CI that is a failure.
///
/// # Panics
///
/// When a file cannot be written.
pub fn complaints(dir: &Path, texts: &BTreeMap<PathBuf, String>) -> Option<String> {
    let own = dir.join(ITS_OWN);
    copy(&Path::new("/").join(ITS_OWN), &own);
    let units = dir.join(UNITS);
    let mut names = BTreeSet::new();
    for (path, text) in texts {
        let path = path.strip_prefix("/").expect("an absolute path");
        put(&dir.join(path), text, 0o644);
        names.insert(unit_of(path));
    }
    names.extend(texts.values().flat_map(|text| required(text)));
    for name in &names {
        let path = units.join(name);
        if !path.exists() {
            put(&path, PLACEHOLDER, 0o644);
        }
    }
    for text in texts.values().map(String::as_str).chain([PLACEHOLDER]) {
        for program in programs(text) {
            put(&dir.join(program), "", 0o755);
        }
    }
    // An instance stands for a template.
    let names = names.iter().map(|name| name.replace("@.", "@1."));
    let output = Command::new("systemd-analyze")
        .args(["verify", "--man=no", "--root"])
        .arg(dir)
        .args(names)
        .output();
    match output {
        Ok(output) if output.status.success() && output.stderr.is_empty() => Some(String::new()),
        Ok(output) => Some(format!(
            "{}: {}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        )),
        Err(error) if error.kind() == ErrorKind::NotFound && env::var_os("CI").is_none() => {
            println!("skipped: there is no systemd-analyze here");
            None
        }
        Err(error) => panic!("systemd-analyze: {error}"),
    }
}

/// Copies the files of a directory, if it exists, but not its links, which would lead out of the new root.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a directory");
    for entry in fs::read_dir(from).into_iter().flatten().flatten() {
        if entry.file_type().expect("a type").is_file() {
            fs::copy(entry.path(), to.join(entry.file_name())).expect("a copy");
        }
    }
}

fn put(path: &Path, text: &str, mode: u32) {
    fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
    fs::write(path, text).expect("a file");
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
}

/// The unit of a unit file or a drop-in.
fn unit_of(path: &Path) -> String {
    let name = |path: &Path| {
        let name = path.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    };
    let parent = path.parent().map(name).unwrap_or_default();
    let of = parent.strip_suffix(".d").map(str::to_owned);
    of.unwrap_or_else(|| name(path))
}

/// The settings of a text.
fn settings(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.lines().filter_map(|line| line.split_once('='))
}

/// The units that a unit requires.
fn required(text: &str) -> impl Iterator<Item = String> {
    let required = settings(text).filter(|(name, _)| *name == "Requires");
    required.flat_map(|(_, units)| units.split(' ').map(str::to_owned))
}

/// The programs that it runs, as paths below the root directory.
fn programs(text: &str) -> impl Iterator<Item = &str> {
    let run = settings(text).filter(|(name, value)| name.starts_with("Exec") && !value.is_empty());
    let first = run.filter_map(|(_, command)| command.split(' ').next());
    first.map(|program| program.trim_start_matches(['+', '-', '/']))
}
