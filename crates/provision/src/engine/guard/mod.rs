//! Rolls back commit-confirmed changes that are not confirmed in time.
//!
//! The prior state is journaled before the change, and a systemd timer that runs a copy of aztec-kit is written to
//! disk. So the rollback also happens after this run is killed. After a power cut, the time starts again at boot.

mod confirm;
mod roll_back;
mod timer;
mod waiting;

use std::path::PathBuf;
use std::time::Duration;

pub use self::confirm::confirm;
pub use self::roll_back::{Back, roll_back};
pub use self::timer::{due, left};
use super::Unconfirmed;
use crate::Fault;
use crate::host::{HostMut, Invocation, NewFile, Probe};

/// The settings of commit-confirmed changes.
#[derive(Debug, Clone)]
pub struct Guard {
    /// The directory of the journal; the copy of the program lies beside it.
    pub state: PathBuf,
    /// A program that ends in [`roll_back()`] when called with `take-back --due`.
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
        waiting::write(&self.state, waiting, host_mut)?;
        timer::start(&copy, self.window, host_mut)
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
        match timer::is_in_place(&self.state, host_mut.probe())? {
            true => timer::restart(host_mut),
            false => self.arm(host_mut, waiting),
        }
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
        let dir = waiting::dir(&self.state);
        for dir in [&self.state, &dir] {
            if host_mut.meta(dir)?.is_none() {
                host_mut.mkdir(dir, 0, 0, 0o700)?;
            }
        }
        // The copy has a fixed name, because the original one may contain letters that have a meaning in a unit.
        let path = dir.join("aztec-kit");
        if host_mut.read(&path)?.as_ref() != Some(&bytes) {
            host_mut.put(&NewFile {
                path: &path,
                bytes: &bytes,
                uid: 0,
                gid: 0,
                mode: 0o700,
            })?;
        }
        host_mut.run(&Invocation::new([
            path.display().to_string().as_str(),
            "--version",
        ]))?;
        Ok(path)
    }
}
