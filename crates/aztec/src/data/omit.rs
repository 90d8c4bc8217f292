//! What of a release's packages no role reads.

use provision::Fault;
use serde::Deserialize;

use super::folder::{self, Folder, OMIT};
use super::release::Release;

/// In the shape of `data/releases/common-omit.toml`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Omitted {
    /// Whether packages that only `peerDependencies` name are left out.
    #[serde(default)]
    pub peers: bool,
    omit: Vec<Rule>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    paths: Vec<String>,
    why: String,
}

/// For every release.
const COMMON: &str = include_str!("../../data/releases/common-omit.toml");

fn read(text: &str) -> Omitted {
    // What a host describes was read when it was asked for; what is carried is tested.
    toml::from_str(text).expect("what a release omits is tested")
}

/// Whether what a folder says of its packages, where it says anything, can be read.
///
/// # Errors
///
/// With file and line.
pub(super) fn check(folder: &Folder) -> Result<(), Fault> {
    let Some(text) = folder.omit else {
        return Ok(());
    };
    folder::read::<Omitted>(&folder.file(OMIT), text).map(drop)
}

impl Omitted {
    /// Of a release. Without a lock file its packages are others on every day, and what is only of this release was not
    /// tried with them.
    pub(crate) fn of(release: &Release) -> Self {
        let mut all = read(COMMON);
        if let Some(text) = release.omit.filter(|_| release.lock.is_some()) {
            let more = read(text);
            all.peers |= more.peers;
            all.omit.extend(more.omit);
        }
        all
    }

    /// The patterns, see [`npm::Omit`](provision::kinds::NpmTree).
    pub fn paths(&self) -> Vec<String> {
        let paths = self.omit.iter().flat_map(|rule| &rule.paths);
        paths.cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Releases;
    use super::*;

    #[test]
    fn every_rule_has_paths_and_a_reason() {
        let all = Releases::carried();
        for version in all.versions() {
            let omitted = Omitted::of(&all.release(version, None).unwrap());
            for rule in &omitted.omit {
                assert!(!rule.paths.is_empty() && !rule.why.is_empty(), "{rule:?}");
            }
            for path in omitted.paths() {
                assert!(
                    path.starts_with("node_modules/") || path.starts_with("*."),
                    "{path}"
                );
            }
        }
    }

    #[test]
    fn what_was_not_tried_is_left_out_nowhere() {
        let mut release = Releases::carried().release("4.1.2", None).unwrap();
        assert!(Omitted::of(&release).peers);
        release.lock = None;
        let untried = Omitted::of(&release);
        assert!(!untried.peers && untried.paths().iter().all(|path| !path.starts_with('*')));
    }
}
