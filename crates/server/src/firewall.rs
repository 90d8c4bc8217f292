//! Closes the host except for the allowed connections: UFW for the host itself, and a table of nftables for the ports
//! that container engines publish, which bypass UFW.

use std::fmt::Write;

use provision::engine::{Graph, ResourceId};
use provision::kinds::{NftTable, Packages, ROUTED, Rule, Ufw};

use crate::{Kinds, packet_filter};

/// Interfaces of container engines: the default bridges of Docker and Podman, and those of Docker's networks, whose
/// names other programs also use.
const BRIDGES: [&str; 3] = ["docker*", "podman*", "br-*"];

/// Adds the firewall; returns its last resource.
pub fn add<K: Kinds>(graph: &mut Graph<K>, rules: Vec<Rule>) -> ResourceId {
    let filter = packet_filter::add(graph);
    let packages = graph.add(
        Packages {
            purpose: "firewall".into(),
            names: vec!["ufw".into()],
        },
        [],
    );
    let published = graph.add(table(&rules), [filter]);
    graph.add(Ufw { rules }, [packages, published])
}

/// The table that closes the ports that containers publish.
pub fn table(rules: &[Rule]) -> NftTable {
    NftTable {
        table: "inet aztec_kit".into(),
        chains: published(rules),
        path: "/etc/aztec-kit.nft".into(),
        unit: "aztec-kit-published-ports.service".into(),
        about: "Published ports of containers are closed but for what the firewall lets in".into(),
        commit_confirmed: true,
        routed: true,
    }
}

/// Whether the table decides about connections that are forwarded to that interface.
pub fn covers(interface: &str) -> bool {
    let mut bridges = BRIDGES.iter();
    bridges.any(|bridge| interface.starts_with(bridge.trim_end_matches('*')))
}

/// Docker and Podman rewrite the destination of a connection to a published port before any filter sees it, and accept
/// it before UFW does. This chain runs before both of theirs, and a packet that it drops stays dropped.
fn published(rules: &[Rule]) -> String {
    let mut text = String::from(
        "\tchain published {\n\
         \t\ttype filter hook forward priority filter - 10; policy accept;\n\
         \t\tct state established,related accept\n",
    );
    for bridge in BRIDGES {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "\t\tiifname \"{bridge}\" accept");
    }
    for rule in rules {
        let from = match &rule.from {
            None => String::new(),
            Some(from) if from.contains(':') => format!("ip6 saddr {from} "),
            Some(from) => format!("ip saddr {from} "),
        };
        let (proto, port) = (rule.proto.name(), rule.port);
        let _ = writeln!(
            text,
            "\t\t{from}meta l4proto {proto} ct status dnat ct original proto-dst {port} accept"
        );
    }
    text.push_str(ROUTED);
    text.push_str(
        "\t\toifname \"docker*\" drop\n\
         \t\toifname \"podman*\" drop\n\
         \t\toifname \"br-*\" ct status dnat drop\n\
         \t}\n",
    );
    text
}
