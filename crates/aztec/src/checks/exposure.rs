//! Which listening ports other hosts can reach, compared with the configuration.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::Path;

use provision::Fault;
use provision::host::{Probe, Query};
use provision::kinds::{
    Fate, Incoming, Loaded, NftTable, Proto, Ufw, connected, incoming, listening, shutting,
    ssh_ports,
};
use provision::tools::{iptables, nft, routes};

use super::finding::{Finding, Verdict};
use super::topic::Topic;
use crate::facts::HostFacts;
use crate::features::firewall::{private_ports, private_table, ufw};
use crate::settings::Settings;

const CHECK: Topic = Topic::Exposure;

/// The obstacles to the configured firewall, before anything is changed.
pub(super) fn obstacles(settings: &Settings, probe: &dyn Probe) -> Result<Vec<Finding>, Fault> {
    let Some(ufw) = ufw(settings) else {
        return Ok(Vec::new());
    };
    let found = match ufw.obstacles(probe) {
        Ok(found) => found,
        Err(fault) => vec![fault],
    };
    let said = found.iter().map(|fault| {
        let message = format!("{}. {}", fault.chain(), fault.remedy().unwrap_or_default());
        Finding::new(Topic::Firewall, Verdict::Fail, message.trim_end())
    });
    let mut findings: Vec<_> = said.collect();
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
        let text = format!(
            "SSH listens on port {port}, which is a private port of a role and would be closed to other hosts. Give the role another port under [ports]."
        );
        return Ok(vec![Finding::new(CHECK, Verdict::Fail, text)]);
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
    let text = format!(
        "other hosts are connected to ports that will be closed to them: {}. To keep a port open for some hosts, add \
         [[firewall.allow]] to kit.toml. To keep all of them open, set firewall.close_private_ports = false.",
        shut.join(", ")
    );
    Ok(vec![Finding::new(CHECK, Verdict::Warn, text)])
}

/// Ports of containers that others reach now, and will not reach once the table is loaded. If the kernel does not answer,
/// there is no finding here: it may not be able to filter, which is another finding.
fn closes(ufw: &Ufw, probe: &dyn Probe) -> Option<Finding> {
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
    let passed = passed(all, ufw, probe).ok()?;
    let closed = passed.iter();
    let closed: Vec<_> = closed
        .filter(|passed| matches!(passed.fate, Through::Closed))
        .map(|passed| passed.shown.as_str())
        .collect();
    (!closed.is_empty()).then(|| {
        let text = format!(
            "the firewall will close ports that containers publish: {}. To keep one open, add [[firewall.allow]] to kit.toml or \
             run `ufw route allow`.",
            closed.join(", ")
        );
        Finding::new(Topic::PublishedPorts, Verdict::Warn, text)
    })
}

/// Which private ports others can reach.
pub fn exposure(settings: &Settings, facts: &HostFacts, probe: &dyn Probe) -> Finding {
    reachable(settings, facts, probe).unwrap_or_else(|fault| Finding::unanswered(CHECK, &fault))
}

fn reachable(settings: &Settings, facts: &HostFacts, probe: &dyn Probe) -> Result<Finding, Fault> {
    let open = listening(probe)?;
    let listens = |port: &u16| open.contains(&(Proto::Tcp, *port));
    let private: BTreeSet<u16> = private_ports(settings, facts)
        .into_iter()
        .flatten()
        .filter(listens)
        .collect();
    let Some(ufw) = ufw(settings) else {
        return without_firewall(&private, private_table(settings, facts).as_ref(), probe);
    };
    // The files of UFW hold its rules. Only the kernel knows whether they are loaded.
    let kernel = Kernel::ask(&ufw, probe)?;
    let failures = kernel.failures();
    if !failures.is_empty() {
        return Ok(Finding::new(CHECK, Verdict::Fail, failures.join(" ")));
    }
    let mut warnings = kernel.warnings();
    let mut reached = Vec::new();
    for port in &private {
        if ufw.opens(probe, Proto::Tcp, *port)? {
            reached.push(*port);
        }
    }
    if !reached.is_empty() {
        warnings.push(format!(
            "firewall rules of yours let everybody reach {}. To see them, run `ufw status`.",
            list(&reached)
        ));
    }
    if !warnings.is_empty() {
        return Ok(Finding::new(CHECK, Verdict::Warn, warnings.join(" ")));
    }
    let mut seen = BTreeSet::new();
    for (proto, port) in &open {
        if ufw.opens(probe, *proto, *port)? {
            seen.insert(format!("{port}/{}", proto.name()));
        }
    }
    seen.extend(kernel.passed.iter().filter_map(Passed::open));
    let seen: Vec<_> = seen.into_iter().collect();
    let message = if seen.is_empty() {
        "nothing that listens can be reached by everybody".into()
    } else {
        format!(
            "everybody can reach {} and no other listening port",
            seen.join(", ")
        )
    };
    Ok(Finding::new(CHECK, Verdict::Pass, message))
}

