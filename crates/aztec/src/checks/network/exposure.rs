//! Which listening ports other hosts can reach, compared with the configuration.

use std::collections::BTreeSet;

use provision::Fault;
use provision::host::{Probe, Query};
use provision::kinds::{
    Fate, Incoming, Loaded, NftTable, Proto, Ufw, incoming, listening, shutting,
};
use provision::tools::nft;

use super::forwarded::{Forwarded, Through, forwarded};
use crate::checks::finding::Finding;
use crate::checks::topic::Topic;
use crate::facts::HostFacts;
use crate::features::firewall::{private_ports, private_table, ufw};
use crate::settings::Settings;

const CHECK: Topic = Topic::Exposure;

/// What loads a table of the kernel.
const LOAD: &str = "Load the configured table.";
const APPLY: &str = "aztec-kit apply";

/// Which private ports others can reach: a finding for each problem, or one pass.
pub fn exposure(settings: &Settings, facts: &HostFacts, probe: &dyn Probe) -> Vec<Finding> {
    Finding::of(CHECK, reachable(settings, facts, probe))
}

fn reachable(
    settings: &Settings,
    facts: &HostFacts,
    probe: &dyn Probe,
) -> Result<Vec<Finding>, Fault> {
    let open = listening(probe)?;
    let listens = |port: &u16| open.contains(&(Proto::Tcp, *port));
    let private: BTreeSet<u16> = private_ports(settings, facts)
        .into_iter()
        .flatten()
        .filter(listens)
        .collect();
    let Some(ufw) = ufw(settings) else {
        let table = private_table(settings, facts);
        return Ok(vec![without_firewall(&private, table.as_ref(), probe)?]);
    };
    // The files of UFW hold its rules. Only the kernel knows whether they are loaded.
    let kernel = Kernel::ask(&ufw, probe)?;
    let failures = kernel.failures();
    if !failures.is_empty() {
        return Ok(failures);
    }
    let mut warnings = kernel.warnings();
    let mut reached = Vec::new();
    for port in &private {
        if ufw.opens(probe, Proto::Tcp, *port)? {
            reached.push(*port);
        }
    }
    if !reached.is_empty() {
        let seen = format!(
            "firewall rules of yours let everybody reach {}",
            list(&reached)
        );
        let finding = Finding::warn(CHECK, seen);
        warnings.push(
            finding
                .fix("If that is not intended, delete the rules.")
                .command("ufw status numbered"),
        );
    }
    if !warnings.is_empty() {
        return Ok(warnings);
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
    Ok(vec![Finding::pass(CHECK, message)])
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

    /// Differences between the files of UFW and the kernel that fail the check.
    fn failures(&self) -> Vec<Finding> {
        let mut found: Vec<_> = self.families.iter().filter_map(failure).collect();
        if self.published == Loaded::Not {
            let seen = "the kernel does not have the table inet aztec_kit, so ports that containers publish are open";
            found.push(Finding::fail(CHECK, seen).fix(LOAD).command(APPLY));
        }
        found
    }

    fn warnings(&self) -> Vec<Finding> {
        let mut found = Vec::new();
        if self.published == Loaded::Otherwise {
            let seen = "the kernel has another version of the table inet aztec_kit, which closes ports that containers publish";
            found.push(Finding::warn(CHECK, seen).fix(LOAD).command(APPLY));
        }
        for family in self.families.iter().filter(|it| !it.past.is_empty()) {
            let seen = format!(
                "rules of others let everybody in past UFW, which does not list them: {}",
                quoted(&family.past)
            );
            let finding = Finding::warn(CHECK, seen);
            found.push(finding.fix(delete(family)));
        }
        if !self.others.is_empty() {
            let seen = format!(
                "another firewall, the table {}, may drop connections that UFW allows",
                self.others.join(", ")
            );
            found.push(
                Finding::warn(CHECK, seen)
                    .fix("Read its rules, and use one firewall only.")
                    .command("nft list ruleset"),
            );
        }
        let elsewhere = self.forwarded.iter();
        let elsewhere: Vec<_> = elsewhere
            .filter(|port| matches!(port.fate, Through::Unknown))
            .map(|port| port.shown.as_str())
            .collect();
        if !elsewhere.is_empty() {
            let seen = format!(
                "{} forwarded, and no rule for this host covers that",
                match elsewhere.as_slice() {
                    [one] => format!("{one} is"),
                    all => format!("{} are", all.join(", ")),
                }
            );
            let finding = Finding::warn(CHECK, seen);
            found.push(finding.fix("Check from another host whether it can connect."));
        }
        found
    }
}

/// What is wrong with the rules of a family, if anything.
fn failure(family: &Incoming) -> Option<Finding> {
    let name = name(family);
    let unused = format!("the kernel does not use the rules of UFW for {name}");
    Some(match family.fate {
        Fate::Open => flush(format!("{unused}, and everybody can connect")),
        Fate::Shut => flush(format!("{unused}, and nobody can connect, not even to SSH")),
        Fate::Emptied => reload(format!(
            "the kernel has lost the rules of UFW for {name}, and nobody can connect, not even to SSH"
        )),
        Fate::Lenient => reload(format!(
            "for {name}, the kernel allows every connection that UFW has no rule for"
        )),
        Fate::Decides if family.past_all => {
            let rules = quoted(&family.past);
            let seen = format!("a rule for {name} lets everybody in, past UFW: {rules}");
            Finding::fail(CHECK, seen).fix(delete(family))
        }
        Fate::Decides => return None,
    })
}

/// A reload hooks nothing in while chains of UFW are left, so they are flushed first. That also removes the filter rules of
/// others, and keeps address translation and tables of nftables.
fn flush(seen: String) -> Finding {
    Finding::fail(CHECK, seen)
        .fix("Reload UFW, then restart everything else that has iptables rules, such as Docker.")
        .command("/lib/ufw/ufw-init flush-all; ufw reload")
}

fn reload(seen: String) -> Finding {
    Finding::fail(CHECK, seen)
        .fix("Reload UFW.")
        .command("ufw reload")
}

fn name(family: &Incoming) -> &'static str {
    match family.v6 {
        false => "IPv4",
        true => "IPv6",
    }
}

