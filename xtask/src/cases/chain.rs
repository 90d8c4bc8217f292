//! A root on which a local network with a validator runs: the result of `setup` on a pristine host.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::support::{
    KEYSTORE, Kit, Listing, SETUP, applied, chain_advances, digest, invocations, restarted, rpc,
};
use super::{Context, KIT};
use crate::machine::{Machine, Options, Root};
use crate::sh;

/// Increase this if [`from_scratch`] has another result with the same binary.
const RECIPE: &str = "1";

/// A start of the release on a busy machine, and the sync of a few blocks.
const SYNCED: Duration = Duration::from_secs(480);

/// The deployer and staker of a local network: anvil's first account.
const DEPLOYER: &str = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";

/// Boots a machine of the root, with the binary of this checkout.
pub(super) fn boot(context: &Context, name: &str) -> Result<Machine> {
    boot_with(context, name, context.options()?)
}

/// The same with other options.
pub(super) fn boot_with(context: &Context, name: &str, options: Options) -> Result<Machine> {
    let machine = Machine::boot_with(&root(context)?, name, options)?;
    if any() {
        context.push_kit(&machine)?;
        Kit(&machine).apply()?;
    }
    Ok(machine)
}

/// The root, made by the binary of this checkout. Another binary makes another one, so that a setup from scratch runs
/// once for every binary. With `AZTEC_KIT_ANY_CHAIN` the chain of any binary will do, which saves minutes while a case
/// is written.
pub(super) fn root(context: &Context) -> Result<Root> {
    let binary = if any() {
        "any".to_owned()
    } else {
        let binary = std::fs::read(&context.binary)
            .with_context(|| format!("{}", context.binary.display()))?;
        const_hex::encode(Sha256::digest(binary))
    };
    Root::layered_with(
        &context.root()?,
        if any() { "any-chain" } else { "local-chain" },
        &format!("{RECIPE} {binary}"),
        context.options()?,
        |machine| {
            context.push_kit(machine)?;
            from_scratch(machine)
        },
    )
}

fn any() -> bool {
    std::env::var_os("AZTEC_KIT_ANY_CHAIN").is_some()
}

fn from_scratch(machine: &Machine) -> Result<()> {
    let kit = Kit(machine);
    let untouched = Listing::of(machine)?;
    // A preflight without a failure exits with 0, with or without warnings.
    let report = kit.json(&["preflight", "--json"], 0)?;
    let checks = report["findings"]
        .as_array()
        .with_context(|| format!("the preflight has no findings: {report}"))?;
    ensure!(!checks.is_empty(), "the preflight checks nothing");
    for check in checks {
        let known = ["pass", "warn"]
            .map(Value::from)
            .contains(&check["severity"]);
        let is_complete = check["id"].is_string() && check["seen"].is_string();
        ensure!(
            known && is_complete,
            "the preflight of a pristine host: {check}"
        );
    }
    untouched.still(machine, "`preflight`")?;

    let mut dry = SETUP.to_vec();
    dry.push("--dry-run");
    let plan = kit.run(&dry)?;
    ensure!(
        [0, 3].contains(&plan.status),
        "`setup --dry-run` ends with {}: {}",
        plan.status,
        plan.stderr
    );
    ensure!(!plan.stdout.is_empty(), "`setup --dry-run` shows no plan");
    untouched.still(machine, "`setup --dry-run`")?;
    ensure!(
        !machine.exists("/var/lib/aztec-kit")?,
        "`setup --dry-run` makes /var/lib/aztec-kit"
    );

    let argv = [&[KIT], SETUP].concat();
    let output = machine.exec_ok(&argv)?;
    let report: Value = serde_json::from_str(&output.stdout)
        .with_context(|| format!("`setup --json` printed {}", output.stdout))?;
    let changed = applied(&report)?;
    ensure!(
        changed.len() > 10,
        "a setup from scratch only changed {changed:?}"
    );
    // The verdict of aztec-kit must agree with the state of the chain.
    chain_advances(machine, 2)?;
    kit.smoke_ok()?;
    stays(machine)
}

/// A second setup finds nothing to do, and does nothing.
pub(super) fn stays(machine: &Machine) -> Result<()> {
    let kit = Kit(machine);
    let key = digest(machine, KEYSTORE)?;
    kit.in_sync()?;
    let before = (invocations(machine)?, journal_size(machine)?);
    let sent = nonce(machine)?;
    let report = kit.json(SETUP, 0)?;
    let changed = applied(&report)?;
    ensure!(
        changed.is_empty(),
        "a second setup changes {}",
        changed.join(", ")
    );
    let after = (invocations(machine)?, journal_size(machine)?);
    let again = restarted(&before.0, &after.0);
    ensure!(again.is_empty(), "a second setup restarts {again:?}");
    ensure!(
        before.1 == after.1,
        "a second setup writes into the journal: {} and then {}",
        before.1,
        after.1
    );
    let later = nonce(machine)?;
    ensure!(
        sent == later && later != 0,
        "a second setup sends transactions: the nonce goes from {sent} to {later}"
    );
    ensure!(
        digest(machine, KEYSTORE)? == key,
        "a second setup makes another key"
    );
    kit.in_sync()
}

fn journal_size(machine: &Machine) -> Result<String> {
    machine.shell("find /var/lib/aztec-kit -name 'journal*' -printf '%f %s\\n' | sort | grep .")
}

fn nonce(machine: &Machine) -> Result<u64> {
    let count = rpc(
        machine,
        8545,
        "eth_getTransactionCount",
        json!([DEPLOYER, "latest"]),
    )?;
    let count = count.context("the L1 does not answer")?;
    let digits = count.as_str().and_then(|text| text.strip_prefix("0x"));
    let digits = digits.with_context(|| format!("a nonce of {count}"))?;
    Ok(u64::from_str_radix(digits, 16)?)
}

/// Waits until the node of this host has this block, with its checkpoint on the L1. Returns the newest block.
pub(super) fn checkpointed(machine: &Machine, block: u64) -> Result<u64> {
    sh::wait_for(&format!("the node has block {block}"), SYNCED, || {
        let tips = rpc(machine, 8080, "node_getL2Tips", json!([]))?.unwrap_or_default();
        let number = tips.pointer("/checkpointed/block/number");
        let number = number.and_then(Value::as_u64);
        Ok(number.filter(|number| *number >= block))
    })
    .with_context(|| {
        let log = machine.shell("journalctl --unit 'aztec-*' --lines 30 --no-pager");
        format!("the node says:\n{}", log.unwrap_or_default())
    })
}

/// The registry of the contracts that aztec-kit deployed here.
pub(super) fn registry(machine: &Machine) -> Result<String> {
    let contracts = machine.shell("cat /etc/aztec/contracts.env")?;
    let mut lines = contracts.lines();
    let registry = lines.find_map(|line| line.strip_prefix("REGISTRY_CONTRACT_ADDRESS="));
    Ok(registry.context("the registry is not recorded")?.to_owned())
}

/// The node of this host reports the local chain with this registry.
pub(super) fn is_of(machine: &Machine, registry: &str) -> Result<()> {
    let info = rpc(machine, 8080, "node_getNodeInfo", json!([]))?.unwrap_or_default();
    let contracts = &info["l1ContractAddresses"];
    let same = contracts["registryAddress"]
        .as_str()
        .is_some_and(|address| address.eq_ignore_ascii_case(registry));
    ensure!(info["l1ChainId"] == 31337 && same, "the node is of {info}");
    Ok(())
}
