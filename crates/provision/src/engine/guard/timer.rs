//! The systemd timer that rolls back what is not confirmed in time, and the service that it starts.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::waiting;
use crate::Fault;
use crate::host::{HostMut, Invocation, NewFile, Probe, clear_staged};
use crate::systemd::{Section, UnitFile, Value};

/// Runs `<program> take-back` when the time is up.
const TIMER: &str = "aztec-kit-take-back.timer";
const SERVICE: &str = "aztec-kit-take-back.service";
/// Where an administrator's units live: systemd.unit(5).
const UNIT_DIR: &str = "/etc/systemd/system";
/// The setting of the timer that holds its time, in seconds.
const WINDOW: &str = "OnActiveSec";

fn path(unit: &str) -> PathBuf {
    Path::new(UNIT_DIR).join(unit)
}

/// The common section of both units.
fn unit(description: &'static str) -> UnitFile {
    UnitFile::new()
        .comment("Written by aztec-kit: gone as soon as `aztec-kit confirm` is run.")
        .section(Section::unit().set("Description", description))
}

fn timer(window: Duration) -> UnitFile {
    unit("Time to confirm a change of this host with `aztec-kit confirm`")
        .section(
            Section::timer()
                .set(WINDOW, window.as_secs())
                .set("AccuracySec", "1"),
        )
        .wanted_by("timers.target")
}

fn service(program: &Path) -> UnitFile {
    let command = [
        Value::argument(program.display()),
        "take-back".into(),
        "--due".into(),
    ];
    unit("Take back a change of this host that nobody confirmed").section(
        Section::service()
            .set("Type", "oneshot")
            .list("ExecStart", command)
            .set("Restart", "on-failure")
            .set("RestartSec", "15"),
    )
}

fn systemctl(host_mut: &mut dyn HostMut, words: &[&str]) -> Result<(), Fault> {
    let argv = ["systemctl"].iter().chain(words);
    host_mut.run(&Invocation::new(argv.copied()))
}

/// Writes both units, and starts or restarts the timer.
///
/// # Errors
///
/// When the timer does not run afterwards.
pub(super) fn start(
    program: &Path,
    window: Duration,
    host_mut: &mut dyn HostMut,
) -> Result<(), Fault> {
    for (name, text) in [(TIMER, timer(window)), (SERVICE, service(program))] {
        host_mut.put(&NewFile {
            path: &path(name),
            bytes: text.to_string().as_bytes(),
            uid: 0,
            gid: 0,
            mode: 0o644,
        })?;
    }
    // `enable` makes systemd read its units again, and `restart` restarts the time.
    systemctl(host_mut, &["enable", "--quiet", TIMER])?;
    restart(host_mut)?;
    let timer = host_mut.probe().unit(TIMER)?;
    if timer.active == "active" {
        return Ok(());
    }
    Err(Fault::new(format!(
        "{TIMER} is {} after its start, so nothing would roll back the change",
        timer.active
    ))
    .fix(format!(
        "Read `systemctl status {TIMER}` for the cause. If you have another way in, pass --confirm."
    )))
}

/// Restarts the time.
pub(super) fn restart(host_mut: &mut dyn HostMut) -> Result<(), Fault> {
    systemctl(host_mut, &["restart", TIMER])
}

/// Whether both units exist, and the file of the waiting changes.
pub(super) fn is_in_place(state: &Path, probe: &dyn Probe) -> Result<bool, Fault> {
    for path in [path(TIMER), path(SERVICE), waiting::file(state)] {
        if probe.meta(&path)?.is_none() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Stops the timer and removes its files.
pub(super) fn disarm(state: &Path, host_mut: &mut dyn HostMut) -> Result<(), Fault> {
    let units = [path(TIMER), path(SERVICE)];
    let mut left = false;
    for path in &units {
        clear_staged(path, host_mut)?;
        left |= host_mut.meta(path)?.is_some();
    }
    if left {
        if host_mut.meta(&path(TIMER))?.is_some() {
            systemctl(host_mut, &["disable", "--quiet", "--now", TIMER])?;
        }
        for path in &units {
            host_mut.remove(path)?;
        }
        systemctl(host_mut, &["daemon-reload"])?;
    }
    host_mut.remove_tree(&waiting::dir(state))
}

/// The time until the waiting changes are rolled back, by the clock of systemd: nobody sets it, and the time starts
/// again after a boot. `None` where no timer waits.
pub fn left(probe: &dyn Probe) -> Option<Duration> {
    let text = probe.text(&path(TIMER)).ok()??;
    let mut settings = text.lines().filter_map(|line| line.split_once('='));
    let (_, window) = settings.find(|(name, _)| *name == WINDOW)?;
    let window = Duration::from_secs(window.parse().ok()?);
    let timer = probe.unit(TIMER).ok()?;
    let since = probe.clock().monotonic_us.checked_sub(timer.changed_us)?;
    let gone = Duration::from_micros(u64::try_from(since).ok()?);
    (timer.sub == "waiting").then(|| window.saturating_sub(gone))
}

/// Whether the time is up when the service of the timer starts. A run that took longer than the time restarts it at its
/// end, and the timer waits again. `true` if systemd does not answer.
pub fn due(probe: &dyn Probe) -> bool {
    !probe.unit(TIMER).is_ok_and(|timer| timer.sub == "waiting")
}
