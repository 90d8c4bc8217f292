//! The smoke test: whether the chains of a running host advance, not only whether its processes exist.
//!
//! `systemctl is-active` reports active while a node hangs, waits to repeat its start, or is on standby for
//! a rollup that it does not know. Only the chain itself shows that the node works.

use std::time::Duration;

use l1::rpc::Rpc;
use l1::{Address, Reader};
use provision::Fault;
use provision::host::Probe;
use serde::Serialize;
use serde_json::Value;

use super::complaints::{Complaint, complaints};
use super::finding::Finding;
use super::l1::{OLDEST_L1_HEAD, registry};
use super::topic::{About, Topic};
use crate::names::{Role, role};
use crate::settings::Settings;
use crate::{Health, Units, fit};

/// The result of one check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Check {
    /// The topic of the check, for machines.
    pub id: Topic,
    /// The subject, if the topic has several, for machines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// For a log: its complaint, a name in the error dictionary.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub complaint: Option<String>,
    /// The topic and its subject, for people.
    pub name: String,
    /// Its health.
    pub status: Health,
    /// The result in words.
    pub detail: String,
    /// Whether the check cannot tell, because its question was not answered.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unanswered: bool,
}

/// All checks at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Report {
    /// The worst of all.
    pub status: Health,
    /// Seconds since the epoch.
    pub timestamp: i64,
    /// In a fixed order.
    pub checks: Vec<Check>,
}

/// Block numbers of both chains at one moment; `None` if a chain did not answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Sample {
    /// Head of the L1.
    pub l1_head: Option<u64>,
    /// Newest L2 block.
    pub proposed: Option<u64>,
    /// Newest L2 block whose checkpoint is on the L1.
    pub checkpointed: Option<u64>,
    /// Newest L2 block with a proof on the L1.
    pub proven: Option<u64>,
    /// Newest L2 block that cannot be undone.
    pub finalized: Option<u64>,
}

/// The endpoints that are asked.
#[derive(Debug)]
pub struct Target {
    l1: Reader,
    node: Rpc,
    rpc: String,
    tips: String,
    registry: Option<Address>,
    /// Whether anything here asks an L1, and whether there is a node to ask.
    asks: (bool, bool),
}

/// A busy node answers slowly.
const CALL: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(500);
/// A process in trouble logs its problem again and again, so the newest lines are enough.
const LATELY_LINES: u32 = 300;
const LATELY_SECONDS: i64 = 300;

impl Target {
    /// Prepares the connections; nothing is asked yet.
    pub fn new(settings: &Settings, probe: &dyn Probe) -> Result<Self, Fault> {
        let failed = |error: l1::Error| {
            Fault::new("failed to prepare a check")
                .fix(error.fix())
                .because(error.to_string())
        };
        let node = format!("http://127.0.0.1:{}", settings.port(&role::RPC));
        Ok(Self {
            l1: Reader::connect(settings.l1_rpc_urls()[0].expose().as_str(), CALL)
                .map_err(failed)?,
            node: Rpc::connect(&node, CALL).map_err(failed)?,
            rpc: settings.release.facts.rpc.clone(),
            tips: settings.release.facts.tips.clone(),
            registry: registry(settings, probe)?,
            asks: (settings.has_role(), settings.has(Role::Node)),
        })
    }

    /// Asks the node; `method` without the prefix that the release gives it.
    pub(super) fn node(&self, method: &str) -> Result<Value, l1::Error> {
        self.node.call(&format!("{}_{method}", self.rpc))
    }

    /// The current block numbers of the chains that a role of this host follows.
    pub fn sample(&self) -> Sample {
        let (l1, node) = self.asks;
        let tips = node.then(|| self.node(&self.tips).unwrap_or_default());
        let tips = tips.unwrap_or_default();
        let nested = |tip: &str| tips[tip]["block"]["number"].as_u64();
        Sample {
            l1_head: l1.then(|| self.l1.block_number().ok()).flatten(),
            proposed: tips["proposed"]["number"].as_u64(),
            checkpointed: nested("checkpointed"),
            proven: nested("proven"),
            finalized: nested("finalized"),
        }
    }
}

