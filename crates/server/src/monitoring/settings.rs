//! The settings of the monitoring, and the directories that follow from them.

use std::path::{Path, PathBuf};

use secrecy::SecretString;

use super::receiver::Receiver;

/// The settings of the monitoring.
#[derive(Debug, Clone)]
pub struct Monitoring {
    /// Part of every name, for example `aztec`.
    pub name: &'static str,
    /// Port of Prometheus.
    pub prometheus: u16,
    /// Port of Alertmanager.
    pub alertmanager: u16,
    /// Port of node_exporter.
    pub node_exporter: u16,
    /// Further targets of Prometheus, by name of the job: a port of this host whose samples have `job` labels of their
    /// own.
    pub targets: Vec<(&'static str, u16)>,
    /// Rules of Prometheus: a whole rule file.
    pub rules: String,
    /// Dashboards for Grafana: file name and text.
    pub dashboards: Vec<(String, String)>,
    /// Days to keep metrics.
    pub retention_days: u16,
    /// The receivers of alerts.
    pub receivers: Vec<Receiver>,
    /// A URL that is called every few minutes as long as alerts are delivered.
    pub heartbeat: Option<SecretString>,
}

impl Monitoring {
    /// The directory of the files that these programs read.
    pub fn etc(&self) -> PathBuf {
        Path::new("/etc").join(format!("{}-monitoring", self.name))
    }

    /// The directory of metric files (`*.prom`) from others for node_exporter.
    pub fn textfiles(&self) -> PathBuf {
        Path::new("/var/lib").join(format!("{}-monitoring", self.name))
    }
}
