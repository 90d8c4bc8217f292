//! What of a release's packages no role reads.

use serde::Deserialize;

use super::carried;

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
    toml::from_str(text).expect("data/releases/*omit.toml is tested")
}

impl Omitted {
    /// For a version, whose packages a carried lock file pins or not: only what is pinned was tried.
    pub(crate) fn of(version: &str, pinned: bool) -> Self {
        let mut all = read(COMMON);
        let tried = carried::of(version).filter(|_| pinned);
        if let Some(text) = tried.and_then(|carried| carried.omit) {
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
    use super::*;

    #[test]
    fn every_rule_has_paths_and_a_reason() {
        for (version, pinned) in [("4.1.2", true), ("5.2.0", false)] {
            let omitted = Omitted::of(version, pinned);
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
        let untried = Omitted::of("4.1.2", false);
        assert!(!untried.peers && untried.paths().iter().all(|path| !path.starts_with('*')));
        assert!(Omitted::of("4.1.2", true).peers);
    }
}
