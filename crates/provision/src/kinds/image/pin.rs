//! What a host is pinned to: the content of an image, in the record that the units read.

use serde::{Deserialize, Serialize};

use crate::tools::images::Row;

/// The content that a host is pinned to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    /// Digest of the image itself: `sha256:…`.
    pub id: String,
    /// Digest that the registry knows it by; without it, it can only be loaded again.
    pub digest: Option<String>,
}

/// Variables of the record.
pub(super) const IMAGE: &str = "CONTAINER_IMAGE";
pub(super) const DIGEST: &str = "CONTAINER_IMAGE_DIGEST";
pub(super) const USER: &str = "CONTAINER_USER";
pub(super) const ENGINE: &str = "CONTAINER_ENGINE";

/// How a record begins.
pub(super) const HEAD: &str = "# The content of ";

/// The value of a variable in a record.
pub(super) fn value<'a>(record: &'a str, name: &str) -> Option<&'a str> {
    record
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
}

/// What may be shown of a record: the lines that this program writes. Somebody may have added others, or had a file of
/// this name before us.
pub(super) fn shown(record: &str) -> String {
    let ours = |line: &str| {
        let name = line.split('=').next().unwrap_or_default();
        line.starts_with(HEAD) || [IMAGE, DIGEST, USER, ENGINE].contains(&name)
    };
    let lines = record.split_inclusive('\n');
    lines
        .map(|line| if ours(line) { line } else { "…\n" })
        .collect()
}

pub(super) fn short(id: &str) -> &str {
    id.get(..19).unwrap_or(id)
}

impl Pin {
    /// The pin in a record.
    pub fn recorded(record: &str) -> Option<Self> {
        Some(Self {
            id: value(record, IMAGE)?.to_owned(),
            digest: value(record, DIGEST).map(str::to_owned),
        })
    }

    /// For people: as long as the engines show it.
    pub fn short(&self) -> &str {
        short(&self.id)
    }

    pub(super) fn is(&self, row: &Row) -> bool {
        row.id == self.id || self.digest.is_some() && row.digest == self.digest
    }
}
