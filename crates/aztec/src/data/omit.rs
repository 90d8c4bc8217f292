//! The files of a release's packages that no role reads, and that are not installed.

use provision::Fault;
use serde::Deserialize;

use super::folder::{self, Folder, OMIT};
use super::release::Release;

/// The content of an `omit.toml`, such as `data/releases/common-omit.toml`.
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

/// The rules for every release.
const COMMON: &str = include_str!("../../data/releases/common-omit.toml");

fn read(text: &str) -> Omitted {
    // A description on a host is checked when the release is read, and a test reads the carried ones.
    toml::from_str(text).expect("the omit.toml of a release is tested")
}

/// Checks that the `omit.toml` of a folder, if it has one, can be read.
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
    /// The rules for a release. Without a lock file, its packages can be others every day, and the rules of this release
    /// alone were not tried with them.
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
    fn rules_that_were_not_tried_are_not_used() {
        let mut release = Releases::carried().release("4.1.2", None).unwrap();
        assert!(Omitted::of(&release).peers);
        release.lock = None;
        let untried = Omitted::of(&release);
        assert!(!untried.peers && untried.paths().iter().all(|path| !path.starts_with('*')));
    }
}
