//! A real node, monitored by a real Prometheus, whose alerts really arrive.

mod receivers;
mod rules;

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;

use super::support::{APPLY, Kit, Listing, rpc};
use super::{Context, chain};
use crate::machine::{Machine, Root};
use crate::sh;
use receivers::{RECEIVERS, SECRETS, everyone_is_alerted, received};
use rules::{ARRIVES, alerts_work, queries_have_answers, query};

const CONFIG: &str = "/etc/aztec/kit.toml";
/// A host without a role, and with almost nothing else.
const NO_ROLE: &str = "\
[node]
enabled = false
[hardening]
enabled = true
ssh = false
fail2ban = false
chrony = false
auditd = false
aide = false
kernel = false
";

/// Two minutes until it fires, half a minute until it is sent.
const ALERTED: Duration = Duration::from_secs(300);

pub(super) fn run(context: &Context) -> Result<()> {
    let machine = chain::boot(context, "monitoring")?;
    let kit = Kit(&machine);
    let original = machine.read(CONFIG)?;
    // A starting node copies its databases up to the disk of this machine, which a listing would report as a change.
    chain::checkpointed(&machine, 1)?;
    refused(&machine, kit, &original)?;

    let _stubs = receivers::start(&machine)?;
    machine.write(CONFIG, &format!("{original}{RECEIVERS}"), 0o600)?;
    let plan = kit.run(&["plan"])?.expect(0)?;
    kit.run(APPLY)?.expect(0)?;
    on_loopback(&machine)?;
    let kept = machine.shell("cat /var/lib/aztec-kit/journal*")?;
    for secret in SECRETS {
        let shown = plan.stdout.contains(secret) || kept.contains(secret);
        ensure!(!shown, "{secret} is shown");
    }

    alerts_work(&machine)?;
    everyone_is_alerted(&machine, kit)?;
    queries_have_answers(&machine)?;
    well_formed(&machine)?;
    kit.in_sync()?;
    ensure!(kit.apply()?.is_empty(), "a second apply changes something");

    machine.exec_ok(&["systemctl", "stop", "aztec-sequencer"])?;
    received(&machine, "AztecServiceDown", ALERTED)?;

    machine.write(CONFIG, &original, 0o600)?;
    kit.run(APPLY)?.expect(0)?;
    gone(&machine)?;
    kit.in_sync()
}

/// The packages of the previous Debian accept the same configuration and rules, on a host without a role.
pub(super) fn run_previous(context: &Context) -> Result<()> {
    let machine = context.boot(&Root::pristine("bookworm")?, "watched")?;
    context.push_kit(&machine)?;
    let kit = Kit(&machine);
    let _stubs = receivers::start(&machine)?;
    machine.write(CONFIG, &format!("{NO_ROLE}{RECEIVERS}"), 0o600)?;
    kit.apply()?;
    alerts_work(&machine)?;
    let query_up = "http://127.0.0.1:9090/api/v1/query?query=up==1";
    sh::wait_for("every target answers", ARRIVES, || {
        let answer = machine.exec(&["curl", "--silent", query_up])?.stdout;
        let up = answer.matches("\"__name__\":\"up\"").count();
        Ok((up == 4).then_some(()))
    })?;
    ensure!(query(&machine, "node_systemd_unit_state")? > 0, "no units");
    on_loopback(&machine)?;
    everyone_is_alerted(&machine, kit)?;
    kit.in_sync()?;
    ensure!(kit.apply()?.is_empty(), "a second apply changes something");
    machine.write(CONFIG, NO_ROLE, 0o600)?;
    kit.apply()?;
    nothing_left(&machine)
}

/// A configuration that cannot work is refused before anything is changed.
fn refused(machine: &Machine, kit: Kit<'_>, original: &str) -> Result<()> {
    let mail = "[[monitoring.receivers]]\ntype = \"email\"\nto = \"a@b\"\nfrom = \"c@d\"\n";
    machine.write(CONFIG, &format!("{original}{mail}"), 0o600)?;
    let before = Listing::of(machine)?;
    let output = kit.run(APPLY)?.expect(2)?;
    ensure!(
        output.stderr.contains("needs `server`"),
        "{}",
        output.stderr
    );
    before.still(machine, "a mail receiver without a server")?;

    machine.write(CONFIG, original, 0o600)?;
    let before = Listing::of(machine)?;
    let mut listener = machine.spawn(&[
        "perl",
        "-e",
        "use IO::Socket::INET; $l = IO::Socket::INET->new(LocalPort => 9093, Listen => 1) or die; $l->accept",
    ])?;
    sh::wait_for("port 9093 is taken", Duration::from_secs(180), || {
        let listening = machine.shell("ss --no-header --listening --numeric --tcp")?;
        Ok(listening.contains(":9093").then_some(()))
    })?;
    let output = kit
        .run(&["setup", "--with-monitoring", "--yes"])?
        .expect(2)?;
    ensure!(output.stderr.contains("port 9093"), "{}", output.stderr);
    before.still(machine, "a port that is taken")?;
    listener.kill_tree()
}

/// `promtool` reads the metrics that aztec-kit writes and those that it passes on. It has exit code 3 for names that it
/// would choose otherwise, and the node has some.
fn well_formed(machine: &Machine) -> Result<()> {
    for metrics in [
        "aztec-kit metrics",
        "curl --silent --fail http://127.0.0.1:4318/metrics",
    ] {
        let script = format!("set -o pipefail; {metrics} | promtool check metrics");
        let output = machine.exec(&["bash", "-c", &script])?;
        ensure!(
            matches!(output.status, 0 | 3),
            "{metrics}: {}{}",
            output.stdout,
            output.stderr
        );
    }
    Ok(())
}

/// Every port of monitoring is on loopback only.
fn on_loopback(machine: &Machine) -> Result<()> {
    let listening = machine.shell("ss --no-header --listening --numeric --tcp --udp")?;
    for port in ["4318", "9090", "9093", "9100"] {
        let ends = |line: &&str| {
            let mut words = line.split_whitespace();
            words.any(|word| word.ends_with(&format!(":{port}")))
        };
        let lines: Vec<_> = listening.lines().filter(ends).collect();
        ensure!(
            lines.len() == 1 && lines[0].contains(&format!("127.0.0.1:{port}")),
            "port {port}: {lines:?}"
        );
    }
    // Alertmanager would wait there for its peers.
    ensure!(!listening.contains(":9094"), "{listening}");
    Ok(())
}

/// Monitoring is removed, and the node runs without it.
fn gone(machine: &Machine) -> Result<()> {
    nothing_left(machine)?;
    sh::wait_for("the node runs again", ARRIVES, || {
        rpc(machine, 8080, "node_isReady", json!([]))
    })
    .map(drop)
}

fn nothing_left(machine: &Machine) -> Result<()> {
    let left = machine.shell(
        "ls -d /etc/aztec-monitoring /etc/systemd/system/prometheus*.d \
         /etc/systemd/system/aztec-collector.service /etc/systemd/system/aztec-metrics.* 2>/dev/null || true; \
         dpkg-query --show --showformat '${Package} ${db:Status-Abbrev}\\n' 'prometheus*' | grep ' ii' || true; \
         grep -l OTEL /etc/aztec/*.env || true; \
         ss --no-header --listening --numeric --tcp | grep -E ':(4318|9090|9093|9100) ' || true",
    )?;
    ensure!(left.trim().is_empty(), "monitoring leaves behind:\n{left}");
    Ok(())
}
