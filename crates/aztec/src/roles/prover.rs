//! Proving: a broker that hands out jobs, a prover node that makes and publishes them, agents that do them.
//!
//! Three processes by need: `--prover-node` makes the release start a node, and a broker refuses to share a
//! process with one (4.1.2 start_prover_broker.js).

use std::path::Path;

use provision::engine::{Graph, ResourceId};
use provision::kinds::{Owner, Secret};

use super::base::{self, Base};
use super::keystore::Keystore;
use super::l1::Born;
use super::node::ADMIN_HASH;
use super::process::{EnvFile, PROOF_BODY, Prepared, Process, network_env, peer_env};
use crate::HostFacts;
use crate::env::Value;
use crate::kinds::{Funding, KeyRole, Kind, LocalKey};
use crate::layout::{self, env_file};
use crate::names::{Role, units};
use crate::settings::Settings;

/// The processes of a prover that are about to be in the graph.
pub(crate) struct Prover {
    broker: Option<Prepared>,
    node: Option<Prepared>,
    agents: Option<Prepared>,
    key: Option<ResourceId>,
}

/// Where the agents and the prover node of this host find their broker.
fn broker_url(settings: &Settings) -> Value {
    match &settings.broker_url {
        Some(url) => Value::urls(url.expose().as_str()),
        None => Value::public(format!("http://127.0.0.1:{}", settings.ports.broker)),
    }
}

/// How many agents this host runs, and why that many.
pub(crate) fn agents(settings: &Settings, facts: &HostFacts) -> (u32, String) {
    if !settings.prover && !settings.prover_agent {
        return (0, "no prover here".into());
    }
    if let Some(asked) = settings.agents {
        return (asked, "as asked".into());
    }
    if settings.is_local() {
        return (
            1,
            "proofs of a local network are not real, one agent keeps up".into(),
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

/// Adds what comes before the services.
pub(crate) fn prepare(
    graph: &mut Graph<Kind>,
    settings: &Settings,
    facts: &HostFacts,
    base: &Base,
    admin: Option<&ResourceId>,
) -> Prover {
    let mut key = None;
    let mut broker = None;
    let mut node = None;
    if settings.prover {
        broker = Some(broker_process(settings).prepare(graph, settings, base));
        let (directory, keys) = keystore(graph, settings, base);
        key = Some(keys);
        let mut process = node_process(settings);
        process.keystore = Some(Keystore::whole(
            directory,
            Path::new(layout::PROVER_KEYSTORE),
        ));
        process.env_files.extend(
            admin.map(|admin| EnvFile::new(admin.clone(), env_file("admin"), [ADMIN_HASH])),
        );
        node = Some(process.prepare(graph, settings, base));
    }
    let count = agents(settings, facts).0;
    let agents = (count > 0).then(|| agent_process(settings, count).prepare(graph, settings, base));
    Prover {
        broker,
        node,
        agents,
        key,
    }
}

fn broker_process(settings: &Settings) -> Process {
    Process::new(
        "prover-broker",
        "Aztec prover broker",
        Role::ProverBroker,
        settings,
    )
    .on_chain(settings)
    .keeps_data(settings)
    .env(PROOF_BODY.0, PROOF_BODY.1)
    .env("AZTEC_PORT", settings.ports.broker)
}

fn node_process(settings: &Settings) -> Process {
    let mut process = Process::new(
        "prover-node",
        "Aztec prover node",
        Role::ProverNode,
        settings,
    )
    .follows_chain(settings)
    .keeps_data(settings)
    .set("PROVER_BROKER_HOST", broker_url(settings))
    // Its agents are processes of their own.
    .env("PROVER_AGENT_COUNT", 0)
    .env("AZTEC_PORT", settings.ports.prover)
    .env("AZTEC_ADMIN_PORT", settings.ports.prover_admin);
    process
        .env
        .extend(peer_env(settings, settings.ports.prover_p2p));
    if settings.node {
        // The node beside it has the transactions that are to be proven.
        process = process.env(
            "TX_COLLECTION_NODE_RPC_URLS",
            format!("http://127.0.0.1:{}", settings.ports.rpc),
        );
    }
    process.checks_proofs = !settings.is_local();
    process.needs.push(units::PROVER_BROKER.into());
    process
}

fn agent_process(settings: &Settings, count: u32) -> Process {
    let mut process = Process::new(
        "prover-agent",
        "Aztec prover agent",
        Role::ProverAgent,
        settings,
    )
    .set("PROVER_BROKER_HOST", broker_url(settings));
    process.env.extend(network_env(settings));
    if settings.is_local() {
        process
            .env
            .insert("PROVER_REAL_PROOFS".into(), Value::public(false));
    }
    if settings.prover {
        process.needs.push(units::PROVER_BROKER.into());
    }
    process.instances = (1..=count).map(|number| number.to_string()).collect();
    process
}

/// The directory of the prover node's keystore, and what its keys come after; on a local network with a key in it.
fn keystore(graph: &mut Graph<Kind>, settings: &Settings, base: &Base) -> (ResourceId, ResourceId) {
    let keystore = Path::new(layout::PROVER_KEYSTORE);
    let keystore = base::directory(graph, keystore, Owner::root(0o700), [base.etc.clone()]);
    if !settings.is_local() {
        return (keystore.clone(), keystore);
    }
    let key = Secret {
        path: layout::prover_key(),
        owner: Owner::root(0o600),
        maker: LocalKey {
            role: KeyRole::Prover,
        },
    };
    (keystore.clone(), graph.add(key, [keystore]))
}

/// ETH for the account of a local prover.
fn funding(settings: &Settings) -> Funding {
    Funding {
        url: settings.l1_rpc_urls[0].expose().to_string(),
        keystore: layout::prover_key(),
    }
}

impl Prover {
    /// What a local chain is born with for it.
    pub fn born(&self, settings: &Settings, born: &mut Born) {
        if let Some(key) = &self.key {
            born.funding = Some(funding(settings));
            born.keys.push(key.clone());
        }
    }
}

/// Adds the services: the broker, the node that talks to it, then the agents.
pub(crate) fn run(
    graph: &mut Graph<Kind>,
    settings: &Settings,
    prover: Prover,
    contracts: Option<&ResourceId>,
) {
    let mut before: Vec<ResourceId> = prover.key.iter().cloned().collect();
    if let (Some(key), Some(contracts), true) = (&prover.key, contracts, settings.is_local()) {
        before.push(graph.add(funding(settings), [key.clone(), contracts.clone()]));
    }
    for process in [prover.broker, prover.node, prover.agents]
        .into_iter()
        .flatten()
    {
        before.extend(process.run(graph, contracts, before.clone()));
    }
}
