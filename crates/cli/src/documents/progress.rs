//! What is being done, on standard error.

use provision::engine::{Action, ResourceId};
use serde::Serialize;

use super::Document;

/// What is being done; one document in each line of standard error, with `--progress json`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event<'a> {
    /// A part of a run begins.
    Phase {
        /// Its name.
        phase: &'a str,
        /// Which one it is, from 1.
        number: usize,
        /// Of how many.
        of: usize,
    },
    /// A resource is about to be changed.
    StepStarted {
        /// Which.
        id: &'a ResourceId,
        /// What happens to it.
        action: Action,
    },
    /// It was changed, and is as it shall be.
    StepFinished {
        /// Which.
        id: &'a ResourceId,
        /// What happened to it.
        action: Action,
        /// How long it took.
        seconds: f64,
        /// Why something was left as it is.
        kept: Option<&'a str>,
        /// How many steps are done.
        done: usize,
        /// Of how many, as far as is known.
        of: usize,
    },
    /// Changes that can cut the operator off are about to be made. They are taken back unless `aztec-kit confirm` is run.
    Unconfirmed {
        /// Which resources.
        ids: Vec<&'a ResourceId>,
    },
    /// Anything else that is said, for people.
    Note {
        /// What is said.
        text: &'a str,
    },
}

impl Document for Event<'_> {
    const NAME: &'static str = "progress";
}
