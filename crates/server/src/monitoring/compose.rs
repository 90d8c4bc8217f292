//! Containers, with programs that the distributions do not package: Grafana, Loki, and Alloy, which sends the journal
//! to Loki.
//!
//! All of them use the host's network, so they can listen on its loopback and nowhere else, and none has a capability.
//! The files are the host's own and mounted read-only. A secret is read by a process of root, which without
//! capabilities can do nothing else.

use std::path::{Path, PathBuf};

use provision::engine::{Graph, ResourceId};
use provision::kinds::{File, Input, Owner, Random, Secret, Service, Unit};
use provision::systemd::{self, Section, UnitFile};
use serde_json::{Value, json};

use super::{Files, Monitoring, place};
use crate::Kinds;

/// The settings of the containers.
#[derive(Debug, Clone)]
pub struct Containers {
    /// Port of Grafana.
    pub grafana: u16,
    /// Port of Loki.
    pub loki: u16,
    /// Port of Loki for its own components.
    pub loki_grpc: u16,
    /// Port of Alloy.
    pub alloy: u16,
}

/// The tested images; publishers do not move the tag of a release.
const IMAGES: &[(&str, &str)] = &[
    ("prometheus", "docker.io/prom/prometheus:v3.0.1"),
    ("alertmanager", "docker.io/prom/alertmanager:v0.28.1"),
    ("node-exporter", "docker.io/prom/node-exporter:v1.9.0"),
    ("grafana", "docker.io/grafana/grafana:11.4.0"),
    ("loki", "docker.io/grafana/loki:3.3.2"),
    ("alloy", "docker.io/grafana/alloy:v1.5.1"),
];

/// Adds configuration, the secret of Grafana, and the unit that runs the containers.
pub fn compose<K: Kinds>(graph: &mut Graph<K>, watch: &Monitoring, containers: &Containers) {
    let Files {
        etc,
        rules,
        prometheus,
        alertmanager,
        dashboards,
    } = watch.configuration(graph, None);
    let mut inputs = vec![rules, prometheus, alertmanager];
    inputs.extend(dashboards);
    let password = graph.add(
        Secret {
            path: password(watch),
            owner: Owner::root(0o600),
            maker: Random {
                bytes: 24,
                variable: None,
            },
        },
        [etc.clone()],
    );
    let files = [
        ("loki.yml", loki(watch, containers)),
        ("alloy.alloy", alloy(containers)),
        ("datasources.yml", sources(watch, containers)),
        ("providers.yml", providers()),
    ];
    for (name, text) in files {
        let path = watch.etc().join(name);
        let file = File::new(&path, text, Owner::root(0o644));
        inputs.push(place(graph, file, path, [&etc]));
    }
    let path = watch.etc().join("compose.yml");
    let file = File::new(&path, services(watch, containers), Owner::root(0o644)).checked_by([
        "/usr/bin/docker",
        "compose",
        "--file",
        "{}",
        "config",
        "--quiet",
    ]);
    inputs.push(place(graph, file, path, [&etc]));
    unit(graph, watch, inputs, password);
}

/// The path of the password of Grafana's user `admin`.
fn password(watch: &Monitoring) -> PathBuf {
    watch.etc().join("grafana-password")
}

fn image(name: &str) -> &'static str {
    let found = IMAGES.iter().find(|(known, _)| *known == name);
    found.map_or("", |(_, image)| image)
}

const NO_NEW_PRIVILEGES: &str = "no-new-privileges=true";

/// A container: the common settings, and its own.
fn container(name: &str, own: Value) -> (String, Value) {
    let mut container = json!({
        "image": image(name),
        "network_mode": "host",
        "restart": "unless-stopped",
        "read_only": true,
        "tmpfs": ["/tmp"],
        "cap_drop": ["ALL"],
        "security_opt": [NO_NEW_PRIVILEGES],
        // The journal has the whole output. This log is for `docker logs` and must not grow without limit.
        "logging": {"driver": "local", "options": {"max-size": "10m", "max-file": "2"}},
    });
    if let (Some(container), Value::Object(own)) = (container.as_object_mut(), own) {
        container.extend(own);
    }
    (name.to_owned(), container)
}

