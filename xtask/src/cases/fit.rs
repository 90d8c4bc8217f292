//! The fit of a release and a rollup is reported before anything starts, and the real node agrees.
//!
//! Two deployments of 4.1.2 that fund different accounts have two genesis roots: they stand for two rollups. Each live
//! network has a stand-in for its L1, with its chain id: the chain of the root with its registry, and with the
//! fingerprint of another release in the storage of its rollup.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::Context;
use super::chain;
use super::support::{APPLY, Kit, Listing, rpc};
use crate::machine::Machine;
use crate::sh;

const CONFIG: &str = "/etc/aztec/kit.toml";
/// The live networks: each with its registry in networks.toml, and the port of its stand-in L1.
const LIVE: [(&str, &str, u16); 2] = [
    (
        "mainnet",
        "0x35b22e09ee0390539439e24f06da43d83f90e298",
        18546,
    ),
    (
        "testnet",
        "0xA0BFb1B494FB49041e5c6e8c2C1BE09cD171c6Ba",
        18547,
    ),
];

/// A start. It takes several if the first falls into the first epochs of the rollup (`getCommitteeAt` reverts, 4.1.2).
const FOLLOWS: Duration = Duration::from_secs(300);

/// Detaches the chain from aztec-kit, and starts an L1 for each network.
const L1S: &str = r"
systemctl stop aztec-sequencer aztec-l1
cp /opt/aztec/foundry/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil /usr/local/bin/other-anvil
anvil() {
    cp /var/lib/aztec/l1/state.json /srv/state-$1.json
    systemd-run --quiet --unit l1-$1 /usr/local/bin/other-anvil --silent --port $1 --chain-id $2 \
        --slots-in-an-epoch 1 --state /srv/state-$1.json --block-time 1 --mixed-mining
}
anvil 18545 31337
anvil 18546 1
anvil 18547 11155111
";

/// Deploys once more as aztec-kit does, but without funded accounts.
const DEPLOY: &str = r"
export AZTEC_SLOT_DURATION=12 AZTEC_EPOCH_DURATION=2 ETHEREUM_SLOT_DURATION=4 AZTEC_TARGET_COMMITTEE_SIZE=1
export AZTEC_LAG_IN_EPOCHS_FOR_VALIDATOR_SET=2 AZTEC_LAG_IN_EPOCHS_FOR_RANDAO=1 AZTEC_PROOF_SUBMISSION_EPOCHS=40000
export FOUNDRY_OFFLINE=true HOME=/var/lib/aztec/l1
export PATH=/opt/aztec/foundry/node_modules/@foundry-rs/forge-linux-amd64/bin:$PATH
cd $HOME
setpriv --reuid=aztec --regid=aztec --clear-groups aztec deploy-l1-contracts --json \
    --l1-rpc-urls http://127.0.0.1:18545 --l1-chain-id 31337
";

pub(super) fn run(context: &Context) -> Result<()> {
    let machine = chain::boot(context, "fit")?;
    chain::checkpointed(&machine, 1)?;
    let rich = chain::registry(&machine)?;
    machine.shell(L1S)?;
    for port in [18545, 18546, 18547] {
        sh::wait_for("an L1 answers", Duration::from_secs(60), || {
            rpc(&machine, port, "eth_chainId", json!([]))
        })?;
    }
    live(&machine, &rich)?;
    let poor = deployed(&machine)?;
    two_genesis(&machine, &rich, &poor)
}

fn deployed(machine: &Machine) -> Result<String> {
    let printed = machine.shell(DEPLOY)?;
    let at = printed
        .find('{')
        .context("the deployment printed no JSON")?;
    let deployed: Value = serde_json::from_str(printed[at..].trim())?;
    let registry = deployed["registryAddress"].as_str();
    Ok(registry.context("no registry was deployed")?.to_owned())
}

