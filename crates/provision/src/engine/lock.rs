//! One changing run at a time.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

use crate::Fault;

/// An OS lock, held until dropped. It never depends on a file's existence, so a power cut leaves nothing.
///
/// Programs we start inherit it: when a run is killed while, say, `useradd` still works, the next run
/// waits for that program instead of racing it.
#[derive(Debug)]
pub struct RunLock {
    _file: File,
}

/// How long a run that was told to stop may take: the longest step that cannot be interrupted, within reason.
const TO_STOP: Duration = Duration::from_secs(15);

/// How long a program left behind by a killed run may take: an installation by apt, generously.
const LEFT_BEHIND: Duration = Duration::from_secs(600);

impl RunLock {
    /// Takes the lock in `dir`, or says who holds it.
    pub fn take(dir: &Path, note: &mut dyn FnMut(&str)) -> Result<Self, Fault> {
        let failed = |error| failed(dir, error);
        let mut file = open(dir).map_err(failed)?;
        let started = Instant::now();
        let mut told = false;
        while file.try_lock().is_err() {
            let holder = holder(&mut file).map_err(failed)?;
            if alive(&holder) {
                return Err(Fault::new(format!(
                    "another run (process {holder}) is changing this host"
                ))
                .fix("Wait for it to end, then run the same command again."));
            }
            if started.elapsed() > LEFT_BEHIND {
                return Err(
                    Fault::new("a program left behind by an earlier run does not end")
                        .fix("Find it with `fuser -v /var/lib/aztec-kit/lock` and stop it."),
                );
            }
            if !told {
                note("waiting for a program that a killed run left behind");
                told = true;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Self::hold(file).map_err(failed)
    }

    /// Takes the lock from a run that holds it: it is asked to stop, then killed, which every run survives.
    /// `None` when a program that it left behind still holds on; to be locked out is worse than to race that.
    pub fn wrest(dir: &Path, note: &mut dyn FnMut(&str)) -> Result<Option<Self>, Fault> {
        let failed = |error| failed(dir, error);
        let mut file = open(dir).map_err(failed)?;
        for signal in [Signal::TERM, Signal::KILL] {
            if file.try_lock().is_ok() {
                break;
            }
            let holder = holder(&mut file).map_err(failed)?;
            if let Some(pid) = holder.parse().ok().and_then(Pid::from_raw)
                && alive(&holder)
            {
                note(&format!(
                    "stopping the run that is going on (process {holder})"
                ));
                // It may be gone by now.
                rustix::process::kill_process(pid, signal).ok();
            }
            let started = Instant::now();
            while file.try_lock().is_err() && started.elapsed() < TO_STOP {
                std::thread::sleep(Duration::from_millis(50));
            }
        }
        if file.try_lock().is_err() {
            return Ok(None);
        }
        Self::hold(file).map(Some).map_err(failed)
    }

    fn hold(mut file: File) -> std::io::Result<Self> {
        file.set_len(0)?;
        file.rewind()?;
        write!(file, "{}", std::process::id())?;
        // Inherited on purpose, see above.
        rustix::io::fcntl_setfd(&file, rustix::io::FdFlags::empty())?;
        Ok(Self { _file: file })
    }
}

fn failed(dir: &Path, error: std::io::Error) -> Fault {
    Fault::new(format!("failed to lock {}", dir.display())).because(error)
}

fn open(dir: &Path) -> std::io::Result<File> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)?;
    OpenOptions::new()
        .create(true)
        .read(true)
        .write(true)
        .truncate(false)
        .mode(0o600)
        .open(dir.join("lock"))
}

/// The process that took the lock last.
fn holder(file: &mut File) -> std::io::Result<String> {
    let mut holder = String::new();
    file.rewind()?;
    file.read_to_string(&mut holder)?;
    Ok(holder.trim().to_owned())
}

/// Whether that process is a run of this program, and not another one that got its number.
fn alive(pid: &str) -> bool {
    let name = |pid: &str| fs::read_to_string(Path::new("/proc").join(pid).join("comm")).ok();
    !pid.is_empty() && name(pid).is_some_and(|other| Some(other) == name("self"))
}
