//! The ports that other hosts can reach.

use provision::Fault;

use super::model::Settings;
use super::values::bad;
use crate::names::{Port, Reach};

impl Settings {
    /// The private ports that listen on every interface anyway, with their numbers.
    pub(crate) fn private_ports(&self) -> Vec<(&'static Port, u16)> {
        let private = |port: &Port| matches!(port.reach, Reach::Private | Reach::Steering);
        let ports = self.ports().into_iter();
        ports
            .filter(|(port, _)| private(port))
            .map(|(port, _)| (port, self.port(port)))
            .collect()
    }

    /// Refuses rules that open a private port to everybody, or a port that steers the node to anybody.
    pub(super) fn check_firewall(&self) -> Result<(), Fault> {
        for rule in &self.firewall.allow {
            let mut ports = self.ports().into_iter().map(|(port, _)| port);
            let Some(known) = ports.find(|port| self.port(port) == rule.port) else {
                continue;
            };
            let (port, key) = (rule.port, known.key);
            match known.reach {
                Reach::Peers | Reach::Discovery => continue,
                Reach::Steering => {
                    return Err(bad(
                        "firewall.allow",
                        format!("port {port} ({key}) steers the node and is never open to others"),
                    )
                    .fix("Remove the rule, and reach the port through an SSH tunnel (`ssh -L`)."));
                }
                Reach::Private | Reach::Loopback => {}
            }
            if rule.from.is_none() {
                return Err(bad(
                    "firewall.allow",
                    format!("port {port} ({key}) has no authentication and would be open to everybody"),
                )
                .fix("Name the hosts that may connect, for example from = \"10.0.0.5\". To serve wallets, use [caddy]."));
            }
        }
        Ok(())
    }
}
