//! One changing run at a time.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

use crate::{Fault, code};

/// An OS lock, held until dropped. It never depends on a file's existence, so a power cut leaves nothing.
///
/// Child processes inherit it. When a run is killed while `useradd`, for example, still works, the next run waits for
/// that process instead of racing it.
#[derive(Debug)]
pub struct RunLock {
    _file: File,
}

/// The time between two tries.
const RETRY_INTERVAL: Duration = Duration::from_millis(50);

/// How long a run may take to stop after a signal: about as long as the longest step that cannot be interrupted.
const STOP_TIMEOUT: Duration = Duration::from_secs(15);

/// How long a process that a killed run left behind may take: ample time for an installation by apt.
const LEFT_BEHIND_TIMEOUT: Duration = Duration::from_secs(600);

impl RunLock {
    /// Takes the lock, or fails and names the process that holds it.
    pub fn take(path: &Path, note: &mut dyn FnMut(&str)) -> Result<Self, Fault> {
        let failed = |error| failed(path, error);
        let mut file = open(path).map_err(failed)?;
        let started = Instant::now();
        let mut is_reported = false;
        while file.try_lock().is_err() {
            let holder = Holder::of(&mut file).map_err(failed)?;
            if holder.runs() {
                return Err(Fault::new(format!(
                    "another run (process {}) is changing this host",
                    holder.pid
                ))
                .fix("Wait for it to end, then run the same command again.")
                .coded(code::LOCK_HELD));
            }
            if started.elapsed() > LEFT_BEHIND_TIMEOUT {
                return Err(
                    Fault::new("a process that an earlier run left behind does not end")
                        .fix(format!(
                            "Find it with `fuser -v {}` and stop it.",
                            path.display()
                        ))
                        .coded(code::LOCK_HELD),
                );
            }
            if !is_reported {
                note("waiting for a process that a killed run left behind");
                is_reported = true;
            }
            std::thread::sleep(RETRY_INTERVAL);
        }
        Self::hold(file).map_err(failed)
    }

    /// Takes the lock when the run that holds it ends within this time. `None` if it does not, or if a process that an
    /// ended run left behind holds the lock.
    pub fn after_the_run(path: &Path, within: Duration) -> Result<Option<Self>, Fault> {
        let failed = |error| failed(path, error);
        let mut file = open(path).map_err(failed)?;
        let started = Instant::now();
        while file.try_lock().is_err() {
            let runs = Holder::of(&mut file).map_err(failed)?.runs();
            if !runs || started.elapsed() > within {
                return Ok(None);
            }
            std::thread::sleep(RETRY_INTERVAL);
        }
        Self::hold(file).map(Some).map_err(failed)
    }

    /// Takes the lock from a run that holds it. The run gets SIGTERM, then SIGKILL, which every run survives. `None`
    /// when a process that the run left behind still holds the lock: a lockout is worse than a race with that process.
    pub fn take_over(path: &Path, note: &mut dyn FnMut(&str)) -> Result<Option<Self>, Fault> {
        let failed = |error| failed(path, error);
        let mut file = open(path).map_err(failed)?;
        for signal in [Signal::TERM, Signal::KILL] {
            if file.try_lock().is_ok() {
                break;
            }
            let holder = Holder::of(&mut file).map_err(failed)?;
            if let Some(pid) = Pid::from_raw(holder.pid)
                && holder.runs()
            {
                note(&format!(
                    "stopping the run in progress (process {})",
                    holder.pid
                ));
                // It may have ended by now.
                rustix::process::kill_process(pid, signal).ok();
            }
            let started = Instant::now();
            while file.try_lock().is_err() && started.elapsed() < STOP_TIMEOUT {
                std::thread::sleep(RETRY_INTERVAL);
            }
        }
        if file.try_lock().is_err() {
            return Ok(None);
        }
        Self::hold(file).map(Some).map_err(failed)
    }

    fn hold(mut file: File) -> std::io::Result<Self> {
        let me = std::process::id();
        file.set_len(0)?;
        file.rewind()?;
        write!(file, "{me} {}", started_at(me).unwrap_or_default())?;
        // The lock is inherited on purpose, see above.
        rustix::io::fcntl_setfd(&file, rustix::io::FdFlags::empty())?;
        Ok(Self { _file: file })
    }
}

fn failed(path: &Path, error: std::io::Error) -> Fault {
    Fault::new(format!("failed to lock {}", path.display())).because(error)
}

fn open(path: &Path) -> std::io::Result<File> {
    OpenOptions::new()
        .create(true)
        .read(true)
        .write(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed())
        .open(path)
}

/// The process that took the lock last, and its start time in ticks since boot, because process ids are reused.
#[derive(Debug, PartialEq, Eq)]
struct Holder {
    pid: i32,
    started: String,
}

impl Holder {
    fn of(file: &mut File) -> std::io::Result<Self> {
        let mut text = Vec::new();
        file.rewind()?;
        file.read_to_end(&mut text)?;
        Ok(Self::written(&text))
    }

    fn written(text: &[u8]) -> Self {
        let text = String::from_utf8_lossy(text);
        let mut words = text.split_whitespace();
        let pid = words.next().and_then(|word| word.parse().ok());
        Self {
            pid: pid.unwrap_or_default(),
            started: words.next().unwrap_or_default().to_owned(),
        }
    }

    /// Whether that process still runs, and not another one with the same id.
    fn runs(&self) -> bool {
        let pid = u32::try_from(self.pid).unwrap_or_default();
        pid != 0 && started_at(pid).is_some_and(|started| started == self.started)
    }
}

fn started_at(pid: u32) -> Option<String> {
    start_in(&fs::read(format!("/proc/{pid}/stat")).ok()?)
}

/// Field 22 of /proc/PID/stat, see proc_pid_stat(5). The name before it may contain blanks and brackets. It is
/// truncated after 15 bytes, possibly within a letter.
pub(crate) fn start_in(stat: &[u8]) -> Option<String> {
    let stat = String::from_utf8_lossy(stat);
    let (_, fields) = stat.rsplit_once(") ")?;
    fields.split(' ').nth(19).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The name of a process is the name of its file, of which the kernel keeps 15 bytes.
    #[test]
    fn a_process_is_known_whatever_it_is_called() {
        for name in [
            &b"aztec-kit (1)"[..],
            b"a) S 1 2",
            b"aztec-kit-f\xc3\xbcr-\xc3",
            b"\n",
        ] {
            let rest = b") S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 1951 20\n";
            let stat = [&b"42 ("[..], name, &rest[..]].concat();
            assert_eq!(start_in(&stat).as_deref(), Some("1951"));
        }
    }

    #[test]
    fn another_process_with_the_number_of_the_holder_is_not_the_holder() {
        let me = std::process::id();
        let holder = |pid: u32, started: &str| Holder {
            pid: pid.cast_signed(),
            started: started.into(),
        };
        assert!(holder(me, &started_at(me).unwrap()).runs());
        assert!(!holder(me, "1").runs());
        assert!(!holder(0, "").runs());
        // A lock file as 0.1.0 of November 2026 wrote it.
        assert!(!holder(me, "").runs());
    }
}
