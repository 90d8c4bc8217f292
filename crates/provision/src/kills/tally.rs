//! The number of kills and failures.

use std::collections::BTreeMap;

use super::place::Kill;
use crate::host::fake::Errno;

/// The number of killed runs, and of failed writes by error.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Runs that died.
    pub kills: usize,
    /// Writes that failed.
    pub failed: BTreeMap<Errno, usize>,
}

impl Tally {
    /// Counts one.
    pub fn count(&mut self, kill: Kill) {
        match kill {
            Kill::Fails(_, errno) | Kill::Unrecorded(_, errno) => {
                *self.failed.entry(errno).or_default() += 1;
            }
            Kill::Write(_) | Kill::Record(_) | Kill::Recorded(_) => self.kills += 1,
        }
    }

    /// Adds another tally.
    pub fn add(&mut self, other: &Self) {
        self.kills += other.kills;
        for (errno, count) in &other.failed {
            *self.failed.entry(*errno).or_default() += count;
        }
    }

    /// All failed writes, whatever the error.
    pub fn all_failed(&self) -> usize {
        self.failed.values().sum()
    }

    /// All kills and failures.
    pub fn all(&self) -> usize {
        self.kills + self.all_failed()
    }

    pub(super) fn of(kills: &[Kill]) -> Self {
        let mut tally = Self::default();
        kills.iter().for_each(|kill| tally.count(*kill));
        tally
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:>6} kills", self.kills)?;
        for errno in Errno::ALL {
            let count = self.failed.get(&errno).copied().unwrap_or_default();
            write!(f, "{count:>6} {}", errno.name())?;
        }
        Ok(())
    }
}
