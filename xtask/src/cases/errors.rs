//! The error dictionary: its words are those of the real release, and it explains the output of real processes.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::support::Kit;
use super::{Context, chain};
use crate::machine::Machine;
use crate::sh;

const DICTIONARY: &str = "crates/aztec/data/errors.toml";

/// A process of the release starts within ten seconds, or within a minute on a busy machine.
const SAID: Duration = Duration::from_secs(300);

/// Processes that cannot work, as arguments of `aztec start`, each with its entry in the dictionary. `NETWORK` is that
/// of the case.
const BROKEN: &[(&str, &str, &str)] = &[
    (
        "no-bb",
        "PROVER_BROKER_HOST=http://127.0.0.1:8180",
        "--prover-agent",
    ),
    (
        "no-registry",
        "PROVER_REAL_PROOFS=false L1_CHAIN_ID=31337 ETHEREUM_HOSTS=http://127.0.0.1:8545",
        "--node",
    ),
    (
        "unreachable",
        "PROVER_REAL_PROOFS=false L1_CHAIN_ID=31337 ETHEREUM_HOSTS=http://127.0.0.1:18545 \
         REGISTRY_CONTRACT_ADDRESS=0x5FbDB2315678afecb367f032d93F642f64180aa3",
        "--node",
    ),
];

/// Services that systemd cannot start, each with the line of its unit file that is the reason.
const UNSTARTABLE: &[(&str, &str)] = &[
    (
        "no-sandbox",
        "ProtectSystem=strict\nReadWritePaths=/nowhere",
    ),
    ("no-credentials", "LoadCredential=key:/nowhere"),
    ("no-directory", "WorkingDirectory=/nowhere"),
    ("no-program", "ExecStart=/nowhere/program"),
    ("no-account", "User=nobody-of-this-name"),
    ("no-environment-file", "EnvironmentFile=/nowhere"),
];

pub(super) fn run(context: &Context) -> Result<()> {
    let machine = chain::boot(context, "errors")?;
    words(&machine)?;
    let quiet = Kit(&machine).json(&["explain", "--json"], 0)?;
    ensure!(
        quiet["findings"].is_array(),
        "`explain --json` prints {quiet}"
    );
    for broken in BROKEN {
        explained(&machine, broken).with_context(|| broken.0.to_owned())?;
    }
    for unstartable in UNSTARTABLE {
        stillborn(&machine, unstartable).with_context(|| unstartable.0.to_owned())?;
    }
    standing_by(&machine)
}

/// Messages of systemd before a program runs are explained like those of a program.
fn stillborn(machine: &Machine, (id, line): &(&str, &str)) -> Result<()> {
    let unit = format!("broken-{id}.service");
    let path = format!("/etc/systemd/system/{unit}");
    let exec = if line.contains("ExecStart=") {
        ""
    } else {
        "ExecStart=/bin/true\n"
    };
    machine.write(&path, &format!("[Service]\n{exec}{line}\n"), 0o644)?;
    machine.exec(&["systemctl", "daemon-reload"])?;
    machine.exec(&["systemctl", "start", &unit])?;
    let found = complaint(machine, &unit, id);
    machine.shell(&format!(
        "rm {path}; systemctl reset-failed {unit} || true; systemctl daemon-reload"
    ))?;
    found.map(drop)
}

/// Every file that the dictionary names has words of its entry.
fn words(machine: &Machine) -> Result<()> {
    let text = std::fs::read_to_string(sh::workspace().join(DICTIONARY)).context(DICTIONARY)?;
    let dictionary: toml::Table = text.parse()?;
    let strings = |value: Option<&toml::Value>| -> Vec<String> {
        let list = value.and_then(toml::Value::as_array).into_iter().flatten();
        list.filter_map(|word| word.as_str().map(str::to_owned))
            .collect()
    };
    let known = dictionary["known"].as_array().context("no entries")?;
    let mut looked = 0;
    for entry in known {
        let lines = strings(entry.get("lines")).join("\n");
        for file in strings(entry.get("files")) {
            let path = format!("/opt/aztec/current/node_modules/{file}");
            let found =
                machine.exec(&["grep", "--quiet", "--fixed-strings", "--", &lines, &path])?;
            ensure!(found.status == 0, "{file} has none of: {lines}");
            looked += 1;
        }
    }
    ensure!(looked > 20, "only {looked} files are named");
    Ok(())
}

