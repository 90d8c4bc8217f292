//! Detects changes of files by others: AIDE, once a day, against a baseline that follows the changes of aztec-kit only.

use std::path::{Path, PathBuf};

use provision::engine::{Graph, ResourceId};
use provision::kinds::{Baseline, Directory, File, Input, Owner, Packages, Service, Unit};
use provision::systemd::{Sandbox, Section, UnitFile, Value};

use crate::Kinds;

/// A separate directory, because the distribution's AIDE and its daily check belong to the operator.
const STATE: &str = "/var/lib/aztec-kit-aide";
const CONFIG: &str = "/etc/aztec-kit-aide.conf";
/// The unit that fails when a file differs. Monitoring reports failed units.
pub const SERVICE: &str = "aztec-kit-aide.service";
const TIMER: &str = "aztec-kit-aide.timer";

/// The scope of the check: everything that is executed, and everything that decides what is executed. aide.conf(5) of
/// 0.18.
///
/// Directories are checked without times, because new and removed files in them are reported anyway. Keys are checked
/// without their content, because a digest of a key does not belong in a database.
const RULES: &str = r"Directory = ftype+p+u+g+acl+xattrs
Stat = ftype+p+u+g+i+n+s+m+c+acl+xattrs
Whole = Stat+sha512

!/boot/grub/grubenv$
!/etc/(mtab|adjtime|resolv\.conf|\.pwd\.lock|\.updated)$
!/etc/lvm/(archive|backup)
!/etc/systemd/system/(timers\.target\.wants/)?aztec-kit-take-back\.
!/(etc|usr)/.*/__pycache__
!/etc/.*\.aztec-kit-new$

/boot d Directory
/boot Whole
/etc d Directory
/etc Whole
/usr/(bin|sbin|lib|libexec|local) d Directory
/usr/(bin|sbin|lib|libexec|local) Whole
/root/\.ssh/authorized_keys Whole
/home/[^/]+/\.ssh/authorized_keys Whole
";

/// A file that is checked without its content.
#[derive(Debug, Clone)]
pub struct Unread {
    /// A file or a tree.
    pub path: PathBuf,
}

fn config(unread: &[Unread]) -> String {
    let unread: String = unread
        .iter()
        .map(|Unread { path }| {
            let path = path.display().to_string().replace('.', r"\.");
            format!("{path} d Directory\n{path} Stat\n")
        })
        .collect();
    format!(
        "# Written by aztec-kit; changes here are undone by its next run.\n\
         database_in=file:{STATE}/baseline\n\
         database_out=file:{STATE}/baseline.new\n\
         gzip_dbout=no\n\
         log_level=warning\n\
         report_url=stdout\n\
         {RULES}{unread}"
    )
}

const UNSUITABLE: &[(&str, &str)] = &[(
    "PrivateUsers",
    "It reads the files of every user with a capability, which would apply to its own users only.",
)];

/// It reads everything and writes nothing. Its only capability is to read files of others.
fn sandbox() -> Sandbox {
    Sandbox::strict()
        .without(UNSUITABLE)
        .with("CapabilityBoundingSet", "CAP_DAC_READ_SEARCH")
        .with("ProtectHome", "read-only")
        .in_order(&[
            "CapabilityBoundingSet",
            "NoNewPrivileges",
            "PrivateDevices",
            "PrivateNetwork",
            "PrivateTmp",
            "ProtectClock",
            "ProtectControlGroups",
            "ProtectHome",
            "ProtectHostname",
            "ProtectKernelLogs",
            "ProtectKernelModules",
            "ProtectKernelTunables",
            "ProtectProc",
            "ProcSubset",
            "ProtectSystem",
            "RestrictAddressFamilies",
        ])
}

fn service() -> UnitFile {
    UnitFile::ours()
        .section(
            Section::unit()
                .set(
                    "Description",
                    "Compare the files of this host with their baseline",
                )
                .set("Documentation", "man:aide(1)"),
        )
        .section(
            Section::service()
                .set("Type", "oneshot")
                .set(
                    "ExecStart",
                    Value::raw(format!("/usr/bin/aide --config={CONFIG} --check")),
                )
                .set("Nice", "19")
                .set("IOSchedulingClass", "idle")
                .confined(sandbox()),
        )
}

/// Contains the digest of the service, so that systemd loads both again when either changes.
fn timer(digest: &str) -> UnitFile {
    UnitFile::new()
        .comment(Value::text(format!(
            "Written by aztec-kit for the {SERVICE} with the digest {digest}."
        )))
        .section(Section::unit().set(
            "Description",
            "Daily comparison of the files of this host with their baseline",
        ))
        .section(
            Section::timer()
                .set("OnCalendar", "daily")
                .set("RandomizedDelaySec", "1h")
                .set("Persistent", "yes"),
        )
        .at_boot()
}

/// Adds the check, and the baseline at the end of the graph: it is updated when any resource before it has changed.
/// `more`: paths that aztec-kit changes in addition to the files of the graph. `installed`: the packages of the graph.
pub fn add<K: Kinds>(
    graph: &mut Graph<K>,
    unread: &[Unread],
    more: Vec<PathBuf>,
    installed: Vec<String>,
) {
    let packages = graph.add(
        Packages {
            purpose: "integrity".into(),
            names: vec!["aide".into()],
        },
        [],
    );
    let config = File::new(CONFIG, config(unread), Owner::root(0o600)).checked_by([
        "aide",
        "--config-check",
        "--config",
    ]);
    let config_sha256 = config.sha256();
    let config = graph.add(config, [packages]);
    let state = graph.add(
        Directory {
            path: STATE.into(),
            owner: Owner::root(0o700),
        },
        [],
    );
    let path = Path::new("/etc/systemd/system").join(SERVICE);
    let service = File::new(path, service().to_string(), Owner::root(0o644));
    let unit = Unit {
        name: TIMER.into(),
        text: timer(&service.sha256()).to_string(),
        instances: Vec::new(),
    };
    let service = graph.add(service, [config]);
    let path = unit.path();
    let wanted = File::new(&path, &unit.text, Owner::root(0o644)).sha256();
    let id = graph.add(unit, [service]);
    let timer = Service {
        unit: TIMER.into(),
        active: true,
        at_boot: false,
        inputs: vec![Input {
            id: id.clone(),
            path,
            wanted: Some(wanted),
        }],
    };
    graph.add(timer, [id, state]);
    let mut own: Vec<PathBuf> = graph
        .nodes()
        .iter()
        .flat_map(|node| node.resource.files())
        .collect();
    own.extend(more);
    own.sort();
    own.dedup();
    let all: Vec<ResourceId> = graph
        .nodes()
        .iter()
        .map(|node| node.resource.id())
        .collect();
    let baseline = Baseline {
        config: CONFIG.into(),
        config_sha256,
        database: Path::new(STATE).join("baseline"),
        own,
        packages: installed,
    };
    graph.add(baseline, all);
}