fn services(watch: &Monitoring, containers: &Containers) -> String {
    let etc = |name: &str| watch.etc().join(name).display().to_string();
    let read = |name: &str, inside: &str| format!("{}:{inside}:ro", etc(name));
    let here = |port: u16| format!("127.0.0.1:{port}");
    let texts = watch.textfiles().display().to_string();
    let services: serde_json::Map<String, Value> = [
        container(
            "prometheus",
            json!({
                "command": [
                    format!("--config.file={}", etc("prometheus.yml")),
                    format!("--web.listen-address={}", here(watch.prometheus)),
                    "--storage.tsdb.path=/prometheus",
                    format!("--storage.tsdb.retention.time={}d", watch.retention_days),
                ],
                "environment": {"HOST": "${HOST:-}"},
                "volumes": [
                    read("prometheus.yml", &etc("prometheus.yml")),
                    read("rules.yml", &etc("rules.yml")),
                    "prometheus:/prometheus",
                ],
            }),
        ),
        container(
            "alertmanager",
            json!({
                "user": "0:0",
                // Its image declares a volume here. Without this, each start would create another one and leave it
                // behind.
                "tmpfs": ["/tmp", "/alertmanager"],
                "command": [
                    "--config.file=/alertmanager.yml",
                    format!("--web.listen-address={}", here(watch.alertmanager)),
                    "--cluster.listen-address=",
                    "--enable-feature=receiver-name-in-metrics",
                    "--storage.path=/data",
                ],
                "volumes": [read("alertmanager.yml", "/alertmanager.yml"), "alertmanager:/data"],
            }),
        ),
        container(
            "node-exporter",
            json!({
                "pid": "host",
                // Docker's AppArmor profile blocks D-Bus (prometheus/node_exporter#3117).
                "security_opt": [NO_NEW_PRIVILEGES, "apparmor=unconfined"],
                "command": [
                    "--path.rootfs=/host",
                    "--path.udev.data=/host/run/udev/data",
                    format!("--web.listen-address={}", here(watch.node_exporter)),
                    "--collector.systemd",
                    "--collector.systemd.enable-restarts-metrics",
                    "--collector.systemd.unit-include=.+[.](service|timer)",
                    format!("--collector.textfile.directory={texts}"),
                ],
                "volumes": [
                    "/:/host:ro,rslave",
                    // The path that it uses; the image has no link from there to /run.
                    "/run/dbus/system_bus_socket:/var/run/dbus/system_bus_socket:ro",
                    format!("{texts}:{texts}:ro"),
                ],
            }),
        ),
        container(
            "grafana",
            json!({
                "user": "0:0",
                "environment": {
                    "GF_SERVER_HTTP_ADDR": "127.0.0.1",
                    "GF_SERVER_HTTP_PORT": containers.grafana.to_string(),
                    "GF_SECURITY_ADMIN_PASSWORD__FILE": "/password",
                    "GF_USERS_ALLOW_SIGN_UP": "false",
                    "GF_ANALYTICS_REPORTING_ENABLED": "false",
                    "GF_ANALYTICS_CHECK_FOR_UPDATES": "false",
                    "GF_LOG_MODE": "console",
                    "GF_PATHS_DATA": "/data",
                    "GF_PATHS_PLUGINS": "/data/plugins",
                },
                "volumes": [
                    format!("{}:/password:ro", password(watch).display()),
                    read("datasources.yml", "/etc/grafana/provisioning/datasources/aztec-kit.yml"),
                    read("providers.yml", "/etc/grafana/provisioning/dashboards/aztec-kit.yml"),
                    read("dashboards", "/dashboards"),
                    "grafana:/data",
                ],
            }),
        ),
        container(
            "loki",
            json!({
                "command": ["-config.file=/loki.yml"],
                "volumes": [read("loki.yml", "/loki.yml"), "loki:/loki"],
            }),
        ),
        container(
            "alloy",
            json!({
                "user": "0:0",
                "command": [
                    "run",
                    format!("--server.http.listen-addr={}", here(containers.alloy)),
                    "--storage.path=/data",
                    "--disable-reporting",
                    "/config.alloy",
                ],
                "volumes": [
                    read("alloy.alloy", "/config.alloy"),
                    "/etc/machine-id:/etc/machine-id:ro",
                    "/var/log/journal:/var/log/journal:ro",
                    "/run/log/journal:/run/log/journal:ro",
                    "alloy:/data",
                ],
            }),
        ),
    ]
    .into_iter()
    .collect();
    let volumes =
        json!({"prometheus": {}, "alertmanager": {}, "grafana": {}, "loki": {}, "alloy": {}});
    let name = format!("{}-monitoring", watch.name);
    written(&json!({"name": name, "services": services, "volumes": volumes}))
}

/// JSON, which is also YAML.
fn written(value: &Value) -> String {
    format!("# Written by aztec-kit; changes here are undone by its next run.\n{value:#}\n")
}

