//! Proving: a broker that distributes jobs, a prover node that creates jobs and publishes proofs, agents that do the jobs.
//!
//! Three processes are necessary: `--prover-node` makes the release start a node, and a broker refuses to share a
//! process with one (4.1.2 start_prover_broker.js).

use std::path::Path;

use provision::engine::ResourceId;
use provision::kinds::{Directory, Owner};

use super::draft::Draft;
use super::env_file::EnvFile;
use super::keystore::Keystore;
use super::local;
use super::process::{PROOF_BODY, Process};
use super::variables::{network_env, peer_env};
use crate::HostFacts;
use crate::env::Value;
use crate::layout;
use crate::names::{Component, Role, port, units};
use crate::settings::Settings;

/// The URL of the broker for the agents and the prover node of this host.
fn broker_url(settings: &Settings) -> Value {
    match &settings.broker_url {
        Some(url) => Value::urls(url.expose().as_str()),
        None => Value::public(format!("http://127.0.0.1:{}", settings.port(&port::BROKER))),
    }
}

/// The number of agents of this host, and the reason for it.
pub(crate) fn agents(settings: &Settings, facts: &HostFacts) -> (u32, String) {
    if !settings.proves() {
        return (0, "no prover here".into());
    }
    if let Some(configured) = settings.agents {
        return (configured, "as configured".into());
    }
    if settings.local().is_some() {
        return (
            1,
            "proofs of a local network are not real, so one agent keeps up".into(),
        );
    }
    let size = settings.release.facts.agent;
    let has_gib = facts.memory >> 30;
    let by_cpu = facts.cpus / size.cpus;
    let by_memory = usize::try_from(has_gib / size.memory_gib).unwrap_or(0);
    let count = u32::try_from(by_cpu.min(by_memory).max(1)).unwrap_or(1);
    let why = format!(
        "the smaller of {} logical CPUs / {} and {has_gib} GiB / {} GiB, at least one",
        facts.cpus, size.cpus, size.memory_gib
    );
    (count, why)
}

/// Adds the broker, the node that talks to it, then the agents.
pub(crate) fn add(draft: &mut Draft<'_>, admin: Option<&EnvFile>) {
    let settings = draft.settings;
    let directory = Path::new(layout::PROVER_KEYSTORE);
    let made_by = draft.add(
        Directory::new(directory, Owner::root(0o700)),
        [draft.base.etc.clone()],
    );
    let mut before = Vec::new();
    match settings.local() {
        None => before.push(made_by.clone()),
        Some(network) => {
            let key = draft.add(local::prover_key(), [made_by.clone()]);
            let contracts = local::contracts_id(settings);
            before.push(key.clone());
            before.push(draft.with_services(local::funding(network), [key, contracts]));
        }
    }
    before.extend(broker_process(settings).add(draft, before.clone()));
    let mut node = node_process(settings);
    node.keystore = Some(Keystore::directory(made_by, directory));
    node.env_files.extend(admin.cloned());
    before.extend(node.add(draft, before.clone()));
    add_agents(draft, before);
}

/// Adds the agents of this host, if there are any.
pub(crate) fn add_agents(draft: &mut Draft<'_>, after: Vec<ResourceId>) {
    let count = agents(draft.settings, draft.facts).0;
    if count > 0 {
        agent_process(draft.settings, count).add(draft, after);
    }
}

fn broker_process(settings: &Settings) -> Process {
    Process::new(Component::ProverBroker, settings)
        .on_chain(settings)
        .keeps_data(settings)
        .env(PROOF_BODY.0, PROOF_BODY.1)
        .listens(settings)
}

fn node_process(settings: &Settings) -> Process {
    let mut process = Process::new(Component::ProverNode, settings)
        .follows_chain(settings)
        .keeps_data(settings)
        .set("PROVER_BROKER_HOST", broker_url(settings))
        // Its agents are processes of their own.
        .env("PROVER_AGENT_COUNT", 0)
        .listens(settings)
        .env("AZTEC_ADMIN_PORT", settings.port(&port::PROVER_ADMIN));
    process.env.extend(peer_env(settings, &port::PROVER_P2P));
    if settings.has(Role::Node) {
        // The node of this host has the transactions to prove.
        process = process.env(
            "TX_COLLECTION_NODE_RPC_URLS",
            format!("http://127.0.0.1:{}", settings.port(&port::RPC)),
        );
    }
    process.checks_proofs = settings.live().is_some();
    process.needs.push(units::PROVER_BROKER.into());
    process
}

fn agent_process(settings: &Settings, count: u32) -> Process {
    let mut process = Process::new(Component::ProverAgent, settings)
        .set("PROVER_BROKER_HOST", broker_url(settings));
    process.env.extend(network_env(settings));
    if settings.local().is_some() {
        process
            .env
            .insert("PROVER_REAL_PROOFS".into(), Value::public(false));
    }
    if settings.has(Role::Prover) {
        process.needs.push(units::PROVER_BROKER.into());
    }
    process.instances = (1..=count).map(|number| number.to_string()).collect();
    process
}
