//! A key that `keys new` made is taken by the real contract, loaded by the real node, and makes blocks.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::support::{Kit, chain_advances, invocations, restarted, rpc};
use super::{Context, KIT, chain};
use crate::machine::Machine;
use crate::sh;

/// Who deploys on a local network and owns the staking asset: anvil's first account, whose key anvil has.
const DEPLOYER: &str = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266";
/// Nobody else's, so that it tells whose blocks are whose.
const COINBASE: &str = "0x00000000000000000000000000000000c01ba5e0";
const MNEMONIC: &str = "/root/mnemonic";
const SERVICE: &str = "aztec-sequencer.service";

/// A block of the L1 every 4 s.
const MINED: Duration = Duration::from_secs(180);
/// The committee of an epoch, 24 s, is drawn from the validators of two epochs earlier.
const ITS_TURN: Duration = Duration::from_secs(480);

/// What is public of the new validator.
struct Made {
    attester: String,
    publisher: String,
}

pub(super) fn run(context: &Context) -> Result<()> {
    let machine = chain::boot(context, "keys")?;
    let kit = Kit(&machine);
    let made = new_keys(&machine)?;
    same_keys_from_the_mnemonic(&machine, &made)?;
    kit.run(&["keys", "check"])?.expect(0)?;

    let pending = pending(kit)?;
    ensure!(
        pending.len() == 1
            && pending[0].contains("started before directory[/etc/aztec/keystore] changed"),
        "another keystore is no pending restart alone: {pending:?}"
    );
    // The node keeps account of who signed.
    machine.shell("printf '\\n[env]\\nSENTINEL_ENABLED = \"true\"\\n' >>/etc/aztec/kit.toml")?;
    let before = invocations(&machine)?;
    kit.apply()?;
    let again = restarted(&before, &invocations(&machine)?);
    ensure!(again == [SERVICE], "another keystore restarts {again:?}");
    kit.in_sync()?;
    loaded(&machine, &made)?;
    nothing_leaks(&machine)?;

    judged_by_the_real_chain(&machine, &made)?;
    stake(&machine, &made)?;
    let before = invocations(&machine)?;
    let changed = kit.apply()?;
    let again = restarted(&before, &invocations(&machine)?);
    ensure!(
        changed.is_empty() && again.is_empty(),
        "a second apply changes {changed:?} and restarts {again:?}"
    );
    leave_it_alone(&machine, &made)?;
    makes_blocks(&machine, &made)?;
    chain_advances(&machine, 1)
}

fn new_keys(machine: &Machine) -> Result<Made> {
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
    Ok(Made {
        attester: of("/attesters/0/attester")?,
        publisher: of("/attesters/0/publishers/0")?,
    })
}

/// What is lost with the host comes back from its words.
fn same_keys_from_the_mnemonic(machine: &Machine, made: &Made) -> Result<()> {
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
        attester == made.attester,
        "{listed} instead of {}",
        made.attester
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

/// The node says whose keys it has, and systemd has handed them over.
fn loaded(machine: &Machine, made: &Made) -> Result<()> {
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
                line.to_lowercase().contains(&made.attester),
                "not {}: {line}",
                made.attester
            );
            Ok(Some(()))
        },
    )?;
    let handed = machine.shell(&format!("ls /run/credentials/{SERVICE}"))?;
    ensure!(
        handed
            .split_whitespace()
            .eq(["keystore_mine.json", "keystore_validator.json"]),
        "the service has the credentials {handed}"
    );
    Ok(())
}

fn log_of_this_run(machine: &Machine) -> Result<String> {
    machine.shell(&format!(
        "journalctl --no-pager _SYSTEMD_INVOCATION_ID=$(systemctl show --property=InvocationID --value {SERVICE})"
    ))
}

/// Neither the node nor the kit has put a key, the words, or the key of the admin API into the journal.
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

