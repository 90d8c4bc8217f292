//! The consent to a run, and the report of its progress.

use std::time::Duration;

use super::plan::Action;
use super::{Plan, ResourceId, Step, Unconfirmed};
use crate::Fault;

/// The operator's consent.
#[derive(Debug, Clone, Copy)]
pub enum Consent<'a> {
    /// Consent to all changes that the configuration requires (`--yes`). The plan, if there is one, was made a moment
    /// ago, so this run does not observe the host again before its first step.
    Configuration(Option<&'a Plan>),
    /// Consent to exactly this plan. The run stops if the host has changed since the plan was shown.
    Plan(&'a Plan),
}

impl Consent<'_> {
    /// Whether the consent covers this step. `follows` is true when this run has changed a resource that it depends on.
    pub(super) fn covers(self, step: &Step, follows: bool) -> bool {
        let Self::Plan(shown) = self else {
            return true;
        };
        shown
            .step(&step.id)
            .is_some_and(|shown| match shown.action {
                // The operator agreed to a step with unknown changes as such.
                Action::KnownAfterApply => true,
                // The plan had no change here. Only an earlier step that the operator agreed to can be the reason for
                // one.
                Action::Keep => follows,
                action => action == step.action && shown.changes == step.changes,
            })
    }
}

/// Reports the progress to people. It never decides anything.
pub trait Progress {
    /// A step begins.
    fn begin(&mut self, id: &ResourceId, action: Action);
    /// A long step reports what it does. A text that begins with `warning: ` is repeated at the end.
    fn note(&mut self, text: &str);
    /// A change that can lock out the operator is about to be made. All these changes will be rolled back unless they
    /// are confirmed.
    fn armed(&mut self, _waiting: &[Unconfirmed]) {}
    /// A step succeeded.
    fn end(&mut self, applied: &Applied);
}

/// Reports nothing.
#[derive(Debug, Clone, Copy)]
pub struct Quiet;

impl Progress for Quiet {
    fn begin(&mut self, _: &ResourceId, _: Action) {}
    fn note(&mut self, _: &str) {}
    fn end(&mut self, _: &Applied) {}
}

/// A change that was made.
#[derive(Debug, Clone)]
pub struct Applied {
    /// Which resource.
    pub id: ResourceId,
    /// What happened to it.
    pub action: Action,
    /// How long it took.
    pub took: Duration,
    /// The reason if something was left as it is.
    pub kept: Option<String>,
}

/// All changes of a run that succeeded.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// In the order in which they were made; empty when the host was in sync.
    pub applied: Vec<Applied>,
}

/// A run that failed.
#[derive(Debug)]
pub struct Stop {
    /// The resource at which it failed.
    pub at: Option<ResourceId>,
    /// Why.
    pub fault: Fault,
    /// The changes before the failure.
    pub applied: Vec<Applied>,
    /// Whether a change had begun, including the one that failed.
    pub begun: bool,
}

impl Stop {
    /// A run that failed before its first step.
    pub(super) fn before(fault: Fault) -> Self {
        Self {
            at: None,
            fault,
            applied: Vec::new(),
            begun: false,
        }
    }
}
