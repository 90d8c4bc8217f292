//! Running programs inside a machine.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use super::process::{Process, exit_code};
use super::{FORBIDDEN_CAPABILITIES, Machine};
use crate::{meter, sh};

/// The time limit of a command, so that none hangs a run. A case that needs more sets it with [`Exec::limit`].
const LIMIT: Duration = Duration::from_secs(1200);

/// The environment of a login of root. Of the outer environment only [`PASSED_ON`] gets in.
const ENVIRONMENT: [&str; 4] = [
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME=/root",
    "LC_ALL=C.UTF-8",
    "USER=root",
];

/// Variables about the terminal and the HTTP proxy of the outer machine, which are the same inside.
const PASSED_ON: [&str; 7] = [
    "TERM",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
];

/// A program that ran to its end.
#[derive(Debug, Clone)]
pub struct Output {
    /// The exit code; 128 + n after signal n, as shells count.
    pub status: i32,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
    command: String,
}

impl Output {
    /// The output of a success; an error that shows everything otherwise.
    pub fn ok(self) -> Result<Output> {
        self.expect(0)
    }

    /// The output when the program ended with this code; an error that shows everything otherwise.
    pub fn expect(self, status: i32) -> Result<Output> {
        if self.status == status {
            return Ok(self);
        }
        bail!(
            "`{}` ended with {} instead of {status}\n--- stdout\n{}\n--- stderr\n{}\n---",
            self.command,
            self.status,
            self.stdout.trim_end(),
            self.stderr.trim_end(),
        )
    }
}

#[derive(Debug)]
enum Input {
    Nothing,
    Bytes(Vec<u8>),
    File(PathBuf),
}

/// A host, of any kind, in which programs can be run.
pub trait Enter: std::fmt::Debug {
    /// The command of the outer machine that runs `argv` inside and ends with its exit code. Its environment is only what
    /// `argv` sets up.
    fn entering(&self, argv: &[String]) -> Result<Command>;
}

/// A program to run inside a host, by default a machine. [`Machine::command`] makes one.
#[derive(Debug)]
pub struct Exec<'m, H: Enter + ?Sized = Machine> {
    host: &'m H,
    argv: Vec<String>,
    env: Vec<String>,
    input: Input,
    limit: Duration,
}

impl<'m, H: Enter + ?Sized> Exec<'m, H> {
    /// A program to run inside this host.
    pub fn new(host: &'m H, argv: &[&str]) -> Exec<'m, H> {
        Exec {
            host,
            argv: argv.iter().map(|&word| word.to_owned()).collect(),
            env: Vec::new(),
            input: Input::Nothing,
            limit: LIMIT,
        }
    }

    /// Adds a variable to the environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push(format!("{name}={value}"));
        self
    }

    /// Passes this text to the program as its input.
    #[must_use]
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.input = Input::Bytes(bytes.into());
        self
    }

    /// Passes a file of the outer machine to the program as its input.
    #[must_use]
    pub fn stdin_file(mut self, path: &Path) -> Self {
        self.input = Input::File(path.to_owned());
        self
    }

    /// Ends the program after this time, with the exit code 124.
    #[must_use]
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Runs the program to its end and captures its output.
    pub fn run(self) -> Result<Output> {
        meter::waiting(&self.short(), || self.run_to_end())
    }

    /// A short name for the program: its own name and its first argument, or the first line of a script.
    fn short(&self) -> String {
        let (program, action) = match self.argv.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            ["bash" | "sh", _, script, ..] => ("", script),
            [program, action, ..] => (program, action),
            [program] => (program, ""),
            [] => ("", ""),
        };
        let program = program.rsplit('/').next().unwrap_or_default();
        let line = action.lines().find(|line| !line.is_empty());
        let action: String = line.unwrap_or_default().chars().take(40).collect();
        format!("{program} {action}").trim().to_owned()
    }

    fn run_to_end(&self) -> Result<Output> {
        let shown = self.argv.join(" ");
        let mut command = self.host.entering(&self.inside(true))?;
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let input = match &self.input {
            Input::Nothing => {
                command.stdin(Stdio::null());
                None
            }
            Input::File(path) => {
                let file = File::open(path).with_context(|| format!("{}", path.display()))?;
                command.stdin(file);
                None
            }
            Input::Bytes(bytes) => {
                command.stdin(Stdio::piped());
                Some(bytes.clone())
            }
        };
        let mut child = command
            .spawn()
            .with_context(|| format!("cannot start {}", command.get_program().display()))?;
        // A thread writes, since a program may print more than a pipe holds before it reads.
        let writer = child.stdin.take().zip(input).map(|(mut pipe, bytes)| {
            std::thread::spawn(move || {
                // A program may end without reading all of its input.
                let _ = pipe.write_all(&bytes);
            })
        });
        let output = child
            .wait_with_output()
            .context("cannot wait for the program")?;
        if let Some(writer) = writer {
            let _ = writer.join();
        }
        Ok(Output {
            status: exit_code(output.status),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            command: shown,
        })
    }

    /// The program as a login of root would run it.
    fn inside(&self, limited: bool) -> Vec<String> {
        let mut argv: Vec<String> = ["env", "-i"].map(String::from).into();
        argv.extend(ENVIRONMENT.map(String::from));
        for name in PASSED_ON {
            if let Ok(value) = std::env::var(name) {
                argv.push(format!("{name}={value}"));
            }
        }
        argv.extend(self.env.iter().cloned());
        if limited {
            let limit = self.limit.as_secs().to_string();
            argv.extend(["timeout".into(), "--kill-after=10".into(), limit]);
        }
        argv.extend(self.argv.iter().cloned());
        argv
    }
}

