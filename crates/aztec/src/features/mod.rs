//! What a host has besides its roles: each feature binds a bundle of `server` to what Aztec needs of it.

mod alerts;
pub(crate) mod caddy;
mod dashboards;
pub(crate) mod firewall;
pub(crate) mod hardening;
pub(crate) mod monitoring;

use provision::engine::Graph;

use crate::facts::HostFacts;
use crate::kinds::Kind;
use crate::roles::base::Base;
use crate::settings::Settings;

/// Adds the resources of every feature that is on.
pub(crate) fn add(graph: &mut Graph<Kind>, settings: &Settings, facts: &HostFacts, base: &Base) {
    caddy::add(graph, settings);
    hardening::add(graph, settings, facts, base);
    monitoring::add(graph, settings, facts, base);
    // Last: it closes what the others have opened.
    firewall::add(graph, settings);
    // After all changes: it takes note of them.
    hardening::watch(graph, settings);
}
