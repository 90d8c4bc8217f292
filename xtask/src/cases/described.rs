//! A network that aztec-kit does not carry, described in `kit.toml`: a node follows its chain, and before it becomes a
//! sequencer, the check for a second signer reports what the node saw of the attester.
//!
//! The chain is the local one of the root, detached from aztec-kit: anvil and sequencer run under other names,
//! elsewhere on the disk and on other ports. The node has to find their blocks, from the registry and the file store of
//! the description, with an empty data directory.

use std::time::Duration;

use anyhow::Result;
use serde_json::json;

use super::Context;
use super::bad_input::{Refusal, refused};
use super::chain;
use super::stubs;
use super::support::{Kit, rpc};
use crate::machine::Machine;
use crate::sh;

/// Two epochs of two slots, two more until the node judges a slot, and a start. A slot has 12 s.
const WATCHED: Duration = Duration::from_secs(400);

/// Detaches the chain from aztec-kit. anvil is copied, since its package belongs to the L1 of aztec-kit. It runs as
/// another user, since the home of that of aztec-kit moves with its data.
const OTHER_CHAIN: &str = r"
systemctl stop aztec-sequencer aztec-l1
cp /opt/aztec/foundry/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil /usr/local/bin/other-anvil
cp --archive /etc/aztec /srv/etc
cp --archive /var/lib/aztec /srv/chain
useradd --system other
chown --recursive other: /srv/chain
chmod --recursive a+rX /srv/chain
sed -i 's#/var/lib/aztec#/srv/chain#; s#:8545#:18545#' /srv/etc/node.env
printf 'AZTEC_PORT=18080\nAZTEC_ADMIN_PORT=18880\nP2P_PORT=50400\n' >> /srv/etc/node.env
sed 's#/var/lib/aztec#/srv/chain#g; s#/etc/aztec#/srv/etc#; /aztec-l1.service/d; /aztec-node.service/d;
    s#=aztec$#=other#; s#UMask=0077#UMask=0022#' \
    /etc/systemd/system/aztec-sequencer.service > /run/systemd/system/other-sequencer.service
systemd-run --quiet --unit other-l1 /usr/local/bin/other-anvil --silent --host 127.0.0.1 --port 18545 \
    --chain-id 31337 --block-time 4 --slots-in-an-epoch 1 --state /srv/chain/l1/state.json
systemctl daemon-reload
systemctl start other-sequencer
";

pub(super) fn run(context: &Context) -> Result<()> {
    let machine = chain::boot(context, "described")?;
    let block = chain::checkpointed(&machine, 1)?;
    let registry = chain::registry(&machine)?;
    machine.shell(OTHER_CHAIN)?;
    let kit_toml = format!(
        "network = \"mine\"\ndata_dir = \"/srv/mine\"\n\
         [l1]\nrpc_urls = [\"http://127.0.0.1:18545\"]\n[p2p]\nip = \"{}\"\n\
         [networks.mine]\nl1_chain_id = 31337\nregistry = \"{registry}\"\nrelease = \"4.1.2\"\n\
         blobs = [\"file:///srv/chain/blobs\"]\n\
         [env]\nPROVER_REAL_PROOFS = \"false\"\nTEST_ACCOUNTS = \"true\"\nSPONSORED_FPC = \"true\"\n\
         ETHEREUM_SLOT_DURATION = \"4\"\nSENTINEL_ENABLED = \"true\"\n",
        machine.ip()
    );
    machine.write("/etc/aztec/kit.toml", &kit_toml, 0o600)?;
    let kit = Kit(&machine);
    sh::wait_for("the other chain answers", Duration::from_secs(180), || {
        rpc(&machine, 18545, "eth_chainId", json!([]))
    })?;
    kit.run(&["apply", "--yes", "--patience", "0"])?.expect(0)?;
    chain::checkpointed(&machine, block)?;
    chain::is_of(&machine, &registry)?;
    // The unit of the sequencer is gone, and systemd has noticed.
    kit.in_sync()?;
    second_signer(&machine)?;
    kit.in_sync()
}

const SETUP: &str = "setup --with-sequencer --yes --patience 0";

/// The keystore here has the key of the other sequencer: it belonged to aztec-kit until the chain was detached.
fn second_signer(machine: &Machine) -> Result<()> {
    sh::wait_for("the node has watched two epochs", WATCHED, || {
        let stats = rpc(machine, 8080, "node_getValidatorsStats", json!([]))?.unwrap_or_default();
        let slot = |name: &str| stats[name].as_u64();
        let both = slot("lastProcessedSlot").zip(slot("initialSlot"));
        Ok(both.filter(|(last, initial)| *last >= initial + 4))
    })?;
    let running = Refusal {
        what: "a sequencer on the same host",
        command: SETUP,
        parts: &["signer 0x", "another sequencer runs on this host"],
    };
    refused(machine, &running)?;
    // It is killed: a stop in the second in which a checkpoint of its own is mined takes 180 s (its release.toml), and
    // by then it has been silent for too many slots.
    machine
        .shell("systemctl kill --signal=KILL other-sequencer; systemctl stop other-sequencer")?;
    let signed = Refusal {
        what: "an attester that signed a moment ago",
        command: SETUP,
        parts: &[
            "signer 0x",
            "signed in slot",
            "something else signs with it",
            "--only-signer",
        ],
    };
    refused(machine, &signed)?;

    // No node can have seen a key that the rollup does not know.
    machine.shell("mv /etc/aztec/keystore/validator.json /srv/")?;
    machine.write(
        "/etc/aztec/keystore/mine.json",
        &stubs::keystore().to_string(),
        0o600,
    )?;
    let setup: Vec<_> = SETUP.split_whitespace().collect();
    Kit(machine).run(&setup)?.expect(0)?;
    machine.shell(
        "grep --quiet 'not registered' /var/lib/aztec-kit/signers/$(cat /etc/machine-id)/\
         0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266.json && systemctl is-active aztec-sequencer",
    )?;
    Ok(())
}
