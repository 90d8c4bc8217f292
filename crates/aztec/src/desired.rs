//! From settings and host facts to the desired state of a host; pure.

use provision::Fault;
use provision::engine::{Graph, Receipt};

use crate::data;
use crate::facts::HostFacts;
use crate::features;
use crate::kinds::Kind;
use crate::names::Runtime;
use crate::roles;
use crate::roles::KitToml;
use crate::runtime;
use crate::settings::Settings;

/// The resources of a host.
///
/// # Errors
///
/// When this host cannot run the configuration. The fault names the alternative.
pub fn desired<'a>(
    settings: &Settings,
    facts: &HostFacts,
    kit_toml: impl Into<KitToml<'a>>,
) -> Result<Graph<Kind>, Fault> {
    refusal(settings, facts)?;
    let (mut graph, base) = with_roles(settings, facts, kit_toml.into());
    features::add(&mut graph, settings, facts, &base);
    Ok(graph)
}

/// The resources of the roles, and the base that the features need.
pub(crate) fn with_roles(
    settings: &Settings,
    facts: &HostFacts,
    kit_toml: KitToml<'_>,
) -> (Graph<Kind>, roles::base::Base) {
    let mut graph = Graph::default();
    let mut base = roles::base::add(&mut graph, settings, facts, kit_toml);
    base.closed = features::firewall::close_private_ports(&mut graph, settings, facts);
    roles::add(&mut graph, settings, facts, &base);
    (graph, base)
}

/// Refuses a configuration without roles and features on a host without managed resources: that is an oversight. On a host
/// with managed resources, it means that they should be removed.
pub fn asked_for_nothing(settings: &Settings, receipt: &Receipt) -> Result<(), Fault> {
    let something = settings.has_role()
        || settings.hardening.is_some()
        || settings.firewall.enabled
        || settings.monitoring.is_some();
    if something || !receipt.entries.is_empty() {
        return Ok(());
    }
    Err(
        Fault::new("node.enabled: this host has no role, and nothing to remove")
            .fix("Enable a role, or one of hardening, firewall and monitoring."),
    )
}

/// Refuses a configuration that cannot work, before anything is changed.
pub(crate) fn refusal(settings: &Settings, facts: &HostFacts) -> Result<(), Fault> {
    if !matches!(facts.os.as_str(), "debian" | "ubuntu") {
        return Err(Fault::new(format!("{} is not supported", facts.os_name))
            .fix("Use Debian 12 or later, or Ubuntu 22.04 or later."));
    }
    if facts.arch != "x86_64" {
        return Err(Fault::new(format!(
            "aztec-kit needs x86_64, and this host is {}",
            facts.arch
        ))
        .fix("Use an x86_64 host."));
    }
    if !settings.has_role() {
        return Ok(());
    }
    settings.check_agents(roles::prover::agents(settings, facts).0)?;
    let runtime = runtime::choose(settings, facts).runtime;
    let (major, minor) = data::foundry().glibc;
    if settings.own_l1().is_some() && facts.glibc.is_none_or(|glibc| glibc < (major, minor)) {
        return Err(Fault::new(format!(
            "the L1 of a local network (anvil) needs glibc {major}.{minor}, and this host ({}) has less",
            facts.os_name
        ))
        .fix("Use Debian 12 or later, or Ubuntu 22.04 or later."));
    }
    match runtime::native_fault(settings, facts) {
        Some((why, true)) if runtime == Runtime::Native => Err(Fault::new(why).fix(
            "Remove `runtime = \"native\"`. The official image includes everything that it needs.",
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use provision::engine::{Event, Journal, MemoryJournal, Origin, ResourceId};

    use super::*;

    #[test]
    fn a_host_can_be_emptied_and_an_empty_one_is_an_oversight() {
        let settings = |text: &str| Settings::parse(text).unwrap();
        let nothing = settings("[node]\nenabled = false\n\n[firewall]\nenabled = false\n");
        let mut journal = MemoryJournal::default();
        let refused = asked_for_nothing(&nothing, &journal.receipt().unwrap()).unwrap_err();
        assert!(refused.chain().contains("this host has no role"));
        let firewalled = settings("[node]\nenabled = false\n\n[firewall]\nenabled = true\n");
        asked_for_nothing(&firewalled, &journal.receipt().unwrap()).unwrap();
        journal
            .append(&Event::Intent {
                id: ResourceId::new("ufw", "ufw"),
                spec: serde_json::Value::Null,
                prior: serde_json::Value::Null,
                origin: Origin::Changed,
                after: Vec::new(),
            })
            .unwrap();
        asked_for_nothing(&nothing, &journal.receipt().unwrap()).unwrap();
    }
}
