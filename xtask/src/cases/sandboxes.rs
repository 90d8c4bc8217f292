//! Every unit of every role, judged by systemd before it ever ran: the texts of a plan are enough.

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::Context;
use super::support::Kit;
use crate::say;

/// All roles that one local network can have.
const ROLES: &[&str] = &[
    "setup",
    "--network",
    "local",
    "--with-sequencer",
    "--with-prover",
    "--with-bootnode",
    "--with-archiver",
    "--with-txe",
    "--with-bot",
    "--with-hardening",
    "--dry-run",
    "--json",
];

/// The limit for ten times the exposure level of `systemd-analyze security`.
const THRESHOLD: &str = "15";

pub(super) fn run(context: &Context) -> Result<()> {
    let machine = context.boot_with_kit("sandboxes")?;
    let plan = Kit(&machine).json(ROLES, 0)?;
    let steps = plan["steps"].as_array().context("a plan without steps")?;
    let mut units = Vec::new();
    for step in steps {
        let Some((name, text)) = service(step) else {
            continue;
        };
        let path = format!("/etc/systemd/system/{name}");
        machine.write(&path, &text, 0o644)?;
        let verdict = machine.exec(&[
            "systemd-analyze",
            "security",
            "--offline=yes",
            "--no-pager",
            &format!("--threshold={THRESHOLD}"),
            &path,
        ])?;
        ensure!(
            verdict.status == 0,
            "{name} is too open: {}{}",
            verdict.stdout,
            verdict.stderr
        );
        units.push(name);
    }
    say!("   {}", units.join(" "));
    ensure!(units.len() >= 10, "only {units:?} were rated");
    // The threshold must be able to fail.
    machine.write(
        "/etc/systemd/system/open.service",
        "[Service]\nExecStart=/bin/true\n",
        0o644,
    )?;
    let open = machine.exec(&[
        "systemd-analyze",
        "security",
        "--offline=yes",
        "--no-pager",
        &format!("--threshold={THRESHOLD}"),
        "/etc/systemd/system/open.service",
    ])?;
    ensure!(open.status != 0, "a unit without a sandbox passes");
    Ok(())
}

/// The name and text of a service of aztec-kit that a step would write.
pub(super) fn service(step: &Value) -> Option<(String, String)> {
    let id = step["id"].as_str()?;
    let name = id
        .strip_prefix("unit[")
        .or_else(|| id.strip_prefix("file[/etc/systemd/system/"))?
        .strip_suffix(']')?;
    if !name.ends_with(".service") {
        return None;
    }
    let changes = step["changes"].as_array()?;
    let patch = changes.iter().find_map(|change| change["patch"].as_str())?;
    let text: String = patch
        .lines()
        .filter_map(|line| line.strip_prefix('+'))
        .map(|line| format!("{line}\n"))
        .collect();
    Some((name.to_owned(), text))
}
