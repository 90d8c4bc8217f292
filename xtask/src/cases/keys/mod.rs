//! A key of `keys new`: the real contract accepts it, the real node loads it, and it makes blocks.

mod staking;

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::support::{Kit, chain_advances, invocations, restarted, rpc};
use super::{Context, KIT, chain};
use crate::machine::Machine;
use crate::sh;
use staking::{ITS_TURN, registry, stake, withdraw_others};

/// A coinbase that no other validator has. It identifies the blocks of the new one.
const COINBASE: &str = "0x00000000000000000000000000000000c01ba5e0";
const MNEMONIC: &str = "/root/mnemonic";
const SERVICE: &str = "aztec-sequencer.service";

/// The addresses of the new validator.
struct Validator {
    attester: String,
    publisher: String,
}

pub(super) fn run(context: &Context) -> Result<()> {
    let machine = chain::boot(context, "keys")?;
    let kit = Kit(&machine);
    let new = new_keys(&machine)?;
    same_keys_from_the_mnemonic(&machine, &new)?;
    kit.run(&["keys", "check"])?.expect(0)?;

    let pending = pending(kit)?;
    ensure!(
        pending.len() == 1
            && pending[0].contains("started before directory[/etc/aztec/keystore] changed"),
        "another keystore is not one pending restart: {pending:?}"
    );
    // The sentinel of the node records which validators sign.
    machine.shell("printf '\\n[env]\\nSENTINEL_ENABLED = \"true\"\\n' >>/etc/aztec/kit.toml")?;
    let before = invocations(&machine)?;
    kit.apply()?;
    let again = restarted(&before, &invocations(&machine)?);
    ensure!(again == [SERVICE], "another keystore restarts {again:?}");
    kit.in_sync()?;
    loaded(&machine, &new)?;
    nothing_leaks(&machine)?;

    second_signer(&machine, &new)?;
    stake(&machine, &new.attester, &new.publisher)?;
    let before = invocations(&machine)?;
    let changed = kit.apply()?;
    let again = restarted(&before, &invocations(&machine)?);
    ensure!(
        changed.is_empty() && again.is_empty(),
        "a second apply changes {changed:?} and restarts {again:?}"
    );
    withdraw_others(&machine, &new.attester)?;
    makes_blocks(&machine, &new)?;
    chain_advances(&machine, 1)
}

fn new_keys(machine: &Machine) -> Result<Validator> {
    let report = Kit(machine).json(
        &[
            "keys",
            "new",
            "--publishers",
            "1",
            "--coinbase",
            COINBASE,
            "--name",
            "mine",
            "--mnemonic-file",
            MNEMONIC,
            "--json",
        ],
        0,
    )?;
    ensure!(
        report["file"] == "/etc/aztec/keystore/mine.json",
        "{report}"
    );
    let of = |pointer: &str| -> Result<String> {
        let address = report.pointer(pointer).and_then(Value::as_str);
        let address = address.with_context(|| format!("no {pointer} in {report}"))?;
        Ok(address.to_lowercase())
    };
    Ok(Validator {
        attester: of("/attesters/0/attester")?,
        publisher: of("/attesters/0/publishers/0")?,
    })
}

/// The mnemonic restores keys that are lost with the host.
fn same_keys_from_the_mnemonic(machine: &Machine, new: &Validator) -> Result<()> {
    let words = machine.read(MNEMONIC)?;
    let import = [
        KIT,
        "keys",
        "import",
        "--mnemonic-stdin",
        "--publishers",
        "1",
        "--coinbase",
        COINBASE,
        "--out",
        "/root/again",
    ];
    machine.command(&import).stdin(words).run()?.expect(0)?;
    machine.exec_ok(&[
        "cmp",
        "/etc/aztec/keystore/mine.json",
        "/root/again/key1.json",
    ])?;
    let listed = Kit(machine).json(&["keys", "list", "/root/again", "--json"], 0)?;
    let attester = listed["attesters"][0]["attester"]
        .as_str()
        .unwrap_or_default()
        .to_lowercase();
    ensure!(
        attester == new.attester,
        "{listed} instead of {}",
        new.attester
    );
    machine.shell("rm -r /root/again").map(drop)
}

/// The steps that a plan would take.
fn pending(kit: Kit<'_>) -> Result<Vec<String>> {
    let plan = kit.json(&["plan", "--json"], 0)?;
    let steps = plan["steps"].as_array().context("a plan without steps")?;
    let pending = steps.iter().filter(|step| step["action"] != "keep");
    Ok(pending.map(ToString::to_string).collect())
}

/// The node logs its validators, and systemd has passed the keys as credentials.
fn loaded(machine: &Machine, new: &Validator) -> Result<()> {
    sh::wait_for(
        "the node says which validators it has",
        Duration::from_secs(300),
        || {
            let log = log_of_this_run(machine)?;
            let line = log
                .lines()
                .find(|line| line.contains("Started validator with addresses"));
            let Some(line) = line else { return Ok(None) };
            ensure!(
                line.to_lowercase().contains(&new.attester),
                "not {}: {line}",
                new.attester
            );
            Ok(Some(()))
        },
    )?;
    let credentials = machine.shell(&format!("ls /run/credentials/{SERVICE}"))?;
    ensure!(
        credentials
            .split_whitespace()
            .eq(["keystore_mine.json", "keystore_validator.json"]),
        "the service has the credentials {credentials}"
    );
    Ok(())
}

