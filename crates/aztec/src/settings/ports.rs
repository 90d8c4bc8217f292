//! The one registry of ports: every process of this host has its own.

use std::collections::BTreeMap;

use provision::Fault;
use serde::Deserialize;

use super::Settings;
use super::url::is_bad_port;
use super::values::bad;

/// Ports by what listens on them; `[ports]` in `kit.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ports {
    /// JSON-RPC of the node.
    pub rpc: u16,
    /// Admin API of the node.
    pub admin: u16,
    /// Peers of the node, TCP and UDP; `p2p.port` in `kit.toml`.
    #[serde(skip)]
    pub p2p: u16,
    /// JSON-RPC of a local L1.
    pub l1: u16,
    /// The same with a Beacon API, for an archiver.
    pub l1_beacon: u16,
    /// Jobs of the prover broker.
    pub broker: u16,
    /// JSON-RPC of the prover node.
    pub prover: u16,
    /// Admin API of the prover node.
    pub prover_admin: u16,
    /// Peers of the prover node.
    pub prover_p2p: u16,
    /// Status of the first prover agent; the others follow.
    pub agents: u16,
    /// Status of the bootnode.
    pub bootnode: u16,
    /// Discovery of the bootnode, UDP.
    pub bootnode_p2p: u16,
    /// JSON-RPC of the archiver.
    pub archiver: u16,
    /// JSON-RPC of the TXE.
    pub txe: u16,
    /// Status of the bot.
    pub bot: u16,
    /// Where processes push their metrics, and Prometheus gets them.
    pub otlp: u16,
    /// Prometheus.
    pub prometheus: u16,
    /// Alertmanager.
    pub alertmanager: u16,
    /// Metrics of the host.
    pub node_exporter: u16,
    /// Grafana.
    pub grafana: u16,
    /// Loki.
    pub loki: u16,
    /// Loki, for its own parts.
    pub loki_grpc: u16,
    /// Alloy, which reads the journal for Loki.
    pub alloy: u16,
}

/// The node's are those of 4.1.2 and 5.2.0 (`start --help`); the others of Aztec are ours, because in the
/// release they are all 8080; those of monitoring and of a Beacon API are what each program has by itself.
impl Default for Ports {
    fn default() -> Self {
        Self {
            rpc: 8080,
            admin: 8880,
            p2p: 40400,
            l1: 8545,
            l1_beacon: 5052,
            broker: 8180,
            prover: 8280,
            prover_admin: 8980,
            prover_p2p: 40401,
            agents: 8300,
            bootnode: 8480,
            bootnode_p2p: 40402,
            archiver: 8580,
            txe: 8680,
            bot: 8780,
            otlp: 4318,
            prometheus: 9090,
            alertmanager: 9093,
            node_exporter: 9100,
            grafana: 3000,
            loki: 3100,
            loki_grpc: 9095,
            alloy: 12345,
        }
    }
}

impl Ports {
    /// The port of one agent, by the name of its instance.
    pub fn agent(&self, instance: &str) -> u16 {
        let number = instance.parse::<u16>().unwrap_or(1);
        self.agents.saturating_add(number.saturating_sub(1))
    }
}

/// What only this host can reach; everything else listens on every interface.
const ON_LOOPBACK: &[&str] = &[
    "ports.l1",
    "ports.l1_beacon",
    "ports.otlp",
    "ports.prometheus",
    "ports.alertmanager",
    "ports.node_exporter",
    "ports.grafana",
    "ports.loki",
    "ports.loki_grpc",
    "ports.alloy",
];

/// What is asked with the `fetch` of Node.js: by the processes of this host, and by wallets.
const FETCHED: &[&str] = &["ports.rpc", "ports.l1", "ports.l1_beacon"];

/// Whether what listens on the port of this key can only be reached from this host.
pub fn on_loopback(key: &str) -> bool {
    ON_LOOPBACK.contains(&key)
}

