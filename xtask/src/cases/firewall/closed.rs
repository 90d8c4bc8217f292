//! The ports that a second host reaches: those of SSH and of peers, and no others.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::scan::scan;
use super::walled::{Walled, published, session};
use crate::cases::KIT;
use crate::cases::support::{Kit, Listing, applied, finding, reached, reaches, said, still_prints};
use crate::machine::Machine;

/// `ufw limit` counts the attempts of this time: ufw(8).
const RATE: Duration = Duration::from_secs(31);

/// The firewall stays closed, whatever else writes rules, and however sshd is started.
pub(super) fn holds(walled: &Walled) -> Result<()> {
    let Walled {
        host, outside, v6, ..
    } = walled;
    closed(host, outside, *v6).context("the firewall")?;
    flushed(host, outside).context("the kernel loses rules")?;
    reloaded(host, outside).context("Docker and UFW start again")?;
    by_socket(host, outside).context("an SSH server that systemd starts")
}
/// Only SSH and peers are open. A session stays open, and a second one confirms.
fn closed(host: &Machine, outside: &Machine, v6: IpAddr) -> Result<()> {
    let mut first = session(outside, "22")?;
    let report = Kit(host).json(&["apply", "--yes", "--json"], 0)?;
    ensure!(
        report["unconfirmed"].to_string().contains("firewall[ufw]"),
        "nothing waits: {report}"
    );
    for address in [host.ip().into(), v6] {
        let open = ["tcp/22", "tcp/40400", "udp/40400"];
        let found = scan(outside, address, &open)?;
        ensure!(
            found.iter().eq(&open),
            "a second host reaches {found:?} of {address}"
        );
    }
    still_prints(&first)?;
    // The scan has used up the attempts of its address for half a minute.
    std::thread::sleep(RATE);
    let kept = outside.exec_ok(&["ssh", "walled", KIT, "confirm"])?;
    ensure!(kept.stdout.contains("firewall[ufw]"), "{}", kept.stdout);
    first.kill_tree()?;
    let again = outside.exec_ok(&["ssh", "walled", KIT, "confirm"])?;
    ensure!(again.stdout.contains("no change waits"), "{}", again.stdout);
    let v6 = host.shell("ip6tables -S INPUT | head -1")?;
    ensure!(v6.trim() == "-P INPUT DROP", "IPv6: {v6}");
    let rules = host.shell("ufw show added")?;
    ensure!(
        rules.contains("ufw allow 9999/tcp"),
        "the operator's rule: {rules}"
    );

    let listing = Listing::of(host)?;
    let changed = applied(&Kit(host).json(&["apply", "--yes", "--json"], 0)?)?;
    ensure!(changed.is_empty(), "a second run changes {changed:?}");
    Kit(host).in_sync()?;
    listing.still(host, "a second run")
}

/// Rules that the kernel has lost are reported, and the remedy of the finding restores them.
fn flushed(host: &Machine, outside: &Machine) -> Result<()> {
    let exposure = || -> Result<(String, String)> {
        let status = Kit(host).json(&["status", "--json"], 0)?;
        let found = finding(&status, "exposure").context("no exposure")?;
        let severity = found["severity"].as_str().unwrap_or_default();
        Ok((severity.to_owned(), said(found)))
    };
    let good = exposure()?;
    ensure!(good.0 == "pass", "before: {good:?}");
    // Only the table is gone: Docker's port is open until the next run.
    host.shell("nft delete table inet aztec_kit")?;
    let (status, message) = exposure()?;
    ensure!(
        status == "fail" && message.contains("aztec-kit apply"),
        "{status}: {message}"
    );
    let apply = ["apply", "--yes", "--confirm", "--json"];
    let changed = applied(&Kit(host).json(&apply, 0)?)?;
    ensure!(changed == ["nft_table[inet aztec_kit]"], "{changed:?}");
    ensure!(
        !reaches(outside, host, 7000)?,
        "a second host reaches a container"
    );
    // A start or reload of nftables.service flushes everything. The table of aztec-kit comes back with it.
    let back = "timeout 60 sh -c 'until nft list table inet aztec_kit >&2; do sleep 1; done'";
    for verb in ["start", "reload"] {
        host.shell(&format!("systemctl {verb} nftables && {back}"))?;
    }
    host.shell("systemctl stop nftables")?;
    // The flush removed UFW's chains, and the stop removed the table of aztec-kit.
    let (status, message) = exposure()?;
    ensure!(
        status == "fail" && message.contains("everybody can connect"),
        "{status}: {message}"
    );
    host.shell("ufw reload >&2; systemctl start aztec-kit-published-ports")?;
    // Everything is dropped, and `ufw reload` alone would not help.
    host.shell("iptables -F; iptables -P INPUT DROP")?;
    let (status, message) = exposure()?;
    let remedy = "/lib/ufw/ufw-init flush-all; ufw reload";
    ensure!(
        status == "fail" && message.contains("nobody can connect") && message.contains(remedy),
        "{status}: {message}"
    );
    host.shell(&format!(
        "{{ {remedy}; systemctl restart docker aztec-kit-published-ports; }} >&2"
    ))?;
    published(host)?;
    let now = exposure()?;
    ensure!(now == good, "afterwards: {now:?}");
    Kit(host).in_sync()
}

/// The published port stays closed, also while Docker and UFW write their rules again.
fn reloaded(host: &Machine, outside: &Machine) -> Result<()> {
    host.shell("systemctl restart docker; ufw reload >&2")?;
    published(host)?;
    ensure!(
        !reaches(outside, host, 7000)?,
        "a second host reaches a container"
    );
    // A route that the operator allows is open as soon as a run has seen it.
    let apply = ["apply", "--yes", "--confirm", "--json"];
    for (rule, lets_in) in [("allow", true), ("delete allow", false)] {
        host.shell(&format!("ufw route {rule} proto tcp to any port 80 >&2"))?;
        let changed = applied(&Kit(host).json(&apply, 0)?)?;
        ensure!(changed == ["nft_table[inet aztec_kit]"], "{changed:?}");
        match lets_in {
            true => reached(outside, host, 7000)?,
            false => ensure!(!reaches(outside, host, 7000)?, "still open"),
        }
    }
    Kit(host).in_sync()
}

/// systemd listens instead of sshd, at another port: the new port is open and rate-limited, and the old one is closed.
fn by_socket(host: &Machine, outside: &Machine) -> Result<()> {
    const PORT: u16 = 2200;
    let dir = "/etc/systemd/system/ssh.socket.d";
    let begin = "systemctl daemon-reload; systemctl stop ssh.service ssh.socket; systemctl start";
    host.shell(&format!(
        "mkdir {dir}; printf '[Socket]\\nListenStream=\\nListenStream={PORT}\\n' >{dir}/port.conf; \
         {begin} ssh.socket"
    ))?;
    let apply = ["apply", "--yes", "--confirm", "--json"];
    let changed = applied(&Kit(host).json(&apply, 0)?)?;
    ensure!(changed == ["firewall[ufw]"], "{changed:?}");
    Kit(host).in_sync()?;
    outside.exec_ok(&["ssh", "-p", "2200", "walled", "true"])?;
    ensure!(!reaches(outside, host, 22)?, "the old port is open");
    let mut refused = false;
    for _ in 0..8 {
        refused |= !reaches(outside, host, PORT)?;
    }
    ensure!(refused, "one address may try as often as it likes");

    host.shell(&format!("rm -r {dir}; {begin} ssh.service"))?;
    let changed = applied(&Kit(host).json(&apply, 0)?)?;
    ensure!(changed == ["firewall[ufw]"], "{changed:?}");
    Ok(())
}
