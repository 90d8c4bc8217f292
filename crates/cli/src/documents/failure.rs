//! Documents about failed commands.

use provision::Class;
use provision::engine::ResourceId;
use serde::Serialize;

use super::{Document, Taken};

/// Why a command failed, and what to do next.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Failed<'a> {
    /// What failed, with its causes, in one line.
    pub error: String,
    /// What to do next, in whole sentences.
    pub fix: Option<&'a str>,
    /// The kind of failure; the exit code follows from it.
    pub class: Class,
    /// The code of the fault, see exit-codes.md; more codes may be added.
    pub code: &'a str,
    /// The exit code, see exit-codes.md.
    pub exit_code: u8,
    /// The steps that were applied before the failure; they stay.
    pub applied: Vec<Taken<'a>>,
    /// The changes that wait for `aztec-kit confirm`.
    pub unconfirmed: &'a [ResourceId],
}

impl Document for Failed<'_> {
    const NAME: &'static str = "failure";
}
