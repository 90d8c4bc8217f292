//! What processes say in their logs when something is wrong: the error dictionary.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::Health;

/// One entry of the dictionary.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownError {
    /// A short name, for people and for tools; a contract.
    pub id: String,
    /// A line that contains one of these is meant.
    pub lines: Vec<String>,
    /// Where 4.1.2 has such words, relative to its `node_modules`.
    #[serde(default)]
    pub files: Vec<String>,
    /// How well a process is that says so; some lines only look bad.
    pub health: Health,
    /// What is wrong.
    pub means: String,
    /// What to do about it.
    pub fix: String,
}

impl KnownError {
    /// Whether a line of a log says this.
    pub fn is_said_by(&self, line: &str) -> bool {
        self.lines.iter().any(|words| line.contains(words))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Dictionary {
    known: Vec<KnownError>,
}

static DICTIONARY: LazyLock<Vec<KnownError>> = LazyLock::new(|| {
    let text = include_str!("../../data/errors.toml");
    let dictionary: Dictionary = toml::from_str(text).expect("data/errors.toml is tested");
    dictionary.known
});

/// Every entry, in the order in which they are tried.
pub fn known_errors() -> &'static [KnownError] {
    &DICTIONARY
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_entry_can_be_found_under_its_own_name() {
        let mut ids = BTreeSet::new();
        for (at, known) in known_errors().iter().enumerate() {
            assert!(ids.insert(&known.id), "{} stands there twice", known.id);
            assert!(!known.lines.is_empty(), "{} has no lines", known.id);
            for line in &known.lines {
                // Shorter words stand in lines that mean something else.
                assert!(line.len() >= 6, "{}: `{line}` is too little", known.id);
                let first = known_errors().iter().position(|it| it.is_said_by(line));
                assert_eq!(first, Some(at), "`{line}` is taken for another entry");
            }
            for sentence in [&known.means, &known.fix] {
                assert!(sentence.ends_with('.'), "{}: `{sentence}`", known.id);
            }
        }
        assert!(ids.len() > 30);
    }
}
