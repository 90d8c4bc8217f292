//! Checks of the endpoints of Ethereum. They are asked once, all at the same time; each check judges a part of the answers.

pub mod asked;
mod capabilities;
mod consensus;
mod execution;
pub mod fit;
pub mod registry;
mod traces;

use crate::checks::check::{Check, Need, Phase, Run, Verb};
use crate::checks::context::Context;
use crate::checks::topic::Topic;
use crate::names::Role;

const ROW: Check = Check::row(Phase::L1, Need::NETWORK, Verb::BEFORE);
/// Verbs that ask an L1 everything.
const DEEP: &[Verb] = &[Verb::Preflight, Verb::Apply, Verb::Bootstrap];

pub(super) const CHECKS: &[Check] = &[
    Check {
        topics: &[Topic::L1Execution],
        looks_at: "chain, head and sync status of each endpoint of l1.rpc_urls",
        verbs: &[Verb::Preflight, Verb::Apply, Verb::Bootstrap, Verb::Smoke],
        run: Run::Now(|cx| match asks(cx) {
            true => Ok(execution::execution(cx, &cx.l1()?.execution)),
            false => Ok(Vec::new()),
        }),
        ..ROW
    },
    Check {
        topics: &[Topic::L1Logs],
        looks_at: "the logs of the rollup's deployment at each endpoint of l1.rpc_urls",
        verbs: DEEP,
        run: Run::Now(|cx| match deep(cx) {
            true => Ok(capabilities::logs(&cx.l1()?.execution)),
            false => Ok(Vec::new()),
        }),
        ..ROW
    },
    Check {
        topics: &[Topic::L1Quota],
        looks_at: "twenty calls at once to each endpoint of l1.rpc_urls",
        verbs: DEEP,
        run: Run::Now(|cx| match deep(cx) {
            true => Ok(capabilities::quota(&cx.l1()?.execution)),
            false => Ok(Vec::new()),
        }),
        ..ROW
    },
    Check {
        topics: &[Topic::L1Client],
        looks_at: "the version that each endpoint of l1.rpc_urls reports, and eth_simulateV1",
        verbs: DEEP,
        run: Run::Now(|cx| match deep(cx) {
            true => Ok(capabilities::client(&cx.l1()?.execution)),
            false => Ok(Vec::new()),
        }),
        ..ROW
    },
    Check {
        topics: &[Topic::L1Consensus],
        looks_at: "chain and sync status of each endpoint of l1.consensus_urls",
        verbs: DEEP,
        run: Run::Now(|cx| match deep(cx) {
            true => Ok(consensus::consensus(cx, &cx.l1()?.consensus)),
            false => Ok(Vec::new()),
        }),
        ..ROW
    },
    Check {
        topics: &[Topic::L1SameChain],
        looks_at: "a block of the execution chain at each endpoint of l1.consensus_urls",
        verbs: DEEP,
        run: Run::Now(|cx| match deep(cx) {
            true => Ok(consensus::same_chain(&cx.l1()?.consensus)),
            false => Ok(Vec::new()),
        }),
        ..ROW
    },
    Check {
        topics: &[Topic::L1Blobs],
        looks_at: "new and old blobs at each endpoint of l1.consensus_urls",
        verbs: DEEP,
        run: Run::Now(|cx| match deep(cx) {
            true => Ok(consensus::blobs(cx, &cx.l1()?.consensus)),
            false => Ok(Vec::new()),
        }),
        ..ROW
    },
    Check {
        topics: &[Topic::L1Traces],
        looks_at: "each endpoint of l1.debug_urls, or of l1.rpc_urls",
        run: Run::Now(|cx| match deep(cx) {
            true => Ok(traces::traces(cx.settings, &cx.l1()?.traces)
                .into_iter()
                .collect()),
            false => Ok(Vec::new()),
        }),
        ..ROW
    },
    Check {
        topics: &[Topic::AztecRegistry],
        looks_at: "the registry of the network",
        verbs: &[Verb::Bootstrap],
        run: Run::Now(|cx| registry::contracts(cx.settings, cx.probe())),
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

/// Whether the execution endpoints concern this host now. A local network has its own L1 only once it is set up.
fn asks(cx: &Context<'_>) -> bool {
    match cx.verb {
        Verb::Smoke | Verb::Doctor => cx.settings.has(Role::Node),
        Verb::Bootstrap => cx.settings.live().is_some() || cx.settings.own_l1().is_some(),
        _ => deep(cx),
    }
}

/// Whether this host follows an L1 of others.
fn deep(cx: &Context<'_>) -> bool {
    cx.settings.live().is_some() && cx.settings.has_role()
}
