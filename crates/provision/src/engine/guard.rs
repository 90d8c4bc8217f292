//! Rolls back commit-confirmed changes that are not confirmed in time.
//!
//! The prior state is journaled before the change, and a systemd timer that runs a copy of aztec-kit is written to
//! disk. So the rollback also happens after this run is killed. After a power cut, the time starts again at boot.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{
    ApplyCx, Event, Journal, Receipt, Resource, ResourceId, Reverted, RolledBack, Unconfirmed,
};
use crate::Fault;
use crate::host::{HostMut, Invocation, NewFile, Probe, clear_staged};
use crate::systemd::{Section, UnitFile, Value};

/// Runs `<program> take-back` when the time is up.
const TIMER: &str = "aztec-kit-take-back.timer";
const SERVICE: &str = "aztec-kit-take-back.service";
/// Where an administrator's units live: systemd.unit(5).
const UNIT_DIR: &str = "/etc/systemd/system";

/// The settings of commit-confirmed changes.
#[derive(Debug, Clone)]
pub struct Guard {
    /// The directory of the journal; the copy of the program lies beside it.
    pub state: PathBuf,
    /// A program that ends in [`roll_back`] when called with `take-back --due`.
    pub program: PathBuf,
    /// How long a change waits for its confirmation.
    pub window: Duration,
}

impl Guard {
    /// The deadline of a change made now, microseconds since the epoch.
    pub(super) fn until_us(&self, probe: &dyn Probe) -> i64 {
        let window = i64::try_from(self.window.as_micros()).unwrap_or(i64::MAX);
        probe.clock().realtime_us.saturating_add(window)
    }

