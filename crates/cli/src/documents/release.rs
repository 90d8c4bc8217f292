//! Documents about releases.

use aztec::checks::ReleaseRow;
use serde::Serialize;

use super::Document;

/// The known releases.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ReleaseList<'a> {
    /// The releases, oldest first.
    pub releases: &'a [ReleaseRow],
}

impl Document for ReleaseList<'_> {
    const NAME: &'static str = "release-list";
}

/// A valid description of a release.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ReleaseChecked<'a> {
    /// Its version.
    pub version: &'a str,
    /// The number of node variables that it knows.
    pub variables: usize,
    /// Whether it has a lock file.
    pub lock: bool,
    /// Whether it has a fingerprint, which shows before a start whether it fits a rollup.
    pub fingerprint: bool,
}

impl Document for ReleaseChecked<'_> {
    const NAME: &'static str = "release-check";
}
