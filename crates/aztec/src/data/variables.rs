//! The variables of a release: what its `env.toml` says, on top of those that it is like.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use provision::Fault;
use serde::Deserialize;

use super::folder;

/// What a release knows of its environment. Where the facts are from: the head of its file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Table {
    /// The release that the facts are of.
    #[serde(skip)]
    pub version: String,
    /// What it makes of a variable that is there and empty.
    pub empty: Option<Empty>,
    /// Every variable that it reads.
    pub variables: BTreeMap<String, Variable>,
    /// What an earlier release read.
    pub removed: BTreeMap<String, Removed>,
}

/// What a release makes of a variable that is there and empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Empty {
    /// A value like any other: a number is then not one, and a truth is false.
    Value,
    /// As if it were not there, but for what a live network brings: that fills in only what is not there.
    Unset,
}

/// A variable that a release reads.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Variable {
    /// What its value has to look like.
    #[serde(rename = "type")]
    pub kind: Type,
    /// What the release takes when it is not set.
    pub default: Option<String>,
    /// The only values that it knows.
    pub values: Vec<String>,
    /// The only names that it knows in a list with commas; it leaves others out without a word.
    pub list_of: Vec<String>,
    /// The flags of `start` that do the same.
    pub flags: Vec<String>,
    /// Every node of a live network must have the same value.
    pub consensus: bool,
    /// A live network brings its own value.
    pub preset: bool,
    /// Not read when `KEY_STORE_DIRECTORY` is set.
    pub ignored_with_keystore: bool,
    /// A private key, or what one is derived from.
    pub secret: bool,
    /// Only read when that one is not set.
    pub alias_of: Option<String>,
}

/// How the release reads a value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Type {
    /// As it is.
    #[default]
    Text,
    /// `parseInt`.
    Integer,
    /// `parseFloat` or `Number`.
    Number,
    /// `BigInt`, which takes 0x10 and 1e18 as well.
    Bigint,
    /// 1, true or TRUE, and everything else is false.
    Boolean,
    /// An Ethereum address.
    Address,
    /// A log level, and those of single modules.
    LogLevel,
}

/// A variable that an earlier release read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Removed {
    /// `in` the release that took it away, or `after` the last that is known to read it.
    pub when: String,
    /// What took its place.
    #[serde(rename = "use")]
    pub instead: Option<String>,
}

/// What is true in every release.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Common {
    /// Variables that others in the node's process read, and who.
    pub variables: BTreeMap<String, String>,
    /// Names that look right, and the right one.
    pub renamed: BTreeMap<String, String>,
    /// Names that no release reads, and why.
    pub gone: BTreeMap<String, String>,
}

impl Table {
    /// Reads it from the texts of its layers, each with its file: a later one adds variables, describes one anew, or
    /// takes one away (`removed`).
    ///
    /// # Errors
    ///
    /// With file and line.
    pub fn read(version: &str, layers: &[(String, &str)]) -> Result<Self, Fault> {
        let mut table = Self {
            version: version.into(),
            ..Self::default()
        };
        for (file, text) in layers {
            let layer: Self = folder::read(file, text)?;
            table.empty = layer.empty.or(table.empty);
            for name in layer.variables.keys() {
                table.removed.remove(name);
            }
            for name in layer.removed.keys() {
                table.variables.remove(name);
            }
            table.variables.extend(layer.variables);
            table.removed.extend(layer.removed);
            table.check(file, text)?;
        }
        Ok(table)
    }

    /// What points to another variable points to one that is there.
    fn check(&self, file: &str, text: &str) -> Result<(), Fault> {
        let aliases = self.variables.iter();
        let aliases = aliases.map(|(name, variable)| (name, &variable.alias_of));
        let removed = self.removed.iter();
        let removed = removed.map(|(name, removed)| (name, &removed.instead));
        for (name, other) in aliases.chain(removed) {
            if let Some(other) = other
                .as_ref()
                .filter(|other| !self.variables.contains_key(*other))
            {
                let part = if self.variables.contains_key(name) {
                    "variables"
                } else {
                    "removed"
                };
                let line = folder::line_of(text, &format!("{part}.{name}"));
                return Err(
                    Fault::new(format!("{file}:{line}: {name}: nothing reads {other}")).fix(
                        format!("Correct the name, or write {other} into [variables]."),
                    ),
                );
            }
        }
        Ok(())
    }
}

static COMMON: LazyLock<Common> = LazyLock::new(|| {
    toml::from_str(include_str!("../../data/releases/common-env.toml"))
        .expect("data/releases/common-env.toml is tested")
});

/// What is true in every release.
pub(crate) fn common() -> &'static Common {
    &COMMON
}

#[cfg(test)]
mod tests {
    use super::super::{Release, Releases};
    use super::*;

    fn releases() -> Vec<Release> {
        let all = Releases::carried();
        let versions = all.versions();
        versions
            .map(|version| all.release(version, None).unwrap())
            .collect()
    }

    #[test]
    fn what_the_tables_point_to_is_there() {
        for release in &releases() {
            let table = release.table();
            let has = |name: &str| assert!(table.variables.contains_key(name), "{name}");
            common().renamed.values().for_each(|name| has(name));
            for (name, variable) in &table.variables {
                variable.alias_of.iter().for_each(|other| has(other));
                assert!(!common().renamed.contains_key(name), "{name}");
                assert!(!common().gone.contains_key(name), "{name}");
                if let (Some(default), false) = (&variable.default, variable.values.is_empty()) {
                    assert!(variable.values.contains(default), "{name}");
                }
            }
            for (name, removed) in &table.removed {
                removed.instead.iter().for_each(|other| has(other));
                assert!(!table.variables.contains_key(name), "{name}");
            }
        }
    }

    #[test]
    fn what_an_older_release_read_and_a_newer_one_does_not_is_called_removed() {
        for pair in releases().windows(2) {
            let (old, new) = (pair[0].table(), pair[1].table());
            for name in old.variables.keys().chain(old.removed.keys()) {
                let listed = new.variables.contains_key(name) || new.removed.contains_key(name);
                assert!(listed, "{} lacks {name} of {}", new.version, old.version);
            }
        }
    }
}
