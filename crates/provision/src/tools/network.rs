//! Networks in text form: an address, or an address with a prefix length.

use std::net::IpAddr;

pub use ipnet::IpNet;

/// The network of `10.0.0.0/8` or `203.0.113.7`; the latter has one address. The address is parsed by the standard
/// library: `ipnet` also accepts leading zeros, which other programs read as octal.
pub fn parse(text: &str) -> Option<IpNet> {
    let Some((address, length)) = text.split_once('/') else {
        return text.parse::<IpAddr>().ok().map(IpNet::from);
    };
    IpNet::new(address.parse().ok()?, length.parse().ok()?).ok()
}

/// Whether an address is in a network, or equals an address. `false` for an invalid network.
pub fn holds(network: &str, address: IpAddr) -> bool {
    parse(network).is_some_and(|network| network.contains(&address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_hold_their_addresses() {
        let in_v4 = |network| holds(network, [10, 9, 8, 7].into());
        for network in [
            "10.0.0.0/8",
            "10.9.8.7",
            "10.9.8.7/32",
            "0.0.0.0/0",
            "10.1.2.3/8",
        ] {
            assert!(in_v4(network), "{network}");
        }
        for network in [
            "10.9.8.6",
            "11.0.0.0/8",
            "::/0",
            "10.0.0.0/33",
            "10.0.0.0/",
            "/8",
            "",
        ] {
            assert!(!in_v4(network), "{network}");
        }
        let six: IpAddr = "2001:db8::1".parse().unwrap_or([0; 16].into());
        assert!(holds("2001:db8::/32", six) && holds("::/0", six) && !holds("2001:db9::/32", six));
    }

    #[test]
    fn a_number_with_a_zero_before_it_is_none() {
        assert!(parse("010.0.0.0/8").is_none() && "010.0.0.0/8".parse::<IpNet>().is_ok());
    }
}
