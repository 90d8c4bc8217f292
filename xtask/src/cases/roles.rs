//! The other roles of a local network, added to a running one: its blocks get transactions and are proven.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::Context;
use super::chain;
use super::support::{KEYSTORE, Kit, applied, digest, rpc, said};
use crate::machine::Machine;
use crate::sh;

/// An epoch has two slots of 12 s. Its proof, and the proof of the unproven epochs before, come after it.
const PROVEN: Duration = Duration::from_secs(420);
/// The bot deploys an account and a token before its first transfer.
const TRANSACTIONS: Duration = Duration::from_secs(420);
/// A process of the release takes up to a minute to listen on a busy machine.
const LISTENS: Duration = Duration::from_secs(300);

pub(super) fn run(context: &Context) -> Result<()> {
    let machine = chain::boot(context, "roles")?;
    let kit = Kit(&machine);
    let key = digest(&machine, KEYSTORE)?;
    let refused = kit.run(&["setup", "--with-pxe", "--yes"])?.expect(2)?;
    ensure!(refused.stderr.contains("fix:"), "{}", refused.stderr);
    let added = [
        "--with-prover",
        "--with-bot",
        "--with-bootnode",
        "--with-archiver",
        "--with-txe",
    ];
    kit.run(&[&["setup"], &added[..], &["--yes", "--patience", "0"]].concat())?
        .expect(0)?;
    listens(&machine, "the bootnode", 8480, "bootstrap_getEncodedEnr")?;
    listens(&machine, "the agent", 8300, "agent_getStatus")?;
    status(&machine, "the TXE", 8680)?;
    status(&machine, "the broker", 8180)?;
    // It gets its blobs from the Beacon API of the local L1, and opens its port when it is synced.
    advances(&machine, ARCHIVER, "checkpointed")?;
    advances(&machine, NODE, "proven")?;
    agents_elsewhere(context, &machine)?;
    advances(&machine, NODE, "finalized")?;
    transactions(&machine)?;
    kit.smoke_ok()?;
    kit.in_sync()?;
    let again = kit
        .run(
            &[
                &["setup"],
                &added[..],
                &["--yes", "--patience", "0", "--json"],
            ]
            .concat(),
        )?
        .expect(0)?;
    let report: Value = serde_json::from_str(&again.stdout)?;
    ensure!(
        report["applied"] == json!([]),
        "a second setup changes {report}"
    );
    ensure!(
        digest(&machine, KEYSTORE)? == key,
        "the validator key changed"
    );
    Ok(())
}

/// Another machine, whose agents should help, distinguishes the broker from a port without one.
fn agents_elsewhere(context: &Context, prover: &Machine) -> Result<()> {
    let machine = context.boot_with_kit("roles-agent")?;
    let broker_check = |port: u16, status: &str, message_part: &str| -> Result<()> {
        let url = format!("http://{}:{port}", prover.ip());
        let args = [
            "preflight",
            "--with-prover-agent",
            "--broker-url",
            &url,
            "--json",
        ];
        let output = Kit(&machine).run(&args)?;
        let report: Value = serde_json::from_str(&output.stdout)?;
        let mut findings = report["findings"].as_array().into_iter().flatten();
        let broker = findings.find(|found| found["id"] == "broker");
        let broker = broker.with_context(|| format!("no finding about {url}"))?;
        let message = said(broker);
        ensure!(
            broker["severity"] == status && message.contains(message_part),
            "{url}: {broker}"
        );
        Ok(())
    };
    broker_check(8180, "warn", "repeat their requests")?;
    let config = "/etc/aztec/kit.toml";
    let mut text = prover.read(config)?;
    for port in [8180, 8080] {
        let rule = format!(
            "\n[[firewall.allow]]\nport = {port}\nfrom = \"{}\"\n",
            machine.ip()
        );
        text.push_str(&rule);
    }
    prover.write(config, &text, 0o600)?;
    let changed = applied(&Kit(prover).json(&["apply", "--yes", "--json"], 0)?)?;
    ensure!(
        changed == ["nft_table[inet aztec_kit_private]"],
        "{changed:?} were changed"
    );
    broker_check(8180, "pass", "a prover broker of Aztec 4.1.2")?;
    broker_check(8080, "fail", "an Aztec 4.1.2 process, but not a broker")?;
    broker_check(8181, "warn", "repeat their requests")
}

fn listens(machine: &Machine, who: &str, port: u16, method: &str) -> Result<()> {
    sh::wait_for(&format!("{who} answers {method}"), LISTENS, || {
        rpc(machine, port, method, json!([]))
    })
    .map(drop)
}

fn status(machine: &Machine, who: &str, port: u16) -> Result<()> {
    let url = format!("http://127.0.0.1:{port}/status");
    sh::wait_for(&format!("{who} answers /status"), LISTENS, || {
        let output = machine.exec(&[
            "curl",
            "--silent",
            "--max-time",
            "5",
            "--output",
            "/dev/null",
            "--write-out",
            "%{http_code}",
            &url,
        ])?;
        Ok((output.stdout.trim() == "200").then_some(()))
    })
}

/// The processes that know the progress of the chain: unit, port, method.
type Witness = (&'static str, u16, &'static str);
const NODE: Witness = ("aztec-prover-node", 8080, "node_getL2Tips");
const ARCHIVER: Witness = ("aztec-archiver", 8580, "archiver_getL2Tips");

/// One tip, counted in blocks, grows.
fn advances(machine: &Machine, witness: Witness, tip: &str) -> Result<()> {
    let (unit, port, method) = witness;
    let number = || -> Result<Option<u64>> {
        let tips = rpc(machine, port, method, json!([]))?.unwrap_or_default();
        Ok(tips[tip]["block"]["number"].as_u64())
    };
    let mut first = None;
    sh::wait_for(&format!("{method}: {tip} advances"), PROVEN, || {
        let Some(now) = number()? else {
            return Ok(None);
        };
        let first = *first.get_or_insert(now);
        Ok((now > first).then_some(()))
    })
    .with_context(|| {
        let log = machine.shell(&format!("journalctl --unit {unit} --lines 20 --no-pager"));
        format!("{unit} says:\n{}", log.unwrap_or_default())
    })
}

/// A block that is not empty.
fn transactions(machine: &Machine) -> Result<()> {
    sh::wait_for("the bot's transactions are mined", TRANSACTIONS, || {
        let Some(tips) = rpc(machine, 8080, "node_getL2Tips", json!([]))? else {
            return Ok(None);
        };
        let newest = tips["proposed"]["number"].as_u64().unwrap_or(0);
        let from = newest.saturating_sub(9).max(1);
        let blocks = rpc(machine, 8080, "node_getBlocks", json!([from, 10]))?.unwrap_or_default();
        let mined = blocks.as_array().into_iter().flatten().any(|block| {
            block["body"]["txEffects"]
                .as_array()
                .is_some_and(|effects| !effects.is_empty())
        });
        Ok(mined.then_some(()))
    })
    .with_context(|| {
        let log = machine.shell("journalctl --unit aztec-bot --lines 30 --no-pager");
        format!("the bot says:\n{}", log.unwrap_or_default())
    })
}