/// Loki as a single process, on this host's disk (docs of Loki 3.3, configuration).
fn loki(watch: &Monitoring, containers: &Containers) -> String {
    written(&json!({
        "auth_enabled": false,
        "analytics": {"reporting_enabled": false},
        "server": {
            "http_listen_address": "127.0.0.1", "http_listen_port": containers.loki,
            "grpc_listen_address": "127.0.0.1", "grpc_listen_port": containers.loki_grpc,
        },
        "common": {
            "path_prefix": "/loki",
            "replication_factor": 1,
            "instance_addr": "127.0.0.1",
            "ring": {"kvstore": {"store": "inmemory"}},
            "storage": {"filesystem": {
                "chunks_directory": "/loki/chunks", "rules_directory": "/loki/rules",
            }},
        },
        "schema_config": {"configs": [{
            "from": "2024-01-01", "store": "tsdb", "object_store": "filesystem", "schema": "v13",
            "index": {"prefix": "index_", "period": "24h"},
        }]},
        "limits_config": {"retention_period": format!("{}h", u32::from(watch.retention_days) * 24)},
        "compactor": {
            "working_directory": "/loki/compactor", "retention_enabled": true,
            "delete_request_store": "filesystem",
        },
    }))
}

/// The whole journal, with the unit and the level of each line.
fn alloy(containers: &Containers) -> String {
    format!(
        r#"// Written by aztec-kit; changes here are undone by its next run.
loki.relabel "journal" {{
  forward_to = []

  rule {{
    source_labels = ["__journal__systemd_unit"]
    target_label  = "unit"
  }}

  rule {{
    source_labels = ["__journal_priority_keyword"]
    target_label  = "level"
  }}
}}

loki.source.journal "host" {{
  max_age       = "12h"
  relabel_rules = loki.relabel.journal.rules
  forward_to    = [loki.write.local.receiver]
}}

loki.write "local" {{
  endpoint {{
    url = "http://127.0.0.1:{}/loki/api/v1/push"
  }}
}}
"#,
        containers.loki
    )
}

fn sources(watch: &Monitoring, containers: &Containers) -> String {
    let source = |name: &str, kind: &str, port: u16, default: bool| {
        json!({
            "name": name, "uid": kind, "type": kind, "access": "proxy",
            "url": format!("http://127.0.0.1:{port}"), "isDefault": default,
        })
    };
    written(&json!({"apiVersion": 1, "datasources": [
        source("Prometheus", "prometheus", watch.prometheus, true),
        source("Loki", "loki", containers.loki, false),
    ]}))
}

fn providers() -> String {
    written(&json!({"apiVersion": 1, "providers": [
        {"name": "aztec-kit", "folder": "Aztec", "type": "file", "options": {"path": "/dashboards"}},
    ]}))
}

/// Removes the terminal escapes at the start of lines of Docker Compose 2.26.1, the version of Debian 13
/// (docker/compose#11681). The journal would store such a line as binary data, and not show it.
const PLAIN: &str = "/usr/bin/sed --unbuffered --regexp-extended 's/^(.[[]2K)*//'";

/// `docker compose` in the foreground: the output of the containers goes to the journal, and a stop removes them, so
/// the next start reads every file again.
fn runs(compose: &Path) -> UnitFile {
    let docker = format!("/usr/bin/docker compose --file {}", compose.display());
    let up = format!("{docker} up --remove-orphans | {PLAIN}");
    let service = Section::service()
        .set("Type", "exec")
        .environment("HOST", &"%H".into())
        .set("SyslogIdentifier", "docker")
        .set(
            "ExecStart",
            systemd::Value::words([
                "/bin/bash -o pipefail -c".into(),
                systemd::Value::argument(up),
            ]),
        )
        .set("ExecStop", systemd::Value::text(format!("{docker} down")))
        .restarts(30)
        .set("TimeoutStopSec", "120");
    UnitFile::ours()
        .section(
            Section::unit()
                .set("Description", "Prometheus, Alertmanager, Grafana and Loki")
                .set("Wants", "network-online.target")
                .set("After", "network-online.target docker.service")
                .set("Requires", "docker.service")
                .set("StartLimitIntervalSec", "0"),
        )
        .section(service)
        .at_boot()
}

/// The unit of the containers, and its service.
fn unit<K: Kinds>(
    graph: &mut Graph<K>,
    watch: &Monitoring,
    mut inputs: Vec<Input>,
    password: ResourceId,
) {
    let name = format!("{}-monitoring.service", watch.name);
    let compose = watch.etc().join("compose.yml");
    let unit = Unit {
        name: name.clone(),
        text: runs(&compose).to_string(),
        instances: Vec::new(),
    };
    inputs.push(Input {
        wanted: None,
        path: unit.path(),
        id: graph.add(unit, []),
    });
    let after: Vec<_> = inputs.iter().map(|input| input.id.clone()).collect();
    let service = Service {
        unit: name,
        active: true,
        at_boot: false,
        inputs,
    };
    graph.add(service, after.into_iter().chain([password]));
}
