//! Bans of addresses that guess passwords: fail2ban with its jails, and what happens to its bans.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::cases::support::{APPLY, Kit, reached, reaches};
use crate::machine::Machine;
use crate::sh;

/// fail2ban reads the journal and its own log at once.
pub(super) const BAN: Duration = Duration::from_secs(180);

/// systemd listens instead of sshd, at another port.
const BY_SOCKET: &str = "\
    mkdir /etc/systemd/system/ssh.socket.d; \
    printf '[Socket]\\nListenStream=\\nListenStream=2222\\n' >/etc/systemd/system/ssh.socket.d/port.conf; \
    systemctl daemon-reload; systemctl stop ssh.service; systemctl start ssh.socket";

/// sshd listens itself again.
const BY_ITSELF: &str = "rm -r /etc/systemd/system/ssh.socket.d; \
    systemctl daemon-reload; systemctl stop ssh.socket ssh.service; systemctl start ssh.service";

/// Six wrong passwords.
fn attack(from: &Machine, to: &Machine, port: u16) -> Result<()> {
    let command = format!(
        "for i in 1 2 3 4 5 6; do timeout 10 sshpass -p wrong-$i ssh -p {port} -o StrictHostKeyChecking=no \
         -o ConnectTimeout=5 -o PubkeyAuthentication=no -o NumberOfPasswordPrompts=1 guest@{} true || true; done",
        to.ip()
    );
    from.shell(&command)?;
    Ok(())
}

/// Waits until an address is in a jail. Returns the status of the jail.
fn banned(machine: &Machine, jail: &str, who: &Machine) -> Result<String> {
    let status = sh::wait_for(&format!("a ban by {jail}"), BAN, || {
        let status = machine
            .exec_ok(&["fail2ban-client", "status", jail])?
            .stdout;
        Ok(status.contains(&who.ip().to_string()).then_some(status))
    });
    status.with_context(|| {
        let log =
            machine.shell("tail -20 /var/log/fail2ban.log; journalctl -u ssh -n 20 --no-pager");
        log.unwrap_or_default()
    })
}
/// Wrong passwords ban their address, unless `never_ban` lists it.
pub(super) fn bans(machine: &Machine, operator: &Machine, attacker: &Machine) -> Result<()> {
    listed(machine)?;
    reached(attacker, machine, 22)?;
    reached(operator, machine, 22)?;
    attack(operator, machine, 22)?;
    attack(attacker, machine, 22)?;
    let jail = banned(machine, "sshd", attacker)?;
    ensure!(
        !jail.contains(&operator.ip().to_string()),
        "the operator is banned: {jail}"
    );
    ensure!(
        !reaches(attacker, machine, 22)?,
        "who is banned still reaches sshd"
    );
    reached(operator, machine, 22).context("the operator")?;
    recidive(machine, attacker)
}

/// An address that returns again and again is banned for long, at any port and however sshd is started.
fn recidive(machine: &Machine, attacker: &Machine) -> Result<()> {
    let ip = attacker.ip().to_string();
    let forgive = || machine.exec_ok(&["fail2ban-client", "set", "sshd", "unbanip", &ip]);
    machine.shell(BY_SOCKET)?;
    for _ in 0..2 {
        forgive()?;
        sh::wait_for("the end of a ban", BAN, || {
            Ok(reaches(attacker, machine, 2222)?.then_some(()))
        })?;
        attack(attacker, machine, 2222)?;
        banned(machine, "sshd", attacker)?;
    }
    banned(machine, "recidive", attacker)?;
    forgive()?;
    ensure!(
        !reaches(attacker, machine, 2222)?,
        "the third ban is as short as the first"
    );
    machine.shell(BY_ITSELF)?;
    Ok(())
}

/// A candidate that fail2ban refuses does not go live, and the live file stays.
pub(super) fn refused_candidate(machine: &Machine) -> Result<()> {
    machine.write(
        "/etc/fail2ban/jail.d/broken.local",
        "[sshd]\nfilter = no-such-filter\n",
        0o644,
    )?;
    let live = "/etc/fail2ban/jail.d/aztec-kit.local";
    let text = machine.read(live)?;
    machine.shell(&format!("echo '# drift' >> {live}"))?;
    let drifted = machine.read(live)?;
    let output = Kit(machine).run(APPLY)?;
    ensure!(
        output.status != 0,
        "a candidate that fail2ban refuses went live"
    );
    ensure!(
        machine.read(live)? == drifted,
        "a refused candidate replaced what was live"
    );
    machine.shell("rm /etc/fail2ban/jail.d/broken.local")?;
    Kit(machine).apply()?;
    ensure!(machine.read(live)? == text);
    Ok(())
}

/// fail2ban starts without its log, and with its log in the journal. Repeated bans are found there too.
pub(super) fn bans_without_a_log(machine: &Machine) -> Result<()> {
    let log = "/var/log/fail2ban.log";
    machine.shell(&format!(
        "systemctl stop fail2ban; rm {log}; systemctl start fail2ban"
    ))?;
    listed(machine)?;
    ensure!(machine.exists(log)?, "nobody made {log}");
    let target = "/etc/fail2ban/fail2ban.local";
    let text = "[Definition]\nlogtarget = SYSTEMD-JOURNAL\n";
    machine.write(target, text, 0o644)?;
    machine.shell(&format!(
        "systemctl stop fail2ban; rm -f {log}; systemctl start fail2ban"
    ))?;
    listed(machine)?;
    // An unused address, which an operator bans three times.
    let again = "fail2ban-client set sshd banip 198.51.100.9; sleep 1; fail2ban-client set sshd unbanip 198.51.100.9";
    machine.shell(&[again; 3].join("; sleep 1; "))?;
    sh::wait_for("a ban by recidive-journal", BAN, || {
        let status = machine.exec_ok(&["fail2ban-client", "status", "recidive-journal"])?;
        Ok(status.stdout.contains("198.51.100.9").then_some(()))
    })?;
    machine.shell(&format!(
        "rm {target}; fail2ban-client unban --all; systemctl restart fail2ban"
    ))?;
    listed(machine)?;
    Kit(machine).in_sync()
}

/// Each of these flushes the rules of the kernel, and the bans with them. The bans are made again.
pub(super) fn bans_outlive_nftables(machine: &Machine) -> Result<()> {
    // An unused address.
    let who = "198.51.100.10";
    machine.exec_ok(&["fail2ban-client", "set", "sshd", "banip", who])?;
    // Six reloads: systemd starts a service five times in ten seconds, unless the service allows more.
    for command in [
        "systemctl start nftables",
        "systemctl restart nftables",
        "for i in 1 2 3 4 5 6; do systemctl reload nftables; sleep 1; done",
        "systemctl stop nftables",
    ] {
        machine.shell(command)?;
        sh::wait_for(&format!("the ban after `{command}`"), BAN, || {
            let rules = machine.exec_ok(&["nft", "list", "ruleset"])?.stdout;
            Ok(rules.contains(who).then_some(()))
        })?;
    }
    listed(machine)?;
    machine.shell("fail2ban-client unban --all")?;
    Kit(machine).in_sync()
}

/// Waits until fail2ban answers and has both jails for repeated bans.
fn listed(machine: &Machine) -> Result<()> {
    sh::wait_for("fail2ban runs", BAN, || {
        let status = machine.exec(&["fail2ban-client", "status"])?.stdout;
        let complete = status.contains("recidive-journal") && status.contains("sshd");
        Ok(complete.then_some(()))
    })
}
