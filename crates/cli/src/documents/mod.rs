//! The JSON documents that this program prints, one file per topic. Their form is a contract with other people's
//! programs: `docs/reference/json.md` explains it, and `docs/reference/schemas` has a schema of each, made of these types.

mod failure;
mod host;
mod keys;
mod progress;
mod release;
mod run;
#[cfg(test)]
pub mod schemas;
mod services;

use serde::Serialize;

pub use failure::Failed;
pub use host::{Alerted, Checked, Explained, Status};
pub use keys::{Exported, Listing, Made, attesters};
pub use progress::Event;
pub use release::{ReleaseChecked, ReleaseList};
pub use run::{Confirmed, Forgotten, Outcome, OutcomeStatus, Taken};
pub use services::{LogLine, Told};

/// The edition of every document. Fields may be added to one; whoever takes one away, or changes its meaning, raises this.
pub const SCHEMA_VERSION: u32 = 1;

/// What standard output carries with `--json`: one object, never a list, so that there is room for more beside it.
pub trait Document: Serialize {
    /// What it is called, and its schema.
    const NAME: &'static str;
}

/// A document with what each of them begins with.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Versioned<'a, D: ?Sized> {
    /// The edition of the document.
    schema_version: u32,
    /// Which document this is: a verb may print one of several.
    document: &'static str,
    #[serde(flatten)]
    content: &'a D,
}

impl<'a, D: Document> From<&'a D> for Versioned<'a, D> {
    fn from(content: &'a D) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            document: D::NAME,
            content,
        }
    }
}