/// A node follows the one of two rollups that it fits, and is on standby for the other.
fn two_genesis(machine: &Machine, rich: &str, poor: &str) -> Result<()> {
    let kit = Kit(machine);
    let write = |registry: &str, more: &str| {
        let text = format!(
            "network = \"mine\"\ndata_dir = \"/srv/mine\"\n{more}\
             [l1]\nrpc_urls = [\"http://127.0.0.1:18545\"]\n[p2p]\nip = \"{}\"\n\
             [networks.mine]\nl1_chain_id = 31337\nregistry = \"{registry}\"\nrelease = \"4.1.2\"\n\
             blobs = [\"file:///srv/blobs\"]\n\
             [env]\nPROVER_REAL_PROOFS = \"false\"\nETHEREUM_SLOT_DURATION = \"4\"\n\
             BLOB_ALLOW_EMPTY_SOURCES = \"true\"\n",
            machine.ip()
        );
        machine.write(CONFIG, &text, 0o600)
    };
    write(rich, "")?;
    let untouched = Listing::of(machine)?;
    for command in [&["plan", "--json"][..], APPLY] {
        let refused = kit.run(command)?.expect(2)?;
        for word in ["genesis archive root", "TEST_ACCOUNTS = \"true\""] {
            ensure!(
                refused.stderr.contains(word),
                "no `{word}`: {}",
                refused.stderr
            );
        }
    }
    untouched.still(machine, "a release that does not fit")?;

    write(rich, "standby = true\n")?;
    kit.run(APPLY)?.expect(0)?;
    let standby =
        "journalctl --unit aztec-node --boot --no-pager | grep -c 'Entering standby mode' || true";
    sh::wait_for("the node stands by", Duration::from_secs(120), || {
        Ok((machine.shell(standby)?.trim() != "0").then_some(()))
    })?;
    // Waiting for the rollup is not a failure.
    let report = kit.json(&["smoke", "--json"], 0)?;
    ensure!(
        report["severity"] == "pass",
        "a node on standby, as configured: {report}"
    );

    write(poor, "")?;
    kit.run(APPLY)?.expect(0)?;
    let status = kit.json(&["status", "--json"], 0)?;
    ensure!(status["fit"]["verdict"] == "fits", "{}", status["fit"]);
    let rollup = status["fit"]["rollup"].as_str().unwrap_or_default();
    let follows = sh::wait_for("the node follows", FOLLOWS, || {
        rpc(machine, 8080, "node_getNodeInfo", json!([]))
    })?;
    let followed = follows["l1ContractAddresses"]["rollupAddress"].as_str();
    ensure!(
        followed.is_some_and(|followed| followed.eq_ignore_ascii_case(rollup)),
        "it fits {rollup}, and follows {follows}"
    );
    let noted = &kit.json(&["status", "--json"], 0)?["databases"][0]["rollup"];
    ensure!(noted == rollup, "its databases are of {noted}");
    kit.in_sync()
}

/// Gives the L1 on a port the registry of a live network, and its rollup the fingerprint of a release.
fn stand_in(
    machine: &Machine,
    (port, live): (u16, &str),
    registry: &str,
    of: [&str; 3],
) -> Result<()> {
    let call = |method: &str, params: Value| {
        let answer = rpc(machine, port, method, params)?;
        answer.with_context(|| format!("{method} is not answered"))
    };
    let hash = |bytes: &str| -> Result<String> {
        let hash = call("web3_sha3", json!([bytes]))?;
        Ok(hash.as_str().context("no hash")?.to_owned())
    };
    let selector = hash(&format!("0x{}", const_hex::encode("getCanonicalRollup()")))?;
    let params = json!([{"to": registry, "data": &selector[..10]}, "latest"]);
    let rollup = call("eth_call", params)?;
    let rollup = format!("0x{}", &rollup.as_str().context("no rollup")?[26..]);
    // A contract that answers every call with the rollup's address.
    let code = format!("0x73{}5f5260205ff3", &rollup[2..]);
    call("anvil_setCode", json!([live, code]))?;
    let base = hash(&format!("0x{}", const_hex::encode("aztec.stf.storage")))?;
    // The last byte of the storage slot does not overflow when four are added.
    let slot = |more: u8| -> Result<String> {
        let last = u8::from_str_radix(&base[64..], 16)?.checked_add(more);
        let last = last.context("the slot overflows")?;
        Ok(format!("{}{last:02x}", &base[..64]))
    };
    let genesis = hash(&format!("0x{:064x}{}", 0, &slot(1)?[2..]))?;
    for (slot, value) in [(genesis, of[0]), (slot(3)?, of[1]), (slot(4)?, of[2])] {
        call("anvil_setStorageAt", json!([rollup, slot, value]))?;
    }
    Ok(())
}

