//! The variables of every release: data, read from the files under `data/releases/`.

use std::collections::BTreeMap;
use std::sync::{LazyLock, OnceLock};

use serde::Deserialize;

use crate::data::{Carried, carried};

/// What a release knows of its environment. Where the facts are from: the head of its file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    /// The release that the facts are of.
    #[serde(skip)]
    pub version: &'static str,
    /// Every variable that it reads.
    pub variables: BTreeMap<String, Variable>,
    /// What an earlier release read.
    pub removed: BTreeMap<String, Removed>,
}

/// A variable that a release reads.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Variable {
    /// What its value has to look like.
    #[serde(rename = "type")]
    pub kind: Type,
    /// What the release takes when it is not set.
    pub default: Option<String>,
    /// The only values that it knows.
    pub values: Vec<String>,
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
pub(super) enum Type {
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
pub(super) struct Removed {
    /// `in` the release that took it away, or `after` the last that is known to read it.
    pub when: String,
    /// What took its place.
    #[serde(rename = "use")]
    pub instead: Option<String>,
}

/// What is true in every release.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Common {
    /// Variables that others in the node's process read, and who.
    pub variables: BTreeMap<String, String>,
    /// Names that look right, and the right one.
    pub renamed: BTreeMap<String, String>,
    /// Names that no release reads, and why.
    pub gone: BTreeMap<String, String>,
}

/// A table takes a millisecond to read, and a run needs one of them.
static TABLES: LazyLock<Vec<(&Carried, OnceLock<Table>)>> = LazyLock::new(|| {
    let all = carried().iter();
    all.map(|carried| (*carried, OnceLock::new())).collect()
});

fn read((carried, table): &'static (&Carried, OnceLock<Table>)) -> &'static Table {
    table.get_or_init(|| Table {
        version: carried.version,
        ..toml::from_str(carried.env).expect("data/releases/*/env.toml is tested")
    })
}

static COMMON: LazyLock<Common> = LazyLock::new(|| {
    toml::from_str(include_str!("../../data/releases/common-env.toml"))
        .expect("data/releases/common-env.toml is tested")
});

/// The table of a release that this program knows.
pub(super) fn of(version: &str) -> &'static Table {
    let known = TABLES
        .iter()
        .find(|(carried, _)| carried.version == version);
    read(known.unwrap_or_else(|| TABLES.last().expect("there is a release")))
}

/// What is true in every release.
pub(super) fn common() -> &'static Common {
    &COMMON
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_release_has_a_table() {
        assert_eq!(of("4.1.2").variables.len(), 370);
        assert_eq!(of("5.2.0").variables.len(), 404);
    }

    #[test]
    fn what_the_tables_point_to_is_there() {
        for table in TABLES.iter().map(read) {
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
        let tables: Vec<_> = TABLES.iter().map(read).collect();
        for pair in tables.windows(2) {
            let (old, new) = (pair[0], pair[1]);
            for name in old.variables.keys().chain(old.removed.keys()) {
                let listed = new.variables.contains_key(name) || new.removed.contains_key(name);
                assert!(listed, "{} lacks {name} of {}", new.version, old.version);
            }
        }
    }
}
