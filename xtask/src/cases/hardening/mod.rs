//! A hardened host: addresses that guess passwords are banned, upgrades leave the node alone, and all of it can be removed
//! again. No role of Aztec runs here, so the case needs no node, and any Debian will do.

mod bans;
mod host;
mod integrity;
mod upgrades;

use anyhow::{Context as _, Result, ensure};

use super::support::{APPLY, Kit, applied, chain_advances, invocations, restarted};
use super::{Context, chain};
use crate::machine::Machine;
use crate::sh;
use bans::{BAN, bans, bans_outlive_nftables, bans_without_a_log, refused_candidate};
pub(super) use host::ssh_host;
use host::{CONFIG, KIT_TOML, State};
use integrity::{compare, integrity};
use upgrades::{overridden_upgrades, upgrades};

pub(super) fn run(context: &Context) -> Result<()> {
    let (mut machine, before) = hardened(context, "trixie")?;
    refused_candidate(&machine)?;
    bans_without_a_log(&machine)?;
    bans_outlive_nftables(&machine).context("whoever flushes the bans")?;
    dies_later(&machine)?;
    overridden_upgrades(&machine)?;
    at_boot(&mut machine)?;
    removal(&machine, &before)
}

/// aide, fail2ban, sshd, chrony and unattended-upgrades have other versions there.
pub(super) fn run_previous(context: &Context) -> Result<()> {
    let (machine, before) = hardened(context, "bookworm")?;
    bans_without_a_log(&machine)?;
    removal(&machine, &before)?;
    other_rules(&machine)
}

/// A running sequencer is hardened and gets a firewall: it does not stop, and the chain advances.
pub(super) fn run_chain(context: &Context) -> Result<()> {
    let machine = chain::boot(context, "hardened-chain")?;
    let kit = Kit(&machine);
    kit.apply()?;
    let before = invocations(&machine)?;
    let bootstrap = [
        "bootstrap",
        "--with-hardening",
        "--with-firewall",
        "--confirm",
        "--yes",
        "--patience",
        "0",
        "--json",
    ];
    let changed = applied(&kit.json(&bootstrap, 0)?)?;
    ensure!(changed.len() > 10, "only {changed:?}");
    let again = restarted(&before, &invocations(&machine)?);
    ensure!(again.is_empty(), "bootstrap restarts {again:?}");
    let again = applied(&kit.json(&bootstrap, 0)?)?;
    ensure!(again.is_empty(), "a second bootstrap changes {again:?}");
    machine.exec_ok(&["systemctl", "start", "aztec-kit-aide.service"])?;
    chain_advances(&machine, 1)?;
    let again = restarted(&before, &invocations(&machine)?);
    ensure!(again.is_empty(), "later {again:?} was restarted");
    kit.in_sync()
}

/// Hardens a host, checks and attacks it. Returns it with its state before.
fn hardened(context: &Context, suite: &str) -> Result<(Machine, State)> {
    let root = ssh_host(suite)?;
    let machine = context.boot(&root, "hardened")?;
    let operator = context.boot(&root, "operator")?;
    let attacker = context.boot(&root, "attacker")?;
    context.push_kit(&machine)?;
    let before = State::of(&machine)?;
    machine.write(CONFIG, &never_ban(&operator), 0o600)?;
    // The key of a node that is configured later.
    machine.write("/etc/aztec/admin-api-key", "a secret\n", 0o600)?;
    by_policy(&machine).context("a host that routes by policy")?;
    let kit = Kit(&machine);
    kit.apply().context("the first apply")?;
    let again = kit.apply()?;
    ensure!(again.is_empty(), "a second apply changes {again:?}");
    integrity(&machine)?;
    upgrades(&machine)?;
    clock(&machine)?;
    bans(&machine, &operator, &attacker)?;
    kit.in_sync().context("after an attack")?;
    Ok((machine, before))
}

fn never_ban(operator: &Machine) -> String {
    format!("{KIT_TOML}never_ban = [\"{}\"]\n", operator.ip())
}

/// A host with its own routing tables keeps its reverse path filter: the strict one would drop its answers.
fn by_policy(machine: &Machine) -> Result<()> {
    machine.shell("ip route add 192.0.2.0/24 dev lo table 52")?;
    let plan = Kit(machine).json(&["plan", "--json"], 0)?.to_string();
    ensure!(
        plan.contains("arp_ignore") && !plan.contains("rp_filter"),
        "{plan}"
    );
    let output = Kit(machine).run(&["preflight"])?;
    let output = format!("{}{}", output.stdout, output.stderr);
    ensure!(
        output.contains("routing tables of its own (52)"),
        "{output}"
    );
    machine.shell("ip route flush table 52")?;
    Ok(())
}

