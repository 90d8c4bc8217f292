//! Programs that run in the background of a machine.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, ExitStatus};
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustix::process::{Pid, Signal, kill_process};

use crate::sh;

/// The time that nsenter may take to start the program as its child.
const STARTS: Duration = Duration::from_secs(180);

/// A program that runs in the background of a machine. Dropping it kills it with its children.
#[derive(Debug)]
pub struct Process {
    child: Child,
    group: PathBuf,
    log: PathBuf,
    abandoned: bool,
}

impl Process {
    /// A program whose outer command is `child`, in a control group of its own. Its output goes to the file `log`.
    pub(super) fn new(child: Child, group: PathBuf, log: PathBuf) -> Process {
        Process {
            child,
            group,
            log,
            abandoned: false,
        }
    }

    /// Sends SIGKILL to the program alone, and waits for its end. Its children live on, as on a real machine.
    pub fn kill(&mut self) -> Result<()> {
        let (id, child) = (self.child.id(), &mut self.child);
        // It may end by itself at any moment. Then there is nothing to wait for.
        sh::wait_for("the start of the program, or its end", STARTS, || {
            let ended = child.try_wait()?.is_some();
            match child_of(id) {
                _ if ended => Ok(Some(())),
                Some(pid) => match kill_process(pid, Signal::KILL) {
                    Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(Some(())),
                    Err(error) => Err(error).context("cannot send the signal"),
                },
                None => Ok(None),
            }
        })?;
        self.child.wait()?;
        Ok(())
    }

    /// Sends a signal to the program, which is nsenter's child: killing nsenter would miss it.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let pid = sh::wait_for("the start of the program", STARTS, || {
            Ok(child_of(self.child.id()))
        })?;
        kill_process(pid, signal).context("cannot send the signal")
    }

    /// Kills the program and all its descendants.
    pub fn kill_tree(&mut self) -> Result<()> {
        let _ = fs::write(self.group.join("cgroup.kill"), "1");
        // It may not have joined its group yet.
        let _ = self.child.kill();
        self.child.wait()?;
        Ok(())
    }

    /// Leaves the descendants of an ended program alone: they live on until the machine ends.
    pub fn abandon(mut self) {
        self.abandoned = true;
    }

    /// The exit code, if the program has ended.
    pub fn ended(&mut self) -> Result<Option<i32>> {
        Ok(self.child.try_wait()?.map(exit_code))
    }

    /// Waits for the program's end and returns its exit code.
    pub fn wait(&mut self, limit: Duration) -> Result<i32> {
        sh::wait_for("the end of the program", limit, || self.ended())
    }

    /// The output of the program so far, of both streams.
    pub fn printed(&self) -> Result<String> {
        let bytes = fs::read(&self.log).with_context(|| format!("{}", self.log.display()))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !self.abandoned {
            let _ = self.kill_tree();
        }
    }
}

/// A child of a process.
fn child_of(parent: u32) -> Option<Pid> {
    let line_of_child = format!("PPid:\t{parent}");
    fs::read_dir("/proc").ok()?.flatten().find_map(|entry| {
        let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
        let status = fs::read_to_string(entry.path().join("status")).ok()?;
        status
            .lines()
            .any(|line| line == line_of_child)
            .then(|| Pid::from_raw(pid))
            .flatten()
    })
}

/// The exit code of a program, or 128 + n after signal n, as shells count.
pub(super) fn exit_code(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt as _;
    status
        .code()
        .unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
}
