//! How this host routes IPv4: the main table, as `/proc/net/route` prints it (proc_net(5)), and whether anything else
//! has a say.

use std::net::{Ipv4Addr, Ipv6Addr};

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Where it leads out.
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

/// The interface at which packets for this address leave.
pub fn interface(routes: &[Route], to: Ipv4Addr) -> Option<&str> {
    let fits = |route: &&Route| u32::from(to) & u32::from(route.mask) == u32::from(route.to);
    let longest = routes
        .iter()
        .filter(fits)
        .max_by_key(|route| u32::from(route.mask))?;
    Some(&longest.interface)
}

/// The same for IPv6, in `/proc/net/ipv6_route`: network, length, …, interface, in one table for all.
pub fn interface_v6(table: &str, to: Ipv6Addr) -> Option<&str> {
    let row = |line: &'_ str| -> Option<u32> {
        let mut fields = line.split_whitespace();
        let network = u128::from_str_radix(fields.next()?, 16).ok()?;
        let bits = u32::from_str_radix(fields.next()?, 16).ok()?;
        let apart = network ^ u128::from(to);
        // Shifting by the whole width is not defined.
        let fits = apart.checked_shr(128 - bits.min(128)).unwrap_or(0) == 0;
        fits.then_some(bits)
    };
    let rows = table.lines().filter_map(|line| Some((row(line)?, line)));
    let (_, longest) = rows.max_by_key(|(bits, _)| *bits)?;
    longest.split_whitespace().next_back()
}

/// Tables besides those that every host has, in `/proc/net/fib_triestat` (fib_trie.c, `fib_table_print`): there is one as
/// soon as a route is in it, for a rule of ip-rule(8), a VPN or a VRF.
pub fn other_tables(statistics: &str) -> Vec<String> {
    let names = statistics.lines().filter_map(|line| line.strip_suffix(':'));
    let numbers = names.filter_map(|name| name.strip_prefix("Id "));
    numbers.map(ToOwned::to_owned).collect()
}

/// Why answers may go out at another interface than questions came in at; the texts of the three files, and the names in
/// the directory of WireGuard, which may be down just now.
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
    // In the order of the host's bytes.
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
        let rest =
            "00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 1 0 1";
        let table = format!(
            "fd000000000000000000000000000000 40 {rest} docker0\n\
             00000000000000000000000000000000 00 {rest} eth0\n"
        );
        let by = |address: &str| interface_v6(&table, address.parse().ok()?);
        assert_eq!(by("fd00::2"), Some("docker0"));
        assert_eq!(by("2001:db8::1"), Some("eth0"));
        assert_eq!(interface_v6("", Ipv6Addr::LOCALHOST), None);
    }
}
