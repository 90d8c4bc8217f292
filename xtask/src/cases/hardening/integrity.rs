//! The daily check of files by aide.

use anyhow::{Context as _, Result, ensure};

use super::host::CONFIG;
use crate::cases::support::{Kit, finding};
use crate::machine::Machine;
use crate::say;

/// Runs the daily check. Returns whether nothing has changed, and its output.
pub(super) fn compare(machine: &Machine) -> Result<(bool, String)> {
    let before = machine.shell("journalctl --sync; date +%s.%N")?;
    let status = machine
        .exec(&["systemctl", "start", "aztec-kit-aide.service"])?
        .status;
    let since = format!("--since=@{}", before.trim());
    let unit = "--unit=aztec-kit-aide";
    let output = machine.exec_ok(&["journalctl", unit, "--output=cat", &since])?;
    Ok((status == 0, output.stdout))
}

/// The daily check fails after changes of others, and not after changes of aztec-kit.
pub(super) fn integrity(machine: &Machine) -> Result<()> {
    let check = |what: &str, fine: bool| -> Result<String> {
        let (same, output) = compare(machine)?;
        ensure!(
            same == fine,
            "{what}: the daily check says {same}: {output}"
        );
        let status = Kit(machine).json(&["status", "--json"], 0)?;
        let verdict = if fine { "pass" } else { "warn" };
        let found = finding(&status, "integrity").map(|found| &found["severity"]);
        ensure!(
            found.is_some_and(|severity| severity == verdict),
            "{what}: {status}"
        );
        Ok(output)
    };
    check("right after an apply", true)?;
    let exposure =
        machine.shell("systemd-analyze security --no-pager aztec-kit-aide.service | tail -1")?;
    say!("  {}", exposure.trim());
    let database = machine.read("/var/lib/aztec-kit-aide/baseline")?;
    let entry = database
        .lines()
        .find(|line| line.starts_with("/etc/aztec/admin-api-key "))
        .context("the admin key is not watched")?;
    let other = database
        .lines()
        .find(|line| line.starts_with("/etc/aztec/kit.toml "));
    ensure!(
        other.is_some_and(|other| other.len() > entry.len() + 64),
        "the digest of a key is in the database: {entry}"
    );
    // The second time beside a change of aztec-kit, which the baseline takes over, and not the foreign one.
    machine.write("/usr/local/bin/foreign", "#!/bin/sh\n", 0o755)?;
    for again in [false, true] {
        if again {
            let text = machine
                .read(CONFIG)?
                .replace("\"]\n", "\", \"192.0.2.0/24\"]\n");
            machine.write(CONFIG, &text, 0o600)?;
            let changed = Kit(machine).apply()?;
            ensure!(
                changed.iter().any(|id| id.starts_with("baseline[")),
                "{changed:?}"
            );
        }
        let output = check("with a foreign file", false)?;
        ensure!(output.contains("/usr/local/bin/foreign"), "{output}");
        ensure!(
            !output.contains("kit.toml") && !output.contains("aztec-kit.local"),
            "{output}"
        );
    }
    let failed = machine
        .exec_ok(&["systemctl", "--failed", "--plain", "--no-legend"])?
        .stdout;
    ensure!(
        failed.contains("aztec-kit-aide.service"),
        "nobody sees it: {failed}"
    );
    machine.shell("rm /usr/local/bin/foreign")?;
    check("without the foreign file", true)?;
    Kit(machine).in_sync()
}
