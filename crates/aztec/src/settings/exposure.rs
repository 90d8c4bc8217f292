//! Which ports other hosts reach.

use provision::Fault;

use super::model::Settings;
use super::values::bad;
use crate::names::{Port, Reach};

impl Settings {
    /// The ports that other hosts have no business at and that listen for them all the same, with where they are.
    pub(crate) fn private_ports(&self) -> Vec<(&'static Port, u16)> {
        let private = |port: &Port| matches!(port.reach, Reach::Private | Reach::Steering);
        let ports = self.ports().into_iter();
        ports
            .filter(|(port, _)| private(port))
            .map(|(port, _)| (port, self.port(port)))
            .collect()
    }

    /// What is for this host alone is opened to nobody, or to somebody by name.
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
                    .fix("Take it out, and reach it through SSH: `ssh -L`."));
                }
                Reach::Private | Reach::Loopback => {}
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
