//! Of releases.

use aztec::checks::ReleaseRow;
use serde::Serialize;

use super::Document;

/// The releases that are known.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ReleaseList<'a> {
    /// Oldest first.
    pub releases: &'a [ReleaseRow],
}

impl Document for ReleaseList<'_> {
    const NAME: &'static str = "release-list";
}

/// A description of a release with nothing wrong in it.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ReleaseChecked<'a> {
    /// Its version.
    pub version: &'a str,
    /// How many variables of the node it knows.
    pub variables: usize,
    /// Whether it has a lock file.
    pub lock: bool,
    /// Whether it can be told before a start whether it fits a rollup.
    pub fingerprint: bool,
}

impl Document for ReleaseChecked<'_> {
    const NAME: &'static str = "release-check";
}
