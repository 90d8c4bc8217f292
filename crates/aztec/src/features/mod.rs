//! The features of a host in addition to its roles. Each feature connects a bundle of `server` to the needs of Aztec.

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
    // The firewall comes last, because it closes ports that the others open.
    firewall::add(graph, settings);
    // The baseline records all changes, so it comes after them.
    hardening::watch(graph, settings);
}
