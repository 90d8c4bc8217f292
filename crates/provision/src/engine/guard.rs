//! A change that can cut the operator off is taken back by itself, unless it is confirmed in time.
//!
//! Before the change its prior is journaled, and a systemd timer is put on disk that will run a copy of this
//! program. So it goes off after a kill of this run too; and after a power cut its time begins anew at boot.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{ApplyCx, Event, Journal, Resource, ResourceId, Reverted, TakenBack};
use crate::Fault;
use crate::host::{Hands, NewFile, Order, Probe, Query, clear_staged};
use crate::tools::systemctl;

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
    /// A program that ends in [`take_back`] when called with `take-back`.
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

    /// Starts the time, or starts it anew.
    ///
    /// # Errors
    ///
    /// When it could not be relied on: then the change must not be made.
    pub(super) fn arm(&self, hands: &mut dyn Hands) -> Result<(), Fault> {
        let copy = self.copy(hands)?;
        let files = [(TIMER, timer(self.window)), (SERVICE, service(&copy))];
        for (name, text) in &files {
            hands.put(&NewFile {
                path: &Path::new(UNIT_DIR).join(name),
                bytes: text.as_bytes(),
                uid: 0,
                gid: 0,
                mode: 0o644,
            })?;
        }
        // `enable` makes systemd read its units again; `restart` starts the time anew.
        run(hands, &["systemctl", "enable", "--quiet", TIMER])?;
        run(hands, &["systemctl", "restart", TIMER])
    }

    /// A copy of the program that stays where it is until the change is confirmed, and that starts here.
    fn copy(&self, hands: &mut dyn Hands) -> Result<PathBuf, Fault> {
        let lost = || {
            Fault::new(format!(
                "{} is not there any more, and nothing else could take the change back",
                self.program.display()
            ))
            .fix("Run the same command again, with the program that is there now.")
        };
        let name = self.program.file_name().ok_or_else(lost)?;
        let bytes = hands.probe().read(&self.program)?.ok_or_else(lost)?;
        let dir = copy_dir(&self.state);
        for dir in [&self.state, &dir] {
            if hands.meta(dir)?.is_none() {
                hands.mkdir(dir, 0, 0, 0o700)?;
            }
        }
        let path = dir.join(name);
        if hands.read(&path)?.as_ref() != Some(&bytes) {
            hands.put(&NewFile {
                path: &path,
                bytes: &bytes,
                uid: 0,
                gid: 0,
                mode: 0o700,
            })?;
        }
        run(hands, &[&path.display().to_string(), "--version"])?;
        Ok(path)
    }
}

fn copy_dir(state: &Path) -> PathBuf {
    state.join("take-back")
}

fn timer(window: Duration) -> String {
    format!(
        "# Written by aztec-kit: gone as soon as `aztec-kit confirm` is run.\n\
         [Unit]\n\
         Description=Time to confirm a change of this host with `aztec-kit confirm`\n\n\
         [Timer]\n\
         OnActiveSec={}\n\
         AccuracySec=1\n\n\
         [Install]\n\
         WantedBy=timers.target\n",
        window.as_secs()
    )
}

fn service(program: &Path) -> String {
    format!(
        "# Written by aztec-kit: gone as soon as `aztec-kit confirm` is run.\n\
         [Unit]\n\
         Description=Take back a change of this host that nobody confirmed\n\n\
         [Service]\n\
         Type=oneshot\n\
         ExecStart={} take-back\n\
         Restart=on-failure\n\
         RestartSec=15\n",
        program.display()
    )
}

fn run(hands: &mut dyn Hands, argv: &[&str]) -> Result<(), Fault> {
    hands.run(&Order::new(argv.iter().copied()))
}

/// Stops the time and clears away what kept it.
fn disarm(state: &Path, hands: &mut dyn Hands) -> Result<(), Fault> {
    let units = [TIMER, SERVICE].map(|name| Path::new(UNIT_DIR).join(name));
    let mut left = false;
    for path in &units {
        clear_staged(path, hands)?;
        left |= hands.meta(path)?.is_some();
    }
    if left {
        if hands.meta(&units[0])?.is_some() {
            run(hands, &["systemctl", "disable", "--quiet", "--now", TIMER])?;
        }
        for path in &units {
            hands.remove(path)?;
        }
        run(hands, &["systemctl", "daemon-reload"])?;
    }
    hands.remove_tree(&copy_dir(state))
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
    hands: &mut dyn Hands,
    journal: &mut dyn Journal,
) -> Result<Vec<ResourceId>, Fault> {
    let waiting = journal.receipt()?.unconfirmed;
    if waiting.is_empty() {
        // A kill may have come between the confirmation and the clearing.
        disarm(state, hands)?;
        return Ok(Vec::new());
    }
    let shown = hands.ask(&Query::Units(vec![SERVICE.to_owned()]))?;
    let states = systemctl::parse_show(&shown.stdout);
    if states.values().any(|state| state.active == "activating") {
        return Err(
            Fault::new("too late: the change is being taken back at this moment")
                .fix("Wait a moment, look with `aztec-kit plan`, and make it again with `aztec-kit apply`."),
        );
    }
    journal.append(&Event::Confirmed)?;
    disarm(state, hands)?;
    Ok(waiting.into_iter().map(|change| change.id).collect())
}

/// Takes every change back that waits, the last one first, and says which. After a kill, call it again.
pub fn take_back<R: Resource>(
    state: &Path,
    hands: &mut dyn Hands,
    journal: &mut dyn Journal,
) -> Result<Vec<TakenBack>, Fault> {
    let mut all = Vec::new();
    for change in journal.receipt()?.unconfirmed.into_iter().rev() {
        let resource: R = serde_json::from_value(change.spec).map_err(|error| {
            Fault::new(format!("failed to read how {} was made", change.id)).because(error)
        })?;
        let reverted = resource.revert(
            &change.prior,
            &mut ApplyCx {
                hands: &mut *hands,
                memory: change
                    .before
                    .as_ref()
                    .and_then(|entry| entry.memory.as_ref()),
                units: None,
                note: &mut |_| {},
            },
        )?;
        let what = TakenBack {
            id: change.id,
            at_us: hands.clock().realtime_us,
            kept: match reverted {
                Reverted::Restored => None,
                Reverted::Kept(why) => Some(why),
            },
        };
        journal.append(&Event::TakenBack {
            before: change.before,
            what: what.clone(),
        })?;
        all.push(what);
    }
    disarm(state, hands)?;
    Ok(all)
}
