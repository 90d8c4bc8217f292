//! `apply` repairs every damage of a host, except for a lost key.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::support::{KEYSTORE, Kit, chain_advances, digest, finding, invocations, restarted};
use super::{Context, chain};
use crate::machine::Machine;
use crate::{say, sh};

/// A damage to a host.
struct Damage {
    what: &'static str,
    /// A shell script that does it.
    script: &'static str,
    /// The services that must be started again. Any other restart is unnecessary.
    restarts: &'static [&'static str],
}

/// Changes that an operator may make, and that aztec-kit does not undo.
const DROP_IN: &str = "\
dir=/etc/systemd/system/aztec-sequencer.service.d
mkdir $dir; printf '[Service]\\nNice=1\\n' >$dir/nice.conf; systemctl daemon-reload";

const L1: &str = "aztec-l1.service";
const SEQUENCER: &str = "aztec-sequencer.service";

const DAMAGES: &[Damage] = &[
    // This comes first, so that aztec-kit itself has started both services: after a boot it cannot know their inputs,
    // and restarts them to be safe.
    Damage {
        what: "the L1 is stopped, and the sequencer with it",
        script: "systemctl stop aztec-l1",
        restarts: &[L1, SEQUENCER],
    },
    Damage {
        what: "the sequencer's unit file is deleted",
        script: "rm /etc/systemd/system/aztec-sequencer.service",
        restarts: &[],
    },
    Damage {
        what: "a unit file is edited without a daemon-reload",
        script: "sed -i 's/^LimitCORE=.*/LimitCORE=infinity/' \
                 /etc/systemd/system/aztec-sequencer.service",
        restarts: &[],
    },
    Damage {
        what: "the unit is no longer started at boot",
        script: "systemctl disable aztec-l1",
        restarts: &[],
    },
    Damage {
        what: "the unit is masked",
        script: "rm /etc/systemd/system/aztec-sequencer.service; systemctl mask aztec-sequencer",
        restarts: &[],
    },
    Damage {
        what: "the service is stopped",
        script: "systemctl stop aztec-sequencer",
        restarts: &[SEQUENCER],
    },
    Damage {
        what: "node.env is edited",
        script: "echo LOG_LEVEL=silent >>/etc/aztec/node.env",
        restarts: &[],
    },
    Damage {
        what: "node.env is edited, and the service runs with it",
        script: "echo LOG_LEVEL=warn >>/etc/aztec/node.env; systemctl restart aztec-sequencer",
        restarts: &[SEQUENCER],
    },
    Damage {
        what: "sequencer.env, admin.env and a sysctl file are deleted",
        script: "rm /etc/aztec/sequencer.env /etc/aztec/admin.env /etc/sysctl.d/60-aztec.conf",
        restarts: &[],
    },
    Damage {
        what: "the group is removed",
        script: "sed -i '/^aztec:/d' /etc/group /etc/gshadow",
        restarts: &[],
    },
    // A number that no new account would get: the databases must belong to the account again.
    Damage {
        what: "the account is removed",
        script: "systemctl stop aztec-l1; usermod --uid 900 aztec; chown -R aztec: /var/lib/aztec; \
                 sed -i '/^aztec:/d' /etc/passwd /etc/shadow",
        restarts: &[L1, SEQUENCER],
    },
    Damage {
        what: "modes are opened",
        script: "chmod 0644 /etc/aztec/keystore/validator.json /etc/aztec/kit.toml; \
                 chmod 0755 /etc/aztec/keystore /var/lib/aztec-kit; chmod 0777 /etc/aztec",
        restarts: &[],
    },
    Damage {
        what: "owners are changed",
        script: "chown aztec: /etc/aztec/keystore/validator.json /etc/aztec/node.env; \
                 chown root: /var/lib/aztec /var/lib/aztec/node",
        restarts: &[],
    },
    Damage {
        what: "the command is deleted",
        script: "rm /usr/local/bin/aztec",
        restarts: &[],
    },
    Damage {
        what: "the release is deselected",
        script: "mkdir /opt/aztec/elsewhere; ln -sfn /opt/aztec/elsewhere /opt/aztec/current",
        restarts: &[],
    },
    Damage {
        what: "a link is in the place of a file",
        script: "mv /etc/aztec/node.env /root/node.env; ln -s /root/node.env /etc/aztec/node.env",
        restarts: &[],
    },
    // This is last: systemd passes the restart of the L1 on to the sequencer, and aztec-kit has not started that run of
    // it either.
    Damage {
        what: "a unit file is edited, and the service runs with it",
        script: "sed -i 's/^LimitCORE=.*/LimitCORE=infinity/' /etc/systemd/system/aztec-l1.service; \
                 systemctl daemon-reload; systemctl restart aztec-l1",
        restarts: &[L1, SEQUENCER],
    },
];

