//! The names of roles and their components, ports, runtimes and units.

mod keystore;
pub(crate) mod port;
mod role;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

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

/// The units of aztec-kit's services. The names of the distribution's units are in crate `server`.
pub(crate) mod units {
    /// A node without keys.
    pub const NODE: &str = "aztec-node.service";
    /// The node with keys.
    pub const SEQUENCER: &str = "aztec-sequencer.service";
    /// The L1 of a local network.
    pub const L1: &str = "aztec-l1.service";
    /// The Beacon API of that L1.
    pub const L1_BEACON: &str = "aztec-l1-beacon.service";
    /// Distributes the jobs of a prover.
    pub const PROVER_BROKER: &str = "aztec-prover-broker.service";
    /// Creates these jobs.
    pub const PROVER_NODE: &str = "aztec-prover-node.service";
    /// Receives the metrics that Aztec pushes, for Prometheus.
    pub const COLLECTOR: &str = "aztec-collector.service";
    /// Runs the containers of monitoring.
    pub const MONITORING: &str = "aztec-monitoring.service";
}
