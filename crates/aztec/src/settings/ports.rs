//! `[ports]`: which ports this host listens on.

use serde::Deserialize;

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

/// Whether what listens on the port of this key can only be reached from this host.
pub fn on_loopback(key: &str) -> bool {
    ON_LOOPBACK.contains(&key)
}
