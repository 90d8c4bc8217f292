//! A check as a row of a table.

use provision::Fault;
use serde::Serialize;

use super::context::Context;
use super::finding::Finding;
use super::node::target::Sample;
use super::topic::Topic;
pub use super::verb::Verb;

/// The part of a host that a check looks at. What is wrong in an earlier phase can be the cause of what is wrong in a
/// later one, never the other way round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The machine, its disks and its operating system.
    Host,
    /// `kit.toml`, the release, and the software that is already there.
    Configuration,
    /// Ports, the firewall and the TLS proxy.
    Network,
    /// Keystores, and who signs with them.
    Keys,
    /// The endpoints of Ethereum.
    L1,
    /// The units of systemd.
    Services,
    /// The node and its chain.
    Node,
    /// The logs, which explain the rest.
    Logs,
}

impl Phase {
    /// The word for people and machines.
    pub fn word(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Configuration => "configuration",
            Self::Network => "network",
            Self::Keys => "keys",
            Self::L1 => "l1",
            Self::Services => "services",
            Self::Node => "node",
            Self::Logs => "logs",
        }
    }
}

/// What a check cannot do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Need {
    /// The rights of root.
    Root,
    /// Other hosts: an L1, a registry, a broker.
    Network,
    /// A node that runs.
    Node,
}

/// One check.
#[derive(Debug, Clone, Copy)]
pub struct Check {
    /// The topics of its findings. The first is that of the check as a whole, if it cannot tell.
    pub topics: &'static [Topic],
    /// Where it looks.
    pub phase: Phase,
    /// What it looks at, for people.
    pub looks_at: &'static str,
    /// What it needs.
    pub needs: &'static [Need],
    /// What runs it.
    pub verbs: &'static [Verb],
    /// Looks, and returns what it found; nothing if the check does not concern this host.
    pub run: Run,
}

/// The function of a check.
#[derive(Debug, Clone, Copy)]
pub enum Run {
    /// It looks at once.
    Now(fn(&Context<'_>) -> Found),
    /// It waits for the chains to advance, and reports each sample. It runs last, and waits only if everything else passed.
    Waits(Wait),
}

/// The function of a check that waits. It gets what takes each sample.
pub type Wait = fn(&Context<'_>, &mut dyn FnMut(&Sample)) -> Found;

/// The findings of a check, or why it got no answer.
type Found = Result<Vec<Finding>, Fault>;

impl Need {
    /// Only root.
    pub(super) const ROOT: &[Self] = &[Self::Root];
    /// Only other hosts.
    pub(super) const NETWORK: &[Self] = &[Self::Network];
    /// Only a node.
    pub(super) const NODE: &[Self] = &[Self::Node];
}

impl Check {
    /// What the rows of one phase have in common.
    pub(super) const fn row(phase: Phase, needs: &'static [Need], verbs: &'static [Verb]) -> Self {
        Self {
            topics: &[],
            phase,
            looks_at: "",
            needs,
            verbs,
            run: Run::Now(|_| Ok(Vec::new())),
        }
    }

    /// The findings of this check. A check that cannot tell has one that says so.
    pub(super) fn findings(
        &self,
        cx: &Context<'_>,
        on_sample: &mut dyn FnMut(&Sample),
    ) -> Vec<Finding> {
        let found = match self.run {
            Run::Now(look) => look(cx),
            Run::Waits(wait) => wait(cx, on_sample),
        };
        let topic = self.topics.first();
        topic.map_or_else(Vec::new, |topic| Finding::of(*topic, found))
    }
}
