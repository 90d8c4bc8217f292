//! The end of a bootstrap checks the L1: a good one on another host passes, and every way to be wrong is reported.
//!
//! The chain is the local one of the root, detached from aztec-kit: an anvil on another host with the same state, and a
//! copy of its blobs. Nothing makes new blocks on it. A node has to find the existing ones.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;

use super::Context;
use super::chain;
use super::support::{Kit, Listing, rpc};
use crate::machine::Machine;
use crate::sh;

const CONFIG: &str = "/etc/aztec/kit.toml";
const BOOTSTRAP: &[&str] = &["bootstrap", "--yes", "--patience", "0"];

/// Detaches the chain from aztec-kit, and copies program and state to other hosts.
const LEAVES: &str = r"
systemctl stop aztec-sequencer aztec-l1
cp --archive /var/lib/aztec/blobs /srv/blobs
cp /opt/aztec/foundry/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil /var/tmp/anvil
cp /var/lib/aztec/l1/state.json /var/tmp/state.json
for at in 9001-anvil 9002-state.json; do
    systemd-run --quiet systemd-socket-activate --listen ${at%%-*} --accept --inetd cat /var/tmp/${at#*-}
done
";

/// One anvil each: the chain, another chain, one with old blocks, and one without Aztec.
const ANVILS: &str = r#"
fetch() {
    for try in $(seq 30); do exec 3<>/dev/tcp/$FROM/$1 && break; sleep 1; done
    cat <&3 >$2
}
fetch 9001 /usr/local/bin/anvil
fetch 9002 /var/tmp/state.json
chmod 755 /usr/local/bin/anvil
anvil() {
    systemd-run --quiet --unit l1-$1 /usr/local/bin/anvil --silent --host 0.0.0.0 --port "$@"
}
anvil 8545 --chain-id 31337 --block-time 4 --slots-in-an-epoch 1 --state /var/tmp/state.json
anvil 8546 --chain-id 1 --block-time 4
anvil 8547 --chain-id 31337 --timestamp 1700000000
anvil 8548 --chain-id 31337 --block-time 4
"#;

pub(super) fn run(context: &Context) -> Result<()> {
    let machine = chain::boot(context, "other-l1")?;
    let block = chain::checkpointed(&machine, 1)?;
    let registry = chain::registry(&machine)?;
    machine.shell(LEAVES)?;
    let l1 = context.boot(&context.root()?, "l1")?;
    let program = l1.command(&["bash", "-euc", ANVILS]);
    program.env("FROM", &machine.ip().to_string()).run()?.ok()?;
    for port in 8545..=8548 {
        sh::wait_for("an L1 answers", Duration::from_secs(180), || {
            rpc(&l1, port, "eth_chainId", json!([]))
        })?;
    }
    let kit_toml = format!(
        "network = \"mine\"\ndata_dir = \"/var/lib/mine\"\n\
         [l1]\nrpc_urls = [\"http://{}:8545\"]\n[p2p]\nip = \"{}\"\n\
         [networks.mine]\nl1_chain_id = 31337\nregistry = \"{registry}\"\nrelease = \"4.1.2\"\n\
         blobs = [\"file:///srv/blobs\"]\n\
         [env]\nPROVER_REAL_PROOFS = \"false\"\nTEST_ACCOUNTS = \"true\"\nSPONSORED_FPC = \"true\"\n\
         ETHEREUM_SLOT_DURATION = \"4\"\n",
        l1.ip(),
        machine.ip()
    );
    machine.write(CONFIG, &kit_toml, 0o600)?;
    let kit = Kit(&machine);
    let done = kit.run(BOOTSTRAP)?.expect(0)?;
    for seen in [
        "chain 31337, head".to_owned(),
        format!("{registry} answers: the canonical rollup is 0x"),
    ] {
        let messages = done.stderr.to_ascii_lowercase();
        ensure!(
            messages.contains(&seen.to_ascii_lowercase()),
            "no `{seen}`: {messages}"
        );
    }
    chain::checkpointed(&machine, block)?;
    chain::is_of(&machine, &registry)?;
    // The unit of the sequencer is gone, and systemd has noticed.
    kit.in_sync()?;
    other_l1s(&machine, &l1, &kit_toml)
}

/// An L1 of another network is refused. A problem that only the chain shows is reported at the end.
fn other_l1s(machine: &Machine, l1: &Machine, kit_toml: &str) -> Result<()> {
    let kit = Kit(machine);
    let at = |port: u16| kit_toml.replace(":8545", &format!(":{port}"));
    for (port, part) in [
        (8546, "it is chain 1, and mine is on chain 31337"),
        (8547, "head 0 is"),
        (8549, "eth_chainId on"),
    ] {
        machine.write(CONFIG, &at(port), 0o600)?;
        let untouched = Listing::of(machine)?;
        let refused = kit.run(BOOTSTRAP)?.expect(2)?;
        ensure!(refused.stderr.contains(part), "{port}: {}", refused.stderr);
        untouched.still(machine, part)?;
    }
    let dead = format!("consensus_urls = [\"http://{}:8549\"]\n[p2p]", l1.ip());
    machine.write(CONFIG, &at(8548).replace("[p2p]", &dead), 0o600)?;
    let report = kit.run(BOOTSTRAP)?.expect(1)?;
    let failed: Vec<_> = report
        .stderr
        .lines()
        .filter(|line| line.contains("fail"))
        .collect();
    ensure!(
        failed.iter().any(|line| line.contains("Aztec registry"))
            && failed.iter().any(|line| line.contains("L1 consensus")),
        "{}",
        report.stderr
    );
    Ok(())
}
