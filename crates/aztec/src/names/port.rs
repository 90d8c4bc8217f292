//! Ports of a host: the key, the default and the reach of each. A port that only its row in `role.rs` names is in that row.

/// A port that a process of this host listens on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Port {
    /// Its key in `kit.toml`.
    pub key: &'static str,
    /// Its number unless that key sets another one.
    pub default: u16,
    /// Who may reach it.
    pub reach: Reach,
    /// Whether the processes of a network or wallets use it with the `fetch` of Node.js, which refuses requests
    /// to a "bad port".
    pub fetched: bool,
}

/// Who may reach a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// It listens on loopback only.
    Loopback,
    /// It listens on every interface, for this host and for those that the operator names. Processes of Aztec
    /// cannot listen on one address (`startHttpRpcServer` of 4.1.2 to 6.0.0 takes only a port).
    Private,
    /// The same, but never for others, because it steers the process.
    Steering,
    /// Peers, by TCP and UDP.
    Peers,
    /// Peers that look for others, by UDP.
    Discovery,
}

impl Port {
    const fn new(key: &'static str, default: u16, reach: Reach) -> Self {
        Self {
            key,
            default,
            reach,
            fetched: false,
        }
    }

    pub(super) const fn private(key: &'static str, default: u16) -> Self {
        Self::new(key, default, Reach::Private)
    }

    const fn steering(key: &'static str, default: u16) -> Self {
        Self::new(key, default, Reach::Steering)
    }

    const fn peers(key: &'static str, default: u16) -> Self {
        Self::new(key, default, Reach::Peers)
    }

    const fn discovery(key: &'static str, default: u16) -> Self {
        Self::new(key, default, Reach::Discovery)
    }

    const fn loopback(key: &'static str, default: u16) -> Self {
        Self::new(key, default, Reach::Loopback)
    }

    const fn fetched(self) -> Self {
        Self {
            fetched: true,
            ..self
        }
    }

    /// Its key below `[ports]`; `None` for a port of another table.
    pub fn name(&self) -> Option<&'static str> {
        self.key.strip_prefix("ports.")
    }
}

/// JSON-RPC of the node.
pub(crate) const RPC: Port = Port::private("ports.rpc", 8080).fetched();
/// Admin API of the node.
pub(crate) const ADMIN: Port = Port::steering("ports.admin", 8880);
/// Peers of the node.
pub(crate) const P2P: Port = Port::peers("p2p.port", 40400);
/// Jobs of the prover broker: its agents fetch them.
pub(crate) const BROKER: Port = Port::private("ports.broker", 8180).fetched();
/// JSON-RPC of the prover node.
pub(crate) const PROVER: Port = Port::private("ports.prover", 8280);
/// Admin API of the prover node.
pub(crate) const PROVER_ADMIN: Port = Port::steering("ports.prover_admin", 8980);
/// Peers of the prover node.
pub(crate) const PROVER_P2P: Port = Port::peers("ports.prover_p2p", 40401);
/// Status of the first prover agent; the others follow.
pub(crate) const AGENTS: Port = Port::private("ports.agents", 8300);
/// Peers of the bootnode.
pub(crate) const BOOTNODE_P2P: Port = Port::discovery("ports.bootnode_p2p", 40402);
/// JSON-RPC of a local L1.
pub(crate) const L1: Port = Port::loopback("ports.l1", 8545).fetched();
/// The Beacon API of that L1, for an archiver.
pub(crate) const L1_BEACON: Port = Port::loopback("ports.l1_beacon", 5052).fetched();
/// The port that processes push their metrics to, and Prometheus reads them from.
pub(crate) const OTLP: Port = Port::loopback("ports.otlp", 4318);
/// Prometheus.
pub(crate) const PROMETHEUS: Port = Port::loopback("ports.prometheus", 9090);
/// Alertmanager.
pub(crate) const ALERTMANAGER: Port = Port::loopback("ports.alertmanager", 9093);
/// Metrics of the host.
pub(crate) const NODE_EXPORTER: Port = Port::loopback("ports.node_exporter", 9100);
/// Grafana.
pub(crate) const GRAFANA: Port = Port::loopback("ports.grafana", 3000);
/// Loki.
pub(crate) const LOKI: Port = Port::loopback("ports.loki", 3100);
/// Loki, for its own parts.
pub(crate) const LOKI_GRPC: Port = Port::loopback("ports.loki_grpc", 9095);
/// Alloy, which reads the journal for Loki.
pub(crate) const ALLOY: Port = Port::loopback("ports.alloy", 12345);

/// Ports that do not belong to a role. Those of a Beacon API and of monitoring are the defaults of each program.
pub(crate) const OTHERS: &[Port] = &[
    L1,
    L1_BEACON,
    OTLP,
    PROMETHEUS,
    ALERTMANAGER,
    NODE_EXPORTER,
    GRAFANA,
    LOKI,
    LOKI_GRPC,
    ALLOY,
];
