//! The variables of a release: its `env.toml`, on top of those of the releases that it is like.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use provision::Fault;
use serde::Deserialize;

use super::folder;

/// The variables that a release reads. The head of its file names the sources of the facts.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Table {
    /// The release that the facts are about.
    #[serde(skip)]
    pub version: String,
    /// The meaning of an empty variable.
    pub empty: Option<Empty>,
    /// Every variable that it reads.
    pub variables: BTreeMap<String, Variable>,
    /// Variables that only earlier releases read.
    pub removed: BTreeMap<String, Removed>,
}

/// The meaning of a variable that is set and empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Empty {
    /// A value like any other: an empty number is invalid, and an empty boolean is false.
    Value,
    /// As if it were not set. However, the values of a live network apply only to variables that are not set.
    Unset,
}

/// A variable that a release reads.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Variable {
    /// The type of its value.
    #[serde(rename = "type")]
    pub kind: Type,
    /// The value that the release uses if it is not set.
    pub default: Option<String>,
    /// The only values that the release knows.
    pub values: Vec<String>,
    /// The only names that the release knows in a list with commas. It ignores others without a message.
    pub list_of: Vec<String>,
    /// The flags of `start` with the same effect.
    pub flags: Vec<String>,
    /// Every node of a live network must have the same value.
    pub consensus: bool,
    /// A live network has its own value.
    pub preset: bool,
    /// Not read if `KEY_STORE_DIRECTORY` is set.
    pub ignored_with_keystore: bool,
    /// A private key, or the secret that one is derived from.
    pub secret: bool,
    /// The variable with the current name. This one is read only if that one is not set.
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
    /// `BigInt`, which also accepts 0x10 and 1e18.
    Bigint,
    /// 1, true or TRUE, and everything else is false.
    Boolean,
    /// An Ethereum address.
    Address,
    /// A log level, and levels of single modules.
    LogLevel,
}

/// A variable that only earlier releases read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Removed {
    /// `in` the release that removed it, or `after` the last one that is known to read it.
    pub when: String,
    /// The variable that replaced it.
    #[serde(rename = "use")]
    pub instead: Option<String>,
}

/// The facts about variables that are the same in every release.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Common {
    /// Variables that other parts of the node's process read, each with its reader.
    pub variables: BTreeMap<String, String>,
    /// Names that look right, each with the right one.
    pub renamed: BTreeMap<String, String>,
    /// Names that no release reads, each with the reason.
    pub gone: BTreeMap<String, String>,
}

impl Table {
    /// Reads it from the texts of its layers, each with its file. A later layer adds variables, describes one again, or
    /// removes one (`removed`).
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

    /// Checks that each variable that refers to another one refers to one that exists.
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

/// The facts about variables that are the same in every release.
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
    fn every_variable_that_the_tables_refer_to_exists() {
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
    fn a_variable_of_an_older_release_is_known_to_be_removed_in_a_newer_one() {
        for pair in releases().windows(2) {
            let (old, new) = (pair[0].table(), pair[1].table());
            for name in old.variables.keys().chain(old.removed.keys()) {
                let listed = new.variables.contains_key(name) || new.removed.contains_key(name);
                assert!(listed, "{} lacks {name} of {}", new.version, old.version);
            }
        }
    }
}
