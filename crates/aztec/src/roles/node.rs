//! The node, and the sequencer, which is the same process with one more flag.
//!
//! They are one identity on one data directory: the sequencer's unit takes the node's place, never runs
//! beside it. Two processes would fight over ports and databases, and with keys in both they would sign
//! twice, which is slashed.

use std::path::Path;

use provision::engine::{Graph, ResourceId};
use provision::kinds::{File, Owner, Random, Secret, SecretDigest};

use super::base::{self, Base};
use super::keystore::Keystore;
use super::l1::Born;
use super::process::{EnvFile, Prepared, Process, peer_env, port_env};
use crate::env::{self, Value, Variables};
use crate::kinds::{KeyRole, Kind, LocalKey, SignerClaim, Stake};
use crate::layout::{self, ACCOUNT, env_file};
use crate::names::{Role, units};
use crate::settings::Settings;
use crate::signer::Guard;

/// Seconds that the node of a local network may take to stop. A sequencer of 4.1.2 does so within two, or never when a
/// checkpoint of its own is mined just then (`stop_seconds` in its release.toml), and on a local network every slot is its own:
/// two of six stops were seen to take all that they may.
const LOCAL_STOP: u32 = 30;

/// The variable with the digest of the key of the admin API.
pub(crate) const ADMIN_HASH: &str = "AZTEC_ADMIN_API_KEY_HASH";

/// A node that is about to be in the graph.
pub(crate) struct Node {
    process: Prepared,
    keys: Option<ResourceId>,
}

/// Adds what comes before the services.
pub(crate) fn prepare(
    graph: &mut Graph<Kind>,
    settings: &Settings,
    base: &Base,
    admin: Option<&ResourceId>,
) -> Node {
    let (title, role, conflict) = if settings.sequencer {
        ("Aztec sequencer", Role::Sequencer, units::NODE)
    } else {
        ("Aztec node", Role::Node, units::SEQUENCER)
    };
    let mut process = Process::new("node", title, role, settings)
        .follows_chain(settings)
        .keeps_data(settings);
    process.checks_proofs = !settings.is_local();
    if settings.is_local() {
        process.stop_seconds = process.stop_seconds.min(LOCAL_STOP);
    }
    process.conflicts = vec![conflict.to_owned()];
    process.env.extend(node_env(settings));
    process
        .env_files
        .extend(admin.map(|admin| EnvFile::new(admin.clone(), env_file("admin"), [ADMIN_HASH])));
    let mut keys = None;
    if settings.sequencer {
        let path = env_file("sequencer");
        let variables = sequencer_env(settings);
        let text = env::render("The sequencer, on top of node.env.", &variables);
        let file = File::new(&path, text, Owner::new("root", ACCOUNT, 0o640));
        let id = graph.add(file, [base.etc.clone()]);
        process
            .env_files
            .push(EnvFile::new(id, path, variables.keys()));
        process.unit_name = Some(units::SEQUENCER);
        let (handed, ready) = keystore(graph, settings, base);
        process.keystore = Some(handed);
        keys = Some(ready);
    }
    Node {
        process: process.prepare(graph, settings, base),
        keys,
    }
}

/// Given the digest of a key in advance, the node never makes one of its own and prints it into the journal.
/// `None` where no node runs, the prover's own included.
pub(crate) fn admin_key(
    graph: &mut Graph<Kind>,
    settings: &Settings,
    base: &Base,
) -> Option<ResourceId> {
    if !settings.node && !settings.prover {
        return None;
    }
    let secret = Secret {
        path: layout::admin_key(),
        owner: Owner::root(0o600),
        maker: Random {
            bytes: 32,
            variable: None,
        },
    };
    let digest = SecretDigest {
        secret: layout::admin_key(),
        path: env_file("admin"),
        variable: ADMIN_HASH.into(),
        owner: Owner::new("root", ACCOUNT, 0o640),
    };
    let key = graph.add(secret, [base.etc.clone()]);
    Some(graph.add(digest, [key]))
}

/// That nothing else signs with the keys of this host. A local network is this host alone.
pub(crate) fn signer_claim(settings: &Settings) -> Option<SignerClaim> {
    (settings.sequencer && !settings.is_local()).then(|| SignerClaim {
        keystore: layout::KEYSTORE.into(),
        unit: units::SEQUENCER.into(),
        data: settings.layout().node(),
        disk: Some(settings.data_dir.clone()),
        guard: Guard::new(settings),
    })
}

/// The keystores that the service is handed, and what it comes after: on a local network the key that is made, on a live
/// one the claim of the operator's.
fn keystore(graph: &mut Graph<Kind>, settings: &Settings, base: &Base) -> (Keystore, ResourceId) {
    let keystore = Path::new(layout::KEYSTORE);
    let directory = base::directory(graph, keystore, Owner::root(0o700), [base.etc.clone()]);
    if let Some(claim) = signer_claim(settings) {
        let claimed = graph.add(claim, [directory, base.data.clone()]);
        let handed = Keystore::claimed(claimed.clone(), &base.machine_id, keystore);
        return (handed, claimed);
    }
    let key = Secret {
        path: layout::validator_key(),
        owner: Owner::root(0o600),
        maker: LocalKey {
            role: KeyRole::Validator,
        },
    };
    let handed = Keystore::whole(directory.clone(), keystore);
    (handed, graph.add(key, [directory]))
}

/// Adds the service, and on a local network the stake of its validator.
pub(crate) fn run(
    graph: &mut Graph<Kind>,
    settings: &Settings,
    node: Node,
    contracts: Option<&ResourceId>,
) -> Vec<ResourceId> {
    let keys = node.keys;
    let services = node.process.run(graph, contracts, keys.clone());
    if let (Some(contracts), Some(keys)) = (contracts, keys) {
        let stake = stake(settings);
        let mut after = vec![contracts.clone(), keys];
        after.extend(services.clone());
        graph.add(stake, after);
    }
    services
}

/// The stake of the validator of a local network.
fn stake(settings: &Settings) -> Stake {
    Stake {
        url: settings.l1_rpc_urls[0].expose().to_string(),
        record: layout::contracts_env(),
        keystore: layout::validator_key(),
    }
}

impl Node {
    /// What a local chain is born with for it.
    pub fn born(&self, settings: &Settings, born: &mut Born) {
        if let Some(keys) = &self.keys {
            born.stake = Some(stake(settings));
            born.keys.push(keys.clone());
        }
    }
}

/// Only what differs from the node's own default, and nothing that the network decides.
fn node_env(settings: &Settings) -> Variables {
    let mut variables = peer_env(settings, settings.ports.p2p);
    variables.extend(port_env("AZTEC_PORT", settings.ports.rpc, 8080));
    variables.extend(port_env("AZTEC_ADMIN_PORT", settings.ports.admin, 8880));
    variables.extend(operators(settings));
    variables
}

/// What the operator says under `[env]`.
fn operators(settings: &Settings) -> Variables {
    let own = settings.env.iter();
    own.map(|(name, value)| {
        let typed = Value::of_operator(&settings.release, name, value);
        (name.clone(), typed)
    })
    .collect()
}

fn sequencer_env(settings: &Settings) -> Variables {
    if !settings.is_local() {
        return Variables::new();
    }
    // A chain without traffic still makes blocks.
    Variables::from([
        ("SEQ_BUILD_CHECKPOINT_IF_EMPTY".into(), Value::public(true)),
        ("SEQ_MIN_TX_PER_BLOCK".into(), Value::public(0)),
    ])
}
