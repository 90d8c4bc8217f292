//! The roles of a host: pure functions from settings to resources.

mod admin;
pub(crate) mod base;
mod draft;
mod env_file;
pub(crate) mod keystore;
mod kit_toml;
pub(crate) mod l1;
pub(crate) mod l1_beacon;
mod local;
pub(crate) mod node;
pub(crate) mod own;
pub(crate) mod process;
pub(crate) mod prover;
pub(crate) mod running;
mod small;
mod variables;

use provision::engine::Graph;

use crate::facts::HostFacts;
use crate::kinds::Kind;
use crate::names::Role;
use crate::settings::Settings;
use draft::Draft;
pub use kit_toml::KitToml;

/// Adds everything that this host runs: the L1 of a local network, then each role.
pub(crate) fn add(
    graph: &mut Graph<Kind>,
    settings: &Settings,
    facts: &HostFacts,
    base: &base::Base,
) {
    let mut draft = Draft::new(graph, settings, facts, base);
    if let Some(local) = settings.own_l1() {
        l1::add(&mut draft, local);
    }
    l1_beacon::add(&mut draft);
    let admin = admin::add(&mut draft);
    let admin = admin.as_ref();
    let mut node = Vec::new();
    for role in &settings.roles {
        match role {
            Role::Node => node = node::add(&mut draft, admin),
            // The sequencer is the node with one more flag.
            Role::Sequencer => {}
            Role::Prover => prover::add(&mut draft, admin),
            Role::ProverAgent => prover::add_agents(&mut draft, Vec::new()),
            _ => small::add(&mut draft, *role, &node),
        }
    }
    draft.finish();
}
