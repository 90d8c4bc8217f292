//! Flags of a command line, each with the key of `kit.toml` that it sets.

use crate::names::Role;

/// A flag that sets a key.
#[derive(Debug, Clone)]
pub struct Flag {
    /// Its name, without the hyphens before it.
    pub name: String,
    /// The key, with its table before it.
    pub key: String,
    /// Its argument.
    pub takes: Takes,
    /// The environment variable with the same effect.
    pub env: Option<&'static str>,
    /// The help text.
    pub help: &'static str,
}

/// The argument of a flag; the word names it in the help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// Nothing: the key is `true`.
    Nothing,
    /// A text.
    Text(&'static str),
    /// A number above zero.
    Number(&'static str),
    /// A text that may carry a secret.
    Secret(&'static str),
    /// A list of texts that may carry secrets, which can be read from a file.
    Secrets(&'static str),
}

/// The features of a host in addition to its roles: the table of each, with the help of its flag.
pub const FEATURES: [(&str, &str); 4] = [
    ("firewall", "Block inbound traffic except SSH and P2P (UFW)"),
    (
        "caddy",
        "Put a TLS proxy (Caddy) in front of the node's RPC; requires --domain",
    ),
    (
        "hardening",
        "Harden this host: key-only SSH, fail2ban, security updates, time sync, file integrity, audit, kernel settings",
    ),
    (
        "monitoring",
        "Monitor this host and the node, and send alerts",
    ),
];

type Row = (
    &'static str,
    &'static str,
    Takes,
    Option<&'static str>,
    &'static str,
);

/// The flags before those of the roles.
const NETWORK: &[Row] = &[
    (
        "network",
        "network",
        Takes::Text("NAME"),
        Some("AZTEC_NETWORK"),
        "Network to join; `local` creates one on this host [local, devnet, testnet, mainnet]",
    ),
    (
        "release",
        "release",
        Takes::Text("VERSION"),
        Some("AZTEC_RELEASE"),
        "Version of the node [default: the one the network runs]",
    ),
    (
        "rollup",
        "rollup",
        Takes::Number("VERSION"),
        None,
        "Follow this older rollup version instead of the canonical one",
    ),
    (
        "standby",
        "standby",
        Takes::Nothing,
        None,
        "Run a release that fits no rollup yet; the node waits for its own",
    ),
    (
        "runtime",
        "runtime",
        Takes::Text("HOW"),
        Some("AZTEC_RUNTIME"),
        "How the node runs [native, container] [default: native where the release and the host allow it]",
    ),
];

/// Keys of the tables of roles and features; each follows the flag of its table.
const OF_TABLES: &[Row] = &[
    (
        "broker-url",
        "prover_agent.broker_url",
        Takes::Secret("URL"),
        Some("PROVER_BROKER_URL"),
        "URL of that broker",
    ),
    (
        "domain",
        "caddy.domain",
        Takes::Text("NAME"),
        None,
        "Host name for the proxy's certificate",
    ),
    (
        "email",
        "caddy.email",
        Takes::Text("ADDRESS"),
        None,
        "Contact address for the certificate authority",
    ),
];

/// The flags after those of the roles.
const HOST: &[Row] = &[
    (
        "l1-rpc-urls",
        "l1.rpc_urls",
        Takes::Secrets("URL"),
        Some("L1_RPC_URLS"),
        "Ethereum execution endpoints, in order of preference; @FILE or - (standard input) reads them",
    ),
    (
        "l1-consensus-urls",
        "l1.consensus_urls",
        Takes::Secrets("URL"),
        Some("L1_CONSENSUS_URLS"),
        "Ethereum consensus endpoints, in order of preference; @FILE or - reads them",
    ),
    (
        "l1-debug-urls",
        "l1.debug_urls",
        Takes::Secrets("URL"),
        Some("L1_DEBUG_URLS"),
        "Ethereum endpoints that trace transactions [default: the execution endpoints]; @FILE or - reads them",
    ),
    (
        "p2p-ip",
        "p2p.ip",
        Takes::Text("IP"),
        Some("P2P_IP"),
        "Public IP address of this host",
    ),
    (
        "data-dir",
        "data_dir",
        Takes::Text("DIR"),
        Some("AZTEC_DATA_DIR"),
        "Directory for databases [default: /var/lib/aztec]",
    ),
];

/// Every flag, in the order of the help.
pub fn flags() -> Vec<Flag> {
    let roles = Role::all().filter_map(|role| Some((role.spec().table, role.spec().help?)));
    let tables = roles.chain(FEATURES).flat_map(|(table, help)| {
        let of_it = OF_TABLES.iter().filter(move |row| {
            let key = row.1.strip_prefix(table);
            key.is_some_and(|key| key.starts_with('.'))
        });
        std::iter::once(with(table, help)).chain(of_it.map(flag))
    });
    let network = NETWORK.iter().map(flag);
    network.chain(tables).chain(HOST.iter().map(flag)).collect()
}

fn flag(&(name, key, takes, env, help): &Row) -> Flag {
    Flag {
        name: name.into(),
        key: key.into(),
        takes,
        env,
        help,
    }
}

/// The flag of a table with `enabled`.
fn with(table: &str, help: &'static str) -> Flag {
    Flag {
        name: format!("with-{}", table.replace('_', "-")),
        key: format!("{table}.enabled"),
        takes: Takes::Nothing,
        env: None,
        help,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::edit::{Asked, edited};
    use super::*;
    use crate::settings::Settings;

    #[test]
    fn each_flag_sets_a_key_that_the_file_has() {
        let (mut names, mut keys) = (BTreeSet::new(), BTreeSet::new());
        for flag in flags() {
            assert!(names.insert(flag.name.clone()), "{}", flag.name);
            assert!(keys.insert(flag.key.clone()), "{}", flag.key);
            let edits = Asked::default();
            let edits = match flag.takes {
                Takes::Nothing => edits.on(&flag.key),
                Takes::Number(_) => edits.number(&flag.key, 7),
                Takes::Text(_) | Takes::Secret(_) => edits.text(&flag.key, "x"),
                Takes::Secrets(_) => edits.list(&flag.key, ["x"]),
            };
            let text = edited(None, &edits).unwrap();
            // The value may be refused, the key and its type may not.
            let message = Settings::parse(&text).err().map(|fault| fault.chain());
            let message = message.unwrap_or_default();
            assert!(
                !message.contains("unknown key") && !message.contains("must be"),
                "{text}: {message}"
            );
        }
        // Rows of a table that does not exist would be lost.
        assert_eq!(
            flags()
                .iter()
                .filter(|flag| flag.name == "broker-url")
                .count(),
            1
        );
        let of_tables = OF_TABLES.iter().all(|row| keys.contains(row.1));
        assert!(of_tables, "{keys:?}");
    }
}
