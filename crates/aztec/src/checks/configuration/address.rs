//! Whether peers can reach the address that this host announces.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::checks::finding::Finding;
use crate::checks::topic::Topic;
use crate::data;
use crate::names::port;
use crate::settings::Settings;

const CHECK: Topic = Topic::P2pAddress;

/// The variable for the address that the node listens on. The node uses `0.0.0.0` if it is not set.
const LISTENS: &str = "P2P_LISTEN_ADDR";

/// What to do about a wrong address.
const SET: &str = "Set p2p.ip to the public address of this host.";

/// Checks `p2p.ip`. The node accepts any address and does not check whether others can reach it (4.1.2
/// p2p/dest/util.js). On a network that the operator describes, peers may be anywhere.
pub(super) fn address(settings: &Settings) -> Finding {
    let Some(ip) = settings.p2p_ip else {
        let seen = "p2p.ip is not set, so the node asks a public service at every start, which reports IPv4 addresses only";
        return Finding::warn(CHECK, seen).fix(SET);
    };
    if ip.is_loopback() {
        return Finding::fail(CHECK, format!("peers cannot reach {ip}")).fix(SET);
    }
    let public = data::networks().contains_key(&settings.network_name);
    if let (true, Some(why)) = (public, unreachable(ip)) {
        let seen = format!("{ip} is {why}: peers on the internet cannot reach it");
        return Finding::warn(CHECK, seen).fix(format!(
            "{SET} Forward TCP and UDP port {} of that address to it.",
            settings.port(&port::P2P)
        ));
    }
    let listens = settings.says(LISTENS).map(str::parse);
    let on_six = matches!(listens, Some(Ok(IpAddr::V6(_))));
    if public && ip.is_ipv6() && !on_six {
        let seen = format!("the node announces {ip} and listens on IPv4 only");
        return Finding::warn(CHECK, seen).fix(format!(
            "Set p2p.ip to an IPv4 address, or {LISTENS} = \"::\" under [env]."
        ));
    }
    Finding::pass(CHECK, ip.to_string())
}

/// Why nobody on the internet can reach an address, by the IANA registries of special-purpose addresses.
fn unreachable(ip: IpAddr) -> Option<&'static str> {
    match ip {
        IpAddr::V4(ip) => unreachable_four(ip),
        IpAddr::V6(ip) => unreachable_six(ip),
    }
}

fn unreachable_four(ip: Ipv4Addr) -> Option<&'static str> {
    match ip.octets() {
        _ if ip.is_private() => Some("a private address"),
        [100, 64..=127, ..] => {
            Some("a shared address of a provider (CGNAT), which forwards no port to you")
        }
        _ if ip.is_link_local() => Some("a link-local address"),
        _ if ip.is_documentation() => Some("an address for documentation"),
        [0 | 127 | 240..=255, ..] | [192, 0, 0, _] | [198, 18 | 19, ..] => {
            Some("a reserved address")
        }
        _ => None,
    }
}

fn unreachable_six(ip: Ipv6Addr) -> Option<&'static str> {
    if let Some(ip) = ip.to_ipv4_mapped() {
        return unreachable_four(ip);
    }
    match ip.segments() {
        [0xfc00..=0xfdff, ..] => Some("a private address"),
        [0xfe80..=0xfebf, ..] => Some("a link-local address"),
        [0x2001, 0x0db8, ..] | [0x3fff, 0..=0x0fff, ..] => Some("an address for documentation"),
        [0x2000..=0x3fff, ..] => None,
        _ => Some("a reserved address"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Severity;

    const LIVE: &str = "network = \"testnet\"\n[l1]\nrpc_urls = [\"https://l\"]\nconsensus_urls = [\"https://b\"]\n";
    const OWN: &str = "network = \"mine\"\n[l1]\nrpc_urls = [\"https://l\"]\n[networks.mine]\nl1_chain_id = 7\n\
                       registry = \"0x5FbDB2315678afecb367f032d93F642f64180aa3\"\nrelease = \"4.1.2\"\nblobs = [\"https://b\"]\n";

    fn found(network: &str, ip: &str, more: &str) -> Finding {
        let text = format!("{network}[p2p]\nip = \"{ip}\"\n{more}");
        address(&Settings::parse(&text).unwrap())
    }

    #[test]
    fn an_address_that_the_internet_cannot_reach_is_reported() {
        let cases = [
            ("8.8.8.8", ""),
            ("100.63.0.1", ""),
            ("100.128.0.1", ""),
            ("172.32.0.1", ""),
            ("10.0.0.5", "private"),
            ("172.20.1.1", "private"),
            ("192.168.1.142", "private"),
            ("100.64.3.4", "CGNAT"),
            ("100.127.255.255", "CGNAT"),
            ("169.254.1.1", "link-local"),
            ("203.0.113.7", "documentation"),
            ("198.18.0.1", "reserved"),
            ("fd00::1", "private"),
            ("fe80::1", "link-local"),
            ("2001:db8::1", "documentation"),
            ("::ffff:10.0.0.5", "private"),
        ];
        for (ip, why) in cases {
            let finding = found(LIVE, ip, "");
            let status = if why.is_empty() {
                Severity::Pass
            } else {
                Severity::Warn
            };
            assert_eq!(finding.severity, status, "{ip}: {}", finding.text());
            assert!(finding.text().contains(why) && finding.text().contains(ip));
            assert_eq!(found(OWN, ip, "").severity, Severity::Pass, "{ip}");
        }
        assert_eq!(found(LIVE, "127.0.0.1", "").severity, Severity::Fail);
    }

    #[test]
    fn an_ipv6_address_needs_a_node_that_listens_there() {
        let ip = "2001:4860::7";
        let finding = found(LIVE, ip, "");
        assert_eq!(finding.severity, Severity::Warn);
        assert!(finding.text().contains("IPv4 only"), "{}", finding.text());
        let listens = "[env]\nP2P_LISTEN_ADDR = \"::\"\n";
        assert_eq!(found(LIVE, ip, listens).severity, Severity::Pass);
        assert_eq!(found(OWN, ip, "").severity, Severity::Pass);
    }
}