/// chrony has replaced timesyncd. A container must not set the clock, so chrony does not control it there.
fn clock(machine: &Machine) -> Result<()> {
    ensure!(
        !machine.exists("/usr/lib/systemd/systemd-timesyncd")?,
        "two clock services"
    );
    ensure!(machine.exists("/usr/sbin/chronyd")?, "no chrony");
    Ok(())
}

/// A disabled service is enabled again, without a restart. After a power cut everything runs again.
fn at_boot(machine: &mut Machine) -> Result<()> {
    let run = |machine: &Machine| {
        machine.shell("systemctl show --property=InvocationID fail2ban.service")
    };
    machine.shell("systemctl --quiet disable fail2ban.service apt-daily.timer")?;
    let before = run(machine)?;
    let changed = Kit(machine).apply()?;
    ensure!(
        ["service[fail2ban.service]", "service[apt-daily.timer]"]
            .iter()
            .all(|id| changed.iter().any(|changed| changed == id)),
        "nobody sees that they would not start: {changed:?}"
    );
    ensure!(run(machine)? == before, "fail2ban was restarted");
    // The check finds only what this case has installed by hand, and no link of aztec-kit.
    let (_, output) = compare(machine)?;
    ensure!(!output.contains("fail2ban.service"), "{output}");
    machine.kill_power()?;
    machine.start()?;
    Kit(machine).in_sync().context("after a power cut")
}

/// A service that dies a second after its start is a failure, which is reported with its last log lines.
fn dies_later(machine: &Machine) -> Result<()> {
    let place = "/etc/systemd/system/fail2ban.service.d";
    let text =
        "[Service]\nExecStart=\nExecStart=/bin/sh -c 'sleep 1; echo no way to go on; exit 1'\n";
    machine.write(&format!("{place}/99-dies.conf"), text, 0o644)?;
    machine.shell("systemctl daemon-reload; systemctl stop fail2ban")?;
    let failed = Kit(machine).run(APPLY)?.expect(4)?;
    ensure!(
        failed.stderr.contains("did not stay up: fail2ban.service")
            && failed.stderr.contains("no way to go on"),
        "{}",
        failed.stderr
    );
    // It runs for a second each time, until systemd gives up.
    sh::wait_for("`status` says that fail2ban does not run", BAN, || {
        let status = Kit(machine).json(&["status", "--json"], 0)?;
        let rows = status["services"].as_array().context("no services")?;
        let mut rows = rows.iter();
        let down = rows.any(|row| row["unit"] == "fail2ban.service" && row["state"] == "failed");
        Ok(down.then_some(()))
    })?;
    machine.shell(&format!("rm {place}/99-dies.conf; systemctl daemon-reload"))?;
    let changed = Kit(machine).apply()?;
    ensure!(
        changed.iter().any(|id| id == "service[fail2ban.service]"),
        "{changed:?}"
    );
    Ok(())
}

/// UFW conflicts with netfilter-persistent, which loads an operator's own rules at boot. The run is refused before it changes
/// anything.
fn other_rules(machine: &Machine) -> Result<()> {
    machine.shell(
        "export DEBIAN_FRONTEND=noninteractive; apt-get -qq update; \
         apt-get -qq --yes --no-install-recommends install iptables-persistent >&2",
    )?;
    let text = "[node]\nenabled = false\n\n[firewall]\nenabled = true\n";
    machine.write(CONFIG, text, 0o600)?;
    for args in [&["plan"][..], APPLY] {
        let refused = Kit(machine).run(args)?.expect(2)?;
        ensure!(
            refused.stderr.contains("netfilter-persistent"),
            "{}",
            refused.stderr
        );
    }
    machine.shell(
        "dpkg-query --show --showformat='${db:Status-Abbrev}' netfilter-persistent | grep -q ^ii",
    )?;
    Ok(())
}

fn removal(machine: &Machine, before: &State) -> Result<()> {
    let text = machine.read(CONFIG)?;
    let off = text.replace("enabled = true", "enabled = true\nfail2ban = false\nupdates = false\nchrony = false\nauditd = false\naide = false\nkernel = false");
    machine.write(CONFIG, &off, 0o600)?;
    let args = [APPLY, &["--confirm", "--json"]].concat();
    let gone = applied(&Kit(machine).json(&args, 0)?)?;
    ensure!(gone.len() > 5, "only {gone:?} went away");
    let after = State::of(machine)?;
    ensure!(after == *before, "not as before:\n{before:?}\n{after:?}");
    // Everything can be removed.
    machine.write(CONFIG, "[node]\nenabled = false\n", 0o600)?;
    let args = [APPLY, &["--confirm", "--json"]].concat();
    applied(&Kit(machine).json(&args, 0)?)?;
    Kit(machine).in_sync()
}
