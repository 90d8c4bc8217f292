//! The progress of a run, on standard error.

use provision::engine::{Action, ResourceId};
use serde::Serialize;

use super::Document;

/// The progress of a run: one document per line of standard error, with `--progress json`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event<'a> {
    /// A part of a run begins.
    Phase {
        /// Its name.
        phase: &'a str,
        /// Its number, from 1.
        number: usize,
        /// The number of phases.
        of: usize,
    },
    /// A resource is about to be changed.
    StepStarted {
        /// The resource.
        id: &'a ResourceId,
        /// What the step does to it.
        action: Action,
    },
    /// A resource was changed and is in the desired state.
    StepFinished {
        /// The resource.
        id: &'a ResourceId,
        /// What the step did to it.
        action: Action,
        /// The duration of the step.
        seconds: f64,
        /// Why a part of it was kept.
        kept: Option<&'a str>,
        /// The number of finished steps.
        done: usize,
        /// The number of all steps, as far as it is known.
        of: usize,
    },
    /// aztec-kit is about to make changes that could lock out the operator. They are rolled back unless `aztec-kit confirm`
    /// is run.
    Unconfirmed {
        /// The resources.
        ids: Vec<&'a ResourceId>,
    },
    /// Any other message, for people.
    Note {
        /// The message.
        text: &'a str,
    },
}

impl Document for Event<'_> {
    const NAME: &'static str = "progress";
}
