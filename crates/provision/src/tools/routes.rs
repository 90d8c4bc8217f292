//! The main routing table of IPv4, as `/proc/net/route` prints it: proc_net(5).

use std::net::Ipv4Addr;

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
}
