//! What watches this host, and tells its operator.

use std::path::PathBuf;

use provision::engine::{Graph, ResourceId};
use provision::kinds::{File, Owner, Unit};
use server::monitoring::{Containers, Monitoring, compose, native};
use server::sandbox::{CALLS, KERNEL};

use crate::facts::HostFacts;
use crate::kinds::Kind;
use crate::layout;
use crate::names::{port, units};
use crate::roles::base::Base;
use crate::roles::own::OwnService;
use crate::roles::running::Running;
use crate::settings::{Settings, Stack};

/// Part of the name of everything of monitoring that is ours.
pub(crate) const NAME: &str = "aztec";

pub(crate) fn add(graph: &mut Graph<Kind>, settings: &Settings, _facts: &HostFacts, _base: &Base) {
    let Some(wanted) = &settings.monitoring else {
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
        retention_days: wanted.retention_days,
        receivers: wanted.receivers.clone(),
        heartbeat: wanted
            .heartbeat
            .as_ref()
            .map(|url| url.expose().as_str().into()),
    };
    collector(graph, port(&port::OTLP));
    match wanted.stack {
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

/// Asks the chain once a minute, and leaves what it says where node_exporter finds it.
fn metrics(graph: &mut Graph<Kind>, watch: &Monitoring) {
    let place = watch.textfiles().display().to_string();
    // Written beside and moved: node_exporter never reads half a file. Not `truncate:`, since the output is opened
    // for the move as well.
    let service = format!(
        "# Written by aztec-kit; changes here are undone by its next run. Use a drop-in.
[Unit]
Description=What the chain says of this host, for Prometheus

[Service]
Type=oneshot
ExecStartPre=/usr/bin/rm --force {place}/aztec.new
ExecStart={kit} metrics
StandardOutput=file:{place}/aztec.new
ExecStartPost=/usr/bin/mv --force {place}/aztec.new {place}/aztec.prom
TimeoutStartSec=120
NoNewPrivileges=yes
ProtectSystem=strict
ReadWritePaths={place}
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
{KERNEL}ProtectProc=invisible
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
KeyringMode=private
CapabilityBoundingSet=
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
{CALLS}UMask=0022
",
        kit = layout::KIT
    );
    let path = PathBuf::from("/etc/systemd/system/aztec-metrics.service");
    let service = File::new(&path, service, Owner::root(0o644));
    let digest = service.sha256();
    let service: (ResourceId, PathBuf) = (graph.add(service, []), path);
    let unit = Unit {
        name: "aztec-metrics.timer".into(),
        // With the service's digest: systemd reads anew what has changed of the unit that it is asked about.
        text: format!(
            "# Written by aztec-kit; changes here are undone by its next run. Use a drop-in.
# For the aztec-metrics.service with the digest {digest}.
[Unit]
Description=What the chain says of this host, for Prometheus

[Timer]
OnActiveSec=1s
OnUnitActiveSec=60s
AccuracySec=5s

[Install]
WantedBy=multi-user.target
"
        ),
        instances: Vec::new(),
    };
    let id = graph.add(unit.clone(), []);
    let running = Running {
        name: unit.name.clone(),
        unit,
        inputs: vec![service],
        after: vec![id],
    };
    running.add(graph);
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
