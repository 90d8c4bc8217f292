//! Runs a program. Its whole output within a time and a size limit is the result; anything else is an error.

use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::{Output, Unfinished};
use crate::Fault;

/// The limit of each output stream.
const OUTPUT_LIMIT: usize = 32 << 20;
/// How long a child process may keep the output open after the program ended. The work is done by then.
const LATE: Duration = Duration::from_secs(1);
/// How often a program that has not closed its output is checked.
const TICK: Duration = Duration::from_millis(100);
/// The path for programs, whatever the caller's is.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Variables about the operator's network and trust that are passed to programs.
const PASSED_ON: &[&str] = &[
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NODE_EXTRA_CA_CERTS",
    "npm_config_registry",
    "NPM_CONFIG_REGISTRY",
    "npm_config_cafile",
    "NPM_CONFIG_CAFILE",
];

/// One call of a program.
pub(super) struct Call<'a> {
    /// Program and arguments; no shell is involved.
    pub argv: &'a [String],
    /// Variables added to the small fixed environment.
    pub env: &'a [(String, String)],
    /// Working directory.
    pub dir: Option<&'a Path>,
    /// The program and its process group are killed after this time.
    pub timeout: Duration,
    /// Whether it is run for its output. Then the whole output is awaited, and the program is killed if that is too
    /// long. A program that changes the host is left to finish, and its child processes may keep the output open.
    pub is_query: bool,
}

impl Call<'_> {
    /// Runs it to its end.
    pub(super) fn run(&self) -> Result<Output, Fault> {
        let mut child = self.start()?;
        let started = Instant::now();
        match self.hear(&mut child, started + self.timeout) {
            Ok(output) => Ok(output),
            Err(fault) => {
                kill(child);
                Err(fault)
            }
        }
    }

    fn name(&self) -> String {
        self.argv.join(" ")
    }

    fn start(&self) -> Result<Child, Fault> {
        let Some((program, arguments)) = self.argv.split_first() else {
            return Err(Fault::new("an empty command line"));
        };
        let mut command = Command::new(found(program));
        command
            .args(arguments)
            .env_clear()
            .env("PATH", PATH)
            .env("LC_ALL", "C.UTF-8")
            .env("HOME", "/root")
            .envs(
                PASSED_ON
                    .iter()
                    .filter_map(|name| Some((name, std::env::var_os(name)?))),
            )
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A Ctrl-C at the terminal is meant for this process, not for a dpkg in the middle of its work.
            .process_group(0);
        // The caller's directory may belong to another account, or no longer exist.
        command.current_dir(self.dir.unwrap_or(Path::new("/")));
        command.spawn().map_err(|error| {
            let fault = Fault::new(format!("failed to run `{}`", self.name()));
            match error.kind() {
                io::ErrorKind::NotFound => fault.fix(format!("Install the program `{program}`.")),
                _ => fault,
            }
            .because(error)
        })
    }

    fn hear(&self, child: &mut Child, deadline: Instant) -> Result<Output, Fault> {
        let failed = |error: io::Error| {
            Fault::new(format!("failed to read the output of `{}`", self.name())).because(error)
        };
        let mut stdout = Stream::of(child.stdout.take()).map_err(failed)?;
        let mut stderr = Stream::of(child.stderr.take()).map_err(failed)?;
        let mut ended: Option<Instant> = None;
        while stdout.open() || stderr.open() {
            await_any(&[&stdout, &stderr], TICK).map_err(failed)?;
            stdout.drain().map_err(failed)?;
            stderr.drain().map_err(failed)?;
            let now = Instant::now();
            if now >= deadline {
                return Err(self.late(ended.is_some()));
            }
            if self.is_query && (stdout.cut || stderr.cut) {
                return Err(Fault::new(format!(
                    "`{}` printed more than {OUTPUT_LIMIT} bytes and was stopped",
                    self.name()
                )));
            }
            if ended.is_none() && child.try_wait().map_err(failed)?.is_some() {
                ended = Some(now);
            }
            if !self.is_query && ended.is_some_and(|ended| now >= ended + LATE) {
                break;
            }
        }
        let unfinished = match () {
            () if stdout.cut || stderr.cut => Some(Unfinished::TooLong),
            () if stdout.open() || stderr.open() => Some(Unfinished::KeptOpen),
            () => None,
        };
        let Some(status) = reap(child, deadline).map_err(failed)? else {
            return Err(self.late(false));
        };
        Ok(Output {
            code: status
                .code()
                .unwrap_or_else(|| 128 + status.signal().unwrap_or(0)),
            stdout: stdout.text(),
            stderr: stderr.text(),
            unfinished,
        })
    }

    fn late(&self, ended: bool) -> Fault {
        let (name, seconds) = (self.name(), self.timeout.as_secs());
        let what = if ended {
            format!(
                "`{name}` ended, but a process that it left running kept its output open for {seconds} s"
            )
        } else {
            format!("`{name}` did not finish within {seconds} s and was stopped")
        };
        Fault::new(what).fix("Find out what it waits for, then run the same command again.")
    }
}

