//! The objects of a keystore: their fields, and the place of each.

use super::tree::Tree;
use super::values::unexpected;
use crate::error::{Result, refused};

/// The fields of an object, and its place.
pub(super) struct Fields<'a> {
    tree: &'a Tree,
    at: &'a str,
}

impl<'a> Fields<'a> {
    pub(super) fn of(tree: &'a Tree, at: &'a str) -> Result<Self> {
        match tree {
            Tree::Map(_) => Ok(Self { tree, at }),
            other => Err(unexpected(
                if at.is_empty() { "the file" } else { at },
                "an object",
                other,
            )),
        }
    }

    /// The place of a field, as messages name it.
    pub(super) fn place(&self, name: &str) -> String {
        if self.at.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.at)
        }
    }

    /// A field, if it is present. The node treats `null` as missing.
    pub(super) fn get(&self, name: &str) -> Option<&'a Tree> {
        self.tree
            .get(name)
            .filter(|value| !matches!(value, Tree::Null))
    }

    /// A field that must be present.
    pub(super) fn required(&self, name: &str) -> Result<&'a Tree> {
        self.get(name)
            .ok_or_else(|| refused(format!("{} is missing", self.place(name))))
    }

    /// Refuses every other field, as the node does.
    pub(super) fn only(&self, known: &[&str]) -> Result<()> {
        let Tree::Map(fields) = self.tree else {
            return Ok(());
        };
        let Some((name, _)) = fields
            .iter()
            .find(|(name, _)| !known.contains(&name.as_str()))
        else {
            return Ok(());
        };
        // Only a plausible name is quoted. Anything else could be a secret in the wrong place.
        let plain = name.len() <= 24 && name.bytes().all(|byte| byte.is_ascii_alphabetic());
        let what = if plain {
            format!("{} is not a field of a keystore", self.place(name))
        } else {
            let at = if self.at.is_empty() {
                "the file"
            } else {
                self.at
            };
            format!("{at} has a field that no keystore has")
        };
        Err(refused(format!("{what}: the node refuses unknown fields")))
    }
}

/// Reads a field that may be missing.
pub(super) fn optional<T>(
    fields: &Fields<'_>,
    name: &str,
    read: impl FnOnce(&Tree, &str) -> Result<T>,
) -> Result<Option<T>> {
    fields
        .get(name)
        .map(|tree| read(tree, &fields.place(name)))
        .transpose()
}
