//! The IPv4 routes of this host: the main table, as in `/proc/net/route` (proc_net(5)), and other influences on
//! routing.

use std::net::{Ipv4Addr, Ipv6Addr};

/// A row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Its outgoing interface.
    pub interface: String,
    /// The network; 0.0.0.0 is the default route.
    pub to: Ipv4Addr,
    /// Its mask.
    pub mask: Ipv4Addr,
}

/// All rows.
pub fn parse(table: &str) -> Vec<Route> {
    table.lines().skip(1).filter_map(row).collect()
}

/// The outgoing interface for this address.
pub fn interface(routes: &[Route], to: Ipv4Addr) -> Option<&str> {
    let fits = |route: &&Route| u32::from(to) & u32::from(route.mask) == u32::from(route.to);
    let longest = routes
        .iter()
        .filter(fits)
        .max_by_key(|route| u32::from(route.mask))?;
    Some(&longest.interface)
}

/// Routes with this flag reject packets: `RTF_REJECT` of linux/route.h.
const REJECT: u32 = 0x200;

/// The same for IPv6, in `/proc/net/ipv6_route`: network, length, …, metric, …, flags, interface, in one table for all.
/// Also `None` if several interfaces have the best route, as for link-local addresses.
pub fn interface_v6(table: &str, to: Ipv6Addr) -> Option<&str> {
    let row = |line: &'_ str| -> Option<(u32, u32)> {
        let fields: Vec<_> = line.split_whitespace().collect();
        let number = |at: usize| u32::from_str_radix(fields.get(at)?, 16).ok();
        let network = u128::from_str_radix(fields.first()?, 16).ok()?;
        let (bits, metric, flags) = (number(1)?, number(5)?, number(8)?);
        let apart = network ^ u128::from(to);
        // Shifting by the whole width is undefined.
        let fits = apart.checked_shr(128 - bits.min(128)).unwrap_or(0) == 0;
        // The longest prefix wins, and among several the lowest metric.
        (fits && flags & REJECT == 0).then_some((bits, u32::MAX - metric))
    };
    let rows = || table.lines().filter_map(|line| Some((row(line)?, line)));
    let best = rows().map(|(rank, _)| rank).max()?;
    let led = rows().filter(|(rank, _)| *rank == best);
    let mut led = led.filter_map(|(_, line)| line.split_whitespace().next_back());
    let first = led.next()?;
    led.all(|other| other == first).then_some(first)
}

/// Routing tables in addition to those of every host, in `/proc/net/fib_triestat` (fib_trie.c, `fib_table_print`). A
/// table exists as soon as it has a route, for a rule of ip-rule(8), a VPN or a VRF.
pub fn other_tables(statistics: &str) -> Vec<String> {
    let names = statistics.lines().filter_map(|line| line.strip_suffix(':'));
    let numbers = names.filter_map(|name| name.strip_prefix("Id "));
    numbers.map(ToOwned::to_owned).collect()
}

/// The reason why answers may leave at another interface than requests arrive at. The arguments are the texts of the
/// three files, and the names in the directory of WireGuard, which may be down now.
pub fn asymmetry(
    statistics: &str,
    routes: &[Route],
    interfaces: &str,
    wireguard: &[String],
) -> Option<String> {
    let tables = other_tables(statistics);
    if !tables.is_empty() {
        return Some(format!(
            "it has routing tables of its own ({})",
            tables.join(", ")
        ));
    }
    let defaults = routes.iter().filter(|route| route.mask.is_unspecified());
    let mut defaults: Vec<_> = defaults.map(|route| route.interface.as_str()).collect();
    defaults.sort_unstable();
    defaults.dedup();
    if defaults.len() > 1 {
        return Some(format!(
            "it has several default routes ({})",
            defaults.join(", ")
        ));
    }
    let names = interfaces.lines().filter_map(|line| line.split_once(':'));
    let mut names = names.map(|(name, _)| name.trim());
    let vpn = names.find(|name| name.starts_with("wg") || name.starts_with("tailscale"));
    if let Some(vpn) = vpn {
        return Some(format!("it has a VPN ({vpn})"));
    }
    let mut configured = wireguard.iter();
    let configured = configured.find(|name| name.ends_with(".conf"))?;
    Some(format!("it has a VPN (/etc/wireguard/{configured})"))
}