/// The release is installed again. The process runs from files that are gone, so that a restart may come sooner or
/// later. Both are right.
const PACKAGE_GONE: &str = "rm -r /opt/aztec/current/node_modules/viem";

pub(super) fn run(context: &Context) -> Result<()> {
    let machine = chain::boot(context, "damage")?;
    let kit = Kit(&machine);
    let key = digest(&machine, KEYSTORE)?;
    kit.in_sync()?;
    for damage in DAMAGES {
        repaired(&machine, damage, &key).with_context(|| damage.what)?;
    }
    untouched(&machine).context("an operator adds a drop-in")?;
    foreign_database(&machine).context("a database of another host")?;
    systemd_restarts_a_killed_service(&machine).context("the node is killed")?;
    key_gone(&machine, &key).context("the validator key is moved away")?;
    package_gone(&machine).context("a package of the release is deleted")?;
    disk_gone(&machine).context("the disk with the data is not mounted")?;
    chain_advances(&machine, 2)?;
    kit.smoke_ok()?;
    kit.in_sync()?;
    ensure!(digest(&machine, KEYSTORE)? == key, "the key is another one");
    Ok(())
}

fn repaired(machine: &Machine, damage: &Damage, key: &str) -> Result<()> {
    let Damage {
        what,
        script,
        restarts,
    } = damage;
    let kit = Kit(machine);
    let before = invocations(machine)?;
    machine.shell(script)?;
    let plan = kit.run(&["plan", "--check"])?;
    ensure!(
        plan.status == 3,
        "`plan --check` ends with {} instead of 3:\n{}{}",
        plan.status,
        plan.stdout,
        plan.stderr
    );
    let changed = kit.apply()?;
    ensure!(!changed.is_empty(), "`apply` changed nothing");
    kit.in_sync()?;
    let mut started = restarted(&before, &invocations(machine)?);
    started.sort();
    ensure!(
        started == *restarts,
        "restarted: {started:?} instead of {restarts:?}; changed: {changed:?}"
    );
    ensure!(
        digest(machine, KEYSTORE)? == key,
        "the key is another one now"
    );
    say!("   repaired: {what}");
    Ok(())
}

/// Foreign things stay, and cause no change.
fn untouched(machine: &Machine) -> Result<()> {
    let before = invocations(machine)?;
    machine.shell(DROP_IN)?;
    Kit(machine).in_sync()?;
    let changed = Kit(machine).apply()?;
    ensure!(
        changed.is_empty() && invocations(machine)? == before,
        "`apply` changed {changed:?}"
    );
    let kept = machine.exists("/etc/systemd/system/aztec-sequencer.service.d/nice.conf")?;
    ensure!(kept, "`apply` took it away");
    Ok(())
}

/// The operator has to transfer a database that came with the disk of another host. The finding says so.
fn foreign_database(machine: &Machine) -> Result<()> {
    let is_reported = || -> Result<bool> {
        let report = Kit(machine).json(&["preflight", "--json"], 0)?;
        let checks = report["findings"].as_array().into_iter().flatten();
        Ok(checks
            .into_iter()
            .any(|it| it["id"] == "data-owner" && it["severity"] == "warn"))
    };
    ensure!(!is_reported()?, "a warning about a good host");
    machine.shell("chown 1001 /var/lib/aztec/node/*")?;
    ensure!(is_reported()?, "the preflight does not report it");
    // The remedy of the finding.
    machine.shell("chown --recursive aztec:aztec /var/lib/aztec/node")?;
    ensure!(!is_reported()?, "the remedy of the preflight does not help");
    Kit(machine).in_sync()
}

