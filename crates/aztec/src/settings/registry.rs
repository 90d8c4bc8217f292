//! The registry of ports. Every process of this host has its own ports.

use std::collections::BTreeMap;

use provision::Fault;

use super::model::Settings;
use super::monitoring::Stack;
use super::url::is_bad_port;
use super::values::bad;
use crate::names::{Port, port, units};

impl Settings {
    /// Every port that this host will listen on, with its unit.
    pub fn ports(&self) -> Vec<(&'static Port, String)> {
        let mut all = Vec::new();
        for (component, _) in self.components() {
            let ports = component.spec().ports.iter();
            all.extend(ports.map(|port| (port, component.first_unit())));
        }
        if self.own_l1().is_some() {
            all.push((&port::L1, units::L1.into()));
        }
        if self.runs_l1_beacon() {
            all.push((&port::L1_BEACON, units::L1_BEACON.into()));
        }
        let watching = self.monitoring_ports().into_iter();
        all.extend(watching.map(|(port, unit)| (port, unit.to_owned())));
        all
    }

    pub(super) fn check_ports(&self) -> Result<(), Fault> {
        let mut seen: BTreeMap<u16, &str> = BTreeMap::new();
        for (known, _) in self.ports() {
            let (key, port) = (known.key, self.port(known));
            if port == 0 {
                return Err(
                    bad(key, "0 is not a port to listen on").fix("Choose one from 1024 to 65535.")
                );
            }
            if port < 1024 {
                return Err(bad(
                    key,
                    format!("port {port} is privileged, and the services run without privileges"),
                )
                .fix("Choose one from 1024 to 65535."));
            }
            if known.fetched && is_bad_port(port) {
                let what =
                    format!("Node.js and browsers refuse requests to port {port} (\"bad port\")");
                return Err(bad(key, what).fix("Choose another port."));
            }
            if let Some(other) = seen.insert(port, key) {
                return Err(bad(key, format!("port {port} is already used by {other}"))
                    .fix(format!("Give {key} or {other} another port.")));
            }
        }
        Ok(())
    }

    /// Checks the ports of the agents. The registry has the first one. The number of agents depends on the host.
    ///
    /// # Errors
    ///
    /// When one of them belongs to another process.
    pub(crate) fn check_agents(&self, count: u32) -> Result<(), Fault> {
        let key = port::AGENTS.key;
        let first = self.port(&port::AGENTS);
        let last = u32::from(first) + count.saturating_sub(1);
        if last > u32::from(u16::MAX) {
            return Err(bad(
                key,
                format!("{count} agents from port {first} end at port {last}, beyond 65535"),
            )
            .fix("Choose a lower first port, or configure fewer agents."));
        }
        let mut others = self
            .ports()
            .into_iter()
            .map(|(port, _)| (port.key, self.port(port)));
        let taken = others.find(|(other, port)| {
            *other != key && (u32::from(first)..=last).contains(&u32::from(*port))
        });
        match taken {
            Some((other, port)) if count > 0 => Err(bad(
                key,
                format!(
                    "{count} agents use the ports {first} to {last}, and {port} belongs to {other}"
                ),
            )
            .fix(format!("Give {key} or {other} another port."))),
            _ => Ok(()),
        }
    }

    /// The ports of monitoring, as in [`Settings::ports`].
    fn monitoring_ports(&self) -> Vec<(&'static Port, &'static str)> {
        let Some(monitoring) = &self.monitoring else {
            return Vec::new();
        };
        let mut all = vec![(&port::OTLP, units::COLLECTOR)];
        match monitoring.stack {
            Stack::Native => all.extend([
                (&port::PROMETHEUS, "prometheus.service"),
                (&port::ALERTMANAGER, "prometheus-alertmanager.service"),
                (&port::NODE_EXPORTER, "prometheus-node-exporter.service"),
            ]),
            Stack::Compose => all.extend(
                [
                    &port::PROMETHEUS,
                    &port::ALERTMANAGER,
                    &port::NODE_EXPORTER,
                    &port::GRAFANA,
                    &port::LOKI,
                    &port::LOKI_GRPC,
                    &port::ALLOY,
                ]
                .map(|port| (port, units::MONITORING)),
            ),
        }
        all
    }
}
