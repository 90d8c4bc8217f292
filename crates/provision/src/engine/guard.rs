//! A change that can cut the operator off is taken back by itself, unless it is confirmed in time.
//!
//! Before the change its prior is journaled, and a systemd timer is put on disk that will run a copy of this
//! program. So it goes off after a kill of this run too; and after a power cut its time begins anew at boot.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{
    ApplyCx, Event, Journal, Receipt, Resource, ResourceId, Reverted, RolledBack, Unconfirmed,
};
use crate::Fault;
use crate::host::{HostMut, Invocation, NewFile, Probe, clear_staged};
use crate::systemd::{Section, UnitFile, Value};

/// Runs `<program> take-back` when the time is over.
const TIMER: &str = "aztec-kit-take-back.timer";
const SERVICE: &str = "aztec-kit-take-back.service";
/// Where an administrator's units live: systemd.unit(5).
const UNIT_DIR: &str = "/etc/systemd/system";

/// What takes changes back that nobody confirms.
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
    /// When a change made now will be taken back, microseconds since the epoch.
    pub(super) fn until_us(&self, probe: &dyn Probe) -> i64 {
        let window = i64::try_from(self.window.as_micros()).unwrap_or(i64::MAX);
        probe.clock().realtime_us.saturating_add(window)
    }

    /// Starts the time, or starts it anew, for all that waits.
    ///
    /// # Errors
    ///
    /// When it could not be relied on: then the change must not be made.
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
        // `enable` makes systemd read its units again; `restart` starts the time anew.
        run(host_mut, &["systemctl", "enable", "--quiet", TIMER])?;
        run(host_mut, &["systemctl", "restart", TIMER])?;
        let timer = host_mut.probe().unit(TIMER)?;
        if timer.active == "active" {
            return Ok(());
        }
        Err(Fault::new(format!(
            "{TIMER} is {} after its start, and nothing would take the change back",
            timer.active
        ))
        .fix(format!(
            "Look with `systemctl status {TIMER}`, or give --confirm if you have another way in."
        )))
    }

    /// Starts the time anew at the end of a run: whoever made the change could not look before. Whoever confirmed an
    /// earlier change in the meantime may have cleared away what keeps the time.
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

    /// A copy of the program that stays where it is until the change is confirmed, and that starts here.
    fn copy(&self, host_mut: &mut dyn HostMut) -> Result<PathBuf, Fault> {
        let lost = || {
            Fault::new(format!(
                "{} is not there any more, and nothing else could take the change back",
                self.program.display()
            ))
            .fix("Run the same command again, with the program that is there now.")
        };
        let bytes = host_mut.probe().read(&self.program)?.ok_or_else(lost)?;
        let dir = copy_dir(&self.state);
        for dir in [&self.state, &dir] {
            if host_mut.meta(dir)?.is_none() {
                host_mut.mkdir(dir, 0, 0, 0o700)?;
            }
        }
        // Not under its own name, which may have letters that mean something in a unit.
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

/// What waits, for a journal that cannot be read when the time is over.
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

/// The head of both units.
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

/// Stops the time and clears away what kept it.
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

/// Keeps every change that waits, and says which; nothing waits afterwards.
///
/// Takes no run lock: whoever confirms must not wait for the run that made the change.
///
/// # Errors
///
/// When it comes too late.
pub fn confirm(
    state: &Path,
    host_mut: &mut dyn HostMut,
    journal: &mut dyn Journal,
) -> Result<Vec<ResourceId>, Fault> {
    let receipt = match journal.receipt() {
        Ok(receipt) => receipt,
        Err(fault) => {
            // A journal that cannot be read must not cost the operator the change; once it can, it is confirmed again.
            let waiting = written_down(state, host_mut)?;
            if waiting.is_empty() {
                return Err(fault);
            }
            disarm(state, host_mut)?;
            return Ok(ids(waiting));
        }
    };
    // Whoever begins to take back says so first, in the same journal: one of the two comes too late. Since we looked it
    // may have ended as well.
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
                Fault::new("too late: the change is being taken back, or just was")
                    .fix("Wait a moment, look with `aztec-kit plan`, and make it again with `aztec-kit apply`."),
            );
        }
        // Somebody else confirmed it at the same time.
    }
    // Also when nothing waits: a kill may have come between the confirmation and the clearing.
    disarm(state, host_mut)?;
    Ok(ids(receipt.unconfirmed))
}

