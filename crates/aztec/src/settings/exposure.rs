//! Which ports other hosts reach.

use provision::Fault;

use super::model::Settings;
use super::ports::on_loopback;
use super::values::bad;

/// Ports of peers, which are open anyway.
const PEERS: [&str; 3] = ["p2p.port", "ports.prover_p2p", "ports.bootnode_p2p"];

/// Ports that steer a process: for this host alone, whoever asks.
const NEVER: [&str; 2] = ["ports.admin", "ports.prover_admin"];

impl Settings {
    /// The ports that other hosts have no business at and that listen for them all the same: what the processes of Aztec
    /// serve cannot be told to listen on one address (`startHttpRpcServer` of 4.1.2 to 6.0.0 takes a port alone).
    pub(crate) fn private_ports(&self) -> Vec<(&'static str, u16)> {
        let private = |key: &str| !PEERS.contains(&key) && !on_loopback(key);
        let ports = self.ports().into_iter();
        ports
            .filter(|(key, ..)| private(key))
            .map(|(key, port, _)| (key, port))
            .collect()
    }

    /// What is for this host alone is opened to nobody, or to somebody by name.
    pub(super) fn check_firewall(&self) -> Result<(), Fault> {
        for rule in &self.firewall.allow {
            let known = self
                .ports()
                .into_iter()
                .find(|(_, port, _)| *port == rule.port);
            let Some((key, port, _)) = known.filter(|(key, ..)| !PEERS.contains(key)) else {
                continue;
            };
            if NEVER.contains(&key) {
                return Err(bad(
                    "firewall.allow",
                    format!("port {port} ({key}) steers the node and is never open to others"),
                )
                .fix("Take it out, and reach it through SSH: `ssh -L`."));
            }
            if rule.from.is_none() {
                return Err(bad(
                    "firewall.allow",
                    format!("port {port} ({key}) asks nobody who they are, and would be open to everybody"),
                )
                .fix("Say who may connect: from = \"10.0.0.5\". For wallets there is [caddy]."));
            }
        }
        Ok(())
    }
}
