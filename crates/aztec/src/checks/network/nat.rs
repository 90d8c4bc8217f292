//! Whether this host has the address that it announces, or is behind an address translation (NAT).

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use provision::Fault;
use provision::host::Probe;
use provision::tools::{addresses, routes};

use crate::checks::finding::Finding;
use crate::checks::topic::Topic;
use crate::data;
use crate::names::port;
use crate::settings::Settings;

/// The addresses of this host.
struct Own {
    all: Vec<IpAddr>,
    /// Those of the interface with the default route.
    outward: Vec<Ipv4Addr>,
}

/// `None` on a network that others do not reach over the internet, and without an announced address, which `p2p-address`
/// reports.
pub(super) fn nat(settings: &Settings, probe: &dyn Probe) -> Result<Option<Finding>, Fault> {
    let public = data::networks().contains_key(&settings.network_name);
    let (true, Some(ip)) = (public && settings.has_role(), settings.p2p_ip) else {
        return Ok(None);
    };
    let text = |path: &str| probe.text(Path::new(path)).map(Option::unwrap_or_default);
    let fib_trie = text("/proc/net/fib_trie")?;
    let own = Own {
        all: addresses::all(&fib_trie, &text("/proc/net/if_inet6")?),
        outward: outward(
            &addresses::v4(&fib_trie),
            &routes::parse(&text("/proc/net/route")?),
        ),
    };
    if own.all.is_empty() {
        return Err(
            Fault::new("the kernel lists no address of this host in /proc/net/fib_trie")
                .fix("Mount /proc as the kernel of this host provides it."),
        );
    }
    Ok(Some(judged(
        ip.to_canonical(),
        &own,
        settings.port(&port::P2P),
    )))
}

/// The addresses in the networks of the interface with the default route.
fn outward(all: &[Ipv4Addr], routes: &[routes::Route]) -> Vec<Ipv4Addr> {
    let default = routes.iter().find(|route| route.mask.is_unspecified());
    let interface = default.map(|route| route.interface.as_str());
    let networks = routes.iter().filter(|route| {
        Some(route.interface.as_str()) == interface && !route.mask.is_unspecified()
    });
    let networks: Vec<_> = networks.collect();
    let within = |address: &&Ipv4Addr| {
        let address = u32::from(**address);
        networks
            .iter()
            .any(|route| address & u32::from(route.mask) == u32::from(route.to))
    };
    all.iter().filter(within).copied().collect()
}

/// RFC 6598: the addresses between a provider and its customers.
fn shared_by_provider(ip: Ipv4Addr) -> bool {
    matches!(ip.octets(), [100, 64..=127, ..])
}

/// Pure.
fn judged(ip: IpAddr, own: &Own, port: u16) -> Finding {
    if own.all.contains(&ip) {
        return Finding::pass(Topic::Nat, format!("{ip} is an address of this host"));
    }
    let forward = format!("Forward TCP and UDP port {port} of {ip} to it");
    let Some(inner) = own.outward.first() else {
        let seen = format!("p2p.ip is {ip}, which is no address of this host");
        return Finding::pass(Topic::Nat, seen).fix(format!("{forward}."));
    };
    if let Some(shared) = own.outward.iter().find(|ip| shared_by_provider(**ip)) {
        let seen = format!(
            "this host reaches the internet from {shared}, which the provider shares among customers (CGNAT), so nobody can forward port {port} to it"
        );
        return Finding::warn(Topic::Nat, seen)
            .fix("Ask the provider for a public address, or use another host. A VPN can also have such an address; then set p2p.ip to the address of its exit.");
    }
    let seen = format!(
        "p2p.ip is {ip} and this host has {inner}, so it is behind NAT, and port {port} must be forwarded to it"
    );
    Finding::pass(Topic::Nat, seen).fix(format!("{forward}, the same port outside and inside."))
}

#[cfg(test)]
mod tests {
    use provision::host::FileType;
    use provision::host::fake::FakeHost;

    use super::*;
    use crate::severity::Severity;

    /// Written from the format of `ip -json`.
    const ROUTES: &str =
        "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n";

    fn settings() -> Settings {
        Settings::parse("network = \"testnet\"\n[l1]\nrpc_urls = [\"https://l\"]\nconsensus_urls = [\"https://b\"]\n[p2p]\nip = \"8.8.4.4\"\n").unwrap()
    }

    /// A host with this address on eth0, which has the default route, and a bridge of Docker.
    fn found(address: [u8; 4]) -> Finding {
        let hex = |[a, b, c, d]: [u8; 4]| format!("{:08X}", u32::from_ne_bytes([a, b, c, d]));
        let [a, b, c, d] = address;
        let rows = [
            ("eth0", [0; 4], [0; 4]),
            ("docker0", [172, 17, 0, 0], [255, 255, 0, 0]),
            ("eth0", [a, b, c, 0], [255, 255, 255, 0]),
        ];
        let rows = rows.map(|(interface, to, mask)| {
            format!(
                "{interface}\t{}\t00000000\t0003\t0\t0\t0\t{}\t0\t0\t0\n",
                hex(to),
                hex(mask)
            )
        });
        let trie = format!(
            "Local:\n |-- 172.17.0.1\n    /32 host LOCAL\n |-- {a}.{b}.{c}.{d}\n    /32 host LOCAL\n"
        );
        let mut host = FakeHost::debian();
        host.plant("/proc/net", FileType::Directory, b"", 0o555);
        for (path, text) in [
            ("/proc/net/fib_trie", trie),
            ("/proc/net/route", ROUTES.to_owned() + &rows.concat()),
        ] {
            host.plant(path, FileType::File, text.as_bytes(), 0o444);
        }
        nat(&settings(), &host).unwrap().unwrap()
    }

    #[test]
    fn a_host_behind_nat_is_told_which_port_to_forward() {
        let own = found([8, 8, 4, 4]);
        assert_eq!((own.severity, own.fix), (Severity::Pass, None));
        let behind = found([192, 168, 7, 142]);
        assert_eq!(behind.severity, Severity::Pass);
        let text = behind.text();
        for part in [
            "192.168.7.142",
            "behind NAT",
            "TCP and UDP port 40400 of 8.8.4.4",
        ] {
            assert!(text.contains(part), "{text}");
        }
    }

    #[test]
    fn behind_a_shared_address_nobody_can_forward() {
        let shared = found([100, 100, 3, 4]);
        assert_eq!(shared.severity, Severity::Warn);
        assert!(shared.seen.contains("CGNAT"), "{}", shared.seen);
    }

    #[test]
    fn without_addresses_it_cannot_tell() {
        assert!(nat(&settings(), &FakeHost::debian()).is_err());
        let local = Settings::parse("network = \"local\"\n").unwrap();
        assert_eq!(nat(&local, &FakeHost::debian()).unwrap(), None);
    }
}