    /// Starts or restarts the timer for all changes that wait.
    ///
    /// # Errors
    ///
    /// When the timer is not reliable. The change must not be made then.
    pub(super) fn arm(
        &self,
        host_mut: &mut dyn HostMut,
        waiting: &[Unconfirmed],
    ) -> Result<(), Fault> {
        let copy = self.copy(host_mut)?;
        write_down(&self.state, waiting, host_mut)?;
        let files = [(TIMER, timer(self.window)), (SERVICE, service(&copy))];
        for (name, text) in &files {
            put(
                host_mut,
                &Path::new(UNIT_DIR).join(name),
                text.to_string().as_bytes(),
                0o644,
            )?;
        }
        // `enable` makes systemd read its units again, and `restart` restarts the time.
        run(host_mut, &["systemctl", "enable", "--quiet", TIMER])?;
        run(host_mut, &["systemctl", "restart", TIMER])?;
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

    /// Restarts the timer at the end of a run, because the operator could not test the change earlier. An operator who
    /// confirmed an earlier change meanwhile may have removed the timer.
    ///
    /// # Errors
    ///
    /// As [`Guard::arm`].
    pub(super) fn restart(
        &self,
        host_mut: &mut dyn HostMut,
        waiting: &[Unconfirmed],
    ) -> Result<(), Fault> {
        let units = [TIMER, SERVICE].map(|name| Path::new(UNIT_DIR).join(name));
        for path in units.into_iter().chain([waiting_file(&self.state)]) {
            if host_mut.meta(&path)?.is_none() {
                return self.arm(host_mut, waiting);
            }
        }
        run(host_mut, &["systemctl", "restart", TIMER])
    }

    /// A copy of aztec-kit that stays in place until the change is confirmed, and that can be executed there.
    fn copy(&self, host_mut: &mut dyn HostMut) -> Result<PathBuf, Fault> {
        let lost = || {
            Fault::new(format!(
                "{} no longer exists, so nothing could roll back the change",
                self.program.display()
            ))
            .fix("Run the same command again with the aztec-kit that is installed now.")
        };
        let bytes = host_mut.probe().read(&self.program)?.ok_or_else(lost)?;
        let dir = copy_dir(&self.state);
        for dir in [&self.state, &dir] {
            if host_mut.meta(dir)?.is_none() {
                host_mut.mkdir(dir, 0, 0, 0o700)?;
            }
        }
        // The copy has a fixed name, because the original one may contain letters that have a meaning in a unit.
        let path = dir.join(COPY);
        if host_mut.read(&path)?.as_ref() != Some(&bytes) {
            put(host_mut, &path, &bytes, 0o700)?;
        }
        run(host_mut, &[&path.display().to_string(), "--version"])?;
        Ok(path)
    }
}

/// The name of the copy.
const COPY: &str = "aztec-kit";

fn copy_dir(state: &Path) -> PathBuf {
    state.join("take-back")
}

/// The waiting changes, for a journal that cannot be read when the time is up.
fn waiting_file(state: &Path) -> PathBuf {
    copy_dir(state).join("waiting.json")
}

fn put(host_mut: &mut dyn HostMut, path: &Path, bytes: &[u8], mode: u32) -> Result<(), Fault> {
    host_mut.put(&NewFile {
        path,
        bytes,
        uid: 0,
        gid: 0,
        mode,
    })
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

fn run(host_mut: &mut dyn HostMut, argv: &[&str]) -> Result<(), Fault> {
    host_mut.run(&Invocation::new(argv.iter().copied()))
}

/// Stops the timer and removes its files.
fn disarm(state: &Path, host_mut: &mut dyn HostMut) -> Result<(), Fault> {
    let units = [TIMER, SERVICE].map(|name| Path::new(UNIT_DIR).join(name));
    let mut left = false;
    for path in &units {
        clear_staged(path, host_mut)?;
        left |= host_mut.meta(path)?.is_some();
    }
    if left {
        if host_mut.meta(&units[0])?.is_some() {
            run(
                host_mut,
                &["systemctl", "disable", "--quiet", "--now", TIMER],
            )?;
        }
        for path in &units {
            host_mut.remove(path)?;
        }
        run(host_mut, &["systemctl", "daemon-reload"])?;
    }
    host_mut.remove_tree(&copy_dir(state))
}

/// Confirms every change that waits and returns their ids.
///
/// Takes no run lock: the operator must not have to wait for the run that made the change.
///
/// # Errors
///
/// When the rollback has begun.
pub fn confirm(
    state: &Path,
    host_mut: &mut dyn HostMut,
    journal: &mut dyn Journal,
) -> Result<Vec<ResourceId>, Fault> {
    let receipt = match journal.receipt() {
        Ok(receipt) => receipt,
        Err(fault) => {
            // An unreadable journal must not cost the operator the change. It can be confirmed again once the journal
            // is readable.
            let waiting = written_down(state, host_mut)?;
            if waiting.is_empty() {
                return Err(fault);
            }
            disarm(state, host_mut)?;
            return Ok(ids(waiting));
        }
    };
    // A rollback first records in the same journal that it begins, so only one of the two can win. It may also have
    // ended since the receipt was read.
    let in_time = |now: &Receipt| {
        let mut changes = receipt.unconfirmed.iter();
        !now.rolling_back && changes.all(|change| now.waits(&change.id))
    };
    if !receipt.unconfirmed.is_empty() && !journal.append_if(&Event::Confirmed, &in_time)? {
        let now = journal.receipt()?;
        let gone = |id: &ResourceId| now.rolled_back.iter().any(|what| what.id == *id);
        let mut changes = receipt.unconfirmed.iter();
        if now.rolling_back || changes.any(|change| gone(&change.id)) {
            return Err(
                Fault::new("the confirmation is too late: the change is being rolled back, or has just been")
                    .fix("Wait a moment, read `aztec-kit plan`, and make the change again with `aztec-kit apply`."),
            );
        }
        // Another process confirmed it at the same time.
    }
    // This also runs when nothing waits: an earlier `confirm` may have been killed before it removed the timer.
    disarm(state, host_mut)?;
    Ok(ids(receipt.unconfirmed))
}

fn ids(changes: Vec<Unconfirmed>) -> Vec<ResourceId> {
    changes.into_iter().map(|change| change.id).collect()
}

/// The setting of the timer that holds its time, in seconds.
const WINDOW: &str = "OnActiveSec";

/// The time until the waiting changes are rolled back, by the clock of systemd: nobody sets it, and the time starts
/// again after a boot. `None` where no timer waits.
pub fn left(probe: &dyn Probe) -> Option<Duration> {
    let text = probe.text(&Path::new(UNIT_DIR).join(TIMER)).ok()??;
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

/// The result of a rollback.
#[derive(Debug, Default)]
pub struct Back {
    /// The changes that were rolled back.
    pub all: Vec<RolledBack>,
    /// The failures to roll back or to record.
    pub faults: Vec<Fault>,
}

/// Rolls back every change that waits, the last one first. A failure does not stop the others, nor does a journal that
/// cannot be read or written. After a failure or a kill, call it again.
pub fn roll_back<R: Resource>(
    state: &Path,
    host_mut: &mut dyn HostMut,
    journal: &mut dyn Journal,
) -> Back {
    let mut back = Back::default();
    let (waiting, readable) = match journal.receipt() {
        Ok(receipt) => (begun(receipt, journal), true),
        Err(fault) => {
            back.faults.push(fault);
            let waiting = written_down(state, host_mut);
            (waiting.unwrap_or_else(|fault| back.missed(fault)), false)
        }
    };
    let mut left = waiting.clone();
    for change in waiting.into_iter().rev() {
        let reverted = revert::<R>(&change, host_mut);
        let Some(reverted) = reverted.map_or_else(|fault| back.missed(fault), Some) else {
            continue;
        };
        let what = RolledBack {
            id: change.id,
            at_us: host_mut.clock().realtime_us,
            kept: match reverted {
                Reverted::Restored => None,
                Reverted::Kept(why) | Reverted::Later(why) => Some(why),
            },
        };
        let recorded = journal.append(&Event::RolledBack {
            before: change.before,
            what: what.clone(),
        });
        match recorded {
            // The record still says that it waits, so it is rolled back once more.
            Err(fault) if readable => back.faults.push(fault),
            _ => left.retain(|other| other.id != what.id),
        }
        back.all.push(what);
    }
    let ended = if left.is_empty() {
        disarm(state, host_mut)
    } else {
        write_down(state, &left, host_mut)
    };
    ended.unwrap_or_else(|fault| back.missed(fault));
    back
}

impl Back {
    /// The changes that were rolled back.
    ///
    /// # Errors
    ///
    /// All failures to roll back or to record, in one.
    pub fn whole(self) -> Result<Vec<RolledBack>, Fault> {
        let all = self.faults.into_iter();
        let told = all.reduce(|first, next| Fault::new(first.chain()).because(next));
        told.map_or(Ok(self.all), Err)
    }

    /// Records a failure and continues with a default.
    fn missed<T: Default>(&mut self, fault: Fault) -> T {
        self.faults.push(fault);
        T::default()
    }
}

/// The changes that still wait, once the journal says that it is too late to confirm them.
fn begun(receipt: Receipt, journal: &mut dyn Journal) -> Vec<Unconfirmed> {
    if receipt.rolling_back || receipt.unconfirmed.is_empty() {
        return receipt.unconfirmed;
    }
    let some_wait = |receipt: &Receipt| !receipt.unconfirmed.is_empty();
    match journal.append_if(&Event::RollingBack, &some_wait) {
        // They were confirmed a moment ago.
        Ok(false) => Vec::new(),
        // An unwritable journal is not a reason to leave the operator locked out.
        Ok(true) | Err(_) => receipt.unconfirmed,
    }
}

/// The copy for a journal that cannot be read when the time is up.
fn write_down(
    state: &Path,
    waiting: &[Unconfirmed],
    host_mut: &mut dyn HostMut,
) -> Result<(), Fault> {
    let text = serde_json::to_vec(waiting).map_err(|error| {
        Fault::new("failed to write the file of the changes that wait for a confirmation")
            .because(error)
    })?;
    put(host_mut, &waiting_file(state), &text, 0o600)
}

fn written_down(state: &Path, probe: &dyn Probe) -> Result<Vec<Unconfirmed>, Fault> {
    let path = waiting_file(state);
    let Some(bytes) = probe.read(&path)? else {
        return Ok(Vec::new());
    };
    serde_json::from_slice(&bytes)
        .map_err(|error| Fault::new(format!("failed to read {}", path.display())).because(error))
}

fn revert<R: Resource>(
    change: &Unconfirmed,
    host_mut: &mut dyn HostMut,
) -> Result<Reverted, Fault> {
    let failed = || Fault::new(format!("failed to roll back {}", change.id));
    let resource: R =
        serde_json::from_value(change.spec.clone()).map_err(|error| failed().because(error))?;
    let before = change.before.as_ref();
    let mut note = |_: &str| {};
    let mut cx = ApplyCx {
        memory: before.and_then(|entry| entry.memory.as_ref()),
        ..ApplyCx::new(host_mut, &mut note)
    };
    if before.is_some() {
        // The resource was removed or changed again. Its record may want to revert to the present state.
        let kept = resource.keep(&mut cx);
        kept.map_err(|fault| failed().because(fault))?;
    }
    let reverted = resource.revert(&change.prior, &mut cx);
    reverted.map_err(|fault| failed().because(fault))
}
