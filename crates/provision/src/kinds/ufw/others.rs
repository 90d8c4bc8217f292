//! Other firewall managers. Two of them on one host make a firewall that nobody understands.

use std::collections::BTreeMap;
use std::path::Path;

use crate::Fault;
use crate::host::{Probe, Query};
use crate::tools::nft::{self, Table};
use crate::tools::systemctl::UnitState;

/// Managers of a firewall by their units, as Debian and Ubuntu package them.
const MANAGERS: [&str; 6] = [
    "firewalld.service",
    "shorewall.service",
    "shorewall6.service",
    "ferm.service",
    "netfilter-persistent.service",
    NFTABLES,
];
const NFTABLES: &str = "nftables.service";
/// The file that `nftables.service` loads.
const NFTABLES_CONF: &str = "/etc/nftables.conf";

/// The error if another program manages the firewall of this host.
pub(super) fn manager(probe: &dyn Probe) -> Result<Option<Fault>, Fault> {
    let units = probe.units(&MANAGERS.map(ToOwned::to_owned).into())?;
    let loaded = match probe.meta(Path::new("/usr/sbin/nft"))? {
        Some(_) => nft::tables(&probe.ask(&Query::Ruleset)?.stdout),
        None => Vec::new(),
    };
    for unit in MANAGERS.into_iter().filter(|unit| lives(&units, unit)) {
        if unit == NFTABLES {
            let conf = probe.text(Path::new(NFTABLES_CONF))?.unwrap_or_default();
            if shutting(&nft::tables(&conf)).is_empty() {
                continue;
            }
        }
        let conflict = format!(
            "{unit} manages the firewall of this host, so UFW beside it would not reliably open or close anything"
        );
        return Ok(Some(Fault::new(conflict).fix(format!(
            "Copy its rules to kit.toml as [[firewall.allow]] and run `systemctl disable --now {unit}`, or remove \
             firewall.enabled from kit.toml."
        ))));
    }
    let others = shutting(&loaded);
    Ok(others.first().map(|table| {
        Fault::new(format!(
            "the nftables table {table} blocks incoming connections that UFW allows"
        ))
        .fix(format!(
            "Read it with `nft list table {table}` and disable the program that loads it, or remove firewall.enabled from kit.toml."
        ))
    }))
}

fn lives(units: &BTreeMap<String, UnitState>, unit: &str) -> bool {
    units.get(unit).is_some_and(|state| {
        matches!(state.active.as_str(), "active" | "activating" | "reloading")
            || state.file == "enabled"
    })
}

/// Tables that block incoming connections, except for those of iptables, which contain the rules of UFW.
pub fn shutting(tables: &[Table]) -> Vec<String> {
    let others = tables.iter().filter(|table| {
        let by_iptables = matches!(table.name.as_str(), "ip filter" | "ip6 filter")
            && table.chains.iter().any(|chain| chain.name == "INPUT");
        let shuts = |chain: &nft::Chain| chain.filters_input() && chain.shuts();
        !by_iptables && table.chains.iter().any(shuts)
    });
    others.map(|table| table.name.clone()).collect()
}