/// A process that cannot work says why, and aztec-kit finds it.
fn explained(machine: &Machine, (id, variables, flag): &(&str, &str, &str)) -> Result<()> {
    let unit = format!("broken-{id}");
    let variables = variables.split_whitespace();
    let variables: String = variables.map(|it| format!("--setenv={it} ")).collect();
    machine.shell(&format!(
        "systemd-run --quiet --unit {unit} --property DynamicUser=yes --property StateDirectory={unit} \
         --setenv=HOME=/var/lib/{unit} --setenv=DATA_DIRECTORY=/var/lib/{unit} --setenv=NETWORK=local \
         --setenv=AZTEC_PORT=18080 --setenv=AZTEC_ADMIN_PORT=18880 {variables} \
         /usr/local/bin/aztec start {flag}"
    ))?;
    let found = complaint(machine, &unit, id);
    machine.exec(&["systemctl", "stop", &unit])?;
    let complaint = found?;
    for field in ["seen", "fix", "severity", "subject"] {
        ensure!(complaint[field].is_string(), "no {field}: {complaint}");
    }
    ensure!(complaint["log"]["line"].is_string(), "no line: {complaint}");
    Ok(())
}

fn complaint(machine: &Machine, unit: &str, id: &str) -> Result<Value> {
    let mut last = Value::Null;
    sh::wait_for(&format!("{unit} is explained"), SAID, || {
        last = Kit(machine).json(&["explain", "--json", unit], 0)?;
        let found = last["findings"].as_array().into_iter().flatten();
        let found = found.into_iter().find(|it| it["log"]["entry"] == id);
        Ok(found.cloned())
    })
    .with_context(|| {
        let log = machine.shell(&format!("journalctl --unit {unit} --lines 40 --no-pager"));
        format!("{last}\n{}", log.unwrap_or_default())
    })
}

/// A node with another genesis waits for ever. Its unit is active, and smoke says why it is of no use.
fn standing_by(machine: &Machine) -> Result<()> {
    let unit = "aztec-sequencer.service";
    let dir = format!("/etc/systemd/system/{unit}.d");
    machine.shell(&format!(
        "mkdir {dir}; echo TEST_ACCOUNTS=false >/etc/aztec/other.env; \
         printf '[Service]\\nEnvironmentFile=/etc/aztec/other.env\\n' >{dir}/other.conf; \
         systemctl daemon-reload; systemctl restart {unit}"
    ))?;
    let found = complaint(machine, unit, "standby")?;
    ensure!(
        found["log"]["current"] == true,
        "it is over already: {found}"
    );
    let report = Kit(machine).json(&["smoke", "--json", "--patience", "0"], 1)?;
    let checks = report["findings"].as_array().into_iter().flatten();
    let found = checks.into_iter().find(|check| {
        check["id"] == "log" && check["subject"] == unit && check["log"]["entry"] == "standby"
    });
    ensure!(found.is_some(), "smoke does not say why: {report}");
    let shown = Kit(machine).run(&["explain"])?.expect(0)?.stdout;
    ensure!(
        shown.contains("standby") && shown.contains("fix:"),
        "{shown}"
    );
    machine.shell(&format!(
        "rm -r {dir} /etc/aztec/other.env; systemctl daemon-reload; systemctl restart {unit}"
    ))?;
    Kit(machine).smoke_ok()?;
    let found = complaint(machine, unit, "standby")?;
    ensure!(found["log"]["current"] == false, "it is not over: {found}");
    // No false alarms: a chain that advances has no finding.
    let all = Kit(machine).json(&["explain", "--json"], 0)?;
    let wrong = all["findings"].as_array().into_iter().flatten();
    let wrong: Vec<_> = wrong
        .filter(|it| it["log"]["current"] == true && it["severity"] != "pass")
        .collect();
    ensure!(wrong.is_empty(), "of a node that works: {wrong:?}");
    Ok(())
}
