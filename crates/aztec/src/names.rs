//! What everything is called: roles, runtimes, units. The lowest layer, which knows nothing of the others.

use serde::{Deserialize, Serialize};

/// A role: one process, or in the end none, because a release refuses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Follows the chain.
    Node,
    /// The node with keys: proposes and attests.
    Sequencer,
    /// Hands out the jobs of a prover.
    ProverBroker,
    /// Makes the jobs of a prover and publishes its proofs.
    ProverNode,
    /// Does the jobs of a prover.
    ProverAgent,
    /// Discovery for others.
    Bootnode,
    /// The archiver of a node as a process of its own.
    Archiver,
    /// Private execution as a server.
    Pxe,
    /// The test environment for contracts.
    Txe,
    /// Transactions for a test network.
    Bot,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 10] = [
        Self::Node,
        Self::Sequencer,
        Self::ProverBroker,
        Self::ProverNode,
        Self::ProverAgent,
        Self::Bootnode,
        Self::Archiver,
        Self::Pxe,
        Self::Txe,
        Self::Bot,
    ];

    /// Its name in the data files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Sequencer => "sequencer",
            Self::ProverBroker => "prover_broker",
            Self::ProverNode => "prover_node",
            Self::ProverAgent => "prover_agent",
            Self::Bootnode => "bootnode",
            Self::Archiver => "archiver",
            Self::Pxe => "pxe",
            Self::Txe => "txe",
            Self::Bot => "bot",
        }
    }
}

/// Two kinds of networks that a role may work on or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// The chain lives on this host alone, and its proofs are not real.
    Local,
    /// Every other network.
    Live,
}

/// How the processes of a host run. A host has one runtime, so that its units, and the programs that an operator calls, are of
/// one release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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

/// The units of our services. What the distribution calls its own is the business of crate `server`.
pub(crate) mod units {
    /// A node without keys.
    pub const NODE: &str = "aztec-node.service";
    /// The node with keys.
    pub const SEQUENCER: &str = "aztec-sequencer.service";
    /// The L1 of a local network.
    pub const L1: &str = "aztec-l1.service";
    /// The same with a Beacon API.
    pub const L1_BEACON: &str = "aztec-l1-beacon.service";
    /// Hands out the jobs of a prover.
    pub const PROVER_BROKER: &str = "aztec-prover-broker.service";
    /// Makes these jobs.
    pub const PROVER_NODE: &str = "aztec-prover-node.service";
    /// The first of those that do them.
    pub const FIRST_AGENT: &str = "aztec-prover-agent@1.service";
    /// Discovery for others.
    pub const BOOTNODE: &str = "aztec-bootnode.service";
    /// A standalone archiver.
    pub const ARCHIVER: &str = "aztec-archiver.service";
    /// The test environment for contracts.
    pub const TXE: &str = "aztec-txe.service";
    /// Transactions for a test network.
    pub const BOT: &str = "aztec-bot.service";
    /// Takes what Aztec pushes, for Prometheus to get it.
    pub const COLLECTOR: &str = "aztec-collector.service";
    /// Runs the containers of monitoring.
    pub const MONITORING: &str = "aztec-monitoring.service";
}
