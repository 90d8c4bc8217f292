//! Runs cargo, and reports its progress.

use std::io::Read as _;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};

use crate::{say, sh};

/// The time between two reports of a long compilation.
const EVERY: Duration = Duration::from_secs(15);

/// The priority of cargo on a busy processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Haste {
    /// The same as other programs.
    Usual,
    /// After all other programs.
    Last,
}

/// Lets clippy compile the crates of the workspace instead of rustc, as `cargo clippy` does, and fail on its findings.
/// clippy is rustc with more lints, so lints and tests share one compilation, and dependencies are not compiled for
/// lints alone.
pub const LINTED: [(&str, &str); 2] = [
    ("RUSTC_WORKSPACE_WRAPPER", "clippy-driver"),
    (
        "CLIPPY_ARGS",
        "-D__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__",
    ),
];

/// Runs cargo with these arguments and variables in the workspace. Its output is shown only in the error of a failure.
pub fn run(args: &[&str], haste: Haste, variables: &[(&str, &str)]) -> Result<()> {
    let mut command = command(haste);
    // Without the variables that cargo sets for xtask itself. A build script that depends on one (that of `ring`) would
    // run again, and everything that uses its crate would be compiled again, whenever cargo is called by hand and by
    // xtask in turns.
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if ["CARGO_PKG_", "CARGO_MANIFEST_"]
            .iter()
            .any(|prefix| name.starts_with(prefix))
        {
            command.env_remove(name.as_ref());
        }
    }
    let mut child = command
        .args(args)
        .envs(variables.iter().copied())
        // The progress bar, of a length that leaves room for numbers.
        .env("CARGO_TERM_PROGRESS_WHEN", "always")
        .env("CARGO_TERM_PROGRESS_WIDTH", "80")
        .env("CARGO_TERM_COLOR", "never")
        .current_dir(sh::workspace())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot start cargo")?;
    let (mut stdout, stderr) = (
        child.stdout.take().context("no output")?,
        child.stderr.take().context("no errors")?,
    );
    // On a thread of its own, since cargo blocks when a pipe is full.
    let printed = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = stdout.read_to_end(&mut bytes);
        bytes
    });
    let (sender, news) = mpsc::channel();
    std::thread::spawn(move || lines(stderr).try_for_each(|line| sender.send(line)));
    let mut words = String::new();
    let (mut latest, mut reported) = ("cargo begins".to_owned(), Instant::now());
    loop {
        match news.recv_timeout(EVERY.saturating_sub(reported.elapsed())) {
            Ok(line) => match progress(&line) {
                Some(now) => latest = now,
                None if is_news(&line) => words.extend([line.as_str(), "\n"]),
                None => {}
            },
            Err(RecvTimeoutError::Timeout) => {
                say!("   {latest}");
                reported = Instant::now();
            }
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    let printed = printed.join().map_err(|_| anyhow!("no output of cargo"))?;
    let status = child.wait().context("cannot wait for cargo")?;
    if status.success() {
        return Ok(());
    }
    bail!(
        "`cargo {}` failed ({status}):\n{}{words}",
        args.join(" "),
        String::from_utf8_lossy(&printed)
    )
}

fn command(haste: Haste) -> Command {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    if haste == Haste::Usual {
        return sh::command(&cargo);
    }
    // A session of its own: if the kernel groups processes by session, niceness has no effect outside of one.
    let mut command = sh::command("setsid");
    command
        .args(["setpriv", "--pdeathsig", "KILL", "sh", "-c"])
        .arg("echo 19 2>/dev/null >/proc/self/autogroup; exec nice -n 19 \"$@\"")
        .args(["sh", &cargo]);
    command
}

/// Lines as they arrive. A line ends with a line feed, or a carriage return overwrites it.
fn lines(input: impl std::io::Read) -> impl Iterator<Item = String> {
    let mut bytes = std::io::BufReader::new(input).bytes();
    std::iter::from_fn(move || {
        let mut line = Vec::new();
        for byte in bytes.by_ref().flatten() {
            match byte {
                b'\n' | b'\r' if line.is_empty() => {}
                b'\n' | b'\r' => break,
                byte => line.push(byte),
            }
        }
        (!line.is_empty()).then(|| String::from_utf8_lossy(&line).into_owned())
    })
}

/// The progress of cargo, from its bar: `    Building [===>   ] 212/306: alloy-core, ring(build)`.
fn progress(line: &str) -> Option<String> {
    let (before, after) = line.split_once("] ")?;
    let (what, _) = before.split_once('[')?;
    let what = match what.trim() {
        "Building" => "compiled",
        "Downloading" => "downloaded",
        _ => return None,
    };
    let (numbers, now) = after.split_once(':').unwrap_or((after, ""));
    let (done, all) = numbers.trim().split_once('/')?;
    let now: String = now.trim().chars().take(40).collect();
    Some(format!("{what} {done} of {all} crates, now {now}"))
}

/// Whether a line says more than that a crate is fine.
fn is_news(line: &str) -> bool {
    let usual = [
        "Compiling ",
        "Checking ",
        "Downloaded ",
        "Downloading ",
        "Running ",
        "Finished ",
        "Fresh ",
        "Updating ",
        "Locking ",
        "Doc-tests ",
    ];
    !usual.iter().any(|word| line.trim_start().starts_with(word))
}

#[cfg(test)]
mod tests {
    use super::{is_news, lines, progress};

    #[test]
    fn a_bar_says_how_far_it_is() {
        let printed = b"   Compiling a v1\n    Building [===>   ] 212/306: alloy-core, ring(build)\r\x1b[K\nerror: b\n";
        let lines: Vec<_> = lines(&printed[..]).collect();
        assert_eq!(
            progress(&lines[1]).as_deref(),
            Some("compiled 212 of 306 crates, now alloy-core, ring(build)")
        );
        assert_eq!(progress(&lines[0]), None);
        assert!(!is_news(&lines[0]) && is_news("error: b"));
        assert_eq!(progress("error[E1]: see [1] 2/3"), None);
    }
}
