//! Whether a tree is complete: its marker, and the packages that it names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::Fault;
use crate::host::Probe;

/// The file in the tree.
pub(super) const MARKER: &str = ".installed.json";
/// Other accounts can list and enter it.
const OPEN: u32 = 0o005;

/// Written last, when everything else is synced: a tree without it is incomplete. `modules` and `sizes` let an
/// observation find packages that are missing or altered.
#[derive(Debug, Serialize, Deserialize, PartialEq, Eq)]
pub(super) struct Marker {
    manifest: String,
    lock: String,
    modules: Vec<String>,
    /// Bytes of the `package.json` of each; empty in the markers of earlier versions.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    sizes: BTreeMap<String, u64>,
}

/// The state of a tree.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Installed {
    No,
    Whole,
    OtherLock,
    Damaged(String),
}

impl Marker {
    /// The marker of an unpacked tree, from the digests of its manifest and its lock file.
    pub(super) fn of(
        tree: &Path,
        (manifest, lock): (String, String),
        probe: &dyn Probe,
    ) -> Result<Self, Fault> {
        let modules = modules(tree, probe)?;
        Ok(Self {
            manifest,
            lock,
            sizes: sizes(tree, &modules, probe)?,
            modules,
        })
    }

    /// The damage of its tree.
    fn damage(&self, tree: &Path, probe: &dyn Probe) -> Result<Option<String>, Fault> {
        let found = modules(tree, probe)?;
        let named = self.modules.iter();
        let missing: Vec<_> = named
            .filter(|module| found.binary_search(module).is_err() && !found.contains(module))
            .collect();
        let known: Vec<_> = self.sizes.keys().cloned().collect();
        let sizes = sizes(tree, &known, probe)?;
        let other = |(module, size): &(&String, &u64)| sizes.get(*module) != Some(*size);
        let altered = self.sizes.iter().find(other);
        Ok(match (missing.as_slice(), altered) {
            ([], Some((module, _))) => Some(format!("{module} was changed after it was unpacked")),
            ([], None) => {
                closed(tree, probe)?.map(|dir| format!("only root can enter {}", dir.display()))
            }
            ([one], _) => Some(format!("{one} is missing")),
            ([first, rest @ ..], _) => Some(format!("{first} and {} more are missing", rest.len())),
        })
    }
}

impl Installed {
    /// Observes a tree. `lock` is the digest of the desired lock file if it is known.
    pub(super) fn observe(
        tree: &Path,
        manifest: &str,
        lock: Option<&str>,
        probe: &dyn Probe,
    ) -> Result<Self, Fault> {
        let marker = probe
            .read(&tree.join(MARKER))?
            .and_then(|bytes| serde_json::from_slice::<Marker>(&bytes).ok());
        let Some(marker) = marker else {
            return Ok(Self::No);
        };
        if marker.manifest != manifest || lock.is_some_and(|lock| lock != marker.lock) {
            return Ok(Self::OtherLock);
        }
        let damage = marker.damage(tree, probe)?;
        Ok(damage.map_or(Self::Whole, Self::Damaged))
    }
}

/// Scopes and packages, two levels deep: one directory listing per scope.
fn modules(tree: &Path, probe: &dyn Probe) -> Result<Vec<String>, Fault> {
    let modules = tree.join("node_modules");
    let mut found = Vec::new();
    for name in probe.list(&modules)?.unwrap_or_default() {
        if name.starts_with('@') {
            let scope = probe.list(&modules.join(&name))?.unwrap_or_default();
            found.extend(scope.into_iter().map(|package| format!("{name}/{package}")));
        } else if !name.starts_with('.') {
            found.push(name);
        }
    }
    Ok(found)
}

/// A top-level directory that other accounts cannot enter, if there is one: no service could start from it.
fn closed(tree: &Path, probe: &dyn Probe) -> Result<Option<PathBuf>, Fault> {
    for dir in [tree.to_owned(), tree.join("node_modules")] {
        if probe
            .meta(&dir)?
            .is_some_and(|meta| meta.mode & OPEN != OPEN)
        {
            return Ok(Some(dir));
        }
    }
    Ok(None)
}

/// The size of the `package.json` of each package.
fn sizes(
    tree: &Path,
    modules: &[String],
    probe: &dyn Probe,
) -> Result<BTreeMap<String, u64>, Fault> {
    let manifests: Vec<_> = modules
        .iter()
        .map(|module| Path::new(module).join("package.json"))
        .collect();
    let metas = probe.metas(&tree.join("node_modules"), &manifests)?;
    let sizes = modules.iter().zip(metas);
    Ok(sizes
        .filter_map(|(module, meta)| Some((module.clone(), meta?.size)))
        .collect())
}
