//! The content that a host is pinned to, in the record that the units read.

use serde::{Deserialize, Serialize};

use super::names::Names;
use crate::tools::images::Row;

/// The content that a host is pinned to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    /// Digest of the image itself: `sha256:…`.
    pub id: String,
    /// Its digest in the registry. Without it, the image can only be loaded again.
    pub digest: Option<String>,
}

/// Variables of the record.
const IMAGE: &str = "CONTAINER_IMAGE";
const DIGEST: &str = "CONTAINER_IMAGE_DIGEST";
const USER: &str = "CONTAINER_USER";
const ENGINE: &str = "CONTAINER_ENGINE";

/// The start of a record.
const HEAD: &str = "# The content of ";

/// The value of a variable in a record.
fn value<'a>(record: &'a str, name: &str) -> Option<&'a str> {
    record
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
}

/// The lines of a record that may be shown: those that aztec-kit writes. The operator may have added others, or had a
/// file of this name.
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

/// Whether a record is about this image, and not about another release.
pub(super) fn is_about(record: &str, names: Names<'_>) -> bool {
    let first = record.lines().next();
    first.is_some_and(|line| line.contains(&format!(" {} ", names.reference())))
}

/// An id in the short form of the engines.
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

    /// The record of a pin whose processes run as that account.
    pub(super) fn record(&self, names: Names<'_>, (uid, gid): (u32, u32)) -> String {
        let digest = self.digest.as_ref();
        let digest = digest.map_or_else(String::new, |digest| format!("{DIGEST}={digest}\n"));
        format!(
            "{HEAD}{} that this host is pinned to, by aztec-kit.\n\
             {IMAGE}={}\n{digest}{USER}={uid}:{gid}\n{ENGINE}={}\n",
            names.reference(),
            self.id,
            names.engine.name()
        )
    }

    /// The id in the short form of the engines.
    pub fn short(&self) -> &str {
        short(&self.id)
    }

    pub(super) fn is(&self, row: &Row) -> bool {
        row.id == self.id || self.digest.is_some() && row.digest == self.digest
    }
}
