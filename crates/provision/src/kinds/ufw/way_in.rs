//! Whether a client can still connect, by the rules of UFW in order: the first match decides.

use std::net::IpAddr;
use std::path::Path;

use super::ssh::{Session, sessions};
use crate::Fault;
use crate::host::Probe;
use crate::tools::network::holds;
use crate::tools::routes;
use crate::tools::ufw::Tuple;

/// A session in progress, and the interface of its incoming packets if it is known.
#[derive(Debug)]
pub(super) struct RoutedSession {
    pub remote: IpAddr,
    pub local: IpAddr,
    pub port: u16,
    interface: Option<String>,
}

/// The SSH sessions from other hosts. Their packets are taken to arrive at the interface of the answers, according to
/// the main routing tables.
pub(super) fn came(probe: &dyn Probe) -> Result<Vec<RoutedSession>, Fault> {
    let sessions = sessions(probe)?;
    if sessions.is_empty() {
        return Ok(Vec::new());
    }
    let text = |path: &str| -> Result<String, Fault> {
        Ok(probe.text(Path::new(path))?.unwrap_or_default())
    };
    let routes = routes::parse(&text("/proc/net/route")?);
    let routes_v6 = text("/proc/net/ipv6_route")?;
    let came = |(remote, local, port): Session| RoutedSession {
        remote,
        local,
        port,
        interface: match remote {
            IpAddr::V4(remote) => routes::interface(&routes, remote),
            IpAddr::V6(remote) => routes::interface_v6(&routes_v6, remote),
        }
        .map(ToOwned::to_owned),
    };
    Ok(sessions.into_iter().map(came).collect())
}

/// The decision of the first matching rule for a new connection like this one; `None` when none matches.
pub(super) fn decided(tuples: &[Tuple], came: &RoutedSession) -> Option<bool> {
    let fits = |tuple: &&Tuple| {
        tuple.concerns("tcp", came.port)
            && holds(&tuple.from, came.remote)
            && holds(&tuple.to, came.local)
            && match (tuple.interface(), &came.interface) {
                (None, _) => true,
                (Some(of_rule), Some(interface)) => of_rule == interface,
                // If the interface is unknown, a rule is taken to block, and not to allow.
                (Some(_), None) => !tuple.allows(),
            }
    };
    tuples.iter().find(fits).map(Tuple::allows)
}

/// Whether a rule lets any outside client connect to that port.
pub(super) fn open_to_some(tuples: &[Tuple], port: u16) -> bool {
    let mut allows = tuples.iter().filter(|tuple| tuple.allows());
    allows.any(|tuple| tuple.concerns("tcp", port))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::ufw::tuples;

    #[test]
    fn the_first_rule_that_fits_decides() {
        let rules = |lines: &[&str]| {
            let lines = lines.iter().map(|line| format!("### tuple ### {line}\n"));
            tuples(&lines.collect::<String>())
        };
        let came = |interface: Option<&str>| RoutedSession {
            remote: [10, 1, 2, 3].into(),
            local: [10, 0, 0, 1].into(),
            port: 22,
            interface: interface.map(ToOwned::to_owned),
        };
        let deny = "deny any any 0.0.0.0/0 any 10.1.0.0/16 in";
        let allow = "limit tcp 22 0.0.0.0/0 any 0.0.0.0/0 in";
        let by = |lines: &[&str], interface| decided(&rules(lines), &came(interface));
        assert_eq!(by(&[deny, allow], None), Some(false));
        assert_eq!(by(&[allow, deny], None), Some(true));
        let eth0 = "deny tcp 22 0.0.0.0/0 any 0.0.0.0/0 in_eth0";
        assert_eq!(by(&[eth0, allow], Some("eth0")), Some(false));
        assert_eq!(by(&[eth0, allow], Some("wg0")), Some(true));
        assert_eq!(by(&[eth0, allow], None), Some(false), "it may be eth0");
        let wg0 = "allow tcp 22 0.0.0.0/0 any 0.0.0.0/0 in_wg0";
        assert_eq!(by(&[wg0], Some("wg0")), Some(true));
        assert_eq!(by(&[wg0], None), None);
        let elsewhere = "deny tcp 22 192.0.2.1 any 0.0.0.0/0 in";
        assert_eq!(by(&[elsewhere, allow], None), Some(true));
        assert!(open_to_some(&rules(&[wg0]), 22) && !open_to_some(&rules(&[deny]), 22));
    }
}
