//! The databases in a data directory, and the rollup that they belong to.
//!
//! A node that finds databases of another rollup deletes them and starts again (stdlib/dest/database-version of 4.1.2),
//! and its signing records are next to them. Therefore, each major release has its own directory, and the earlier one
//! stays.

use std::path::{Path, PathBuf};

use l1::Address;
use provision::Fault;
use provision::host::Probe;
use serde::Serialize;
use serde_json::Value;

use crate::settings::Settings;

/// The databases of one major release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Databases {
    /// Their directory.
    pub path: PathBuf,
    /// The rollup of the node's databases, once it has any.
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub rollup: Option<Address>,
    /// Whether the release of this host uses them.
    pub in_use: bool,
}

/// The directories of processes with databases.
const PROCESSES: [&str; 4] = ["node", "prover-node", "archiver", "prover-broker"];

/// The rollup of the databases of one process; `None` if it has none yet.
///
/// # Errors
///
/// When the file cannot be read.
pub(crate) fn rollup_of(process: &Path, probe: &dyn Probe) -> Result<Option<Address>, Fault> {
    let text = probe.text(&process.join("archiver/db_version"))?;
    Ok(text.as_deref().and_then(noted))
}

/// The rollup in that file. The node writes an object with the address as text; a derived reader would take lists too.
pub(crate) fn noted(text: &str) -> Option<Address> {
    let noted: Value = serde_json::from_str(text).ok()?;
    noted["rollupAddress"].as_str()?.parse().ok()
}

/// All databases below the data directory of a host, those in use first.
///
/// # Errors
///
/// When a directory cannot be read.
pub fn databases(settings: &Settings, probe: &dyn Probe) -> Result<Vec<Databases>, Fault> {
    let data = &settings.data_dir;
    let used = settings.layout().data;
    let mut roots = vec![used.clone()];
    for name in probe.list(data)?.unwrap_or_default() {
        let major = name.strip_prefix('v').unwrap_or_default();
        let is_major = !major.is_empty() && major.bytes().all(|byte| byte.is_ascii_digit());
        if is_major {
            roots.push(data.join(&name));
        }
        // The databases of old major releases are in the data directory itself.
        if PROCESSES.contains(&name.as_str()) {
            roots.push(data.clone());
        }
    }
    roots[1..].sort();
    let mut all: Vec<Databases> = Vec::new();
    for path in roots {
        if all.iter().any(|seen| seen.path == path) {
            continue;
        }
        let mut rollup = None;
        for process in PROCESSES {
            rollup = rollup.or(rollup_of(&path.join(process), probe)?);
        }
        all.push(Databases {
            in_use: path == used,
            path,
            rollup,
        });
    }
    Ok(all)
}

impl Databases {
    /// Path and rollup, for people.
    pub fn shown(&self) -> String {
        let path = self.path.display();
        match self.rollup {
            Some(rollup) => format!("{path} (rollup {rollup})"),
            None => format!("{path} (no rollup yet)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rollup_is_read_from_an_object_alone() {
        let address = "0x5fbdb2315678afecb367f032d93f642f64180aa3";
        let object = format!("{{\"schemaVersion\":1,\"rollupAddress\":\"{address}\"}}");
        assert_eq!(noted(&object), address.parse().ok());
        let bytes = format!("{:?}", [7; 20]);
        for other in [
            format!("[\"{address}\"]"),
            format!("[{bytes}]"),
            format!("{{\"rollupAddress\":{bytes}}}"),
            "{}".into(),
            String::new(),
        ] {
            assert_eq!(noted(&other), None, "{other}");
        }
    }
}
