//! Monitors a host: Prometheus collects metrics and evaluates rules, and Alertmanager notifies people.
//!
//! Everything listens on loopback only. All files that these programs read are in one directory of aztec-kit. The
//! configuration files of the distribution's packages stay as they are.

mod alertmanager;
mod compose;
mod native;
mod prometheus;
mod receiver;
mod settings;

use std::path::PathBuf;

use provision::Text;
use provision::engine::{Graph, ResourceId};
use provision::kinds::{Directory, File, Input, Owner};

use crate::Kinds;

pub use alertmanager::{TEST_ALERT, WATCHDOG};
pub use compose::{Containers, compose};
pub use native::{PACKAGES, drop_in_path, native};
pub use receiver::{Receiver, integration, names as receiver_names};
pub use settings::Monitoring;

impl Monitoring {
    /// Adds the directories and configuration files, which are the same natively and in containers. `checker`: the
    /// resource that `promtool` and `amtool` need to check the files; none when they are not on this host.
    fn configuration<K: Kinds>(&self, graph: &mut Graph<K>, checker: Option<&ResourceId>) -> Files {
        let etc = directory(graph, self.etc(), []);
        directory(graph, self.textfiles(), []);
        let mut add = |name: &str, text: Text, command: [&str; 3], mode: u32| {
            let path = self.etc().join(name);
            let mut file = File::new(&path, text, Owner::root(mode));
            if checker.is_some() {
                file = file.checked_by(command.into_iter().filter(|word| !word.is_empty()));
            }
            place(graph, file, path, checker.into_iter().chain([&etc]))
        };
        let command = ["/usr/bin/promtool", "check", "rules"];
        let rules = add("rules.yml", self.rules.clone().into(), command, 0o644);
        let command = ["/usr/bin/promtool", "check", "config"];
        let config = prometheus::config(self).into();
        let prometheus = add("prometheus.yml", config, command, 0o644);
        let command = ["/usr/bin/amtool", "check-config", ""];
        // It contains the keys of the receivers.
        let config = alertmanager::config(self);
        let alertmanager = add("alertmanager.yml", config, command, 0o600);
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

/// The configuration files.
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

/// Adds a file as an input of a service.
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
