//! Access to the inside of a machine: running programs, writing and reading files.

use std::path::Path;

use anyhow::Result;

use super::{Exec, Machine, Output, Process};

impl Machine {
    /// A program to run inside. Variables, input and a time limit can be added before it starts.
    pub fn command(&self, argv: &[&str]) -> Exec<'_> {
        Exec::new(self, argv)
    }

    /// Runs a program inside to its end, whatever its exit code.
    pub fn exec(&self, argv: &[&str]) -> Result<Output> {
        self.command(argv).run()
    }

    /// Runs a program inside that must succeed.
    pub fn exec_ok(&self, argv: &[&str]) -> Result<Output> {
        self.exec(argv)?.ok()
    }

    /// Runs a program inside on the terminal of this process, and returns its exit code.
    pub fn exec_stream(&self, argv: &[&str]) -> Result<i32> {
        self.command(argv).stream()
    }

    /// Runs a shell script inside that must succeed (with `set -eu`), and returns its output.
    pub fn shell(&self, script: &str) -> Result<String> {
        Ok(self.exec_ok(&["bash", "-euc", script])?.stdout)
    }

    /// Starts a program inside in the background.
    pub fn spawn(&self, argv: &[&str]) -> Result<Process> {
        self.command(argv).spawn()
    }

    /// Copies a file of the outer machine into the machine, with this mode.
    pub fn push(&self, file: &Path, dest: &str, mode: u32) -> Result<()> {
        self.write_from(
            self.command(&placing(dest, mode).as_refs())
                .stdin_file(file),
        )
    }

    /// Writes a text to a file of the machine, with this mode.
    pub fn write(&self, dest: &str, text: &str, mode: u32) -> Result<()> {
        self.write_from(self.command(&placing(dest, mode).as_refs()).stdin(text))
    }

    fn write_from(&self, exec: Exec<'_>) -> Result<()> {
        exec.run()?.ok()?;
        Ok(())
    }

    /// The text of a file in the machine.
    pub fn read(&self, path: &str) -> Result<String> {
        Ok(self.exec_ok(&["cat", "--", path])?.stdout)
    }

    /// Whether the path exists in the machine (a dangling link does).
    pub fn exists(&self, path: &str) -> Result<bool> {
        let found = self.exec(&["sh", "-c", "test -e \"$0\" || test -L \"$0\"", path])?;
        Ok(found.status == 0)
    }
}

/// The command that writes its input to a file. The file gets a new inode, so that a running program can be replaced,
/// and its name only when it is complete.
pub(crate) struct Placing([String; 5]);

impl Placing {
    pub(crate) fn as_refs(&self) -> Vec<&str> {
        self.0.iter().map(String::as_str).collect()
    }
}

pub(crate) fn placing(dest: &str, mode: u32) -> Placing {
    let script = "mkdir -p \"$(dirname \"$0\")\" && umask 077 && cat >\"$0.xtask\" \
                  && chmod \"$1\" \"$0.xtask\" && mv -f \"$0.xtask\" \"$0\"";
    Placing([
        "sh".into(),
        "-c".into(),
        script.into(),
        dest.into(),
        format!("{mode:o}"),
    ])
}
