//! Running programs inside a machine.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use super::{FORBIDDEN_CAPABILITIES, Machine};
use crate::{meter, sh};

/// No command of a test may hang a run; a case that needs longer says so with [`Exec::limit`].
const LIMIT: Duration = Duration::from_secs(1200);

/// What a login of root has. Nothing of the outer environment gets in except [`PASSED_ON`].
const ENVIRONMENT: [&str; 4] = [
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME=/root",
    "LC_ALL=C.UTF-8",
    "USER=root",
];

/// Variables that describe the outer machine's terminal and way out, so they hold inside as well.
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
    /// What it printed.
    pub stdout: String,
    /// What it said on the side.
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

/// A host that one can get into to run programs, whichever kind it is of.
pub trait Enter: std::fmt::Debug {
    /// The command of the outer machine that runs `argv` inside, without an environment but what `argv` sets up, and
    /// ends with its exit code.
    fn entering(&self, argv: &[String]) -> Result<Command>;
}

/// A program to run inside a host, by default a machine; made by [`Machine::command`].
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

    /// Gives the program this text to read.
    #[must_use]
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.input = Input::Bytes(bytes.into());
        self
    }

    /// Gives the program a file of the outer machine to read.
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

    /// Runs the program to its end and catches what it prints.
    pub fn run(self) -> Result<Output> {
        meter::waiting(&self.short(), || self.run_to_end())
    }

    /// What the program is called where there is little room: its name and what it does.
    fn short(&self) -> String {
        let (program, does) = match self.argv.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            ["bash" | "sh", _, script, ..] => ("", script),
            [program, does, ..] => (program, does),
            [program] => (program, ""),
            [] => ("", ""),
        };
        let program = program.rsplit('/').next().unwrap_or_default();
        let line = does.lines().find(|line| !line.is_empty());
        let does: String = line.unwrap_or_default().chars().take(40).collect();
        format!("{program} {does}").trim().to_owned()
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
        // A thread, since a program may print more than a pipe holds before it reads.
        let writer = child.stdin.take().zip(input).map(|(mut pipe, bytes)| {
            std::thread::spawn(move || {
                // A program that does not read its input to the end is no failure.
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
            status: code(output.status),
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
        Ok(code(status))
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
        Ok(Process {
            child,
            group,
            log,
            abandoned: false,
        })
    }
}

impl Enter for Machine {
    fn entering(&self, argv: &[String]) -> Result<Command> {
        self.entering_by("xtask", argv)
    }
}

impl Machine {
    /// The outer command that gets into the machine's namespaces, limits, and a control group of this name.
    fn entering_by(&self, group: &str, argv: &[String]) -> Result<Command> {
        let leader = self.leader()?;
        let group = self.cgroup.visitor(group)?;
        let mut command = sh::command("sh");
        command
            .args(["-c", "echo 0 >\"$0/cgroup.procs\" && exec \"$@\""])
            .arg(group)
            // Namespaces do not hold back a root that comes from outside: without this, `date -s`
            // inside would set the outer machine's clock.
            .args(["setpriv", &without_forbidden()])
            .args(["nsenter", "--target", &leader.to_string()])
            .args(["--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup"])
            .args(["--root", "--wdns=/root", "--"])
            .args(argv);
        Ok(command)
    }
}

/// Wakes what has entered a machine and was stopped.
///
/// Before systemd ends the last processes it stops all of them for a moment. nsenter, which systemd does not see,
/// then stops itself as its program has, and nobody wakes it: the program stays a zombie, and the machine on.
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

fn code(status: std::process::ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt as _;
    status
        .code()
        .unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
}

/// How long nsenter may take until the program is its child.
const STARTS: Duration = Duration::from_secs(180);

/// A program that runs in a machine's background. Dropping it kills it with its children.
#[derive(Debug)]
pub struct Process {
    child: Child,
    group: PathBuf,
    log: PathBuf,
    abandoned: bool,
}

impl Process {
    /// Sends SIGKILL to the program alone, and waits for its end. Its children live on, as they do
    /// on a real machine.
    pub fn kill(&mut self) -> Result<()> {
        let (id, child) = (self.child.id(), &mut self.child);
        // It may end by itself at any moment, and then there is nothing to wait for.
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

    /// The exit code, when the program has ended.
    pub fn ended(&mut self) -> Result<Option<i32>> {
        Ok(self.child.try_wait()?.map(code))
    }

    /// Waits for the program's end and gives its exit code.
    pub fn wait(&mut self, limit: Duration) -> Result<i32> {
        sh::wait_for("the end of the program", limit, || self.ended())
    }

    /// What the program has printed so far, on both channels.
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

fn child_of(parent: u32) -> Option<Pid> {
    let wanted = format!("PPid:\t{parent}");
    fs::read_dir("/proc").ok()?.flatten().find_map(|entry| {
        let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
        let status = fs::read_to_string(entry.path().join("status")).ok()?;
        status
            .lines()
            .any(|line| line == wanted)
            .then(|| Pid::from_raw(pid))
            .flatten()
    })
}
