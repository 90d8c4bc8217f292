//! The units of aztec-kit's services. The names of the distribution's units are in crate `server`.

/// A node without keys.
pub const NODE: &str = "aztec-node.service";
/// The node with keys.
pub const SEQUENCER: &str = "aztec-sequencer.service";
/// The L1 of a local network.
pub const L1: &str = "aztec-l1.service";
/// The Beacon API of that L1.
pub const L1_BEACON: &str = "aztec-l1-beacon.service";
/// Distributes the jobs of a prover.
pub const PROVER_BROKER: &str = "aztec-prover-broker.service";
/// Creates these jobs.
pub const PROVER_NODE: &str = "aztec-prover-node.service";
/// Receives the metrics that Aztec pushes, for Prometheus.
pub const COLLECTOR: &str = "aztec-collector.service";
/// Runs the containers of monitoring.
pub const MONITORING: &str = "aztec-monitoring.service";
