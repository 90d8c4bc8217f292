//! Automatic security upgrades that never restart the services of this host.

use std::path::{Path, PathBuf};

use provision::Fault;
use provision::engine::{Graph, ResourceId};
use provision::host::{Probe, Query};
use provision::kinds::{Directory, File, Owner, Packages, Service};
use provision::tools::apt;

use crate::Kinds;

/// Read after the package's own `50unattended-upgrades`, whose lists it clears, so only security origins are left.
///
/// Origins of Debian and Ubuntu as in the `Release` files of both; unattended-upgrades replaces `${distro_codename}`
/// (2.9, README.md). An upgrade of a container runtime restarts every container.
const APT: &str = r#"// Written by aztec-kit; changes here are undone by its next run. Put yours into a file that sorts later.
APT::Periodic::Enable "1";
APT::Periodic::Update-Package-Lists "1";
APT::Periodic::Unattended-Upgrade "1";
#clear Unattended-Upgrade::Allowed-Origins;
#clear Unattended-Upgrade::Origins-Pattern;
Unattended-Upgrade::Origins-Pattern {
    "origin=Debian,codename=${distro_codename}-security,label=Debian-Security";
    "origin=Ubuntu,archive=${distro_codename}-security,label=Ubuntu";
    "origin=UbuntuESM,archive=${distro_codename}-infra-security,label=UbuntuESM";
    "origin=UbuntuESMApps,archive=${distro_codename}-apps-security,label=UbuntuESMApps";
};
Unattended-Upgrade::Package-Blacklist {
    "^docker\.io$";
    "^docker-ce$";
    "^containerd(\.io)?$";
    "^runc$";
};
Unattended-Upgrade::Automatic-Reboot "false";
Unattended-Upgrade::MinimalSteps "true";
"#;

/// Its file, in a directory that apt reads in the order of names.
const CONFIG: &str = "/etc/apt/apt.conf.d/52aztec-kit";
/// Settings that disable the upgrades if a later file changes them: name, values, and the effect.
const DECISIVE: &[(&str, &[&str], &str)] = &[
    (
        "APT::Periodic::Enable",
        &["0"],
        "nothing is upgraded automatically",
    ),
    (
        "APT::Periodic::Update-Package-Lists",
        &["0"],
        "package lists are not refreshed automatically",
    ),
    (
        "APT::Periodic::Unattended-Upgrade",
        &["0"],
        "nothing is upgraded automatically",
    ),
    (
        "Unattended-Upgrade::Automatic-Reboot",
        &["true", "yes", "1", "on", "with", "enable"],
        "this host reboots automatically after some upgrades",
    ),
];

const LAST: &str = "/etc/apt/apt.conf";

/// The settings that disable the upgrades, in files that apt reads after the one of aztec-kit: a clause for each.
pub fn overridden(probe: &dyn Probe) -> Result<Vec<String>, Fault> {
    let dir = Path::new(CONFIG).parent().unwrap_or(Path::new("/"));
    let ours = Path::new(CONFIG).file_name().and_then(|name| name.to_str());
    let mut later = probe.list(dir)?.unwrap_or_default();
    later.retain(|name| Some(name.as_str()) > ours);
    let mut later: Vec<_> = later.iter().map(|name| dir.join(name)).collect();
    // It is read after all of them: apt.conf(5).
    later.extend(probe.meta(Path::new(LAST))?.map(|_| PathBuf::from(LAST)));
    if later.is_empty() {
        return Ok(Vec::new());
    }
    let dump = probe.ask(&Query::AptConfig)?.stdout;
    let mut clauses = Vec::new();
    for (name, values, effect) in DECISIVE {
        let Some(value) = apt::setting(&dump, name).filter(|value| values.contains(value)) else {
            continue;
        };
        let last = name
            .rsplit("::")
            .next()
            .unwrap_or(name)
            .to_ascii_lowercase();
        for file in later.iter().rev() {
            let text = probe.text(file)?.unwrap_or_default();
            if text.to_ascii_lowercase().contains(&last) {
                clauses.push(format!(
                    "{} sets {name} to \"{value}\", so {effect}",
                    file.display()
                ));
                break;
            }
        }
    }
    Ok(clauses)
}

/// The directory of files that override needrestart's own one (README.needrestart of 3.6).
const NEEDRESTART: &str = "/etc/needrestart";

/// Adds the upgrades. They never restart units whose name begins with `prefix`.
pub fn add<K: Kinds>(graph: &mut Graph<K>, prefix: &str) {
    let packages = graph.add(
        Packages {
            purpose: "security upgrades".into(),
            names: vec!["unattended-upgrades".into()],
        },
        [],
    );
    let periodic = graph.add(
        File::new(CONFIG, APT, Owner::root(0o644)).checked_by([
            "apt-config",
            "dump",
            "--config-file",
        ]),
        [packages],
    );
    for timer in ["apt-daily.timer", "apt-daily-upgrade.timer"] {
        graph.add(
            Service {
                unit: timer.into(),
                active: true,
                at_boot: true,
                inputs: Vec::new(),
            },
            [periodic.clone()],
        );
    }
    leave_alone(graph, prefix);
}

/// Ubuntu has needrestart preinstalled, and elsewhere it may be installed later, so it is configured in either case.
fn leave_alone<K: Kinds>(graph: &mut Graph<K>, prefix: &str) {
    let mut parent: Vec<ResourceId> = Vec::new();
    for path in [NEEDRESTART.to_owned(), format!("{NEEDRESTART}/conf.d")] {
        let owner = Owner::root(0o755);
        let directory = Directory {
            path: path.into(),
            owner,
        };
        parent = vec![graph.add(directory, parent)];
    }
    let text = format!(
        "# Written by aztec-kit: upgrades say what should be restarted, and restart nothing by themselves.\n\
         $nrconf{{restart}} = 'l';\n\
         $nrconf{{override_rc}}{{qr(^{prefix})}} = 0;\n"
    );
    let file = File::new(
        format!("{NEEDRESTART}/conf.d/aztec-kit.conf"),
        text,
        Owner::root(0o644),
    );
    graph.add(file.checked_by(["perl", "-c"]), parent);
}