fn log_of_this_run(machine: &Machine) -> Result<String> {
    machine.shell(&format!(
        "journalctl --no-pager _SYSTEMD_INVOCATION_ID=$(systemctl show --property=InvocationID --value {SERVICE})"
    ))
}

/// No key, no mnemonic, and no admin API key is in the journals of the node and of aztec-kit.
fn nothing_leaks(machine: &Machine) -> Result<()> {
    let keystore: Value = serde_json::from_str(&machine.read("/etc/aztec/keystore/mine.json")?)?;
    let validator = &keystore["validators"][0];
    let keys = [
        &validator["attester"]["eth"],
        &validator["attester"]["bls"],
        &validator["publisher"][0],
    ];
    let mut needles = vec![
        machine.read("/etc/aztec/admin-api-key")?.trim().to_owned(),
        machine.read(MNEMONIC)?.trim().to_owned(),
    ];
    for key in keys {
        let key = key.as_str().context("a key is missing in mine.json")?;
        needles.push(key.trim_start_matches("0x").to_owned());
    }
    machine.write("/run/needles", &(needles.join("\n") + "\n"), 0o600)?;
    let found = machine.shell(
        "{ journalctl --no-pager --quiet; cat /var/lib/aztec-kit/journal.jsonl; } \
         | grep --count --ignore-case --fixed-strings --file=/run/needles || true; rm /run/needles",
    )?;
    ensure!(
        found.trim() == "0",
        "{found} lines of the journals have a secret in them"
    );
    let log = log_of_this_run(machine)?;
    ensure!(
        log.contains("using pre-configured key hash") && !log.contains("new key generated"),
        "the node made an admin key of its own"
    );
    Ok(())
}

/// The search for a second signer, on the real chain and node: the new key is free, and the old one signs.
fn second_signer(machine: &Machine, new: &Validator) -> Result<()> {
    let registry = registry(machine)?;
    let described = format!(
        "network = \"mine\"\n[l1]\nrpc_urls = [\"http://127.0.0.1:8545\"]\n\
         consensus_urls = [\"http://127.0.0.1:8545\"]\n[sequencer]\nenabled = true\n\
         [networks.mine]\nl1_chain_id = 31337\nrelease = \"4.1.2\"\nregistry = \"{registry}\"\n"
    );
    machine.shell("mv /etc/aztec/kit.toml /root/kit.toml")?;
    machine.write("/etc/aztec/kit.toml", &described, 0o600)?;
    let mut report = Value::Null;
    // The node has to watch two epochs of two slots first.
    let signs = sh::wait_for("a node that saw the validator sign", ITS_TURN, || {
        let output = Kit(machine).run(&["preflight", "--json"])?;
        report = serde_json::from_str(&output.stdout).with_context(|| output.stderr)?;
        let signers: Vec<_> = report["findings"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|finding| finding["id"] == "signer")
            .collect();
        ensure!(
            signers.len() == 2,
            "not two findings of attesters: {report}"
        );
        let finding = |is_new: bool| {
            let mut signers = signers.iter();
            signers.find(|finding| {
                is_new
                    == finding["subject"]
                        .to_string()
                        .to_lowercase()
                        .contains(&new.attester)
            })
        };
        let (Some(free), Some(signing)) = (finding(true), finding(false)) else {
            return Ok(None);
        };
        ensure!(
            free["severity"] == "pass" && free["seen"].to_string().contains("not registered"),
            "a new key is not free: {free}"
        );
        ensure!(
            signing["severity"] == "fail",
            "a validator that signs is free: {signing}"
        );
        Ok(signing["seen"]
            .to_string()
            .contains("it signed in slot")
            .then_some(()))
    });
    machine.shell("mv /root/kit.toml /etc/aztec/kit.toml")?;
    signs.with_context(|| report.to_string())
}

/// Blocks with its coinbase, checkpoints with its signature, and transactions of its publisher.
fn makes_blocks(machine: &Machine, new: &Validator) -> Result<()> {
    sh::wait_for("the new validator makes a block", ITS_TURN, || {
        let Some(tips) = rpc(machine, 8080, "node_getL2Tips", json!([]))? else {
            return Ok(None);
        };
        let newest = tips["proposed"]["number"].as_u64().unwrap_or(0);
        let from = newest.saturating_sub(3).max(1);
        let blocks = rpc(machine, 8080, "node_getBlocks", json!([from, 4]))?.unwrap_or_default();
        Ok(blocks
            .to_string()
            .to_lowercase()
            .contains(COINBASE)
            .then_some(()))
    })
    .with_context(|| log_of_this_run(machine).unwrap_or_default())?;
    sh::wait_for("the node counts its signature", ITS_TURN, || {
        let stats = rpc(machine, 8080, "node_getValidatorsStats", json!([]))?.unwrap_or_default();
        let history = stats["stats"][&new.attester]["history"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        Ok(history
            .iter()
            .any(|duty| duty["status"] == "checkpoint-mined")
            .then_some(()))
    })?;
    let sent = rpc(
        machine,
        8545,
        "eth_getTransactionCount",
        json!([new.publisher, "latest"]),
    )?;
    ensure!(
        sent.as_ref().is_some_and(|sent| sent != "0x0"),
        "its publisher sent nothing: {sent:?}"
    );
    Ok(())
}
