//! The number of agents that prove on this host.

use crate::checks::finding::Finding;
use crate::checks::topic::Topic;
use crate::facts::HostFacts;
use crate::roles::prover;
use crate::settings::Settings;

/// The number of prover agents, and its reason.
pub(super) fn agents(settings: &Settings, facts: &HostFacts) -> Option<Finding> {
    settings.proves().then(|| {
        let (count, why) = prover::agents(settings, facts);
        Finding::pass(Topic::ProverAgents, format!("{count}: {why}"))
    })
}
