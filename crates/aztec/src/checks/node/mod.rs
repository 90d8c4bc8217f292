//! Checks of the node and its chain.

pub mod advance;
mod chain;
pub mod target;

use crate::checks::check::{Check, Need, Phase, Run, Verb};
use crate::checks::topic::Topic;

const ROW: Check = Check::row(Phase::Node, Need::NODE, &[Verb::Smoke]);

pub(super) const CHECKS: &[Check] = &[
    Check {
        topics: &[Topic::NodeAnswers],
        looks_at: "the RPC of the node",
        run: Run::Now(chain::node_answers),
        ..ROW
    },
    Check {
        topics: &[Topic::NodeRollup],
        looks_at: "the rollup that the node reports, and the registry",
        needs: &[Need::Node, Need::Network],
        run: Run::Now(chain::right_rollup),
        ..ROW
    },
    Check {
        topics: &[Topic::Chain, Topic::L1Head, Topic::L2Tip],
        looks_at: "the heads of both chains, until they advance",
        needs: &[Need::Node, Need::Network],
        run: Run::Waits(advance::advance),
        ..ROW
    },
];
