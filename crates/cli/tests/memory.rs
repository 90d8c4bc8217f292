//! The memory of aztec-kit gets into no core dump, and only root can read it.

use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

/// The user of the process if the test runs as root: nobody.
const NOBODY: u32 = 65534;

/// The files of a process in /proc belong to its user if it may be dumped, otherwise to root: proc_pid(5).
#[test]
fn the_process_cannot_be_dumped() {
    // The user nobody may not enter the build directory.
    let dir = tempfile::tempdir().unwrap();
    let program = dir.path().join("kit");
    fs::copy(env!("CARGO_BIN_EXE_aztec-kit"), &program).unwrap();
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(dir.path(), open).unwrap();
    let mut command = Command::new(&program);
    if rustix::process::geteuid().is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    // It runs until it is killed.
    let mut child = command
        .args(["collect", "--port", "0"])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let proc = format!("/proc/{}", child.id());
    let safe = || {
        let limits = fs::read_to_string(format!("{proc}/limits")).unwrap_or_default();
        let core = limits
            .lines()
            .find(|line| line.starts_with("Max core file size"));
        let none = core.is_some_and(|core| {
            let values: Vec<_> = core.split_whitespace().skip(4).take(2).collect();
            values == ["0", "0"]
        });
        none && fs::metadata(format!("{proc}/maps")).is_ok_and(|meta| meta.uid() == 0)
    };
    let started = Instant::now();
    while !safe() && started.elapsed() < Duration::from_secs(10) {
        assert!(child.try_wait().unwrap().is_none(), "it ended");
        thread::sleep(Duration::from_millis(20));
    }
    let safe = safe();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(safe);
}
