//! Monitoring of this host, with alerts to its operator.

use std::path::{Path, PathBuf};

use provision::engine::{Graph, ResourceId};
use provision::kinds::{File, Owner, Unit};
use provision::systemd::{Sandbox, Section, UnitFile, Value};
use server::monitoring::{Containers, Monitoring, compose, native};

use crate::facts::HostFacts;
use crate::kinds::Kind;
use crate::layout;
use crate::names::{port, units};
use crate::roles::base::Base;
use crate::roles::own::OwnService;
use crate::roles::running::Running;
use crate::settings::{Settings, Stack};

/// A part of the name of every monitoring resource of aztec-kit.
pub(crate) const NAME: &str = "aztec";

pub(crate) fn add(graph: &mut Graph<Kind>, settings: &Settings, _facts: &HostFacts, _base: &Base) {
    let Some(configured) = &settings.monitoring else {
        return;
    };
    let port = |port| settings.port(port);
    let watch = Monitoring {
        name: NAME,
        prometheus: port(&port::PROMETHEUS),
        alertmanager: port(&port::ALERTMANAGER),
        node_exporter: port(&port::NODE_EXPORTER),
        targets: vec![("aztec", port(&port::OTLP))],
        rules: super::alerts::rules(),
        dashboards: super::dashboards::files(),
        retention_days: configured.retention_days,
        receivers: configured.receivers.clone(),
        heartbeat: configured
            .heartbeat
            .as_ref()
            .map(|url| url.expose().as_str().into()),
    };
    collector(graph, port(&port::OTLP));
    match configured.stack {
        Stack::Native => native(graph, &watch),
        Stack::Compose => {
            let containers = Containers {
                grafana: port(&port::GRAFANA),
                loki: port(&port::LOKI),
                loki_grpc: port(&port::LOKI_GRPC),
                alloy: port(&port::ALLOY),
            };
            compose(graph, &watch, &containers);
        }
    }
    metrics(graph, &watch);
}

/// Asks the chain once a minute, and writes the answers to a file that node_exporter reads.
fn metrics(graph: &mut Graph<Kind>, watch: &Monitoring) {
    let path = PathBuf::from("/etc/systemd/system/aztec-metrics.service");
    let service = metrics_service(&watch.textfiles());
    let service = File::new(&path, service.to_string(), Owner::root(0o644));
    let digest = service.sha256();
    let service: (ResourceId, PathBuf) = (graph.add(service, []), path);
    let unit = Unit {
        name: "aztec-metrics.timer".into(),
        text: metrics_timer(&digest).to_string(),
        instances: Vec::new(),
    };
    graph.add(unit.clone(), []);
    let running = Running {
        name: unit.name.clone(),
        unit,
        inputs: vec![service],
        after: Vec::new(),
    };
    running.add(graph);
}

const METRICS: &str = "What the chain says of this host, for Prometheus";

fn metrics_service(place: &Path) -> UnitFile {
    let [new, done] = ["aztec.new", "aztec.prom"].map(|name| place.join(name));
    let command = |words: &'static str, paths: &[&PathBuf]| {
        let paths = paths.iter().map(|path| Value::argument(path.display()));
        Value::words(std::iter::once(words.into()).chain(paths))
    };
    // Written to another file and moved, so node_exporter never reads half a file. Not `truncate:`, since the output is opened
    // for the move as well.
    let service = Section::service()
        .set("Type", "oneshot")
        .set("ExecStartPre", command("/usr/bin/rm --force", &[&new]))
        .set(
            "ExecStart",
            Value::words([layout::KIT.into(), "metrics".into()]),
        )
        .set(
            "StandardOutput",
            Value::text(format!("file:{}", new.display())),
        )
        .set(
            "ExecStartPost",
            command("/usr/bin/mv --force", &[&new, &done]),
        )
        .set("TimeoutStartSec", "120")
        .confined(asking_sandbox(place));
    UnitFile::ours()
        .section(Section::unit().set("Description", METRICS))
        .section(service)
}

const UNTRIED: &str = "It has not been tried without.";

const TAKEN_OUT: &[(&str, &str)] = &[
    ("PrivateNetwork", "It asks the node and its L1."),
    ("IPAddressDeny", "It asks the node and its L1."),
    ("PrivateUsers", UNTRIED),
    ("ProcSubset", UNTRIED),
    ("RemoveIPC", "It counts only for a user that is not root."),
];

fn asking_sandbox(place: &Path) -> Sandbox {
    Sandbox::strict()
        .without(TAKEN_OUT)
        .writable([Value::word(place.display())])
        .with("RestrictAddressFamilies", "AF_INET AF_INET6 AF_UNIX")
        // node_exporter runs as another user and reads the file.
        .with("UMask", "0022")
}

/// Contains the digest of the service. systemd reloads only a changed unit that it is asked about.
fn metrics_timer(digest: &str) -> UnitFile {
    UnitFile::ours()
        .comment(Value::text(format!(
            "For the aztec-metrics.service with the digest {digest}."
        )))
        .section(Section::unit().set("Description", METRICS))
        .section(
            Section::timer()
                .set("OnActiveSec", "1s")
                .set("OnUnitActiveSec", "60s")
                .set("AccuracySec", "5s"),
        )
        .at_boot()
}

fn collector(graph: &mut Graph<Kind>, port: u16) {
    let collector = OwnService {
        name: units::COLLECTOR,
        description: "Aztec metrics for Prometheus",
        verb: format!("collect --port {port}"),
    };
    let (unit, running) = collector.parts();
    graph.add(unit, []);
    running.add(graph);
}
