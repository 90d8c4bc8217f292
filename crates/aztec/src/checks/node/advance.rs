//! Whether the chains of a running host advance, not only whether its processes exist.
//!
//! `systemctl is-active` reports active while a node hangs, waits to repeat its start, or is on standby for
//! a rollup that it does not know. Only the chain itself shows that the node works.

use std::time::Duration;

use provision::Fault;

use super::target::{Sample, Target};
use crate::checks::context::Context;
use crate::checks::finding::Finding;
use crate::checks::topic::Topic;
use crate::fit;
use crate::names::Role;
use crate::settings::Settings;

const POLL: Duration = Duration::from_millis(500);

/// Waits for both chains to advance, as long as the caller allows and everything else is well.
pub(super) fn advance(
    cx: &Context<'_>,
    on_sample: &mut dyn FnMut(&Sample),
) -> Result<Vec<Finding>, Fault> {
    let settings = cx.settings;
    let unfit = || {
        cx.fit()
            .is_some_and(|fit| fit.verdict == fit::Verdict::DoesNotFit)
    };
    // A node that is to stand by has no chain to follow yet.
    if !settings.has(Role::Node) || (settings.stands_by() && unfit()) {
        return Ok(Vec::new());
    }
    let target = Target::new(settings, cx.probe())?;
    let first = target.sample();
    let mut last = first;
    let started = cx.probe().clock().monotonic_us;
    let waited = || {
        Duration::from_micros(
            u64::try_from(cx.probe().clock().monotonic_us - started).unwrap_or_default(),
        )
    };
    let moves = |last: &Sample| {
        last.l1_head > first.l1_head && (last.proposed > first.proposed || !makes_blocks(settings))
    };
    while !moves(&last) && waited() < cx.patience() {
        std::thread::sleep(POLL);
        last = target.sample();
        on_sample(&last);
    }
    let l1 = moved(Topic::L1Head, first.l1_head, last.l1_head, waited());
    let l2 = if makes_blocks(settings) {
        moved(Topic::L2Tip, first.proposed, last.proposed, waited())
    } else {
        let seen = "this local network has no sequencer, so nothing produces blocks";
        Finding::pass(Topic::L2Tip, seen)
    };
    Ok(vec![l1, l2])
}

/// On a live network, others produce blocks. A local network needs its own sequencer.
fn makes_blocks(settings: &Settings) -> bool {
    settings.live().is_some() || settings.has(Role::Sequencer)
}

/// Whether a block number grew from `first` to `last`.
fn moved(topic: Topic, first: Option<u64>, last: Option<u64>, waited: Duration) -> Finding {
    let seconds = waited.as_secs();
    match (first, last) {
        (Some(first), Some(last)) if last > first => {
            Finding::pass(topic, format!("{first} → {last} within {seconds} s"))
        }
        (_, Some(last)) => Finding::warn(
            topic,
            format!("at {last}, not seen to advance within {seconds} s"),
        ),
        // The check that asks for an answer judges a chain that does not answer.
        (_, None) => Finding::warn(topic, "unknown"),
    }
}
