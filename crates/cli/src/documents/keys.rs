//! Documents about validator keys, without secrets.

use std::path::Path;

use keys::keystore::Listed;
use serde::{Deserialize, Serialize};

use super::{Document, SCHEMA_VERSION};

/// A new keystore.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Made<'a> {
    /// The new file.
    pub file: &'a Path,
    /// Its attesters.
    pub attesters: &'a [Listed],
}

impl Document for Made<'_> {
    const NAME: &'static str = "keys-made";
}

/// The public data of the keys of a directory.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Listing<'a> {
    /// The attesters of all its files, and the prover.
    pub attesters: &'a [Listed],
}

impl Document for Listing<'_> {
    const NAME: &'static str = "keys-list";
}

/// The attesters of a document that `keys list --json` printed, here or on another host; `None` for anything else. Before
/// documents had a version, it was a bare list.
pub fn attesters(document: &[u8]) -> Option<Vec<Listed>> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Read {
        Bare(Vec<Listed>),
        Versioned {
            schema_version: u32,
            attesters: Vec<Listed>,
        },
    }
    match serde_json::from_slice(document).ok()? {
        Read::Bare(attesters) => Some(attesters),
        Read::Versioned {
            schema_version,
            attesters,
        } => (schema_version == SCHEMA_VERSION).then_some(attesters),
    }
}

/// A new backup.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Exported<'a> {
    /// Its directory.
    pub directory: &'a Path,
    /// The names of its files.
    pub files: &'a [&'a str],
}

impl Document for Exported<'_> {
    const NAME: &'static str = "keys-export";
}
