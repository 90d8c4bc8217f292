//! Environment files: how aztec-kit writes them, and the mistakes in those that exist.
//!
//! [`render`] writes them. [`Release::lint_env`] reads them, including the operator's own additions, and compares every
//! variable with those that the release reads. That list is data, one file per release. The head of
//! `data/releases/<version>/env.toml` names the source of each fact, and the tests compare 4.1.2's with the help of its
//! real binary.

mod decode;
mod file;
pub mod finding;
#[cfg(test)]
mod help;
mod likely;
mod lint;
mod log_level;
mod render;
mod value;

pub(crate) use decode::{Decoded, decode};
#[cfg(feature = "fuzz")]
pub(crate) use file::entries;
pub(crate) use render::{quoted, render};
pub(crate) use value::{Value, Variables};

use crate::data::{Release, common};
pub use finding::EnvFinding;

impl Release {
    /// Whether anything in the node's process reads this variable: the release itself, or Node.js and the libraries of
    /// every service (`data/releases/common-env.toml`).
    pub fn knows_variable(&self, name: &str) -> bool {
        self.table().variables.contains_key(name) || common().variables.contains_key(name)
    }

    /// The mistakes in an environment file, in the order of the lines; pure.
    ///
    /// `file` is only repeated in the findings. A live network sets the variables that all its nodes must agree on. With a
    /// keystore (`KEY_STORE_DIRECTORY`), the node ignores the keys in its environment. No finding repeats a value, because
    /// it may be a key, or a URL that contains one.
    pub fn lint_env(
        &self,
        network_is_local: bool,
        keystore: bool,
        file: &str,
        text: &str,
    ) -> Vec<EnvFinding> {
        lint::lint(self, network_is_local, keystore, file, text)
    }
}
