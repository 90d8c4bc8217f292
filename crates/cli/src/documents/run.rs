//! Of a run: what it would change, and what it changed.

use aztec::checks::Report;
use provision::engine::{Action, Applied, Plan, ResourceId};
use serde::Serialize;

use super::Document;

impl Document for Plan {
    const NAME: &'static str = "plan";
}

/// What a run changed, and whether the host works since.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Outcome<'a> {
    /// How it ended.
    pub status: OutcomeStatus,
    /// What was changed, in the order in which it was.
    pub applied: Vec<AppliedStep<'a>>,
    /// What was seen of the chain afterwards; null where nothing was changed.
    pub verification: Option<&'a Report>,
    /// What waits for `aztec-kit confirm`.
    pub unconfirmed: &'a [ResourceId],
}

impl Document for Outcome<'_> {
    const NAME: &'static str = "outcome";
}

/// How a run ended that went through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum OutcomeStatus {
    /// There was nothing to change.
    InSync,
    /// It was applied.
    Applied,
    /// It was applied, but the chain was not seen to go on.
    NotWorking,
}

/// A step of a run that went through.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct AppliedStep<'a> {
    #[serde(flatten)]
    step: Taken<'a>,
    /// How long it took.
    seconds: f64,
    /// Why something was left as it is.
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

/// A step that was taken.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Taken<'a> {
    /// Which resource.
    id: &'a ResourceId,
    /// What happened to it.
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

/// What `aztec-kit confirm` kept.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Confirmed<'a> {
    /// What had waited; empty where nothing did.
    pub kept: &'a [ResourceId],
}

impl Document for Confirmed<'_> {
    const NAME: &'static str = "confirm";
}

/// What is no longer looked after.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Forgotten<'a> {
    /// Which resource.
    pub id: &'a ResourceId,
}

impl Document for Forgotten<'_> {
    const NAME: &'static str = "forget";
}
