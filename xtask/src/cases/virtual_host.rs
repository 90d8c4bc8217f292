//! Tests that need a kernel of their own: the audit log, the clock, all kernel settings, a firewall that starts with
//! the host, and power cuts. No role of Aztec runs here: an emulated machine is too slow for one.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::support::{APPLY, Kit, applied};
use super::{Context, KIT, power_cut};
use crate::sh;
use crate::vm::{Disk, Vm};

/// The packages that aztec-kit would install, since dpkg is slow in an emulated machine.
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

/// A configuration with one more port.
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

/// The services of these topics. Their packages start them at boot, and on this disk they are disabled.
const SERVICES: &[&str] = &["auditd", "chrony", "fail2ban"];

/// A key that is watched. No role here would create one.
const KEY: &str = "/etc/aztec/admin-api-key";

const AUDIT_RULES: &str = "/etc/audit/rules.d/60-aztec-kit.rules";

/// The disk that it boots from.
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

/// They run now, and start at the next boot.
fn services(vm: &Vm) -> Result<()> {
    for (verb, word) in [("is-active", "active"), ("is-enabled", "enabled")] {
        let output = vm.exec(&[&["systemctl", verb], SERVICES].concat())?.stdout;
        ensure!(
            output.lines().eq([word; 3]),
            "{verb} {SERVICES:?} prints {output}"
        );
    }
    let jails = vm.shell("fail2ban-client status")?;
    ensure!(
        jails.contains("recidive") && jails.contains("sshd"),
        "{jails}"
    );
    // Only a clock that may be set is disciplined: `chronyd -x`, as in a container, would not do it.
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
    let settings: Vec<_> = file
        .lines()
        .filter_map(|line| line.split_once(" = "))
        .collect();
    ensure!(settings.len() > 30, "{file}");
    let mut argv = vec!["sysctl"];
    argv.extend(settings.iter().map(|(name, _)| *name));
    let running = vm.exec(&argv)?.ok()?.stdout;
    ensure!(running == file, "configured:\n{file}running:\n{running}");
    Ok(())
}

/// The kernel has every rule of aztec-kit, and reports a key that is read.
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
    // auditd writes with a delay.
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

/// The ports are closed in the kernel, and not only in UFW's files.
fn firewall(vm: &Vm) -> Result<()> {
    let rules = vm.shell(
        "ufw status; systemctl is-enabled ufw; iptables -S; ip6tables -S INPUT; nft list tables",
    )?;
    for part in [
        "Status: active",
        "enabled",
        "-P INPUT DROP",
        "--dport 40400 -j ACCEPT",
        "table inet aztec_kit",
    ] {
        ensure!(rules.contains(part), "no `{part}` in\n{rules}");
    }
    ensure!(rules.matches("-P INPUT DROP").count() == 2, "IPv6: {rules}");
    Ok(())
}
