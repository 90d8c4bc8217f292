//! Of a command that did not end well.

use provision::Class;
use provision::engine::ResourceId;
use serde::Serialize;

use super::{Document, Taken};

/// Why a command did not end well, and what to do next.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Failed<'a> {
    /// What failed, with its causes, in one line.
    pub error: String,
    /// What to do next, whole sentences.
    pub fix: Option<&'a str>,
    /// Whose turn it is now; the exit code follows from it.
    pub class: Class,
    /// The name of the fault, of those in exit-codes.md; more may come.
    pub code: &'a str,
    /// The code that the program ends with, see exit-codes.md.
    pub exit_code: u8,
    /// What had been changed before; it stays.
    pub applied: Vec<Taken<'a>>,
    /// What waits for `aztec-kit confirm`.
    pub unconfirmed: &'a [ResourceId],
}

impl Document for Failed<'_> {
    const NAME: &'static str = "failure";
}
