//! A host with an SSH server, its configuration, and its state before it is hardened.

use anyhow::Result;

use crate::machine::{Machine, Root};

pub(super) const KIT_TOML: &str = "\
[node]
enabled = false

[hardening]
enabled = true
ssh = false
";

/// Packages in addition to a minimal Debian, and the clock service that Debian installs by default.
const PACKAGES: &str = "openssh-server openssh-client sshpass systemd-timesyncd";

pub(super) const CONFIG: &str = "/etc/aztec/kit.toml";

/// A Debian with an SSH server, a user `guest` who has a password, and a client.
pub(in crate::cases) fn ssh_host(suite: &str) -> Result<Root> {
    let recipe = format!("1 {PACKAGES}");
    Root::layered(&Root::pristine(suite)?, "ssh-host", &recipe, |machine| {
        machine.shell(&format!(
            "export DEBIAN_FRONTEND=noninteractive; apt-get -qq update; \
             apt-get -qq --yes --no-install-recommends install {PACKAGES} >&2; \
             useradd --create-home --shell /bin/bash guest; echo guest:open-sesame | chpasswd"
        ))?;
        Ok(())
    })
}

/// State of a host that hardening changes, and that a removal must revert.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct State {
    sysctl: String,
    files: String,
    clock: String,
}

impl State {
    pub fn of(machine: &Machine) -> Result<State> {
        Ok(State {
            sysctl: machine.shell("cat /proc/sys/net/ipv4/conf/{all,default}/{rp_filter,secure_redirects,send_redirects}")?,
            files: machine.shell(
                "find /etc -path /etc/aztec -prune -o -type f -name '*aztec*' -print | sort; \
                 sha256sum /etc/ssh/sshd_config; find /etc/ssh -printf '%p %m %u\\n' | sort",
            )?,
            clock: machine.shell("systemctl is-active systemd-timesyncd || true; dpkg-query -W -f '${Status}\\n' systemd-timesyncd")?,
        })
    }
}
