//! The smoke test: whether the chains of a running host advance, not only whether its processes exist.
//!
//! `systemctl is-active` reports active while a node hangs, waits to repeat its start, or is on standby for
//! a rollup that it does not know. Only the chain itself shows that the node works.

mod chain;
mod report;
mod target;

use std::time::Duration;

use provision::Fault;
use provision::host::Probe;

use super::topic::Topic;
use crate::fit;
use crate::health::Health;
use crate::names::Role;
use crate::settings::Settings;
use crate::units::Units;
use chain::{advances, l1_answers, node_answers, right_chain};
use report::{cannot_tell, check};

pub use report::{Check, Report};
pub use target::{Sample, Target};

const POLL: Duration = Duration::from_millis(500);

/// Runs all checks, and waits up to `patience` for both chains to advance.
pub fn smoke(
    settings: &Settings,
    units: &Units,
    probe: &dyn Probe,
    patience: Duration,
    on_sample: &mut dyn FnMut(&Sample),
) -> Report {
    let mut checks =
        services(units, probe).unwrap_or_else(|fault| vec![cannot_tell(Topic::Services, &fault)]);
    if settings.has(Role::Node)
        && let Err(fault) = chains(settings, probe, patience, on_sample, &mut checks)
    {
        checks.push(cannot_tell(Topic::Chain, &fault));
    }
    Report::of(checks, probe)
}

/// The L1, the node, and whether both chains advance.
fn chains(
    settings: &Settings,
    probe: &dyn Probe,
    patience: Duration,
    on_sample: &mut dyn FnMut(&Sample),
    checks: &mut Vec<Check>,
) -> Result<(), Fault> {
    let target = Target::new(settings, probe)?;
    checks.push(l1_answers(settings, probe, &target));
    if let Some(fit) = fit::fit(settings).filter(|fit| fit.verdict == fit::Verdict::DoesNotFit) {
        let finding = super::of_fit(settings, &fit);
        let stands_by = settings.stands_by();
        let health = if stands_by { Health::Ok } else { Health::Down };
        checks.push(check(Topic::ReleaseFits, health, finding.message));
        if stands_by {
            // The node has no chain to follow yet.
            return Ok(());
        }
    }
    checks.push(node_answers(&target));
    checks.push(right_chain(settings, &target));
    // Waiting for chains that do not answer would only delay the report.
    let alive = checks.iter().all(|check| check.status == Health::Ok);
    let first = target.sample();
    let mut last = first;
    let started = probe.clock().monotonic_us;
    let waited =
        || Duration::from_micros(u64::try_from(probe.clock().monotonic_us - started).unwrap_or(0));
    let moves = |last: &Sample| {
        last.l1_head > first.l1_head && (last.proposed > first.proposed || !makes_blocks(settings))
    };
    while alive && !moves(&last) && waited() < patience {
        std::thread::sleep(POLL);
        last = target.sample();
        on_sample(&last);
    }
    let (was, is) = (first.l1_head, last.l1_head);
    checks.push(advances(Topic::L1Head, was, is, waited()));
    checks.push(if makes_blocks(settings) {
        advances(Topic::L2Tip, first.proposed, last.proposed, waited())
    } else {
        let detail = "this local network has no sequencer, so nothing produces blocks";
        check(Topic::L2Tip, Health::Ok, detail)
    });
    Ok(())
}

/// On a live network, others produce blocks. A local network needs its own sequencer.
fn makes_blocks(settings: &Settings) -> bool {
    settings.live().is_some() || settings.has(Role::Sequencer)
}

/// A check for each unit that should run.
fn services(units: &Units, probe: &dyn Probe) -> Result<Vec<Check>, Fault> {
    let names = units.all();
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let states = probe.units(&names.iter().cloned().collect())?;
    Ok(names
        .into_iter()
        .map(|name| {
            let state = states.get(&name).cloned().unwrap_or_default();
            let health = match state.active.as_str() {
                "active" => Health::Ok,
                // It starts, and is not in a crash loop.
                "activating" if state.restarts == 0 => Health::Degraded,
                // A host works without its monitoring.
                _ if units.care.contains(&name) => Health::Degraded,
                _ => Health::Down,
            };
            let more = state.not_started().unwrap_or(&state.sub);
            let detail = match state.restarts {
                0 => format!("{} ({more})", state.active),
                restarts => format!(
                    "{} ({}), restarted {restarts} times",
                    state.active, state.sub
                ),
            };
            check(Topic::Service.of(name), health, detail)
        })
        .collect())
}