/// To somebody who would start a second sequencer with these keys, chain and node say who signs already.
fn judged_by_the_real_chain(machine: &Machine, made: &Made) -> Result<()> {
    let registry = registry(machine)?;
    let described = format!(
        "network = \"mine\"\n[l1]\nrpc_urls = [\"http://127.0.0.1:8545\"]\n\
         consensus_urls = [\"http://127.0.0.1:8545\"]\n[sequencer]\nenabled = true\n\
         [networks.mine]\nl1_chain_id = 31337\nrelease = \"4.1.2\"\nregistry = \"{registry}\"\n"
    );
    machine.shell("mv /etc/aztec/kit.toml /root/kit.toml")?;
    machine.write("/etc/aztec/kit.toml", &described, 0o600)?;
    let mut said = Value::Null;
    // Two epochs of two slots have to be watched first.
    let signs = sh::wait_for("a node that saw the validator sign", ITS_TURN, || {
        let output = Kit(machine).run(&["preflight", "--json"])?;
        said = serde_json::from_str(&output.stdout).with_context(|| output.stderr)?;
        let signers: Vec<_> = said["findings"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|finding| finding["id"] == "signer")
            .collect();
        ensure!(signers.len() == 2, "not two attesters are judged: {said}");
        let of = |new: bool| {
            let mut signers = signers.iter();
            signers.find(|finding| {
                new == finding["subject"]
                    .to_string()
                    .to_lowercase()
                    .contains(&made.attester)
            })
        };
        let (Some(new), Some(old)) = (of(true), of(false)) else {
            return Ok(None);
        };
        ensure!(
            new["status"] == "pass" && new["message"].to_string().contains("not registered"),
            "a new key is not free: {new}"
        );
        ensure!(
            old["status"] == "fail",
            "a validator that signs is free: {old}"
        );
        Ok(old["message"]
            .to_string()
            .contains("it signed in slot")
            .then_some(()))
    });
    machine.shell("mv /root/kit.toml /etc/aztec/kit.toml")?;
    signs.with_context(|| said.to_string())
}

fn registry(machine: &Machine) -> Result<String> {
    let registry = machine.shell(". /etc/aztec/contracts.env; echo $REGISTRY_CONTRACT_ADDRESS")?;
    Ok(registry.trim().to_owned())
}

/// Registers it with nothing but what `staker-output` prints, as the staking dashboard does.
fn stake(machine: &Machine, made: &Made) -> Result<()> {
    let entries = Kit(machine).json(&["keys", "staker-output", "--attester", &made.attester], 0)?;
    let entry = &entries[0];
    ensure!(
        entries.as_array().is_some_and(|entries| entries.len() == 1),
        "{entries}"
    );
    let word = |pointer: &str| -> Result<String> {
        let text = entry.pointer(pointer).and_then(Value::as_str);
        let text = text.with_context(|| format!("no {pointer} in {entry}"))?;
        Ok(format!("{:0>64}", text.trim_start_matches("0x")))
    };
    let tuple = [
        "/publicKeyG1/x",
        "/publicKeyG1/y",
        "/publicKeyG2/x0",
        "/publicKeyG2/x1",
        "/publicKeyG2/y0",
        "/publicKeyG2/y1",
        "/proofOfPossession/x",
        "/proofOfPossession/y",
    ];
    let tuple = tuple
        .iter()
        .map(|pointer| word(pointer))
        .collect::<Result<String>>()?;
    let attester = word("/attester")?;
    let rollup = address(&call(machine, &registry(machine)?, "971b0e6b")?);
    let asset = address(&call(machine, &rollup, "a011f6a9")?);
    let amount = call(machine, &rollup, "aa10df4c")?;

    for account in [&made.attester, &made.publisher] {
        rpc(
            machine,
            8545,
            "anvil_setBalance",
            json!([account, "0x8ac7230489e80000"]),
        )?;
    }
    let padded = |address: &str| format!("{:0>64}", address.trim_start_matches("0x"));
    send(
        machine,
        &asset,
        &format!("40c10f19{}{amount}", padded(DEPLOYER)),
    )
    .context("mint")?;
    send(
        machine,
        &asset,
        &format!("095ea7b3{}{amount}", padded(&rollup)),
    )
    .context("approve")?;
    let deposit = format!("6902c67b{attester}{attester}{tuple}{:064}", 1);
    send(machine, &rollup, &deposit).context("deposit")?;
    // The proof of possession is verified when the queue is flushed: a wrong one is thrown out there.
    let status = || call(machine, &rollup, &format!("30ccebb5{attester}"));
    sh::wait_for("the contract takes the validator", ITS_TURN, || {
        if !call(machine, &rollup, "2980c31e")?
            .bytes()
            .all(|digit| digit == b'0')
        {
            send(machine, &rollup, "1d934975").context("flush")?;
        }
        Ok(status()?.ends_with('1').then_some(()))
    })
}