/// The path of a program. The standard library searches a path other than its own only in a forked copy of this
/// process. A program with a full path is started without a fork.
fn found(program: &str) -> PathBuf {
    let mut places = PATH.split(':').map(|dir| Path::new(dir).join(program));
    places
        .find(|place| {
            let runs = rustix::fs::access(place, rustix::fs::Access::EXEC_OK);
            place.is_file() && runs.is_ok()
        })
        .unwrap_or_else(|| program.into())
}

/// One output stream of a program.
struct Stream<S> {
    /// `None` after its end.
    source: Option<S>,
    bytes: Vec<u8>,
    /// Whether it was longer than the limit.
    cut: bool,
}

impl<S: Read + AsFd> Stream<S> {
    fn of(source: Option<S>) -> io::Result<Self> {
        if let Some(source) = &source {
            rustix::io::ioctl_fionbio(source, true)?;
        }
        Ok(Self {
            source,
            bytes: Vec::new(),
            cut: false,
        })
    }

    fn open(&self) -> bool {
        self.source.is_some()
    }

    /// Reads the available output up to the limit: an endless writer must not block this process.
    fn drain(&mut self) -> io::Result<()> {
        let mut chunk = [0; 64 << 10];
        let mut taken = 0;
        while taken < OUTPUT_LIMIT {
            let Some(source) = &mut self.source else {
                break;
            };
            match source.read(&mut chunk) {
                Ok(0) => self.source = None,
                Ok(count) => {
                    taken += count;
                    // Past the limit the pipe is still drained, or the program would block.
                    let room = OUTPUT_LIMIT - self.bytes.len();
                    self.cut |= count > room;
                    self.bytes.extend_from_slice(&chunk[..count.min(room)]);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Bytes that are not UTF-8 become U+FFFD, which no parser here looks for.
    fn text(self) -> String {
        String::from_utf8(self.bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    }
}

/// A source of output to wait for.
trait Waits {
    fn fd(&self) -> Option<BorrowedFd<'_>>;
}

impl<S: AsFd> Waits for Stream<S> {
    fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.source.as_ref().map(AsFd::as_fd)
    }
}

/// Waits until one of them has output or has ended.
fn await_any(streams: &[&dyn Waits], longest: Duration) -> io::Result<()> {
    let fds = streams.iter().filter_map(|stream| stream.fd());
    let mut fds: Vec<_> = fds
        .map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN))
        .collect();
    let longest = Timespec {
        tv_sec: longest.as_secs().cast_signed(),
        tv_nsec: longest.subsec_nanos().into(),
    };
    match poll(&mut fds, Some(&longest)) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Waits for the end of a program that has closed its output; `None` when it does not end in time.
fn reap(child: &mut Child, deadline: Instant) -> io::Result<Option<ExitStatus>> {
    // A program that closed its output is about to end.
    let mut pause = Duration::from_micros(100);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= deadline {
            return Ok(None);
        }
        thread::sleep(pause);
        pause = (pause * 2).min(TICK);
    }
}

/// Kills a program and its process group. If it has ended, its id may belong to another process by now, so only the
/// reader of its output is closed.
fn kill(mut child: Child) {
    if !matches!(child.try_wait(), Ok(None)) {
        return;
    }
    let pid = i32::try_from(child.id()).ok();
    if let Some(pid) = pid.and_then(rustix::process::Pid::from_raw) {
        // An error means that it has ended already.
        rustix::process::kill_process_group(pid, rustix::process::Signal::KILL).ok();
    }
    // A process that the kernel blocks ends when it can. Nobody waits for it.
    thread::spawn(move || child.wait());
}

#[cfg(test)]
#[path = "program_tests.rs"]
mod tests;