impl Settings {
    /// Every port this host will listen on, with the key that sets it and the unit it is for.
    pub fn ports(&self) -> Vec<(&'static str, u16, &'static str)> {
        let ports = &self.ports;
        let node = crate::roles::node::unit_name(self);
        let mut all = Vec::new();
        let mut add = |wanted: bool, list: &[(&'static str, u16, &'static str)]| {
            if wanted {
                all.extend_from_slice(list);
            }
        };
        add(
            self.node,
            &[
                ("ports.rpc", ports.rpc, node),
                ("ports.admin", ports.admin, node),
                ("p2p.port", ports.p2p, node),
            ],
        );
        add(
            self.runs_l1(),
            &[("ports.l1", ports.l1, "aztec-l1.service")],
        );
        add(
            self.runs_l1_beacon(),
            &[(
                "ports.l1_beacon",
                ports.l1_beacon,
                crate::roles::l1_beacon::UNIT,
            )],
        );
        add(
            self.prover,
            &[
                ("ports.broker", ports.broker, "aztec-prover-broker.service"),
                ("ports.prover", ports.prover, "aztec-prover-node.service"),
                (
                    "ports.prover_admin",
                    ports.prover_admin,
                    "aztec-prover-node.service",
                ),
                (
                    "ports.prover_p2p",
                    ports.prover_p2p,
                    "aztec-prover-node.service",
                ),
            ],
        );
        add(
            self.prover || self.prover_agent,
            &[("ports.agents", ports.agents, "aztec-prover-agent@1.service")],
        );
        add(
            self.bootnode,
            &[
                ("ports.bootnode", ports.bootnode, "aztec-bootnode.service"),
                (
                    "ports.bootnode_p2p",
                    ports.bootnode_p2p,
                    "aztec-bootnode.service",
                ),
            ],
        );
        add(
            self.archiver,
            &[("ports.archiver", ports.archiver, "aztec-archiver.service")],
        );
        add(self.txe, &[("ports.txe", ports.txe, "aztec-txe.service")]);
        add(self.bot, &[("ports.bot", ports.bot, "aztec-bot.service")]);
        all.extend(self.monitoring_ports());
        all
    }

    pub(super) fn check_ports(&self) -> Result<(), Fault> {
        let mut seen: BTreeMap<u16, &str> = BTreeMap::new();
        for (key, port, _) in self.ports() {
            if port == 0 {
                return Err(
                    bad(key, "0 is not a port to listen on").fix("Choose one from 1024 to 65535.")
                );
            }
            if port < 1024 {
                return Err(bad(
                    key,
                    format!("port {port} is privileged and the services run without privileges"),
                )
                .fix("Choose one from 1024 to 65535."));
            }
            if FETCHED.contains(&key) && is_bad_port(port) {
                let what =
                    format!("Node.js and browsers make no request to port {port} (\"bad port\")");
                return Err(bad(key, what).fix("Choose another one."));
            }
            if let Some(other) = seen.insert(port, key) {
                return Err(bad(key, format!("port {port} is already used by {other}"))
                    .fix(format!("Give {key} or {other} another port.")));
            }
        }
        Ok(())
    }

    /// The first agent's port is in the registry; how many follow it only the host tells.
    ///
    /// # Errors
    ///
    /// When one of them is another process's.
    pub(crate) fn check_agents(&self, count: u32) -> Result<(), Fault> {
        let key = "ports.agents";
        let first = self.ports.agents;
        let last = u32::from(first) + count.saturating_sub(1);
        if last > u32::from(u16::MAX) {
            return Err(bad(
                key,
                format!("{count} agents from port {first} on end at {last}"),
            )
            .fix("Start lower, or have fewer agents."));
        }
        let taken = self.ports().into_iter().find(|(other, port, _)| {
            *other != key && (u32::from(first)..=last).contains(&u32::from(*port))
        });
        match taken {
            Some((other, port, _)) if count > 0 => Err(bad(
                key,
                format!("{count} agents take the ports {first} to {last}, and {port} is {other}"),
            )
            .fix(format!("Give {key} or {other} another port."))),
            _ => Ok(()),
        }
    }
}
