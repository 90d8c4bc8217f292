//! What an Aztec host can be, process by process, and what a release makes of it.

use serde::Deserialize;

use crate::runtime::Runtime;

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

/// What a release makes of a role.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RoleFacts {
    /// Flags of `aztec start`; none when the release has no such process.
    pub flags: Vec<String>,
    /// Where it cannot work.
    pub refused: Vec<Refusal>,
    /// Seconds that it may take to end, where they are not those of the release.
    pub stop_seconds: Option<u32>,
}

/// A role that cannot work, and what to do instead.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    /// Only there; everywhere when not said.
    pub on: Option<Place>,
    /// Only with this runtime; with both when not said.
    pub runtime: Option<Runtime>,
    /// Why it cannot work.
    pub why: String,
    /// The alternative, a whole sentence.
    pub instead: String,
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

impl RoleFacts {
    /// Why it cannot work in a place, if it cannot, with a runtime when that is settled.
    pub fn refusal(&self, place: Place, runtime: Option<Runtime>) -> Option<&Refusal> {
        self.refused.iter().find(|refusal| {
            refusal.on.is_none_or(|on| on == place)
                && (refusal.runtime.is_none() || refusal.runtime == runtime)
        })
    }

    /// Whether it can work anywhere.
    pub(crate) fn is_possible(&self) -> bool {
        let mut refused = self.refused.iter();
        refused.all(|refusal| refusal.on.is_some() || refusal.runtime.is_some())
    }

    /// Whether it is said how to start it, or why not.
    pub(crate) fn is_complete(&self) -> bool {
        !self.flags.is_empty() || !self.is_possible()
    }
}