/// What to do about rules of others.
fn delete(family: &Incoming) -> String {
    let program = match family.v6 {
        false => "iptables",
        true => "ip6tables",
    };
    format!("Unless they are intended, delete them with `{program}`.")
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
    if private.is_empty() {
        let seen = "no private port listens to other hosts";
        return Ok(Finding::pass(CHECK, seen));
    }
    let ports: Vec<_> = private.iter().copied().collect();
    let ports = list(&ports);
    let Some(table) = table else {
        let seen = format!("private ports listen on every interface: {ports}");
        return Ok(Finding::warn(CHECK, seen).fix(
            "Close them by other means, or remove firewall.close_private_ports = false from kit.toml.",
        ));
    };
    let listed = nft::tables(&probe.ask(&Query::Ruleset)?.stdout);
    let name = &table.table;
    Ok(match table.among(&listed, probe)? {
        Loaded::AsWanted => Finding::pass(
            CHECK,
            format!("{ports} are private, and closed to other hosts except those in kit.toml"),
        ),
        Loaded::Otherwise => Finding::warn(
            CHECK,
            format!(
                "{ports} are private, and the kernel has another version of the table {name}, which closes some ports"
            ),
        )
        .fix(LOAD)
        .command(APPLY),
        Loaded::Not => Finding::fail(
            CHECK,
            format!(
                "{ports} are private and other hosts can connect: the kernel does not have the table {name}"
            ),
        )
        .fix(LOAD)
        .command(APPLY),
    })
}

fn list(ports: &[u16]) -> String {
    let ports: Vec<_> = ports.iter().map(ToString::to_string).collect();
    ports.join(", ")
}

#[cfg(test)]
#[path = "exposure_tests.rs"]
mod tests;
