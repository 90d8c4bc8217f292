//! Checks of the endpoints of Ethereum.

pub mod endpoints;
pub mod fit;
pub mod registry;
mod traces;

use crate::checks::check::{Check, Need, Phase, Run, Verb};
use crate::checks::topic::Topic;

const ROW: Check = Check::row(Phase::L1, Need::NETWORK, Verb::BEFORE);

pub(super) const CHECKS: &[Check] = &[
    Check {
        topics: &[Topic::L1Execution],
        looks_at: "each endpoint of l1.rpc_urls",
        verbs: &[Verb::Preflight, Verb::Apply, Verb::Bootstrap, Verb::Smoke],
        run: Run::Now(|cx| Ok(endpoints::execution(cx))),
        ..ROW
    },
    Check {
        topics: &[Topic::L1Consensus],
        looks_at: "each endpoint of l1.consensus_urls",
        verbs: &[Verb::Preflight, Verb::Apply, Verb::Bootstrap],
        run: Run::Now(|cx| Ok(endpoints::consensus(cx.settings))),
        ..ROW
    },
    Check {
        topics: &[Topic::L1Traces],
        looks_at: "each endpoint of l1.debug_urls, or of l1.rpc_urls",
        run: Run::Now(|cx| Ok(traces::traces(cx.settings).into_iter().collect())),
        ..ROW
    },
    Check {
        topics: &[Topic::AztecRegistry],
        looks_at: "the registry of the network",
        verbs: &[Verb::Bootstrap],
        run: Run::Now(|cx| endpoints::contracts(cx.settings, cx.probe())),
        ..ROW
    },
    Check {
        topics: &[Topic::ReleaseFits],
        looks_at: "the rollup that the registry names",
        verbs: &[
            Verb::Preflight,
            Verb::Apply,
            Verb::Plan,
            Verb::Bootstrap,
            Verb::Status,
            Verb::Smoke,
        ],
        run: Run::Now(|cx| Ok(fit::finding(cx).into_iter().collect())),
        ..ROW
    },
];