/// How the running kernel treats connections from outside.
struct Kernel {
    families: Vec<Incoming>,
    /// Its state of the table that closes published ports.
    published: Loaded,
    /// Tables of others that drop incoming connections.
    others: Vec<String>,
    passed: Vec<Passed>,
}

/// A port that is forwarded to another address, past the rules of UFW for this host.
struct Passed {
    shown: String,
    fate: Through,
}

/// How our table treats it.
enum Through {
    /// Our table lets everybody through.
    Open,
    /// Our table drops it, except for the sources in a rule.
    Closed,
    /// Our table does not cover its target.
    Unknown,
}

impl Passed {
    fn open(&self) -> Option<String> {
        matches!(self.fate, Through::Open).then(|| self.shown.clone())
    }
}

impl Kernel {
    fn ask(ufw: &Ufw, probe: &dyn Probe) -> Result<Self, Fault> {
        let tables = nft::tables(&probe.ask(&Query::Ruleset)?.stdout);
        let table = server::firewall::table(&ufw.rules);
        Ok(Self {
            families: incoming(probe)?,
            published: table.among(&tables, probe)?,
            others: shutting(&tables),
            passed: passed(nft::passed(&tables), ufw, probe)?,
        })
    }

    /// Differences between the files of UFW and the kernel that fail the check, each with its fix.
    fn failures(&self) -> Vec<String> {
        let mut found = Vec::new();
        for family in &self.families {
            let (name, program) = match family.v6 {
                false => ("IPv4", "iptables"),
                true => ("IPv6", "ip6tables"),
            };
            // A reload hooks nothing in while chains of UFW are left, so they are flushed first. That also removes the
            // filter rules of others, and keeps address translation and tables of nftables.
            let reload = "Run `/lib/ufw/ufw-init flush-all; ufw reload`, then restart everything else that has iptables \
                          rules, such as Docker.";
            found.extend(match family.fate {
                Fate::Open => Some(format!(
                    "the kernel does not use the rules of UFW for {name}, and everybody can connect. {reload}"
                )),
                Fate::Shut => Some(format!(
                    "the kernel does not use the rules of UFW for {name}, and nobody can connect, not even to SSH. {reload}"
                )),
                Fate::Emptied => Some(format!(
                    "the kernel has lost the rules of UFW for {name}, and nobody can connect, not even to SSH. Run `ufw reload`."
                )),
                Fate::Lenient => Some(format!(
                    "for {name}, the kernel allows every connection that UFW has no rule for. Run `ufw reload`."
                )),
                Fate::Decides if family.past_all => Some(format!(
                    "a rule for {name} lets everybody in, past UFW: {}. Delete it with `{program}`.",
                    quoted(&family.past)
                )),
                Fate::Decides => None,
            });
        }
        if self.published == Loaded::Not {
            found.push(
                "the kernel does not have the table inet aztec_kit, so ports that containers publish are open. To load it, run \
                 `aztec-kit apply`."
                    .into(),
            );
        }
        found
    }

