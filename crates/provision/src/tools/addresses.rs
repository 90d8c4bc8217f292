//! The addresses of this host: `/proc/net/fib_trie` for IPv4 (fib_trie.c, `fib_trie_seq_show`), `/proc/net/if_inet6` for
//! IPv6 (addrconf.c, `if6_seq_show`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The line of a leaf, below its address, that marks an address of this host.
const OWN: &str = "/32 host LOCAL";

/// All IPv4 addresses of this host, sorted.
pub fn v4(fib_trie: &str) -> Vec<Ipv4Addr> {
    let mut leaf: Option<Ipv4Addr> = None;
    let mut own = Vec::new();
    for line in fib_trie.lines() {
        let line = line.trim_start();
        if let Some(address) = line.strip_prefix("|-- ") {
            leaf = address.trim_end().parse().ok();
        } else if line.trim_end() == OWN {
            own.extend(leaf);
        }
    }
    own.sort_unstable();
    // The table of local addresses is usually listed twice.
    own.dedup();
    own
}

/// All IPv6 addresses of this host, in the order of the file.
pub fn v6(if_inet6: &str) -> Vec<Ipv6Addr> {
    let words = if_inet6.lines().filter_map(|line| line.split(' ').next());
    let words = words.filter(|word| word.len() == 32);
    let bits = words.filter_map(|word| u128::from_str_radix(word, 16).ok());
    bits.map(Ipv6Addr::from).collect()
}

/// All addresses of this host.
pub fn all(fib_trie: &str, if_inet6: &str) -> Vec<IpAddr> {
    let four = v4(fib_trie).into_iter().map(IpAddr::from);
    four.chain(v6(if_inet6).into_iter().map(IpAddr::from))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of a host with one interface, in the format that is parsed.
    const FIB_TRIE: &str = "\
Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
     +-- 192.168.7.0/24 2 0 2
        |-- 192.168.7.0
           /24 link UNICAST
        |-- 192.168.7.142
           /32 host LOCAL
        |-- 192.168.7.255
           /32 link BROADCAST
     +-- 127.0.0.0/8 2 0 2
        |-- 127.0.0.0
           /8 host LOCAL
        |-- 127.0.0.1
           /32 host LOCAL
Local:
  +-- 0.0.0.0/0 3 0 5
        |-- 192.168.7.142
           /32 host LOCAL
";
    const IF_INET6: &str = "\
00000000000000000000000000000001 01 80 10 80       lo
fe80000000000000505400fffe123456 02 40 20 80     eth0
half
";

    #[test]
    fn addresses_of_this_host_are_local() {
        let own = v4(FIB_TRIE);
        assert_eq!(own, [Ipv4Addr::LOCALHOST, [192, 168, 7, 142].into()]);
        let own = v6(IF_INET6);
        assert_eq!(own.first(), Some(&Ipv6Addr::LOCALHOST));
        assert_eq!(own.len(), 2);
        assert_eq!(all(FIB_TRIE, IF_INET6).len(), 4);
    }

    #[test]
    fn nonsense_has_no_addresses() {
        for text in [
            "",
            "/32 host LOCAL\n",
            "|-- x\n/32 host LOCAL\n",
            "zz 01\n+0000000000000000000000000000001 \n",
        ] {
            assert!(v4(text).is_empty(), "{text}");
        }
    }
}