fn ids(changes: Vec<Unconfirmed>) -> Vec<ResourceId> {
    changes.into_iter().map(|change| change.id).collect()
}

/// The setting of the timer with its time, seconds.
const WINDOW: &str = "OnActiveSec";

/// How long what waits has until it is taken back, by the clock that systemd goes by: nobody sets it, and after a boot the
/// time begins anew. `None` where no timer waits.
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

/// Whether the time is over when the service of the timer gets its turn: a run that went on for longer than the time
/// begins it anew at its end, and then the timer waits again. Where nobody can tell, it is.
pub fn due(probe: &dyn Probe) -> bool {
    !probe.unit(TIMER).is_ok_and(|timer| timer.sub == "waiting")
}

/// What became of the changes that waited.
#[derive(Debug, Default)]
pub struct Back {
    /// What was taken back.
    pub all: Vec<RolledBack>,
    /// What could not be taken back, or not be recorded.
    pub faults: Vec<Fault>,
}

/// Takes every change back that waits, the last one first. One that cannot be taken back keeps no other from it, nor
/// does a journal that cannot be read or written. After a fault or a kill, call it again.
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
            // It is on record as waiting still, and is taken back once more.
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
    /// What was taken back.
    ///
    /// # Errors
    ///
    /// All that could not be taken back or recorded, in one.
    pub fn whole(self) -> Result<Vec<RolledBack>, Fault> {
        let all = self.faults.into_iter();
        let told = all.reduce(|first, next| Fault::new(first.chain()).because(next));
        told.map_or(Ok(self.all), Err)
    }

    /// Goes on without what there would be.
    fn missed<T: Default>(&mut self, fault: Fault) -> T {
        self.faults.push(fault);
        T::default()
    }
}

/// What waits still, once it is on record that it is too late to confirm it.
fn begun(receipt: Receipt, journal: &mut dyn Journal) -> Vec<Unconfirmed> {
    if receipt.rolling_back || receipt.unconfirmed.is_empty() {
        return receipt.unconfirmed;
    }
    let some_wait = |receipt: &Receipt| !receipt.unconfirmed.is_empty();
    match journal.append_if(&Event::RollingBack, &some_wait) {
        // Somebody confirmed it just now.
        Ok(false) => Vec::new(),
        // A journal that cannot be written is no reason to leave somebody out.
        Ok(true) | Err(_) => receipt.unconfirmed,
    }
}

/// For a journal that cannot be read when the time is over.
fn write_down(
    state: &Path,
    waiting: &[Unconfirmed],
    host_mut: &mut dyn HostMut,
) -> Result<(), Fault> {
    let text = serde_json::to_vec(waiting)
        .map_err(|error| Fault::new("failed to write down what waits").because(error))?;
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
    let failed = || Fault::new(format!("failed to take {} back", change.id));
    let resource: R =
        serde_json::from_value(change.spec.clone()).map_err(|error| failed().because(error))?;
    let before = change.before.as_ref();
    let mut note = |_: &str| {};
    let mut cx = ApplyCx {
        memory: before.and_then(|entry| entry.memory.as_ref()),
        ..ApplyCx::new(host_mut, &mut note)
    };
    if before.is_some() {
        // It was removed, or changed again: what is there now may be what its record wants to go back to.
        let kept = resource.keep(&mut cx);
        kept.map_err(|fault| failed().because(fault))?;
    }
    let reverted = resource.revert(&change.prior, &mut cx);
    reverted.map_err(|fault| failed().because(fault))
}
