//! The alternatives to aztec-kit, each of which makes the same host: a careful script, pyinfra, Ansible.
//!
//! All three read the same description, taken from a host that aztec-kit has made, and copy the same files.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::machine::Machine;

/// The directory of the description and the files.
const DIR: &str = "/root/rivals";

/// One alternative.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rival {
    /// Its name in the table.
    pub name: &'static str,
    /// The command that makes the host as described, or finds that it is in sync.
    pub command: &'static str,
    /// Runs of it without a change. Some take a minute each.
    pub runs: u32,
}

/// All alternatives, the fastest first.
pub(super) const RIVALS: &[Rival] = &[
    Rival {
        name: "an idempotent bash script",
        command: "bash /root/rivals/apply.sh",
        runs: 11,
    },
    Rival {
        name: "pyinfra",
        command: "cd /root/rivals && pyinfra/bin/pyinfra --yes @local deploy.py",
        runs: 6,
    },
    Rival {
        name: "Ansible",
        command: "cd /root/rivals && ansible-playbook --inventory localhost, playbook.yml",
        runs: 4,
    },
];

const PROGRAMS: &[(&str, &str)] = &[
    ("apply.sh", include_str!("apply.sh")),
    ("deploy.py", include_str!("deploy.py")),
    ("playbook.yml", include_str!("playbook.yml")),
];

/// pyinfra is not a package of Debian. Its certificates are those of the machine.
const INSTALL: &str = "
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update >&2
apt-get -qq install --yes --no-install-recommends jq ansible-core python3-apt python3-venv >&2
python3 -m venv /root/rivals/pyinfra
PIP_CERT=/etc/ssl/certs/ca-certificates.crt /root/rivals/pyinfra/bin/pip install --quiet pyinfra >&2
";

const DIRECTORIES: &[&str] = &[
    "/etc/aztec",
    "/etc/aztec/keystore",
    "/var/lib/aztec",
    "/var/lib/aztec/l1",
    "/var/lib/aztec/blobs",
    "/var/lib/aztec/node",
    "/etc/systemd/system/nftables.service.d",
    "/opt/aztec",
    "/opt/aztec/versions",
    "/opt/aztec/foundry-versions",
];

const FILES: &[&str] = &[
    "/etc/aztec/kit.toml",
    "/etc/aztec/node.env",
    "/etc/aztec/sequencer.env",
    "/etc/aztec/contracts.env",
    "/etc/aztec/admin.env",
    "/etc/aztec/admin-api-key",
    "/etc/aztec/keystore/validator.json",
    "/etc/sysctl.d/60-aztec.conf",
    "/usr/local/bin/aztec",
    "/var/lib/aztec/.aztec-kit-disk",
    "/etc/aztec-kit-private.nft",
    "/etc/systemd/system/aztec-kit-private-ports.service",
    "/etc/systemd/system/nftables.service.d/50-aztec-kit.conf",
    "/etc/systemd/system/aztec-l1.service",
    "/etc/systemd/system/aztec-sequencer.service",
];

const LINKS: &[&str] = &["/opt/aztec/current", "/opt/aztec/foundry"];

/// Installs the alternatives, and describes the host as it is now.
pub(super) fn prepare(machine: &Machine) -> Result<()> {
    machine.shell(&format!("mkdir -p {DIR}/files"))?;
    machine.shell(INSTALL)?;
    for (name, text) in PROGRAMS {
        machine.write(&format!("{DIR}/{name}"), text, 0o644)?;
    }
    machine.shell(&format!(
        "cp --archive --parents {} {DIR}/files",
        FILES.join(" ")
    ))?;
    let links = LINKS.iter().map(|path| {
        let target = machine.exec_ok(&["readlink", path])?.stdout;
        Ok(json!({"path": path, "target": target.trim()}))
    });
    let state = json!({
        "account": "aztec",
        "home": "/var/lib/aztec",
        "packages": ["ca-certificates"],
        "directories": owned(machine, DIRECTORIES)?,
        "files": owned(machine, FILES)?,
        "links": links.collect::<Result<Vec<_>>>()?,
        "services": ["aztec-kit-private-ports", "aztec-l1", "aztec-sequencer"],
    });
    machine.write(&format!("{DIR}/state.json"), &state.to_string(), 0o644)
}

fn owned(machine: &Machine, paths: &[&str]) -> Result<Vec<Value>> {
    let argv = [&["stat", "--format", "%n %U %G %a"], paths].concat();
    let printed = machine.exec_ok(&argv)?.stdout;
    let row = |line: &str| {
        let [path, owner, group, mode] = line.split(' ').collect::<Vec<_>>()[..] else {
            return None;
        };
        Some(json!({"path": path, "owner": owner, "group": group, "mode": format!("{mode:0>4}")}))
    };
    let rows: Option<Vec<_>> = printed.lines().map(row).collect();
    rows.with_context(|| format!("stat printed {printed}"))
}
