//! Which listening ports other hosts can reach, compared with the configuration.

use std::collections::BTreeSet;

use provision::Fault;
use provision::host::{Probe, Query};
use provision::kinds::{
    Fate, Incoming, Loaded, NftTable, Proto, Ufw, incoming, listening, shutting,
};
use provision::tools::nft;

use super::forwarded::{Forwarded, Through, forwarded};
use crate::checks::finding::{Finding, Severity};
use crate::checks::topic::Topic;
use crate::facts::HostFacts;
use crate::features::firewall::{private_ports, private_table, ufw};
use crate::settings::Settings;

const CHECK: Topic = Topic::Exposure;

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
        return Ok(Finding::new(CHECK, Severity::Fail, failures.join(" ")));
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
        return Ok(Finding::new(CHECK, Severity::Warn, warnings.join(" ")));
    }
    let mut seen = BTreeSet::new();
    for (proto, port) in &open {
        if ufw.opens(probe, *proto, *port)? {
            seen.insert(format!("{port}/{}", proto.name()));
        }
    }
    seen.extend(kernel.forwarded.iter().filter_map(Forwarded::open));
    let seen: Vec<_> = seen.into_iter().collect();
    let message = if seen.is_empty() {
        "nothing that listens can be reached by everybody".into()
    } else {
        format!(
            "everybody can reach {} and no other listening port",
            seen.join(", ")
        )
    };
    Ok(Finding::new(CHECK, Severity::Pass, message))
}

/// How the running kernel treats connections from outside.
struct Kernel {
    families: Vec<Incoming>,
    /// Its state of the table that closes published ports.
    published: Loaded,
    /// Tables of others that drop incoming connections.
    others: Vec<String>,
    forwarded: Vec<Forwarded>,
}

impl Kernel {
    fn ask(ufw: &Ufw, probe: &dyn Probe) -> Result<Self, Fault> {
        let tables = nft::tables(&probe.ask(&Query::Ruleset)?.stdout);
        let table = server::firewall::table(&ufw.rules);
        Ok(Self {
            families: incoming(probe)?,
            published: table.among(&tables, probe)?,
            others: shutting(&tables),
            forwarded: forwarded(nft::passed(&tables), ufw, probe)?,
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
        let elsewhere = self.forwarded.iter();
        let elsewhere: Vec<_> = elsewhere
            .filter(|port| matches!(port.fate, Through::Unknown))
            .map(|port| port.shown.as_str())
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
    let finding = |status, message: String| Ok(Finding::new(CHECK, status, message));
    if private.is_empty() {
        return finding(
            Severity::Pass,
            "no private port listens to other hosts".into(),
        );
    }
    let ports: Vec<_> = private.iter().copied().collect();
    let ports = list(&ports);
    let Some(table) = table else {
        return finding(
            Severity::Warn,
            format!(
                "private ports listen on every interface: {ports}. Close them by other means, or remove \
                 `firewall.close_private_ports = false` from kit.toml."
            ),
        );
    };
    let listed = nft::tables(&probe.ask(&Query::Ruleset)?.stdout);
    let name = &table.table;
    match table.among(&listed, probe)? {
        Loaded::AsWanted => finding(
            Severity::Pass,
            format!("{ports} are private, and closed to other hosts except those in kit.toml"),
        ),
        Loaded::Otherwise => finding(
            Severity::Warn,
            format!(
                "{ports} are private, and the kernel has another version of the table {name}, which closes some ports. To load \
                 the configured one, run `aztec-kit apply`."
            ),
        ),
        Loaded::Not => finding(
            Severity::Fail,
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
