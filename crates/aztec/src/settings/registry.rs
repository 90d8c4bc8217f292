//! The one registry of ports: every process of this host has its own.

use std::collections::BTreeMap;

use provision::Fault;

use super::model::Settings;
use super::monitoring::Stack;
use super::url::is_bad_port;
use super::values::bad;
use crate::names::units;

/// What is asked with the `fetch` of Node.js: by the processes of this host, and by wallets.
const FETCHED: &[&str] = &["ports.rpc", "ports.l1", "ports.l1_beacon"];

impl Settings {
    /// Every port this host will listen on, with the key that sets it and the unit it is for.
    pub fn ports(&self) -> Vec<(&'static str, u16, &'static str)> {
        let ports = &self.ports;
        let node = self.node_unit();
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
        add(self.runs_l1(), &[("ports.l1", ports.l1, units::L1)]);
        add(
            self.runs_l1_beacon(),
            &[("ports.l1_beacon", ports.l1_beacon, units::L1_BEACON)],
        );
        add(
            self.prover,
            &[
                ("ports.broker", ports.broker, units::PROVER_BROKER),
                ("ports.prover", ports.prover, units::PROVER_NODE),
                ("ports.prover_admin", ports.prover_admin, units::PROVER_NODE),
                ("ports.prover_p2p", ports.prover_p2p, units::PROVER_NODE),
            ],
        );
        add(
            self.prover || self.prover_agent,
            &[("ports.agents", ports.agents, units::FIRST_AGENT)],
        );
        add(
            self.bootnode,
            &[
                ("ports.bootnode", ports.bootnode, units::BOOTNODE),
                ("ports.bootnode_p2p", ports.bootnode_p2p, units::BOOTNODE),
            ],
        );
        add(
            self.archiver,
            &[("ports.archiver", ports.archiver, units::ARCHIVER)],
        );
        add(self.txe, &[("ports.txe", ports.txe, units::TXE)]);
        add(self.bot, &[("ports.bot", ports.bot, units::BOT)]);
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

    /// The ports of what watches this host, as in [`Settings::ports`].
    fn monitoring_ports(&self) -> Vec<(&'static str, u16, &'static str)> {
        let Some(monitoring) = &self.monitoring else {
            return Vec::new();
        };
        let ports = &self.ports;
        let mut all = vec![("ports.otlp", ports.otlp, units::COLLECTOR)];
        let own = |native| match monitoring.stack {
            Stack::Native => native,
            Stack::Compose => units::MONITORING,
        };
        all.extend([
            (
                "ports.prometheus",
                ports.prometheus,
                own("prometheus.service"),
            ),
            (
                "ports.alertmanager",
                ports.alertmanager,
                own("prometheus-alertmanager.service"),
            ),
            (
                "ports.node_exporter",
                ports.node_exporter,
                own("prometheus-node-exporter.service"),
            ),
        ]);
        if monitoring.stack == Stack::Compose {
            all.extend([
                ("ports.grafana", ports.grafana, own("")),
                ("ports.loki", ports.loki, own("")),
                ("ports.loki_grpc", ports.loki_grpc, own("")),
                ("ports.alloy", ports.alloy, own("")),
            ]);
        }
        all
    }
}
