//! What only a kernel of its own shows: an audit log, a clock, all kernel settings, a firewall that comes up with the
//! host, and what a power cut leaves. No role of Aztec runs here: an emulated machine is too slow for one.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::support::{APPLY, Kit, applied};
use super::{Context, KIT, power_cut};
use crate::sh;
use crate::vm::{Disk, Vm};

/// All that the kit would install, since dpkg is slow in an emulated machine.
const PACKAGES: &[&str] = &[
    "auditd",
    "chrony",
    "fail2ban",
    "nftables",
    "python3-systemd",
    "ufw",
    "unattended-upgrades",
];

const KIT_TOML: &str = "\
[node]
enabled = false

[firewall]
enabled = true
allow = [{ port = 40400 }, { port = 40400, proto = \"udp\" }]

[hardening]
enabled = true
aide = false
";

/// One more port.
const MORE: &str = "\
[node]
enabled = false

[firewall]
enabled = true
allow = [{ port = 40400 }, { port = 40400, proto = \"udp\" }, { port = 40401 }]

[hardening]
enabled = true
aide = false
";

const NOTHING: &str = "[node]\nenabled = false\n";

/// The services of these topics. Their packages start them at boot; on this disk someone has said otherwise.
const SERVICES: &[&str] = &["auditd", "chrony", "fail2ban"];

/// A key that is watched; no role here would make one.
const KEY: &str = "/etc/aztec/admin-api-key";

const AUDIT_RULES: &str = "/etc/audit/rules.d/60-aztec-kit.rules";

/// What it boots from.
pub(super) fn disk() -> Result<Disk> {
    Disk::debian("trixie", PACKAGES, SERVICES)
}

pub(super) fn run(context: &Context) -> Result<()> {
    let disk = disk()?;
    let mut vm = Vm::boot(&disk, "virtual", &context.binary)?;
    vm.install(KIT, 0o755)?;
    vm.shell(&format!("mkdir /etc/aztec; echo secret >{KEY}"))?;
    vm.write("/etc/aztec/kit.toml", KIT_TOML, 0o600)?;
    let keys = power_cut::make_keys(&vm)?;
    let apply = [APPLY, &["--confirm-within", "30", "--json"]].concat();
    let changed = applied(&Kit(&vm).json(&apply, 0)?)?;
    ensure!(changed.len() > 10, "only {changed:?}");
    power_cut::at_rest(&mut vm, &keys).context("cut before it was confirmed")?;
    let again = power_cut::confirmed(&vm)?;
    ensure!(
        again.contains(&"firewall[ufw]".to_owned()) && again.len() < 4,
        "after a power cut, apply changes {again:?}"
    );
    hardened(&vm).context("after a power cut and another apply")?;
    power_cut::in_runs(&mut vm, &keys, &[MORE, NOTHING, KIT_TOML])?;
    vm.write("/etc/aztec/kit.toml", MORE, 0o600)?;
    power_cut::confirmed(&vm)?;
    hardened(&vm).context("after all power cuts")
}

fn hardened(vm: &Vm) -> Result<()> {
    Kit(vm).in_sync()?;
    services(vm)?;
    settings(vm)?;
    audit(vm)?;
    firewall(vm)
}

/// They run now, and will after a boot.
fn services(vm: &Vm) -> Result<()> {
    for (verb, word) in [("is-active", "active"), ("is-enabled", "enabled")] {
        let said = vm.exec(&[&["systemctl", verb], SERVICES].concat())?.stdout;
        ensure!(
            said.lines().eq([word; 3]),
            "{verb} {SERVICES:?} says {said}"
        );
    }
    let jails = vm.shell("fail2ban-client status")?;
    ensure!(
        jails.contains("recidive") && jails.contains("sshd"),
        "{jails}"
    );
    // Only a clock that may be set is disciplined: `chronyd -x`, as in a container, would not.
    let chrony = vm.shell("chronyc -n tracking; ps -o args= -C chronyd")?;
    ensure!(
        chrony.contains("Reference ID") && !chrony.contains(" -x"),
        "{chrony}"
    );
    Ok(())
}

/// Every setting of the drop-in has its value in the running kernel.
fn settings(vm: &Vm) -> Result<()> {
    let file = vm.shell("grep -v '^#' /etc/sysctl.d/61-aztec-hardening.conf")?;
    let wanted: Vec<_> = file
        .lines()
        .filter_map(|line| line.split_once(" = "))
        .collect();
    ensure!(wanted.len() > 30, "{file}");
    let mut argv = vec!["sysctl"];
    argv.extend(wanted.iter().map(|(name, _)| *name));
    let running = vm.exec(&argv)?.ok()?.stdout;
    ensure!(running == file, "wanted:\n{file}running:\n{running}");
    Ok(())
}

/// The kernel has every rule of ours, and tells of a key that is read.
fn audit(vm: &Vm) -> Result<()> {
    let loaded = vm.shell("auditctl -l")?;
    let rules = vm.shell(&format!("grep -v '^#' {AUDIT_RULES}"))?;
    ensure!(rules.lines().count() > 8, "{rules}");
    for rule in rules.lines() {
        ensure!(
            loaded.lines().any(|line| line == rule),
            "the kernel lacks {rule}:\n{loaded}"
        );
    }
    let since = vm.shell(&format!("date +%T; base32 {KEY} >/dev/null"))?;
    // auditd writes when it gets to it.
    sh::wait_for(
        "a record of a key that was read",
        Duration::from_secs(180),
        || {
            let argv = [
                "ausearch",
                "--input-logs",
                "--key",
                "aztec-keys",
                "--comm",
                "base32",
                "--start",
                "today",
                since.trim(),
            ];
            let found = vm.exec(&argv)?.stdout;
            Ok(found.contains(KEY).then_some(()))
        },
    )
}

/// Closed in the kernel, not only in UFW's files.
fn firewall(vm: &Vm) -> Result<()> {
    let said = vm.shell(
        "ufw status; systemctl is-enabled ufw; iptables -S; ip6tables -S INPUT; nft list tables",
    )?;
    for part in [
        "Status: active",
        "enabled",
        "-P INPUT DROP",
        "--dport 40400 -j ACCEPT",
        "table inet aztec_kit",
    ] {
        ensure!(said.contains(part), "no `{part}` in\n{said}");
    }
    ensure!(said.matches("-P INPUT DROP").count() == 2, "IPv6: {said}");
    Ok(())
}
