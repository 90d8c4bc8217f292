//! The node, and the sequencer, which is the same process with one more flag.
//!
//! They are one identity with one data directory. The sequencer's unit replaces the node's unit, and they never run at the
//! same time. Two processes would compete for ports and databases, and with keys in both they would sign twice, which is
//! slashed.

use std::path::Path;

use provision::engine::ResourceId;
use provision::kinds::{Directory, File, Owner};

use super::draft::Draft;
use super::env_file::EnvFile;
use super::keystore::Keystore;
use super::local;
use super::process::Process;
use super::variables::{peer_env, port_env};
use crate::env::{self, Value, Variables};
use crate::kinds::SignerClaim;
use crate::layout::{self, ACCOUNT, env_file};
use crate::names::{Component, Role, port, units};
use crate::settings::Settings;
use crate::signer::Guard;

/// Seconds that the node of a local network may take to stop. A sequencer of 4.1.2 stops within two seconds, or never if
/// one of its checkpoints is mined at that moment (`stop_seconds` in its release.toml). On a local network, every slot is
/// its own: two of six stops took all the time that they had.
const LOCAL_STOP: u32 = 30;

/// Adds the node; returns the ids of its services.
pub(crate) fn add(draft: &mut Draft<'_>, admin: Option<&EnvFile>) -> Vec<ResourceId> {
    let settings = draft.settings;
    let component = match settings.has(Role::Sequencer) {
        true => Component::Sequencer,
        false => Component::Node,
    };
    let mut process = Process::new(component, settings)
        .follows_chain(settings)
        .keeps_data(settings);
    process.checks_proofs = settings.live().is_some();
    if settings.local().is_some() {
        process.stop_seconds = process.stop_seconds.min(LOCAL_STOP);
    }
    process.env.extend(node_env(settings));
    process.env_files.extend(admin.cloned());
    if component == Component::Node {
        return process.add(draft, []);
    }
    let path = env_file("sequencer");
    let variables = sequencer_env(settings);
    let text = env::render("The sequencer, on top of node.env.", &variables);
    let file = File::new(&path, text, Owner::new("root", ACCOUNT, 0o640));
    let id = draft.add(file, [draft.base.etc.clone()]);
    process
        .env_files
        .push(EnvFile::new(id, path, variables.keys()));
    let (handed, keys) = keystore(draft);
    process.keystore = Some(handed);
    let services = process.add(draft, [keys.clone()]);
    if let Some(network) = settings.local() {
        let mut after = vec![local::contracts_id(settings), keys];
        after.extend(services.clone());
        draft.with_services(local::stake(network), after);
    }
    services
}

/// The claim that nothing else signs with the keys of this host. A local network does not need one.
pub(crate) fn signer_claim(settings: &Settings) -> Option<SignerClaim> {
    let live = settings.live().filter(|_| settings.has(Role::Sequencer));
    live.map(|live| SignerClaim {
        keystore: layout::KEYSTORE.into(),
        unit: units::SEQUENCER.into(),
        data: settings.layout().node(),
        disk: Some(settings.data_dir.clone()),
        guard: Guard::new(settings, live),
    })
}

/// The keystores of the service, and the resource that it comes after: the created key on a local network, the claim of the
/// operator's keys on a live one.
fn keystore(draft: &mut Draft<'_>) -> (Keystore, ResourceId) {
    let (settings, base) = (draft.settings, draft.base);
    let keystore = Path::new(layout::KEYSTORE);
    let directory = draft.add(
        Directory::new(keystore, Owner::root(0o700)),
        [base.etc.clone()],
    );
    if let Some(claim) = signer_claim(settings) {
        let claimed = draft.add(claim, [directory, base.data.clone()]);
        let handed = Keystore::claimed(claimed.clone(), &base.machine_id, keystore);
        return (handed, claimed);
    }
    let handed = Keystore::directory(directory.clone(), keystore);
    (handed, draft.add(local::validator_key(), [directory]))
}

/// Only values that differ from the node's own defaults, and none that the network decides.
fn node_env(settings: &Settings) -> Variables {
    let mut variables = peer_env(settings, &port::P2P);
    variables.extend(port_env(settings, "AZTEC_PORT", &port::RPC));
    variables.extend(port_env(settings, "AZTEC_ADMIN_PORT", &port::ADMIN));
    variables.extend(operators(settings));
    variables
}

/// The operator's variables under `[env]`.
fn operators(settings: &Settings) -> Variables {
    let own = settings.env.iter();
    own.map(|(name, value)| {
        let typed = Value::of_operator(&settings.release, name, value);
        (name.clone(), typed)
    })
    .collect()
}

fn sequencer_env(settings: &Settings) -> Variables {
    if settings.live().is_some() {
        return Variables::new();
    }
    // A chain without traffic still produces blocks.
    Variables::from([
        ("SEQ_BUILD_CHECKPOINT_IF_EMPTY".into(), Value::public(true)),
        ("SEQ_MIN_TX_PER_BLOCK".into(), Value::public(0)),
    ])
}