impl Exec<'_> {
    /// Runs the program with this process's terminal, without a time limit.
    pub fn stream(self) -> Result<i32> {
        let status = self
            .host
            .entering(&self.inside(false))?
            .status()
            .context("cannot start nsenter")?;
        Ok(exit_code(status))
    }

    /// Starts the program in the background.
    pub fn spawn(self) -> Result<Process> {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let name = format!("xtask-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let group = self.host.cgroup.visitor(&name)?;
        let log = self.host.dir.join(format!("{name}.log"));
        let file = File::create(&log).with_context(|| format!("{}", log.display()))?;
        let child = self
            .host
            .entering_by(&name, &self.inside(false))?
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .context("cannot start nsenter")?;
        Ok(Process::new(child, group, log))
    }
}

impl Enter for Machine {
    fn entering(&self, argv: &[String]) -> Result<Command> {
        self.entering_by("xtask", argv)
    }
}

impl Machine {
    /// The outer command that enters the machine's namespaces, limits, and a control group of this name.
    fn entering_by(&self, group: &str, argv: &[String]) -> Result<Command> {
        let leader = self.leader()?;
        let group = self.cgroup.visitor(group)?;
        let mut command = sh::command("sh");
        command
            .args(["-c", "echo 0 >\"$0/cgroup.procs\" && exec \"$@\""])
            .arg(group)
            // Namespaces do not restrict a root that comes from outside: without this, `date -s` inside would set
            // the clock of the outer machine.
            .args(["setpriv", &without_forbidden()])
            .args(["nsenter", "--target", &leader.to_string()])
            .args(["--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup"])
            .args(["--root", "--wdns=/root", "--"])
            .args(argv);
        Ok(command)
    }
}

/// Wakes the stopped programs that have entered a machine.
///
/// Before systemd ends the last processes, it stops all of them for a moment. nsenter, which systemd does not see, then
/// stops itself as its program has, and nothing wakes it: the program stays a zombie, and the machine does not end.
pub(super) fn wake_visitors(leader: u32) {
    let entered = format!("nsenter\0--target\0{leader}\0");
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let read = |name: &str| fs::read_to_string(entry.path().join(name)).unwrap_or_default();
        let pid = entry.file_name().to_str().and_then(|pid| pid.parse().ok());
        if let Some(pid) = pid.and_then(Pid::from_raw)
            && read("cmdline").contains(&entered)
            && read("status").contains("State:\tT")
        {
            // It may have ended meanwhile.
            let _ = kill_process(pid, Signal::CONT);
        }
    }
}

fn without_forbidden() -> String {
    let dropped: Vec<_> = FORBIDDEN_CAPABILITIES
        .iter()
        .map(|name| format!("-{name}"))
        .collect();
    format!("--bounding-set={}", dropped.join(","))
}
