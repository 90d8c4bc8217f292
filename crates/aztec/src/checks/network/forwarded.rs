//! Ports that this host forwards to other addresses, such as the published ports of containers.

use std::net::IpAddr;
use std::path::Path;

use provision::Fault;
use provision::host::Probe;
use provision::kinds::Ufw;
use provision::tools::{nft, routes};

/// A port that is forwarded to another address, past the rules of UFW for this host.
pub(super) struct Forwarded {
    /// The port, its protocol and its target, for people.
    pub shown: String,
    pub fate: Through,
}

/// The treatment of a forwarded port by the table of aztec-kit.
pub(super) enum Through {
    /// The table lets everybody through.
    Open,
    /// The table drops it, except for the sources in a rule.
    Closed,
    /// The table does not cover its target.
    Unknown,
}

impl Forwarded {
    /// The port, if everybody can reach it.
    pub fn open(&self) -> Option<String> {
        matches!(self.fate, Through::Open).then(|| self.shown.clone())
    }
}

/// The forwarded ports of others, judged by the rules of the configured firewall.
pub(super) fn forwarded(
    all: impl IntoIterator<Item = nft::Passed>,
    ufw: &Ufw,
    probe: &dyn Probe,
) -> Result<Vec<Forwarded>, Fault> {
    let routes = probe.text(Path::new("/proc/net/route"))?;
    let routes = routes::parse(&routes.unwrap_or_default());
    let routes_v6 = probe.text(Path::new("/proc/net/ipv6_route"))?;
    let routes_v6 = routes_v6.unwrap_or_default();
    let mut found = Vec::new();
    for passed in all {
        let (first, last) = passed.ports;
        let mut rules = ufw.rules.iter();
        let is_allowed = rules.any(|rule| {
            rule.proto.name() == passed.proto
                && rule.from.is_none()
                && first == last
                && rule.port == first
        });
        let there = passed.port.unwrap_or(first);
        let everybody = is_allowed || ufw.lets_through(probe, &passed.proto, passed.to, there)?;
        let leaves = match passed.to {
            IpAddr::V4(to) => routes::interface(&routes, to),
            IpAddr::V6(to) => routes::interface_v6(&routes_v6, to),
        };
        let covered = leaves.is_some_and(server::firewall::covers);
        let ports = match first == last {
            true => first.to_string(),
            false => format!("{first}-{last}"),
        };
        found.push(Forwarded {
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
