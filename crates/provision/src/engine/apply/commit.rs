//! Records each change of a run: its intent before it is made, and its end.
//!
//! A commit-confirmed change also waits for its confirmation, from before it is made until after its end. An operator
//! may confirm an earlier change at any moment, from another process.

use serde_json::Value;

use crate::Fault;
use crate::engine::{Entry, Event, Guard, Journal, Progress, Receipt, Resource, Unconfirmed};
use crate::host::{HostMut, Probe};

/// The records of one run.
pub(super) struct Commits<'a> {
    journal: &'a mut dyn Journal,
    guard: Option<&'a Guard>,
    /// Whether the run made a change that waits for its confirmation.
    armed: bool,
    begun: bool,
}

impl<'a> Commits<'a> {
    /// Without a guard, no change waits for a confirmation.
    pub(super) fn new(journal: &'a mut dyn Journal, guard: Option<&'a Guard>) -> Self {
        Self {
            journal,
            guard,
            armed: false,
            begun: false,
        }
    }

    /// The journal, for records that change nothing on the host.
    pub(super) fn journal(&mut self) -> &mut dyn Journal {
        self.journal
    }

    /// Whether a change has begun.
    pub(super) fn begun(&self) -> bool {
        self.begun
    }

    /// Whether a change of this resource waits for its confirmation.
    pub(super) fn is_commit_confirmed<R: Resource>(&self, resource: &R) -> bool {
        self.guard.is_some() && resource.is_commit_confirmed()
    }

    /// The changes that wait for their confirmation; none without a guard.
    pub(super) fn waiting(&self) -> Result<Vec<Unconfirmed>, Fault> {
        match self.guard {
            Some(_) => Ok(self.journal.receipt()?.unconfirmed),
            None => Ok(Vec::new()),
        }
    }

    /// A change as it will wait for its confirmation; nothing if it is not commit-confirmed. `before` is the entry of
    /// the resource before the change.
    pub(super) fn unconfirmed<R: Resource>(
        &self,
        resource: &R,
        (spec, prior): (&Value, &Value),
        before: Option<&Entry>,
        probe: &dyn Probe,
    ) -> Option<Unconfirmed> {
        let guard = self.guard.filter(|_| resource.is_commit_confirmed())?;
        Some(Unconfirmed {
            id: resource.id(),
            spec: spec.clone(),
            prior: prior.clone(),
            before: before.cloned(),
            until_us: guard.until_us(probe),
        })
    }

    /// Records the intent of a change. A commit-confirmed change waits for its confirmation before it is made: an
    /// operator who confirms an earlier change at this moment has not seen this one yet.
    pub(super) fn begin(
        &mut self,
        change: Option<&Unconfirmed>,
        intent: &Event,
        host_mut: &mut dyn HostMut,
        progress: &mut dyn Progress,
    ) -> Result<(), Fault> {
        let (Some(change), Some(guard)) = (change, self.guard) else {
            self.journal.append(intent)?;
            self.begun = true;
            return Ok(());
        };
        loop {
            let waiting = self.arm(change, guard, host_mut)?;
            let waits = |receipt: &Receipt| receipt.waits(&change.id);
            if self.journal.append_if(intent, &waits)? {
                (self.armed, self.begun) = (true, true);
                progress.armed(&waiting);
                return Ok(());
            }
        }
    }

    /// Makes a change wait for its confirmation and starts the timer that rolls it back. Returns all changes that wait.
    /// If the operator confirms at this moment, the timer is removed and the change does not wait.
    fn arm(
        &mut self,
        change: &Unconfirmed,
        guard: &Guard,
        host_mut: &mut dyn HostMut,
    ) -> Result<Vec<Unconfirmed>, Fault> {
        let event = Event::Unconfirmed {
            change: Unconfirmed {
                until_us: guard.until_us(host_mut.probe()),
                ..change.clone()
            },
        };
        self.journal.append(&event)?;
        let waiting = self.journal.receipt()?.unconfirmed;
        let armed = guard.arm(host_mut, &waiting);
        if armed.is_err() && self.journal.receipt()?.waits(&change.id) {
            armed?;
        }
        Ok(waiting)
    }

    /// Makes sure that a change that has begun waits, even if it failed. An operator who confirmed meanwhile has not
    /// seen the whole change, and may be locked out by it.
    pub(super) fn wait(
        &mut self,
        change: Option<&Unconfirmed>,
        host_mut: &mut dyn HostMut,
        progress: &mut dyn Progress,
    ) -> Result<(), Fault> {
        if let (Some(change), Some(guard)) = (change, self.guard) {
            while !self.journal.receipt()?.waits(&change.id) {
                let waiting = self.arm(change, guard, host_mut)?;
                progress.armed(&waiting);
            }
        }
        Ok(())
    }

    /// Records the end of a change, while it still waits if it is commit-confirmed.
    pub(super) fn end(
        &mut self,
        change: Option<&Unconfirmed>,
        event: &Event,
        host_mut: &mut dyn HostMut,
        progress: &mut dyn Progress,
    ) -> Result<(), Fault> {
        let waits = |receipt: &Receipt| change.is_none_or(|change| receipt.waits(&change.id));
        while !self.journal.append_if(event, &waits)? {
            self.wait(change, host_mut, progress)?;
        }
        Ok(())
    }

    /// The time for a confirmation starts at the end of the run, whether it succeeded or failed.
    pub(super) fn extend(&mut self, host_mut: &mut dyn HostMut) -> Result<(), Fault> {
        let Some(guard) = self.guard.filter(|_| self.armed) else {
            return Ok(());
        };
        let waiting = self.journal.receipt()?.unconfirmed;
        if waiting.is_empty() {
            return Ok(());
        }
        let restarted = guard.restart(host_mut, &waiting);
        if restarted.is_err() && self.journal.receipt()?.unconfirmed.is_empty() {
            // Confirmed at this moment.
            return Ok(());
        }
        restarted?;
        self.journal.append(&Event::Extended {
            until_us: guard.until_us(host_mut.probe()),
        })
    }
}
