//! The effect of the configured firewall on this host, before anything is changed: obstacles, and connections and published
//! ports that it will close.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::Path;

use provision::Fault;
use provision::host::{Probe, Query};
use provision::kinds::{Loaded, Ufw, connected, ssh_ports};
use provision::tools::{iptables, nft};

use super::forwarded::{Through, forwarded};
use crate::checks::finding::{Finding, failed};
use crate::checks::topic::Topic;
use crate::facts::HostFacts;
use crate::features::firewall::{private_ports, private_table, ufw};
use crate::settings::Settings;

/// The obstacles to the configured firewall, before anything is changed.
pub(super) fn obstacles(settings: &Settings, probe: &dyn Probe) -> Result<Vec<Finding>, Fault> {
    let Some(ufw) = ufw(settings) else {
        return Ok(Vec::new());
    };
    let found = ufw.obstacles(probe).map(|found| {
        let failed = found.iter().map(|fault| failed(Topic::Firewall, fault));
        failed.collect::<Vec<_>>()
    });
    let mut findings = Finding::of(Topic::Firewall, found);
    findings.extend(closes(&ufw, probe));
    Ok(findings)
}

/// Connections that would end when private ports are closed.
pub(super) fn private(
    settings: &Settings,
    facts: &HostFacts,
    probe: &dyn Probe,
) -> Result<Vec<Finding>, Fault> {
    const CHECK: Topic = Topic::PrivatePorts;
    let Some(table) = private_table(settings, facts) else {
        return Ok(Vec::new());
    };
    let ports = private_ports(settings, facts);
    let private = |port: &u16| ports.iter().any(|ports| ports.contains(port));
    if let Some(port) = ssh_ports(probe)?.into_iter().find(private) {
        let seen = format!(
            "SSH listens on port {port}, which is a private port of a role and would be closed to other hosts"
        );
        let finding = Finding::fail(CHECK, seen);
        return Ok(vec![
            finding.fix("Give the role another port under [ports]."),
        ]);
    }
    let by_nft = probe.meta(Path::new("/usr/sbin/nft"))?.is_some();
    if by_nft && table.is_loaded(probe)? {
        return Ok(Vec::new());
    }
    let named = |port: u16, from: IpAddr| {
        let mut rules = settings.firewall.allow.iter();
        rules.any(|rule| rule.lets_in(from, port))
    };
    let shut = connected(probe)?.into_iter();
    let shut: Vec<_> = shut
        .filter(|(port, from)| private(port) && !named(*port, *from))
        .map(|(port, from)| format!("{from} to {port}"))
        .collect();
    if shut.is_empty() {
        return Ok(Vec::new());
    }
    let seen = format!(
        "other hosts are connected to ports that will be closed to them: {}",
        shut.join(", ")
    );
    Ok(vec![Finding::warn(CHECK, seen).fix(
        "To keep a port open for some hosts, add [[firewall.allow]] to kit.toml. To keep all of them open, set \
         firewall.close_private_ports = false.",
    )])
}

/// Ports of containers that others reach now, and will not reach once the table is loaded. If the kernel does not answer,
/// there is no finding here: it may not be able to filter, which is another finding.
pub(super) fn closes(ufw: &Ufw, probe: &dyn Probe) -> Option<Finding> {
    let by_nft = probe.meta(Path::new("/usr/sbin/nft")).ok()?.is_some();
    let mut all = BTreeSet::new();
    if by_nft && let Ok(ruleset) = probe.ask(&Query::Ruleset) {
        let tables = nft::tables(&ruleset.stdout);
        let table = server::firewall::table(&ufw.rules);
        // A table of an earlier version has closed the ports already.
        let loaded = table.among(&tables, probe);
        if loaded.is_ok_and(|loaded| loaded != Loaded::Not) {
            return None;
        }
        all.extend(nft::passed(&tables));
    }
    if probe.meta(Path::new("/usr/sbin/iptables")).ok()?.is_some()
        && let Ok(nat) = probe.ask(&Query::Nat)
    {
        all.extend(iptables::passed(&nat.stdout));
    }
    let ports = forwarded(all, ufw, probe).ok()?;
    let closed = ports.iter();
    let closed: Vec<_> = closed
        .filter(|port| matches!(port.fate, Through::Closed))
        .map(|port| port.shown.as_str())
        .collect();
    (!closed.is_empty()).then(|| {
        let seen = format!(
            "the firewall will close ports that containers publish: {}",
            closed.join(", ")
        );
        Finding::warn(Topic::PublishedPorts, seen).fix(
            "To keep one open, add [[firewall.allow]] to kit.toml, or run `ufw route allow` for it.",
        )
    })
}
