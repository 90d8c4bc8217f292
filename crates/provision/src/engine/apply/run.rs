//! The state of one run, and the questions that every step asks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use serde_json::Value;

use super::commit::Commits;
use crate::engine::{
    Action, Applied, Consent, Cx, Look, Progress, Receipt, Resource, ResourceId, Step,
};
use crate::host::{HostMut, clear_staged};
use crate::tools::systemctl::UnitState;
use crate::{Fault, code};

/// The state of a run.
pub(super) struct Run<'a> {
    pub(super) host_mut: &'a mut dyn HostMut,
    pub(super) commits: Commits<'a>,
    pub(super) consent: Consent<'a>,
    pub(super) cancel: &'a AtomicBool,
    pub(super) progress: &'a mut dyn Progress,
    /// The receipt when the run began.
    pub(super) receipt: Receipt,
    /// See [`crate::engine::ApplyCx::unread`].
    pub(super) unread: bool,
    /// The resources that a kept leftover depends on.
    pub(super) needed: BTreeSet<ResourceId>,
    /// The resource of the present step.
    pub(super) at: Option<ResourceId>,
    pub(super) applied: Vec<Applied>,
}

impl Run<'_> {
    /// # Errors
    ///
    /// When the run was stopped from outside.
    pub(super) fn check_cancel(&self) -> Result<(), Fault> {
        if self.cancel.load(Ordering::Relaxed) {
            return Err(Fault::new("interrupted between two steps")
                .fix("Run the same command again. It continues where this run stopped.")
                .coded(code::INTERRUPTED));
        }
        Ok(())
    }

    /// `follows`: see [`Consent::covers`].
    ///
    /// # Errors
    ///
    /// When the operator has not seen this step.
    pub(super) fn check_consent(&self, step: &Step, follows: bool) -> Result<(), Fault> {
        if self.consent.covers(step, follows) {
            return Ok(());
        }
        Err(
            Fault::new(format!("{} changed since the plan was shown", step.id))
                .fix("Read the new plan with `aztec-kit plan`, then apply it."),
        )
    }

    /// The memory of a resource when the run began.
    pub(super) fn memory(&self, id: &ResourceId) -> Option<&Value> {
        self.receipt.get(id)?.memory.as_ref()
    }

    /// Observes a resource. Also returns the states of its units, so that the change uses the same answer of systemd.
    pub(super) fn look<R: Resource>(
        &self,
        resource: &R,
    ) -> Result<(Look, BTreeMap<String, UnitState>), Fault> {
        let probe = self.host_mut.probe();
        let units = probe.units(&resource.units().into_iter().collect())?;
        let look = resource.look(&Cx {
            probe,
            memory: self.memory(&resource.id()),
            units: Some(&units),
        })?;
        Ok((look, units))
    }

    /// Removes the staged files that a killed run left behind for a resource. That run may have had another
    /// configuration, so this run has no reason to stage them again.
    pub(super) fn clear_staged<R: Resource>(&mut self, resource: &R) -> Result<(), Fault> {
        let entry = self.receipt.get(&resource.id());
        if !entry.is_some_and(|entry| entry.open) {
            return Ok(());
        }
        let mut files = resource.files().into_iter();
        files.try_for_each(|path| clear_staged(&path, self.host_mut))
    }

    /// Reports a step that succeeded.
    pub(super) fn done(
        &mut self,
        id: ResourceId,
        action: Action,
        started: Instant,
        kept: Option<String>,
    ) {
        let applied = Applied {
            id,
            action,
            took: started.elapsed(),
            kept,
        };
        self.progress.end(&applied);
        self.applied.push(applied);
    }
}
