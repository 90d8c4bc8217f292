//! The JSON documents that aztec-kit prints, one file per topic. Their form is a contract with other programs:
//! `docs/reference/json.md` explains it, and `docs/reference/schemas` has the schemas that are generated from these types.

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
pub use host::{Alerted, CheckRow, Checked, ChecksList, Explained, Status};
pub use keys::{Exported, Listing, Made, attesters};
pub use progress::Event;
pub use release::{ReleaseChecked, ReleaseList};
pub use run::{Confirmed, Forgotten, Outcome, OutcomeStatus, Taken};
pub use services::{LogLine, ServiceCommand};

/// The version of every document. A field may be added within a version. If a field is removed or changes its meaning,
/// this number goes up.
pub const SCHEMA_VERSION: u32 = 2;

/// The result on standard output with `--json`: an object, never a list, so that fields can be added.
pub trait Document: Serialize {
    /// The name of the document and of its schema.
    const NAME: &'static str;
}

/// A document with the fields that every document begins with.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Versioned<'a, D: ?Sized> {
    /// The version of the document.
    schema_version: u32,
    /// The name of the document, because a verb may print one of several.
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
