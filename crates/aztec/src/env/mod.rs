//! Environment files that tell the truth: what is written, and what is wrong with what is there.
//!
//! [`render`] writes them. [`Release::lint_env`] reads them, the operator's own additions included, and
//! compares every variable with what the release reads. That list is data, one file per release: the head of
//! `data/releases/<version>/env.toml` says where each of its facts is from, and the tests compare 4.1.2's with
//! the help of its real binary.

mod file;
pub mod finding;
#[cfg(test)]
mod help;
mod likely;
mod lint;
mod log_level;
mod render;
mod value;
mod whole;

#[cfg(feature = "fuzz")]
pub(crate) use file::entries;
pub(crate) use render::{quoted, render};
pub(crate) use value::{Value, Variables};
pub(crate) use whole::{Whole, whole};

use crate::data::{Release, common};
pub use finding::{EnvFinding, Severity};

impl Release {
    /// Whether anything in the node's process reads this variable: the release itself, or what every Node.js
    /// service has below it (`data/releases/common-env.toml`).
    pub fn knows_variable(&self, name: &str) -> bool {
        self.table().variables.contains_key(name) || common().variables.contains_key(name)
    }

    /// What is wrong with an environment file; pure, in the order of the lines.
    ///
    /// `file` is only repeated in the findings. A live network brings its own values for what all its nodes
    /// must agree on; with a keystore (`KEY_STORE_DIRECTORY`) the node ignores the keys in its environment.
    /// No finding repeats a value: it may be a key, or a URL with one in it.
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
