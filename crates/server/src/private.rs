//! Closes ports to other hosts whose programs can only listen on every interface, also on a host without a firewall.

use std::fmt::Write;
use std::ops::RangeInclusive;

use provision::engine::{Graph, ResourceId};
use provision::kinds::{NftTable, Proto, Rule};

use crate::{Kinds, packet_filter};

/// The table and its unit. `ports` are TCP; `rules` are the hosts that may connect to one of them anyway.
pub fn table(ports: &[RangeInclusive<u16>], rules: &[Rule]) -> NftTable {
    NftTable {
        table: "inet aztec_kit_private".into(),
        chains: chains(ports, rules),
        path: "/etc/aztec-kit-private.nft".into(),
        unit: "aztec-kit-private-ports.service".into(),
        about: "Ports that are for this host alone are closed to others".into(),
        // Nobody manages the host through these ports.
        commit_confirmed: false,
        routed: false,
    }
}

/// Adds the table.
pub fn add<K: Kinds>(graph: &mut Graph<K>, table: NftTable) -> ResourceId {
    let filter = packet_filter::add(graph);
    graph.add(table, [filter])
}

/// Only new connections are filtered. No connection tracking is needed, and connections of this host to the same port
/// elsewhere are not affected. Packets of this host to its own addresses arrive at `lo`; the default networks of
/// container engines count as this host too. Connections are rejected, not dropped, so a client fails at once, as if
/// nothing listened.
fn chains(ports: &[RangeInclusive<u16>], rules: &[Rule]) -> String {
    let mut text = String::from(
        "\tchain private {\n\
         \t\ttype filter hook input priority filter - 10; policy accept;\n\
         \t\tiifname \"lo\" accept\n\
         \t\tiifname \"docker*\" accept\n\
         \t\tiifname \"podman*\" accept\n",
    );
    let rules = rules.iter().filter(|rule| {
        let private = ports.iter().any(|ports| ports.contains(&rule.port));
        private && rule.proto == Proto::Tcp
    });
    for rule in rules {
        let port = rule.port;
        // Writing to a string cannot fail.
        let _ = match &rule.from {
            None => writeln!(text, "\t\ttcp dport {port} accept"),
            Some(from) if from.contains(':') => {
                writeln!(text, "\t\tip6 saddr {from} tcp dport {port} accept")
            }
            Some(from) => writeln!(text, "\t\tip saddr {from} tcp dport {port} accept"),
        };
    }
    let ports: Vec<_> = ports
        .iter()
        .map(|ports| match (ports.start(), ports.end()) {
            (first, last) if first == last => first.to_string(),
            (first, last) => format!("{first}-{last}"),
        })
        .collect();
    let _ = writeln!(
        text,
        "\t\ttcp dport {{ {} }} tcp flags & (syn | ack) == syn reject with tcp reset\n\t}}",
        ports.join(", ")
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_lets_in_at_a_private_port_and_nowhere_else() {
        let rule = |port, proto, from: Option<&str>| Rule {
            proto,
            port,
            from: from.map(Into::into),
            purpose: "kit.toml".into(),
            limit: false,
        };
        let rules = [
            rule(8180, Proto::Tcp, Some("10.0.0.0/8")),
            rule(8302, Proto::Tcp, Some("2001:db8::/32")),
            rule(8180, Proto::Udp, Some("10.0.0.0/8")),
            rule(9999, Proto::Tcp, None),
        ];
        let text = chains(&[8080..=8080, 8180..=8180, 8300..=8303], &rules);
        let rules: Vec<_> = text.lines().map(str::trim).collect();
        assert_eq!(
            rules[5..],
            [
                "ip saddr 10.0.0.0/8 tcp dport 8180 accept",
                "ip6 saddr 2001:db8::/32 tcp dport 8302 accept",
                "tcp dport { 8080, 8180, 8300-8303 } tcp flags & (syn | ack) == syn reject with tcp reset",
                "}",
            ]
        );
    }
}
