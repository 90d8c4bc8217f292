//! Documents about a run: the plan and the result.

use aztec::checks::{Finding, Report};
use provision::engine::{Action, Applied, Plan, ResourceId};
use serde::Serialize;

use super::Document;

impl Document for Plan {
    const NAME: &'static str = "plan";
}

/// The changes of a run, and whether the host works after them.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Outcome<'a> {
    /// The result of the run.
    pub status: OutcomeStatus,
    /// The steps that were applied, in order.
    pub applied: Vec<AppliedStep<'a>>,
    /// The smoke test after the changes; null if nothing was changed.
    pub verification: Option<&'a Report>,
    /// The findings of `bootstrap` on the L1; null for any other verb.
    pub l1: Option<&'a [Finding]>,
    /// The changes that wait for `aztec-kit confirm`.
    pub unconfirmed: &'a [ResourceId],
}

impl Document for Outcome<'_> {
    const NAME: &'static str = "outcome";
}

/// The result of a completed run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum OutcomeStatus {
    /// Nothing had to be changed.
    InSync,
    /// The changes were applied.
    Applied,
    /// The changes were applied, but the chain was not seen to advance.
    NotWorking,
}

/// A step of a completed run.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct AppliedStep<'a> {
    #[serde(flatten)]
    step: Taken<'a>,
    /// The duration of the step.
    seconds: f64,
    /// Why a part of it was kept.
    kept: Option<&'a str>,
}

impl<'a> From<&'a Applied> for AppliedStep<'a> {
    fn from(applied: &'a Applied) -> Self {
        Self {
            step: applied.into(),
            seconds: applied.took.as_secs_f64(),
            kept: applied.kept.as_deref(),
        }
    }
}

/// A step that was applied.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Taken<'a> {
    /// The resource.
    id: &'a ResourceId,
    /// What the step did to it.
    action: Action,
}

impl<'a> From<&'a Applied> for Taken<'a> {
    fn from(applied: &'a Applied) -> Self {
        Self {
            id: &applied.id,
            action: applied.action,
        }
    }
}

/// The changes that `aztec-kit confirm` kept.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Confirmed<'a> {
    /// The changes that were waiting; empty if there were none.
    pub kept: &'a [ResourceId],
}

impl Document for Confirmed<'_> {
    const NAME: &'static str = "confirm";
}

/// A resource that is no longer managed.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Forgotten<'a> {
    /// The resource.
    pub id: &'a ResourceId,
}

impl Document for Forgotten<'_> {
    const NAME: &'static str = "forget";
}
