//! Who may connect to this host: SSH, the peers of every role with peers, and those in `kit.toml`. Without a firewall
//! for the whole host, only private ports are closed.

use std::ops::RangeInclusive;

use provision::engine::{Graph, ResourceId};
use provision::kinds::{NftTable, Proto, Rule, Ufw};

use crate::facts::HostFacts;
use crate::kinds::Kind;
use crate::names::{Reach, port};
use crate::roles::prover;
use crate::settings::Settings;

pub(crate) fn add(graph: &mut Graph<Kind>, settings: &Settings) {
    if let Some(ufw) = ufw(settings) {
        server::firewall::add(graph, ufw.rules);
    }
}

/// Adds the table that closes private ports. It is loaded before the services start and removed after they stop, so the
/// ports are never open.
pub(crate) fn close_private_ports(
    graph: &mut Graph<Kind>,
    settings: &Settings,
    facts: &HostFacts,
) -> Option<ResourceId> {
    let table = private_table(settings, facts)?;
    Some(server::private::add(graph, table))
}

/// The table that closes them; `None` if there are none, or the operator closes them by other means.
pub(crate) fn private_table(settings: &Settings, facts: &HostFacts) -> Option<NftTable> {
    let ports = private_ports(settings, facts);
    let closes = settings.firewall.close_private_ports && !ports.is_empty();
    closes.then(|| server::private::table(&ports, &settings.firewall.allow))
}

/// The private TCP ports that listen on every interface, in order.
pub(crate) fn private_ports(settings: &Settings, facts: &HostFacts) -> Vec<RangeInclusive<u16>> {
    let agents = u16::try_from(prover::agents(settings, facts).0).unwrap_or(u16::MAX);
    let ports = settings.private_ports().into_iter();
    let mut ports: Vec<_> = ports
        .map(|(port, first)| match *port {
            port::AGENTS => first..=first.saturating_add(agents.saturating_sub(1)),
            _ => first..=first,
        })
        .collect();
    ports.sort_by_key(|ports| *ports.start());
    ports
}

/// The configured firewall.
pub(crate) fn ufw(settings: &Settings) -> Option<Ufw> {
    let firewall = &settings.firewall;
    if !firewall.enabled {
        return None;
    }
    let open = |proto, port, purpose: &str| Rule {
        proto,
        port,
        from: None,
        purpose: purpose.into(),
        limit: false,
    };
    let mut rules = Vec::new();
    for (port, _) in settings.ports() {
        let number = settings.port(port);
        match port.reach {
            Reach::Peers => {
                rules.push(open(Proto::Tcp, number, "peers"));
                rules.push(open(Proto::Udp, number, "peers"));
            }
            Reach::Discovery => rules.push(open(Proto::Udp, number, "discovery")),
            Reach::Loopback | Reach::Private | Reach::Steering => {}
        }
    }
    if settings.caddy.is_some() {
        rules.push(open(Proto::Tcp, 80, "certificates"));
        rules.push(open(Proto::Tcp, 443, "TLS proxy"));
    }
    rules.extend(firewall.allow.iter().cloned());
    Some(Ufw { rules })
}

#[cfg(test)]
mod tests {
    use provision::engine::Resource;

    use super::*;

    fn open(kit_toml: &str) -> Vec<String> {
        let ufw = ufw(&Settings::parse(kit_toml).unwrap()).unwrap();
        ufw.rules.iter().map(Rule::to_string).collect()
    }

    #[test]
    fn private_ports_are_closed_before_a_service_starts_and_until_it_is_gone() {
        let text =
            "[sequencer]\nenabled = true\n[prover]\nenabled = true\n[bootnode]\nenabled = true\n";
        let (settings, facts) = (Settings::parse(text).unwrap(), HostFacts::debian());
        let graph = crate::desired::desired(&settings, &facts, text).unwrap();
        let table = private_table(&settings, &facts).unwrap();
        let id = Kind::from(table).id();
        let mut services = 0;
        for node in graph.nodes() {
            let Kind::Service(service) = &node.resource else {
                continue;
            };
            // The L1 and its Beacon API listen on loopback only.
            if service.unit.starts_with("aztec-l1") {
                continue;
            }
            services += 1;
            // A service that comes after the table is removed before it, however long it has been on record.
            assert!(node.after.contains(&id), "{}", service.unit);
        }
        assert!(services > 3, "{services}");
    }

    #[test]
    fn only_ports_that_others_need_are_open() {
        assert_eq!(
            open("[firewall]\nenabled = true\n"),
            ["40400/tcp from anywhere", "40400/udp from anywhere"]
        );
        let all = open(
            "[firewall]\nenabled = true\n[[firewall.allow]]\nport = 8180\nfrom = \"10.0.0.5/32\"\n\
             [caddy]\nenabled = true\n[prover]\nenabled = true\n[bootnode]\nenabled = true\n",
        );
        assert_eq!(
            all,
            [
                "40400/tcp from anywhere",
                "40400/udp from anywhere",
                "40401/tcp from anywhere",
                "40401/udp from anywhere",
                "40402/udp from anywhere",
                "80/tcp from anywhere",
                "443/tcp from anywhere",
                "8180/tcp from 10.0.0.5",
            ]
        );
    }
}
