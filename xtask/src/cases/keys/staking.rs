//! The staking contracts of the local network: registering a validator, and withdrawing the others.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::cases::support::{Kit, rpc};
use crate::machine::Machine;
use crate::sh;

/// The deployer of a local network, which owns the staking asset: anvil's first account, whose key anvil has.
const DEPLOYER: &str = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266";
/// The L1 has a block every 4 s.
const MINED: Duration = Duration::from_secs(180);
/// The committee of an epoch, 24 s, is drawn from the validators of two epochs earlier.
pub(super) const ITS_TURN: Duration = Duration::from_secs(480);

/// The registry of the local network.
pub(super) fn registry(machine: &Machine) -> Result<String> {
    let registry = machine.shell(". /etc/aztec/contracts.env; echo $REGISTRY_CONTRACT_ADDRESS")?;
    Ok(registry.trim().to_owned())
}

/// Registers a validator with the output of `staker-output` only, as the staking dashboard does.
pub(super) fn stake(machine: &Machine, attester: &str, publisher: &str) -> Result<()> {
    let entries = Kit(machine).json(&["keys", "staker-output", "--attester", attester], 0)?;
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
    let staker = word("/attester")?;
    let rollup = address(&call(machine, &registry(machine)?, "971b0e6b")?);
    let asset = address(&call(machine, &rollup, "a011f6a9")?);
    let amount = call(machine, &rollup, "aa10df4c")?;

    for account in [attester, publisher] {
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
    let deposit = format!("6902c67b{staker}{staker}{tuple}{:064}", 1);
    send(machine, &rollup, &deposit).context("deposit")?;
    // The proof of possession is verified when the queue is flushed. A wrong one is rejected there.
    let status = || call(machine, &rollup, &format!("30ccebb5{staker}"));
    sh::wait_for("the contract accepts the validator", ITS_TURN, || {
        if !call(machine, &rollup, "2980c31e")?
            .bytes()
            .all(|digit| digit == b'0')
        {
            send(machine, &rollup, "1d934975").context("flush")?;
        }
        Ok(status()?.ends_with('1').then_some(()))
    })
}

/// Withdraws every other validator, so that this one is in every committee, and not only in every second one.
pub(super) fn withdraw_others(machine: &Machine, attester: &str) -> Result<()> {
    let rollup = address(&call(machine, &registry(machine)?, "971b0e6b")?);
    let listed = Kit(machine).json(&["keys", "list", "--json"], 0)?;
    let attesters = listed["attesters"].as_array().into_iter().flatten();
    let attesters = attesters.filter_map(|listed| listed["attester"].as_str());
    let mut withdrawn = 0;
    for leaving in attesters.filter(|other| !other.eq_ignore_ascii_case(attester)) {
        let other = format!("{:0>64}", leaving.trim_start_matches("0x"));
        let recipient = format!("{:0>64}", DEPLOYER.trim_start_matches("0x"));
        // initiateWithdraw(address,address), sent by the withdrawer. That of a local validator is the validator itself.
        rpc(machine, 8545, "anvil_impersonateAccount", json!([leaving]))?;
        let withdraw = format!("ee3b8dc2{other}{recipient}");
        send_as(machine, leaving, &rollup, &withdraw).context("withdraw")?;
        let status = call(machine, &rollup, &format!("30ccebb5{other}"))?;
        ensure!(!status.ends_with('1'), "{leaving} is still validating");
        withdrawn += 1;
    }
    ensure!(
        withdrawn == 1,
        "{withdrawn} validators were withdrawn, not one: {listed}"
    );
    Ok(())
}

/// Calls a view of a contract. Returns the word of its answer, as 64 digits.
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
    let hash = hash.context("the L1 does not accept the transaction")?;
    let receipt = sh::wait_for("a transaction is mined", MINED, || {
        let receipt = rpc(machine, 8545, "eth_getTransactionReceipt", json!([hash]))?;
        Ok(receipt.filter(|receipt| !receipt.is_null()))
    })?;
    ensure!(receipt["status"] == "0x1", "it reverts: {receipt}");
    Ok(())
}