fn row(line: &str) -> Option<Route> {
    let fields: Vec<_> = line.split_whitespace().collect();
    // In host byte order.
    let address = |at: usize| {
        let word = u32::from_str_radix(fields.get(at)?, 16).ok()?;
        Some(Ipv4Addr::from(word.to_ne_bytes()))
    };
    Some(Route {
        interface: (*fields.first()?).to_owned(),
        to: address(1)?,
        mask: address(7)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_prefix_leads() {
        let table = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n\
                     eth0\t00000000\t0103D50A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n\
                     docker0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n";
        let routes = parse(table);
        let by = |address: [u8; 4]| interface(&routes, address.into());
        assert_eq!(by([172, 17, 0, 2]), Some("docker0"));
        assert_eq!(by([1, 1, 1, 1]), Some("eth0"));
    }

    #[test]
    fn what_may_route_answers_elsewhere_is_named() {
        let plain = "Basic info: size of leaf: 48 bytes, size of tnode: 40 bytes.\nMain:\n\tAver depth:     0.00\nLocal:\n";
        let dev = "Inter-|   Receive\n face |bytes\n    lo: 0 0\n  eth0: 1 2\n";
        let route = |interface: &str| Route {
            interface: interface.into(),
            to: Ipv4Addr::UNSPECIFIED,
            mask: Ipv4Addr::UNSPECIFIED,
        };
        let one = [route("eth0")];
        assert_eq!(asymmetry(plain, &one, dev, &[]), None);
        assert_eq!(asymmetry("", &[], "", &[]), None);
        let why = |statistics: &str, routes: &[Route], dev: &str, wireguard: &[String]| {
            asymmetry(statistics, routes, dev, wireguard).unwrap_or_default()
        };
        // `ip route add default dev wg0 table 52`
        let more = format!("Id 52:\n\tAver depth: 0.00\n{plain}");
        assert!(why(&more, &one, dev, &[]).contains("(52)"));
        let two = [route("eth0"), route("eth1"), route("eth0")];
        assert!(why(plain, &two, dev, &[]).contains("eth0, eth1"));
        assert!(why(plain, &one, &format!("{dev}   wg0: 0\n"), &[]).contains("wg0"));
        assert!(why(plain, &one, dev, &["home.conf".into()]).contains("home.conf"));
    }

    #[test]
    fn the_longest_prefix_leads_for_ipv6_too() {
        let row = |to: &str, bits: &str, metric: &str, flags: &str, interface: &str| {
            let none = "0".repeat(32);
            format!("{to:0<32} {bits} {none} 00 {none} {metric} 1 0 {flags} {interface}\n")
        };
        // As kernel 6.1 lists them: the fallback comes last, and each interface has its own link.
        let table = [
            row("fd", "40", "00000100", "00000001", "docker0"),
            row("fe8", "40", "00000100", "00000001", "eth0"),
            row("fe8", "40", "00000100", "00000001", "docker0"),
            row("", "00", "00000400", "00000003", "eth0"),
            row("", "00", "00000800", "00000003", "wg0"),
            row("", "00", "ffffffff", "00200200", "lo"),
        ]
        .concat();
        let by = |address: &str| interface_v6(&table, address.parse().ok()?);
        assert_eq!(by("fd00::2"), Some("docker0"));
        assert_eq!(by("2001:db8::1"), Some("eth0"));
        assert_eq!(by("fe80::1"), None, "one of two links");
        assert_eq!(interface_v6("", Ipv6Addr::LOCALHOST), None);
    }
}
