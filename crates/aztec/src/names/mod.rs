//! The names of roles and their components, ports, runtimes and units.

mod hardware;
mod keystore;
pub(crate) mod port;
mod role;
#[cfg(test)]
mod tests;
pub(crate) mod units;

use serde::{Deserialize, Serialize};

pub use hardware::{Hardware, LEAST_READS, TARGET_READS};
pub use keystore::KeystoreSpec;
pub use port::{Port, Reach};
pub use role::{Component, L1Use, Role};

/// Two kinds of networks that a role may work on or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// The chain lives on this host only, and its proofs are not real.
    Local,
    /// Every other network.
    Live,
}

/// How the processes of a host run. A host has one runtime, so its units and the programs that an operator calls are of
/// one release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Runtime {
    /// The npm packages of the release, with a Node.js of their own.
    Native,
    /// The official image of the release.
    Container,
}

impl Runtime {
    /// The word in `kit.toml`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Container => "container",
        }
    }
}