/// Runs all checks, and waits up to `patience` for both chains to advance.
pub fn smoke(
    settings: &Settings,
    units: &Units,
    probe: &dyn Probe,
    patience: Duration,
    on_sample: &mut dyn FnMut(&Sample),
) -> Report {
    let mut checks =
        services(units, probe).unwrap_or_else(|fault| vec![unanswered(Topic::Services, &fault)]);
    if settings.has(Role::Node)
        && let Err(fault) = chains(settings, probe, patience, on_sample, &mut checks)
    {
        checks.push(unanswered(Topic::Chain, &fault));
    }
    summed(checks, probe)
}

impl Report {
    /// Adds the complaints in the logs if a check is not ok. This is separate from [`smoke`], because callers that wait
    /// repeat [`smoke`].
    #[must_use]
    pub fn explained(mut self, units: &Units, probe: &dyn Probe) -> Self {
        if self.status != Health::Ok {
            self.checks.extend(said(units, probe));
        }
        self
    }
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
        let asked = settings.stands_by();
        let health = if asked { Health::Ok } else { Health::Down };
        checks.push(check(Topic::ReleaseFits, health, finding.message));
        if asked {
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

/// Recent complaints in the logs. They explain and do not change the result: a line may be older than its fix.
fn said(units: &Units, probe: &dyn Probe) -> Vec<Check> {
    let complaints = complaints(&units.all(), probe, LATELY_LINES);
    let since = probe.clock().realtime_us / 1_000_000 - LATELY_SECONDS;
    complaints
        .into_iter()
        .filter(|complaint| complaint.health != Health::Ok && complaint.last >= since)
        .map(|complaint| {
            let Complaint { unit, id, .. } = &complaint;
            let about = Topic::Log.of(unit).named(format!("log of {unit}: {id}"));
            let detail = format!("{} {}", complaint.means, complaint.fix);
            Check {
                unanswered: complaint.unanswered,
                complaint: Some(complaint.id),
                ..check(about, Health::Degraded, detail)
            }
        })
        .collect()
}

fn summed(checks: Vec<Check>, probe: &dyn Probe) -> Report {
    Report {
        status: checks
            .iter()
            .map(|check| check.status)
            .max()
            // A host without roles misses nothing.
            .unwrap_or(Health::Ok),
        timestamp: probe.clock().realtime_us / 1_000_000,
        checks,
    }
}

/// On a live network, others produce blocks. A local network needs its own sequencer.
fn makes_blocks(settings: &Settings) -> bool {
    settings.live().is_some() || settings.has(Role::Sequencer)
}

fn check(about: impl Into<About>, status: Health, detail: impl Into<String>) -> Check {
    let About {
        topic,
        subject,
        words,
    } = about.into();
    Check {
        id: topic,
        subject,
        complaint: None,
        name: words,
        status,
        detail: detail.into(),
        unanswered: false,
    }
}

/// A check that cannot tell, which counts as down.
fn unanswered(topic: Topic, fault: &Fault) -> Check {
    let finding = Finding::unanswered(topic, fault);
    Check {
        unanswered: true,
        ..check(topic, Health::Down, finding.message)
    }
}

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

fn l1_answers(settings: &Settings, probe: &dyn Probe, target: &Target) -> Check {
    let topic = Topic::L1Answers;
    let asked = target
        .l1
        .chain_id()
        .and_then(|chain| Ok((chain, target.l1.head()?)));
    let (chain, head) = match asked {
        Ok(answer) => answer,
        Err(error) => return check(topic, Health::Down, format!("{error}. {}", error.fix())),
    };
    let wanted = settings.network.l1_chain_id;
    if chain != wanted {
        return check(
            topic,
            Health::Down,
            format!("it is chain {chain}, not {wanted}"),
        );
    }
    let age = super::endpoints::age_of(&head, probe.clock().realtime_us / 1_000_000);
    let detail = super::endpoints::head_of(chain, head.number, age);
    let health = if age.abs() > OLDEST_L1_HEAD {
        Health::Degraded
    } else {
        Health::Ok
    };
    check(topic, health, detail)
}

fn node_answers(target: &Target) -> Check {
    let topic = Topic::NodeAnswers;
    match target.node("isReady") {
        Ok(Value::Bool(true)) => check(topic, Health::Ok, "it reports that it is ready"),
        Ok(_) => check(topic, Health::Degraded, "it reports that it is not ready"),
        // The node listens only once its first sync is done. It is on standby if it does not know the rollup.
        Err(error) => check(
            topic,
            Health::Degraded,
            format!(
                "{error}. The node is starting, syncing, or on standby. Run `aztec-kit explain` to see which."
            ),
        ),
    }
}

/// Checks that the chain id and rollup of the node are those that the registry on the L1 names.
fn right_chain(settings: &Settings, target: &Target) -> Check {
    let about = Topic::NodeRollup.named(match settings.rollup() {
        Some(_) => "node follows its rollup",
        None => "node follows the canonical rollup",
    });
    let Some(registry) = target.registry else {
        return check(
            about,
            Health::Down,
            "the contracts are not deployed. Run `aztec-kit apply`.",
        );
    };
    let wanted = match target.l1.rollup(registry, settings.rollup()) {
        Ok(rollup) => rollup,
        Err(error) => return check(about, Health::Degraded, error.to_string()),
    };
    let info = match target.node("getNodeInfo") {
        Ok(info) => info,
        Err(error) => return check(about, Health::Degraded, error.to_string()),
    };
    let chain = info["l1ChainId"].as_u64();
    let rollup: Option<Address> = info["l1ContractAddresses"]["rollupAddress"]
        .as_str()
        .and_then(|text| text.parse().ok());
    if chain != Some(settings.network.l1_chain_id) {
        let chain = chain.map_or("unknown".into(), |chain| chain.to_string());
        return check(about, Health::Down, format!("the node is on chain {chain}"));
    }
    match rollup {
        Some(rollup) if rollup == wanted => check(about, Health::Ok, format!("{rollup}")),
        Some(rollup) => check(
            about,
            Health::Down,
            format!("it follows {rollup}, the registry names {wanted}"),
        ),
        None => check(about, Health::Down, "it names no rollup"),
    }
}

fn advances(topic: Topic, first: Option<u64>, last: Option<u64>, waited: Duration) -> Check {
    let seconds = waited.as_secs();
    match (first, last) {
        (Some(first), Some(last)) if last > first => check(
            topic,
            Health::Ok,
            format!("{first} → {last} within {seconds} s"),
        ),
        (_, Some(last)) => check(
            topic,
            Health::Degraded,
            format!("at {last}, not seen to advance within {seconds} s"),
        ),
        // The check that asks for an answer judges a chain that does not answer.
        (_, None) => check(topic, Health::Degraded, "unknown"),
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::net::TcpListener;

    use provision::host::fake::FakeHost;

    use super::*;

    #[test]
    fn nobody_is_asked_about_a_chain_that_no_role_follows() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let kit_toml = format!(
            "[node]\nenabled = false\n[hardening]\nenabled = true\n[ports]\nrpc = {port}\n"
        );
        let settings = Settings::parse(&kit_toml).unwrap();
        let target = Target::new(&settings, &FakeHost::debian()).unwrap();
        assert_eq!(target.sample(), Sample::default());
        let came = listener.accept().map(drop).map_err(|error| error.kind());
        assert_eq!(came, Err(ErrorKind::WouldBlock));
    }
}