/// The plan for a live network uses the release of its canonical rollup.
fn live(machine: &Machine, registry: &str) -> Result<()> {
    const SIX: [&str; 3] = [
        "0x29eb2c527f8d45276430363214e6c8d709ef3f657a3670ebac3179373d41e5c4",
        "0x22fff5de6ce590153df4468f7f0b152188a803d91b3c9c648b91d93d5913f219",
        "0x0f54271c52865841a77aaa66036eed901aff22fdce9f08e123ec8b205c9854d7",
    ];
    let kit = Kit(machine);
    let write_for = |network: &str, port: u16, more: &str| {
        let text = format!(
            "network = \"{network}\"\ndata_dir = \"/srv/main\"\n{more}[l1]\nrpc_urls = [\"http://127.0.0.1:{port}\"]\n\
             consensus_urls = [\"http://127.0.0.1:5052\"]\ndebug_urls = [\"http://127.0.0.1:{port}\"]\n\
             [p2p]\nip = \"198.51.100.7\"\n"
        );
        machine.write(CONFIG, &text, 0o600)
    };
    for (network, live, port) in LIVE {
        stand_in(machine, (port, live), registry, SIX)?;
        write_for(network, port, "")?;
        let done = kit.run(&["plan", "--json"])?.expect(0)?;
        let (plan, messages) = (done.stdout, done.stderr);
        ensure!(
            messages.contains("fits the canonical rollup"),
            "{network}: {messages}"
        );
        for word in [
            "azteclabs/aztec",
            "6.0.0",
            "/srv/main/v6/node",
            "ETHEREUM_DEBUG_HOSTS=",
        ] {
            ensure!(
                plan.contains(word),
                "the plan for {network} lacks {word}: {plan}"
            );
        }
    }
    let (network, live, port) = LIVE[0];
    let write = |more: &str| write_for(network, port, more);
    write("release = \"5.2.0\"\n")?;
    let refused = kit.run(&["plan", "--json"])?.expect(2)?;
    for word in ["does not fit", "VK tree root", "release = \\\"6.0.0\\\""] {
        let messages = format!("{}{}", refused.stdout, refused.stderr);
        ensure!(messages.contains(word), "no `{word}`: {messages}");
    }
    write("release = \"5.2.0\"\nstandby = true\n")?;
    kit.run(&["plan", "--json"])?.expect(0)?;
    // The fingerprint of an unknown release.
    stand_in(machine, (port, live), registry, [SIX[2], SIX[0], SIX[1]])?;
    write("release = \"5.2.0\"\n")?;
    let refused = kit.run(&["plan"])?.expect(2)?;
    ensure!(
        refused.stderr.contains("has moved to a release"),
        "{}",
        refused.stderr
    );
    described(machine)?;
    ensure!(!machine.exists("/srv/main")?, "a plan makes directories");
    Ok(())
}

/// A folder on the host is a release. A broken one is refused, with its name and line.
fn described(machine: &Machine) -> Result<()> {
    let kit = Kit(machine);
    let dir = "/etc/aztec/releases/6.9.9";
    machine.shell(&format!("mkdir -p {dir}"))?;
    let write = |text: &str| machine.write(&format!("{dir}/release.toml"), text, 0o644);
    let toml = "network = \"mainnet\"\nrelease = \"6.9.9\"\ndata_dir = \"/srv/main\"\n[l1]\nrpc_urls = [\"http://127.0.0.1:18546\"]\n\
                consensus_urls = [\"http://127.0.0.1:5052\"]\n[p2p]\nip = \"198.51.100.7\"\n";
    machine.write(CONFIG, toml, 0o600)?;
    write(
        "like = \"6.0.0\"\nstop_seconds = 77\n[roles.txe]\nrefused = [{ why = \"it is gone\", instead = \"Take it out.\" }]\n",
    )?;
    let plan = kit.run(&["plan", "--json"])?.expect(0)?.stdout;
    for word in ["6.9.9", "TimeoutStopSec=77"] {
        ensure!(
            plan.contains(word),
            "the plan of a described release lacks {word}: {plan}"
        );
    }
    let checked = kit.json(&["release", "check", dir, "--json"], 0)?;
    ensure!(checked["version"] == "6.9.9", "{checked}");
    let rows = kit.json(&["release", "list", "--json"], 0)?;
    let rows = rows["releases"].as_array().context("no list of releases")?;
    ensure!(rows.iter().any(|row| row["directory"] == dir), "{rows:?}");
    machine.write(CONFIG, &format!("{toml}[txe]\nenabled = true\n"), 0o600)?;
    let refused = kit.run(&["plan"])?.expect(2)?;
    ensure!(refused.stderr.contains("it is gone"), "{}", refused.stderr);
    write("like = \"6.0.0\"\n\nstop_secconds = 77\n")?;
    for command in [&["plan"][..], &["release", "check", dir]] {
        let refused = kit.run(command)?.expect(2)?;
        ensure!(
            refused
                .stderr
                .contains("/etc/aztec/releases/6.9.9/release.toml:3"),
            "{}",
            refused.stderr
        );
    }
    machine.shell(&format!("rm -r {dir}; rmdir /etc/aztec/releases"))?;
    Ok(())
}
