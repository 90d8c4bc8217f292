//! The files of aztec-kit and of its child processes have the right modes, whatever the umask of the caller is.

use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// The umask of a process, from its status: proc_pid_status(5), Linux 4.7. `None` until the shell has executed aztec-kit.
fn umask(pid: u32) -> Option<String> {
    let program = fs::read_link(format!("/proc/{pid}/exe")).ok()?;
    if !program.ends_with("aztec-kit") {
        return None;
    }
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("Umask:"));
    line.map(|value| value.trim().to_owned())
}

#[test]
fn a_run_does_not_use_the_umask_of_the_caller() {
    // It runs until it is killed.
    let script = "umask 077; exec \"$0\" collect --port 0";
    let mut child = Command::new("sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_aztec-kit")])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let started = Instant::now();
    let mut is = umask(child.id());
    while is.as_deref() != Some("0022") && started.elapsed() < Duration::from_secs(10) {
        thread::sleep(Duration::from_millis(20));
        is = umask(child.id());
    }
    let ended = child.try_wait().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(ended.is_none(), "it ended: {ended:?}");
    assert_eq!(is.as_deref(), Some("0022"));
}