    fn warnings(&self) -> Vec<String> {
        let mut found = Vec::new();
        if self.published == Loaded::Otherwise {
            found.push(
                "the kernel has another version of the table inet aztec_kit, which closes ports that containers publish. To load \
                 the configured one, run `aztec-kit apply`."
                    .into(),
            );
        }
        let past = self.families.iter().flat_map(|family| &family.past);
        let past: Vec<_> = past.cloned().collect();
        if !past.is_empty() {
            found.push(format!(
                "rules of others let everybody in past UFW: {}. UFW does not list them.",
                quoted(&past)
            ));
        }
        if !self.others.is_empty() {
            found.push(format!(
                "another firewall, the table {}, may drop connections that UFW allows. To see it, run `nft list ruleset`.",
                self.others.join(", ")
            ));
        }
        let elsewhere = self.passed.iter();
        let elsewhere: Vec<_> = elsewhere
            .filter(|passed| matches!(passed.fate, Through::Unknown))
            .map(|passed| passed.shown.as_str())
            .collect();
        if !elsewhere.is_empty() {
            found.push(format!(
                "{} forwarded, and no rule for this host covers that. Check from another host whether it can connect.",
                match elsewhere.as_slice() {
                    [one] => format!("{one} is"),
                    all => format!("{} are", all.join(", ")),
                }
            ));
        }
        found
    }
}

fn passed(
    all: impl IntoIterator<Item = nft::Passed>,
    ufw: &Ufw,
    probe: &dyn Probe,
) -> Result<Vec<Passed>, Fault> {
    let routes = probe.text(Path::new("/proc/net/route"))?;
    let routes = routes::parse(&routes.unwrap_or_default());
    let routes_v6 = probe.text(Path::new("/proc/net/ipv6_route"))?;
    let routes_v6 = routes_v6.unwrap_or_default();
    let mut found = Vec::new();
    for passed in all {
        let (first, last) = passed.ports;
        let mut rules = ufw.rules.iter();
        let by_us = rules.any(|rule| {
            rule.proto.name() == passed.proto
                && rule.from.is_none()
                && first == last
                && rule.port == first
        });
        let there = passed.port.unwrap_or(first);
        let everybody = by_us || ufw.lets_through(probe, &passed.proto, passed.to, there)?;
        let leaves = match passed.to {
            IpAddr::V4(to) => routes::interface(&routes, to),
            IpAddr::V6(to) => routes::interface_v6(&routes_v6, to),
        };
        let covered = leaves.is_some_and(server::firewall::covers);
        let ports = match first == last {
            true => first.to_string(),
            false => format!("{first}-{last}"),
        };
        found.push(Passed {
            shown: format!("{ports}/{} (to {})", passed.proto, passed.to),
            fate: match (covered, everybody) {
                (true, true) => Through::Open,
                (true, false) => Through::Closed,
                (false, _) => Through::Unknown,
            },
        });
    }
    Ok(found)
}

fn quoted(rules: &[String]) -> String {
    let rules: Vec<_> = rules.iter().map(|rule| format!("`{rule}`")).collect();
    rules.join(", ")
}

/// The finding for a host without the firewall of aztec-kit.
fn without_firewall(
    private: &BTreeSet<u16>,
    table: Option<&NftTable>,
    probe: &dyn Probe,
) -> Result<Finding, Fault> {
    let said = |status, message: String| Ok(Finding::new(CHECK, status, message));
    if private.is_empty() {
        return said(
            Verdict::Pass,
            "no private port listens to other hosts".into(),
        );
    }
    let ports: Vec<_> = private.iter().copied().collect();
    let ports = list(&ports);
    let Some(table) = table else {
        return said(
            Verdict::Warn,
            format!(
                "private ports listen on every interface: {ports}. Close them by other means, or remove \
                 `firewall.close_private_ports = false` from kit.toml."
            ),
        );
    };
    let listed = nft::tables(&probe.ask(&Query::Ruleset)?.stdout);
    let name = &table.table;
    match table.among(&listed, probe)? {
        Loaded::AsWanted => said(
            Verdict::Pass,
            format!("{ports} are private, and closed to other hosts except those in kit.toml"),
        ),
        Loaded::Otherwise => said(
            Verdict::Warn,
            format!(
                "{ports} are private, and the kernel has another version of the table {name}, which closes some ports. To load \
                 the configured one, run `aztec-kit apply`."
            ),
        ),
        Loaded::Not => said(
            Verdict::Fail,
            format!(
                "{ports} are private and other hosts can connect: the kernel does not have the table {name}. To load it, run \
                 `aztec-kit apply`."
            ),
        ),
    }
}

fn list(ports: &[u16]) -> String {
    let ports: Vec<_> = ports.iter().map(ToString::to_string).collect();
    ports.join(", ")
}

#[cfg(test)]
#[path = "exposure_tests.rs"]
mod tests;
