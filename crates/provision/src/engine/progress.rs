//! What a run is allowed to do, and how it tells what it did.

use std::time::Duration;

use super::plan::Action;
use super::{Plan, ResourceId, Step, Unconfirmed};
use crate::Fault;

/// What the operator agreed to.
#[derive(Debug, Clone, Copy)]
pub enum Consent<'a> {
    /// Whatever the configuration asks for (`--yes`). With what this run, which nobody kept waiting, has just looked at:
    /// it need not look again before its first step.
    Configuration(Option<&'a Plan>),
    /// Just this plan: a host that changed since it was shown stops the run.
    Plan(&'a Plan),
}

impl Consent<'_> {
    /// Whether this step was agreed to; `follows` when one that it comes after has been taken in this run.
    pub(super) fn covers(self, step: &Step, follows: bool) -> bool {
        let Self::Plan(shown) = self else {
            return true;
        };
        shown
            .step(&step.id)
            .is_some_and(|shown| match shown.action {
                // What could not be told was agreed to as such.
                Action::KnownAfterApply => true,
                // Nothing was to be done, and something is now: only what was agreed to before it can be the reason.
                Action::Keep => follows,
                action => action == step.action && shown.changes == step.changes,
            })
    }
}

/// Tells people how it goes. Never decides anything.
pub trait Progress {
    /// A step begins.
    fn begin(&mut self, id: &ResourceId, action: Action);
    /// A long step says what it does; what begins with `warning: ` is to be read afterwards, too.
    fn note(&mut self, text: &str);
    /// A change that can cut the operator off is about to be made, and all this will be taken back unless it is
    /// confirmed.
    fn armed(&mut self, _waiting: &[Unconfirmed]) {}
    /// A step ended well.
    fn end(&mut self, applied: &Applied);
}

/// Tells nobody.
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
    /// Why something was left as it is.
    pub kept: Option<String>,
}

/// All changes of a run that went through.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// In the order in which they were made; empty when the host was as wanted.
    pub applied: Vec<Applied>,
}

/// A run that did not go through.
#[derive(Debug)]
pub struct Stop {
    /// At which resource.
    pub at: Option<ResourceId>,
    /// Why.
    pub fault: Fault,
    /// What had been changed before.
    pub applied: Vec<Applied>,
    /// Whether a change had begun, that one included which failed.
    pub begun: bool,
}

impl Stop {
    /// A run that did not begin.
    pub(super) fn before(fault: Fault) -> Self {
        Self {
            at: None,
            fault,
            applied: Vec::new(),
            begun: false,
        }
    }
}
