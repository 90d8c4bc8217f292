//! Watching a host: Prometheus asks what there is to know, its rules judge it, Alertmanager tells people.
//!
//! Everything listens on loopback alone. Everything that these programs read is below one directory of ours;
//! the configuration files of the distribution's packages stay as they are.

mod alertmanager;
mod compose;
mod native;
mod prometheus;

use std::path::{Path, PathBuf};

use provision::Text;
use provision::engine::{Graph, ResourceId};
use provision::kinds::{Directory, File, Input, Owner};
use secrecy::SecretString;

use crate::Kinds;

pub use alertmanager::{Receiver, TEST_ALERT, WATCHDOG, integration, names as receiver_names};
pub use compose::{Containers, compose};
pub use native::{PACKAGES, drop_in_path, native};

/// What to watch, and how.
#[derive(Debug, Clone)]
pub struct Monitoring {
    /// Part of every name of ours, for example `aztec`.
    pub name: &'static str,
    /// Port of Prometheus.
    pub prometheus: u16,
    /// Port of Alertmanager.
    pub alertmanager: u16,
    /// Port of node_exporter.
    pub node_exporter: u16,
    /// What else Prometheus asks, by name of the job: a port of this host, whose samples bring the labels `job`
    /// of their own.
    pub targets: Vec<(&'static str, u16)>,
    /// Rules of Prometheus: a whole rule file.
    pub rules: String,
    /// Dashboards for Grafana: file name and text.
    pub dashboards: Vec<(String, String)>,
    /// Days that metrics are kept.
    pub retention_days: u16,
    /// Who gets the alerts.
    pub receivers: Vec<Receiver>,
    /// Told every few minutes that alerts get this far.
    pub heartbeat: Option<SecretString>,
}

impl Monitoring {
    /// Where everything is that these programs read.
    pub fn etc(&self) -> PathBuf {
        Path::new("/etc").join(format!("{}-monitoring", self.name))
    }

    /// Where others put metrics in files (`*.prom`) for node_exporter.
    pub fn textfiles(&self) -> PathBuf {
        Path::new("/var/lib").join(format!("{}-monitoring", self.name))
    }

    /// Adds the directories and configuration files, the same whatever the programs run as. `judged`: what has
    /// to be there for `promtool` and `amtool` to judge the files; none when they are not on this host.
    fn configuration<K: Kinds>(&self, graph: &mut Graph<K>, judged: Option<&ResourceId>) -> Files {
        let etc = directory(graph, self.etc(), []);
        directory(graph, self.textfiles(), []);
        let mut add = |name: &str, text: Text, judge: [&str; 3], mode: u32| {
            let path = self.etc().join(name);
            let mut file = File::new(&path, text, Owner::root(mode));
            if judged.is_some() {
                file = file.checked_by(judge.into_iter().filter(|word| !word.is_empty()));
            }
            place(graph, file, path, judged.into_iter().chain([&etc]))
        };
        let judge = ["/usr/bin/promtool", "check", "rules"];
        let rules = add("rules.yml", self.rules.clone().into(), judge, 0o644);
        let judge = ["/usr/bin/promtool", "check", "config"];
        let config = prometheus::config(self).into();
        let prometheus = add("prometheus.yml", config, judge, 0o644);
        let judge = ["/usr/bin/amtool", "check-config", ""];
        // It has the keys of the receivers in it.
        let config = alertmanager::config(self);
        let alertmanager = add("alertmanager.yml", config, judge, 0o600);
        let boards = directory(graph, self.etc().join("dashboards"), [&etc]);
        let dashboards = self.dashboards.iter().map(|(name, text)| {
            let path = self.etc().join("dashboards").join(name);
            let file = File::new(&path, text, Owner::root(0o644));
            place(graph, file, path, [&boards])
        });
        let dashboards = dashboards.collect();
        Files {
            etc,
            dashboards,
            rules,
            prometheus,
            alertmanager,
        }
    }
}

/// What the programs read.
struct Files {
    etc: ResourceId,
    dashboards: Vec<Input>,
    rules: Input,
    prometheus: Input,
    alertmanager: Input,
}

fn directory<'a, K: Kinds>(
    graph: &mut Graph<K>,
    path: PathBuf,
    after: impl IntoIterator<Item = &'a ResourceId>,
) -> ResourceId {
    let owner = Owner::root(0o755);
    graph.add(Directory { path, owner }, after.into_iter().cloned())
}

/// Adds a file that a service reads when it starts.
fn place<'a, K: Kinds>(
    graph: &mut Graph<K>,
    file: File,
    path: PathBuf,
    after: impl IntoIterator<Item = &'a ResourceId>,
) -> Input {
    Input {
        wanted: Some(file.sha256()),
        id: graph.add(file, after.into_iter().cloned()),
        path,
    }
}
