//! Whether other programs listen on the ports of the configured roles.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::Path;

use provision::Fault;
use provision::host::Probe;
use provision::tools::sockets::{self, BOUND, LISTENS};

use super::caddy;
use super::holder::{Holder, holder};
use crate::checks::finding::Finding;
use crate::checks::topic::Topic;
use crate::names::{Component, Reach, units};
use crate::roles::l1;
use crate::settings::Settings;

/// A listening socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Listener {
    udp: bool,
    address: IpAddr,
    port: u16,
    /// The inode of the socket.
    inode: u64,
}

/// Every listening socket of every protocol.
fn listening(probe: &dyn Probe) -> Result<Vec<Listener>, Fault> {
    let mut listeners = Vec::new();
    for (table, state, udp) in [
        ("tcp", LISTENS, false),
        ("tcp6", LISTENS, false),
        ("udp", BOUND, true),
        ("udp6", BOUND, true),
    ] {
        let text = probe
            .text(&Path::new("/proc/net").join(table))?
            .unwrap_or_default();
        let sockets = sockets::parse(&text).into_iter();
        let sockets = sockets.filter(|socket| socket.state == state);
        listeners.extend(sockets.map(|socket| Listener {
            udp,
            address: socket.local,
            port: socket.port,
            inode: socket.inode,
        }));
    }
    Ok(listeners)
}

/// The protocols and addresses that a port is needed for.
#[derive(Debug, Clone, Copy)]
struct Need {
    tcp: bool,
    udp: bool,
    on: On,
}

/// The addresses that it binds to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum On {
    /// 127.0.0.1.
    Loopback,
    /// All addresses of IPv4.
    Four,
    /// All addresses.
    All,
}

/// The use of a port with this reach; `None` is the reach of the proxy.
fn need(settings: &Settings, reach: Option<Reach>, port: u16) -> Need {
    // 4.1.2 p2p/dest/services: 0.0.0.0 for both protocols unless configured otherwise.
    let peers = match settings.env.contains_key("P2P_LISTEN_ADDR") {
        true => On::All,
        false => On::Four,
    };
    let of = |tcp, udp, on| Need { tcp, udp, on };
    match reach {
        Some(Reach::Peers) => of(true, true, peers),
        Some(Reach::Discovery) => of(false, true, peers),
        Some(Reach::Loopback) => of(true, false, On::Loopback),
        Some(Reach::Private | Reach::Steering) => of(true, false, On::All),
        // The proxy serves HTTP/3.
        None => of(true, port == 443, On::All),
    }
}

/// The sockets, by inode, that keep a process with this reach, or the proxy, from listening on the port.
fn in_the_way(
    listeners: &[Listener],
    settings: &Settings,
    reach: Option<Reach>,
    port: u16,
) -> BTreeSet<u64> {
    let need = need(settings, reach, port);
    let taken = listeners.iter().filter(|other| {
        let protocol = if other.udp { need.udp } else { need.tcp };
        // A socket on all of IPv6 has IPv4 as well, unless an option excludes it, which cannot be seen here.
        let address = match (need.on, other.address) {
            (_, address) if address.is_unspecified() => true,
            (On::All, _) | (On::Four, IpAddr::V4(_)) => true,
            (On::Four, IpAddr::V6(_)) => false,
            (On::Loopback, address) => address == IpAddr::from([127, 0, 0, 1]),
        };
        other.port == port && protocol && address
    });
    taken.map(|other| other.inode).collect()
}

/// The units that may hold a port of this one.
fn owners(unit: &str) -> BTreeSet<String> {
    let mut owners = BTreeSet::from([unit.to_owned()]);
    // The units of node and sequencer replace each other, on the same ports.
    let same = Component::all().filter(|component| component.spec().unit == unit);
    let others = same.flat_map(Component::excludes);
    owners.extend(others.map(|other| other.spec().unit.to_owned()));
    if unit == units::L1 {
        // A run that was killed while it created the chain leaves this unit running. The next run stops it.
        owners.insert(l1::BIRTH_UNIT.into());
    }
    owners
}

/// A port passes if nothing listens on it, or the unit that it belongs to.
pub(super) fn findings(settings: &Settings, probe: &dyn Probe) -> Result<Vec<Finding>, Fault> {
    let taken = listening(probe)?;
    let mut findings = Vec::new();
    let own = settings.ports().into_iter();
    let mut needed: Vec<_> = own
        .map(|(port, unit)| (port.key, settings.port(port), Some(port.reach), unit))
        .collect();
    if settings.caddy.is_some() {
        let ports = caddy::PORTS.into_iter();
        needed.extend(
            ports.map(|(purpose, port)| (purpose, port, None, server::caddy::UNIT.to_owned())),
        );
    }
    for (key, port, reach, unit) in needed {
        let owners = owners(&unit);
        let check = Topic::Port.of(port);
        let sockets = in_the_way(&taken, settings, reach, port);
        if sockets.is_empty() {
            findings.push(Finding::pass(check, format!("free for {key}")));
            continue;
        }
        let units = match probe.units(&owners) {
            Ok(units) => units,
            Err(fault) => {
                findings.push(Finding::unanswered(check, &fault));
                continue;
            }
        };
        let owner = units.iter().find(|(_, state)| state.main_pid != 0);
        findings.push(match owner {
            Some((unit, _)) => Finding::pass(check, format!("held by {unit}")),
            None => {
                // Browsers and authorities expect the proxy on its ports, so these cannot be changed.
                let other = match reach {
                    None => String::new(),
                    Some(_) => format!(", or set {key} to another port"),
                };
                match holder(&sockets, probe) {
                    Some(Holder { pid, program }) => {
                        let seen = format!("{program} listens on it (process {pid})");
                        Finding::fail(check, seen).fix(format!("Stop that program{other}."))
                    }
                    None => Finding::fail(check, "another program listens on it")
                        .fix(format!("Find out which it is and stop it{other}."))
                        .command(format!("ss -lntup sport = :{port}")),
                }
            }
        });
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Ports;

    #[test]
    fn only_the_same_protocol_and_address_conflict() {
        let settings = Settings::parse("").unwrap();
        let cases = [
            ("ports.rpc", "tcp", "0.0.0.0", true),
            ("ports.rpc", "tcp", "127.0.0.2", true),
            ("ports.rpc", "tcp", "::", true),
            ("ports.rpc", "tcp", "::1", true),
            ("ports.rpc", "udp", "0.0.0.0", false),
            ("p2p.port", "udp", "0.0.0.0", true),
            ("p2p.port", "tcp", "0.0.0.0", true),
            ("p2p.port", "udp", "::", true),
            ("p2p.port", "udp", "::1", false),
            ("p2p.port", "udp", "192.0.2.1", true),
            ("ports.bootnode_p2p", "tcp", "0.0.0.0", false),
            ("ports.l1", "tcp", "127.0.0.1", true),
            ("ports.l1", "tcp", "0.0.0.0", true),
            ("ports.l1", "tcp", "192.0.2.1", false),
            ("ports.l1", "udp", "127.0.0.1", false),
        ];
        for (key, protocol, address, expected) in cases {
            let listener = Listener {
                udp: protocol == "udp",
                address: address.parse().unwrap(),
                port: 9,
                inode: 1,
            };
            let reach = Ports::known()
                .find(|port| port.key == key)
                .map(|port| port.reach);
            let taken = !in_the_way(&[listener], &settings, reach, 9).is_empty();
            assert_eq!(taken, expected, "{key} beside {protocol} {address}");
            assert!(in_the_way(&[listener], &settings, reach, 10).is_empty());
        }
    }
}
