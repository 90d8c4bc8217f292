//! Running programs of the outer machine, and waiting for a condition with a deadline.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::meter;

/// Directories that are searched in addition to `PATH`: root's `PATH` under cron, su or a CI runner often lacks the
/// `sbin` directories, which have `ip` and `nft`.
const SYSTEM_PATH: [&str; 6] = [
    "/usr/local/sbin",
    "/usr/local/bin",
    "/usr/sbin",
    "/usr/bin",
    "/sbin",
    "/bin",
];

/// The repository's root directory.
pub fn workspace() -> PathBuf {
    // The manifest directory is fixed at build time, and cargo rebuilds xtask in each checkout.
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_path_buf()
}

/// The full path of a program, or `None` if this machine lacks it.
pub fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(SYSTEM_PATH.iter().map(PathBuf::from))
        .map(|dir| dir.join(program))
        .find(|candidate| candidate.is_file())
}

/// A command for a program found by [`find`] that may continue after the task of this thread.
pub fn detached(program: &str) -> Command {
    Command::new(find(program).unwrap_or_else(|| PathBuf::from(program)))
}

/// A command for a program found by [`find`], in the control group of the task of this thread.
pub fn command(program: &str) -> Command {
    let Some(group) = meter::group() else {
        return detached(program);
    };
    let found = find(program).unwrap_or_else(|| PathBuf::from(program));
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", "echo 0 >\"$0/cgroup.procs\"; exec \"$@\""])
        .arg(group)
        .arg(found);
    command
}

/// Runs a program quietly. Its output appears only in the error of a failure.
pub fn quiet<S: AsRef<OsStr>>(program: &str, args: &[S]) -> Result<String> {
    let output = command(program)
        .args(args)
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start {program}"))?;
    if !output.status.success() {
        let shown: Vec<_> = args
            .iter()
            .map(|arg| arg.as_ref().to_string_lossy())
            .collect();
        bail!(
            "`{program} {}` failed ({}):\n{}{}",
            shown.join(" "),
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs a command with the output of this process. Returns an error if it fails.
pub fn loud(command: &mut Command) -> Result<()> {
    let status = command
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("cannot start {}", command.get_program().display()))?;
    if !status.success() {
        bail!("{} failed ({status})", command.get_program().display());
    }
    Ok(())
}

/// Calls `probe` until it returns a value, or fails with `what` after the time limit. The pauses become longer, since
/// most probes start programs in a machine, and other tasks need the processor.
pub fn wait_for<T>(
    what: &str,
    limit: Duration,
    mut probe: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let begin = Instant::now();
    meter::waiting(what, || {
        loop {
            if let Some(answer) = probe()? {
                return Ok(answer);
            }
            if begin.elapsed() >= limit {
                bail!("{what}: not within {} s", limit.as_secs());
            }
            let pause = begin.elapsed() / 20;
            std::thread::sleep(pause.clamp(Duration::from_millis(100), Duration::from_secs(1)));
        }
    })
}