/// systemd repairs a crash, and aztec-kit does not complain about it afterwards.
fn systemd_restarts_a_killed_service(machine: &Machine) -> Result<()> {
    let before = invocations(machine)?;
    machine.exec_ok(&["systemctl", "kill", "--signal=KILL", SEQUENCER])?;
    sh::wait_for("systemd starts it again", Duration::from_secs(180), || {
        let now = invocations(machine).ok();
        Ok(now
            .is_some_and(|now| !restarted(&before, &now).is_empty())
            .then_some(()))
    })?;
    Kit(machine).in_sync()?;
    let after = invocations(machine)?;
    let changed = Kit(machine).apply()?;
    ensure!(
        changed.is_empty() && invocations(machine)? == after,
        "`apply` changed {changed:?}"
    );
    Ok(())
}

/// A new key would hide the loss of the staked one, so none is made.
fn key_gone(machine: &Machine, key: &str) -> Result<()> {
    let kit = Kit(machine);
    let before = invocations(machine)?;
    machine.exec_ok(&["mv", KEYSTORE, "/root/validator.json"])?;
    for command in [&["apply", "--yes"][..], &["setup", "--yes"]] {
        let refusal = kit.run(command)?;
        ensure!(
            [1, 4].contains(&refusal.status),
            "{command:?} ends with {}",
            refusal.status
        );
        ensure!(
            refusal.stderr.contains("backup") && refusal.stderr.contains(KEYSTORE),
            "{command:?} does not say what to do: {}",
            refusal.stderr
        );
        ensure!(!machine.exists(KEYSTORE)?, "{command:?} made a new key");
    }
    let again = restarted(&before, &invocations(machine)?);
    ensure!(
        again.is_empty(),
        "{again:?} restarted, although nothing was done"
    );
    machine.exec_ok(&["mv", "/root/validator.json", KEYSTORE])?;
    kit.apply()?;
    kit.in_sync()?;
    ensure!(
        digest(machine, KEYSTORE)? == key,
        "the key is another one now"
    );
    Ok(())
}

fn package_gone(machine: &Machine) -> Result<()> {
    let kit = Kit(machine);
    let before = invocations(machine)?;
    machine.shell(PACKAGE_GONE)?;
    kit.run(&["plan", "--check"])?.expect(3)?;
    kit.apply()?;
    kit.in_sync()?;
    let after = restarted(&before, &invocations(machine)?);
    ensure!(
        !after.contains(&L1.to_owned()),
        "the L1 restarted, which is not of this release"
    );
    machine.exec_ok(&["aztec", "--version"])?;
    Ok(())
}

/// The data is on a disk of its own, with the older copy below the mount point, as after a move to a larger disk.
const MOVED: &str = "\
systemctl stop aztec-sequencer aztec-l1
cp --archive /var/lib/aztec /srv/disk
mount --bind /srv/disk /var/lib/aztec";

/// If a disk that was there is missing, nothing starts and nothing is created in its place.
fn disk_gone(machine: &Machine) -> Result<()> {
    let kit = Kit(machine);
    machine.shell(MOVED)?;
    kit.apply()?;
    kit.in_sync()?;
    machine.shell("systemctl stop aztec-sequencer aztec-l1; umount /var/lib/aztec")?;
    let parts = [
        "nothing is mounted on /var/lib/aztec",
        "var-lib-aztec.mount",
        "aztec-kit forget 'disk[/var/lib/aztec]'",
    ];
    for copy in ["an older copy", "nothing"] {
        for command in [&["plan"][..], &["apply", "--yes"], &["start"]] {
            let refusal = kit.run(command)?.expect(2)?;
            for part in parts {
                ensure!(
                    refusal.stderr.contains(part),
                    "with {copy} below, {command:?} does not say {part}: {}",
                    refusal.stderr
                );
            }
        }
        for unit in [L1, SEQUENCER] {
            let started = machine.exec(&["systemctl", "start", unit])?;
            ensure!(started.status != 0, "{unit} starts on {copy}");
        }
        let status = kit.json(&["status", "--json"], 0)?;
        ensure!(
            finding(&status, "data-disk").is_some_and(|disk| disk["severity"] == "fail"),
            "status does not tell: {status}"
        );
        machine.shell("rm -rf /var/lib/aztec/* /var/lib/aztec/.aztec-kit-disk")?;
    }
    let found = machine.shell("ls -A /var/lib/aztec")?;
    ensure!(found.is_empty(), "below the mount point there is {found}");
    machine.shell("mount --bind /srv/disk /var/lib/aztec")?;
    kit.apply()?;
    kit.in_sync()
}
