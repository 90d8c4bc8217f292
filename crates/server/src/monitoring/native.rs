//! The distribution's own packages. They bring units that run at once and listen on every interface: drop-ins
//! of ours are there first, and let them start only with our configuration, on loopback.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use provision::engine::{Graph, ResourceId};
use provision::kinds::{File, Input, Owner, Packages, Service};

use super::{Files, Monitoring, directory, place};
use crate::Kinds;
use crate::sandbox::KERNEL;

/// The packages, each with the unit it brings.
pub const PACKAGES: &[(&str, &str)] = &[
    ("prometheus", "prometheus.service"),
    ("prometheus-alertmanager", "prometheus-alertmanager.service"),
    (
        "prometheus-node-exporter",
        "prometheus-node-exporter.service",
    ),
];

/// Adds packages, configuration and services.
pub fn native<K: Kinds>(graph: &mut Graph<K>, watch: &Monitoring) {
    let drop_ins: Vec<Input> = PACKAGES
        .iter()
        .map(|(_, unit)| drop_in(graph, watch, unit))
        .collect();
    let packages = graph.add(
        Packages {
            purpose: "monitoring".into(),
            names: PACKAGES.iter().map(|(name, _)| (*name).into()).collect(),
        },
        drop_ins.iter().map(|input| input.id.clone()),
    );
    let Files {
        rules,
        prometheus,
        alertmanager,
        ..
    } = watch.configuration(graph, Some(&packages));
    let read = [vec![rules, prometheus], vec![alertmanager], Vec::new()];
    for (((_, unit), drop_in), read) in PACKAGES.iter().zip(drop_ins).zip(read) {
        let inputs = [vec![drop_in], read].concat();
        let after: Vec<ResourceId> = inputs.iter().map(|input| input.id.clone()).collect();
        let service = Service {
            unit: (*unit).into(),
            active: true,
            at_boot: true,
            inputs,
        };
        graph.add(service, after.into_iter().chain([packages.clone()]));
    }
}

/// Where the drop-in of ours for a unit is; `name` as in [`Monitoring::name`].
pub fn drop_in_path(name: &str, unit: &str) -> PathBuf {
    Path::new("/etc/systemd/system")
        .join(format!("{unit}.d"))
        .join(format!("50-{name}.conf"))
}

fn drop_in<K: Kinds>(graph: &mut Graph<K>, watch: &Monitoring, unit: &str) -> Input {
    let path = drop_in_path(watch.name, unit);
    let parent = path.parent().unwrap_or(&path).to_owned();
    let parent = directory(graph, parent, []);
    let file = File::new(&path, text(watch, unit), Owner::root(0o644));
    place(graph, file, path, [&parent])
}

/// The sandbox of what only talks over sockets and writes in its own place; the same settings as the services
/// of this program have, and for the same reasons. Debian's prometheus.service has one of its own.
fn sandbox() -> String {
    format!(
        "\
NoNewPrivileges=yes
ProtectSystem=strict
ReadWritePaths=/var/lib/prometheus
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
{KERNEL}RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
CapabilityBoundingSet=
SystemCallArchitectures=native
SystemCallFilter=@system-service
UMask=0077
"
    )
}

/// node_exporter must see the file systems as they are: nothing here gives it a view of its own. It asks the
/// clock whether it is synchronised, by a call that could also set it; without capabilities it cannot.
const SEES_ALL: &str = "\
NoNewPrivileges=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
CapabilityBoundingSet=
SystemCallArchitectures=native
SystemCallFilter=@system-service adjtimex clock_adjtime
SystemCallErrorNumber=EPERM
";

/// Alertmanager, counting what each receiver got and not only each type, where it can: the one of Debian 12 (0.25)
/// does not start with a feature to enable. Only the program itself knows, once its package is here.
const COUNTING: &str = "\
/bin/sh -c 'program=/usr/bin/prometheus-alertmanager; \
if $$program --help 2>&1 | grep --quiet -e --enable-feature; \
then set -- \"$$@\" --enable-feature=receiver-name-in-metrics; fi; exec $$program \"$$@\"' alertmanager";

fn text(watch: &Monitoring, unit: &str) -> String {
    let etc = watch.etc().display().to_string();
    let (needs, program, arguments, more) = match unit {
        "prometheus.service" => (
            format!("{etc}/prometheus.yml"),
            "/usr/bin/prometheus",
            vec![
                format!("--config.file={etc}/prometheus.yml"),
                format!("--web.listen-address=127.0.0.1:{}", watch.prometheus),
                format!("--storage.tsdb.retention.time={}d", watch.retention_days),
                "--enable-feature=expand-external-labels".into(),
            ],
            "Environment=HOST=%H\n".to_owned(),
        ),
        "prometheus-alertmanager.service" => (
            format!("{etc}/alertmanager.yml"),
            COUNTING,
            vec![
                // It has the keys of the receivers in it: only this service gets to see it.
                "--config.file=%d/alertmanager.yml".into(),
                format!("--web.listen-address=127.0.0.1:{}", watch.alertmanager),
                // Else it looks for others of its kind, on port 9094 of every interface.
                "--cluster.listen-address=".into(),
            ],
            format!(
                "LoadCredential=alertmanager.yml:{etc}/alertmanager.yml\n{}",
                sandbox()
            ),
        ),
        _ => (
            watch.textfiles().display().to_string(),
            "/usr/bin/prometheus-node-exporter",
            vec![
                format!("--web.listen-address=127.0.0.1:{}", watch.node_exporter),
                "--collector.systemd".into(),
                "--collector.systemd.enable-restarts-metrics".into(),
                "--collector.systemd.unit-include=.+[.](service|timer)".into(),
                format!(
                    "--collector.textfile.directory={}",
                    watch.textfiles().display()
                ),
            ],
            SEES_ALL.to_owned(),
        ),
    };
    let mut text =
        String::from("# Written by aztec-kit; changes here are undone by its next run.\n");
    // Writing to a string cannot fail.
    let _ = write!(
        text,
        "[Unit]\nConditionPathExists={needs}\nStartLimitIntervalSec=0\n\n\
         [Service]\nRestart=always\nRestartSec=5\n{more}\
         ExecStart=\nExecStart={program} {}\n",
        arguments.join(" ")
    );
    text
}
