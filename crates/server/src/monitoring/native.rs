//! The distribution's own packages. Their units start at once and listen on every interface. For this reason drop-ins
//! of aztec-kit are written first, which let them start only with its configuration, on loopback.

use std::path::{Path, PathBuf};

use provision::engine::{Graph, ResourceId};
use provision::kinds::{File, Input, Owner, Packages, Service};
use provision::systemd::{Sandbox, Section, UnitFile, Value};

use super::{Files, Monitoring, directory, place};
use crate::Kinds;

/// The packages, each with its unit.
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

/// The path of the drop-in for a unit; `name` as in [`Monitoring::name`].
pub fn drop_in_path(name: &str, unit: &str) -> PathBuf {
    Path::new("/etc/systemd/system")
        .join(format!("{unit}.d"))
        .join(format!("50-{name}.conf"))
}

fn drop_in<K: Kinds>(graph: &mut Graph<K>, watch: &Monitoring, unit: &str) -> Input {
    let path = drop_in_path(watch.name, unit);
    let parent = path.parent().unwrap_or(&path).to_owned();
    let parent = directory(graph, parent, []);
    let file = File::new(&path, text(watch, unit).to_string(), Owner::root(0o644));
    place(graph, file, path, [&parent])
}

const UNTRIED: &str = "It has not been tested with this on every distribution that packages it.";

const TALKS: &[(&str, &str)] = &[
    ("PrivateNetwork", "It serves and sends over the network."),
    ("IPAddressDeny", "It serves and sends over the network."),
    ("RestrictAddressFamilies", UNTRIED),
    ("PrivateUsers", UNTRIED),
    ("ProtectProc", UNTRIED),
    ("ProcSubset", UNTRIED),
    ("RemoveIPC", UNTRIED),
    ("KeyringMode", UNTRIED),
    ("SystemCallErrorNumber", UNTRIED),
];

/// The sandbox of a program that only uses sockets and writes to its own directory. Debian's prometheus.service has a
/// sandbox of its own.
fn talks() -> Sandbox {
    Sandbox::strict()
        .without(TALKS)
        .writable(["/var/lib/prometheus".into()])
        .with("SystemCallFilter", "@system-service")
}

const VIEW: &str = "It would get a view of its own instead of the host's.";

const SEES_ALL: &[(&str, &str)] = &[
    (
        "PrivateNetwork",
        "It reports about the network, over the network.",
    ),
    (
        "IPAddressDeny",
        "It reports about the network, over the network.",
    ),
    (
        "RestrictAddressFamilies",
        "It queries the kernel and systemd.",
    ),
    ("ProtectSystem", VIEW),
    ("ProtectHome", VIEW),
    ("PrivateTmp", VIEW),
    ("PrivateDevices", VIEW),
    ("PrivateUsers", VIEW),
    ("ProtectKernelTunables", VIEW),
    ("ProtectKernelModules", VIEW),
    ("ProtectKernelLogs", VIEW),
    ("ProtectControlGroups", VIEW),
    ("ProtectClock", VIEW),
    ("ProtectHostname", VIEW),
    ("ProtectProc", VIEW),
    ("ProcSubset", VIEW),
    ("RemoveIPC", UNTRIED),
    ("KeyringMode", UNTRIED),
    ("UMask", "It writes nothing."),
];

/// node_exporter must see the file systems as they are. It reads the state of the clock with a system call that can
/// also set it, but without capabilities it cannot.
fn sees_all() -> Sandbox {
    Sandbox::strict()
        .without(SEES_ALL)
        .with("SystemCallFilter", "@system-service adjtimex clock_adjtime")
}

/// Starts Alertmanager with counters for each receiver, and not only for each type, if it can: the one of Debian 12
/// (0.25) does not start with this feature flag. Only the installed program itself can tell.
const COUNTING: &str = "\
program=/usr/bin/prometheus-alertmanager; \
if $program --help 2>&1 | grep --quiet -e --enable-feature; \
then set -- \"$@\" --enable-feature=receiver-name-in-metrics; fi; exec $program \"$@\"";

/// Replaces the package's own command: the inputs, the sandbox, and the command.
struct Replacement {
    needs: PathBuf,
    before: fn(Section, &Monitoring) -> Section,
    program: Value,
    arguments: Vec<Value>,
}

fn instead(watch: &Monitoring, unit: &str) -> Replacement {
    let etc = watch.etc();
    let listens = |port: u16| Value::raw(format!("--web.listen-address=127.0.0.1:{port}"));
    match unit {
        "prometheus.service" => Replacement {
            needs: etc.join("prometheus.yml"),
            before: |service, _| service.environment("HOST", &"%H".into()),
            program: "/usr/bin/prometheus".into(),
            arguments: vec![
                Value::argument(format!("--config.file={}/prometheus.yml", etc.display())),
                listens(watch.prometheus),
                Value::raw(format!(
                    "--storage.tsdb.retention.time={}d",
                    watch.retention_days
                )),
                "--enable-feature=expand-external-labels".into(),
            ],
        },
        "prometheus-alertmanager.service" => Replacement {
            needs: etc.join("alertmanager.yml"),
            before: |service, watch| {
                let configuration = watch.etc().join("alertmanager.yml");
                service
                    .credential("alertmanager.yml", configuration.display())
                    .confined(talks())
            },
            program: Value::words([
                "/bin/sh -c".into(),
                Value::script(COUNTING),
                "alertmanager".into(),
            ]),
            arguments: vec![
                // It contains the keys of the receivers, so only this service can read it.
                "--config.file=%d/alertmanager.yml".into(),
                listens(watch.alertmanager),
                // Otherwise it would look for peers on port 9094 of every interface.
                "--cluster.listen-address=".into(),
            ],
        },
        _ => Replacement {
            needs: watch.textfiles(),
            before: |service, _| service.confined(sees_all()),
            program: "/usr/bin/prometheus-node-exporter".into(),
            arguments: vec![
                listens(watch.node_exporter),
                "--collector.systemd".into(),
                "--collector.systemd.enable-restarts-metrics".into(),
                "--collector.systemd.unit-include=.+[.](service|timer)".into(),
                Value::argument(format!(
                    "--collector.textfile.directory={}",
                    watch.textfiles().display()
                )),
            ],
        },
    }
}

fn text(watch: &Monitoring, unit: &str) -> UnitFile {
    let Replacement {
        needs,
        before,
        program,
        arguments,
    } = instead(watch, unit);
    let service = before(Section::service().restarts(5), watch);
    UnitFile::drop_in()
        .section(
            Section::unit()
                .set("ConditionPathExists", Value::path(&needs))
                .set("StartLimitIntervalSec", "0"),
        )
        .section(
            service
                // Replaces the package's own command.
                .set("ExecStart", "")
                .list("ExecStart", std::iter::once(program).chain(arguments)),
        )
}