/// Takes every other validator out, so that the new one is drawn for certain, and not only in every second epoch.
fn leave_it_alone(machine: &Machine, made: &Made) -> Result<()> {
    let rollup = address(&call(machine, &registry(machine)?, "971b0e6b")?);
    let listed = Kit(machine).json(&["keys", "list", "--json"], 0)?;
    let attesters = listed["attesters"].as_array().into_iter().flatten();
    let attesters = attesters.filter_map(|listed| listed["attester"].as_str());
    let mut left = 0;
    for attester in attesters.filter(|other| !other.eq_ignore_ascii_case(&made.attester)) {
        let other = format!("{:0>64}", attester.trim_start_matches("0x"));
        let recipient = format!("{:0>64}", DEPLOYER.trim_start_matches("0x"));
        // initiateWithdraw(address,address), which is for the withdrawer to send: of a local validator itself.
        rpc(machine, 8545, "anvil_impersonateAccount", json!([attester]))?;
        let withdraw = format!("ee3b8dc2{other}{recipient}");
        send_as(machine, attester, &rollup, &withdraw).context("withdraw")?;
        let status = call(machine, &rollup, &format!("30ccebb5{other}"))?;
        ensure!(!status.ends_with('1'), "{attester} is still validating");
        left += 1;
    }
    ensure!(left == 1, "{left} validators left, and not one: {listed}");
    Ok(())
}

/// A view of a contract: the word it answers, as 64 digits.
fn call(machine: &Machine, to: &str, data: &str) -> Result<String> {
    let answer = rpc(
        machine,
        8545,
        "eth_call",
        json!([{"to": to, "data": format!("0x{data}")}, "latest"]),
    )?;
    let answer = answer.with_context(|| format!("{to} does not answer {data}"))?;
    let word = answer.as_str().unwrap_or_default().trim_start_matches("0x");
    ensure!(word.len() == 64, "{to} answers {answer}");
    Ok(word.to_owned())
}

fn address(word: &str) -> String {
    format!("0x{}", &word[24..])
}

/// Sends a transaction of the deployer and waits until it is mined.
fn send(machine: &Machine, to: &str, data: &str) -> Result<()> {
    send_as(machine, DEPLOYER, to, data)
}

fn send_as(machine: &Machine, from: &str, to: &str, data: &str) -> Result<()> {
    let transaction =
        json!({"from": from, "to": to, "data": format!("0x{data}"), "gas": "0xb71b00"});
    let hash = rpc(machine, 8545, "eth_sendTransaction", json!([transaction]))?;
    let hash = hash.context("the L1 does not take the transaction")?;
    let receipt = sh::wait_for("a transaction is mined", MINED, || {
        let receipt = rpc(machine, 8545, "eth_getTransactionReceipt", json!([hash]))?;
        Ok(receipt.filter(|receipt| !receipt.is_null()))
    })?;
    ensure!(receipt["status"] == "0x1", "it reverts: {receipt}");
    Ok(())
}

/// Blocks with its coinbase, checkpoints with its signature, and transactions of its publisher.
fn makes_blocks(machine: &Machine, made: &Made) -> Result<()> {
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
        let history = stats["stats"][&made.attester]["history"]
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
        json!([made.publisher, "latest"]),
    )?;
    ensure!(
        sent.as_ref().is_some_and(|sent| sent != "0x0"),
        "its publisher sent nothing: {sent:?}"
    );
    Ok(())
}
