//! The L1 of a local network: anvil with its state on disk, and the Aztec contracts on it.

use std::path::Path;

use provision::engine::Resource;
use provision::kinds::{Directory, Lock, NpmTree, Owner, Unit};
use provision::systemd::Value;

use super::base;
use super::draft::Draft;
use super::local;
use super::running::Running;
use crate::container::{self, Container};
use crate::data;
use crate::kinds::{Birth, Contracts, Kind};
use crate::layout::{self, ACCOUNT, Layout};
use crate::names::{Role, Runtime, port, units};
use crate::runtime::Choice;
use crate::settings::{Local, Settings};
use crate::unit::UnitText;

/// Seconds between two copies of the state on disk: the whole state is written each time.
const STATE_INTERVAL: u32 = 30;

/// How far behind the clock a local L1 begins, seconds. By then the lag of the validator set has passed (two epochs of two
/// slots, and the rest of one). It is less than the 300 s after which a node calls its L1 stale, in case a node starts
/// too early.
const BORN_BEFORE: u32 = 250;

/// How an L1 makes blocks before its birth: at once for each transaction, and in addition one a second. Several may have
/// the same time. Transactions alone are not enough: anvil then sometimes leaves a part of a batch in its pool, and forge waits
/// for it for 50 s (the head of l1-contracts/scripts/forge_broadcast.js of 4.1.2; seen here). Intervals alone are not enough,
/// however short: forge polls for its receipts so rarely that the contracts take three times as long.
const UNBORN_MINING: &str = "--block-time 1 --mixed-mining";

/// A fast chain; the slot must be a multiple of the L1's, and the sequencer of 4.1.2 needs three of them for one block
/// (its log: `Sequencer timetable initialized with 1 blocks per slot`).
///
/// The rollup prunes blocks that are not proven in time, back to its last proof, and a local network may not have a
/// prover. For this reason, that time is as long as possible, 22 days. A longer one breaks the prover node: its timer for
/// the deadline of an epoch overflows at 2^31 ms, and it gives up every job at once.
const PARAMETERS: &[(&str, &str)] = &[
    ("AZTEC_SLOT_DURATION", "12"),
    ("AZTEC_EPOCH_DURATION", "2"),
    ("ETHEREUM_SLOT_DURATION", "4"),
    ("AZTEC_TARGET_COMMITTEE_SIZE", "1"),
    ("AZTEC_LAG_IN_EPOCHS_FOR_VALIDATOR_SET", "2"),
    ("AZTEC_LAG_IN_EPOCHS_FOR_RANDAO", "1"),
    ("AZTEC_PROOF_SUBMISSION_EPOCHS", "40000"),
];

/// Runs the L1 until its chain is born.
pub(crate) const BIRTH_UNIT: &str = "aztec-l1-birth.service";

/// The state of the L1 in its home, and the state before its birth.
const STATE: &str = "state.json";
const UNBORN: &str = "unborn.json";

/// Adds it, with the birth of its chain and the contracts on it.
pub(crate) fn add(draft: &mut Draft<'_>, local: &Local) {
    let (settings, base) = (draft.settings, draft.base);
    let layout = settings.layout();
    let own = || Owner::new(ACCOUNT, ACCOUNT, 0o750);
    let home = draft.add(Directory::new(&layout.l1(), own()), [base.data.clone()]);
    // anvil has no beacon node, so the processes of this network exchange blobs here.
    draft.add(Directory::new(&layout.blobs(), own()), [base.data.clone()]);
    let foundry = data::foundry();
    let root = Path::new(layout::OPT).join("foundry-versions");
    let versions = draft.add(
        Directory::new(&root, Owner::root(0o755)),
        [base.opt.clone()],
    );
    let tools = draft.add(
        NpmTree {
            name: "foundry".into(),
            version: foundry.version.clone(),
            root,
            link: layout::FOUNDRY.into(),
            manifest: foundry.manifest.into(),
            lock: Lock::carried(foundry.lock),
            prune: Vec::new(),
            without_peers: false,
            check: vec![ANVIL.into(), "--version".into()],
        },
        [versions, base.packages.clone()],
    );
    let mut text = unit_text(
        settings,
        &layout,
        STATE,
        &format!("--block-time {}", local::L1_SLOT),
    );
    text.ready = Some(first_block(settings.port(&port::L1)));
    text.on = Some(base.disk.clone());
    let unit = Unit {
        name: units::L1.into(),
        text: text.render(ACCOUNT),
        instances: Vec::new(),
    };
    draft.add(unit.clone(), []);
    let contracts = contracts(settings, local, &layout, &base.choice);
    let mut birth = Birth {
        state: layout.l1().join(STATE),
        unborn: layout.l1().join(UNBORN),
        service: units::L1.into(),
        unit: BIRTH_UNIT.into(),
        text: birth_text(settings, &layout),
        contracts: contracts.clone(),
        stake: None,
        funding: None,
    };
    let mut before = vec![tools.clone(), home.clone()];
    before.extend([base.release.clone(), base.etc.clone()]);
    // The keys of the accounts on the chain come before the chain.
    if settings.has(Role::Sequencer) {
        birth.stake = Some(local::stake(local));
        before.push(Kind::from(local::validator_key()).id());
    }
    if settings.has(Role::Prover) {
        birth.funding = Some(local::funding(local));
        before.push(Kind::from(local::prover_key()).id());
    }
    let birth = draft.with_services(birth, before);
    let service = draft.run(Running {
        name: units::L1.into(),
        unit,
        inputs: vec![(tools, layout::FOUNDRY.into())],
        after: vec![home, birth],
    });
    draft.with_services(contracts, [service, base.release.clone(), base.etc.clone()]);
}

const ANVIL: &str = "node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil";
const FORGE: &str = "node_modules/@foundry-rs/forge-linux-amd64/bin/forge";

/// The unit of an L1 that keeps its state in this file of its home, and makes blocks as these arguments say.
fn unit_text(settings: &Settings, layout: &Layout, state: &str, mining: &str) -> UnitText {
    let home = layout.l1();
    let exec = Value::text(anvil(settings, &home.join(state), mining));
    UnitText {
        environment: vec![("HOME".into(), Value::word(home.display()))],
        writable: vec![home.clone()],
        // 128 + signal, as a shell reports it.
        stopped: vec![143, 130],
        // It writes its whole state when it stops.
        stop_seconds: 60,
        ..UnitText::new("Local Ethereum for Aztec (anvil)".into(), home, exec)
    }
}

fn anvil(settings: &Settings, state: &Path, mining: &str) -> String {
    format!(
        "{} --silent --host 127.0.0.1 --port {} --chain-id {} {mining} --slots-in-an-epoch 1 \
         --state {} --state-interval {STATE_INTERVAL}",
        Path::new(layout::FOUNDRY).join(ANVIL).display(),
        settings.port(&port::L1),
        settings.network.l1_chain_id,
        state.display(),
    )
}

/// Waits until the L1 answers, and makes it mine a block at once. Its newest block is as old as its last stop. A node that
/// starts before the next block ends with a revert of `getCommitteeAt` (4.1.2), whose epoch is in the future of that block.
///
/// It uses bash, which every Debian has, because curl is not on every host.
fn first_block(port: u16) -> Value {
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"evm_mine","params":[]}"#;
    let script = format!(
        "for i in {{1..3000}}; do {{ exec 3<>/dev/tcp/127.0.0.1/{port}; }} 2>/dev/null && break; sleep 0.02; \
         done; echo \"POST / HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\" >&3; \
         echo -n $0 >&3; read -r line <&3; [[ $line == *200* ]]",
        length = call.len(),
    );
    Value::words([
        "/bin/bash".into(),
        "-c".into(),
        Value::script(script),
        Value::argument(call),
    ])
}

/// The L1 until its birth: the same, behind the clock and without waiting for blocks.
fn birth_text(settings: &Settings, layout: &Layout) -> String {
    let mut text = unit_text(settings, layout, UNBORN, UNBORN_MINING);
    let anvil = anvil(settings, &layout.l1().join(UNBORN), UNBORN_MINING);
    let script = format!("exec {anvil} --timestamp $(($(date +%s) - {BORN_BEFORE}))");
    text.exec = Value::words(["/bin/sh".into(), "-c".into(), Value::argument(script)]);
    text.render(ACCOUNT)
}

fn contracts(settings: &Settings, local: &Local, layout: &Layout, choice: &Choice) -> Contracts {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let native = choice.runtime == Runtime::Native;
    let runtime = if native { base::RUNTIME } else { &[] };
    let parameters = PARAMETERS.iter().chain(runtime).map(owned).collect();
    let container = Container {
        engine: choice.engine,
        name: "aztec-contracts".into(),
        slice: None,
        writable: vec![layout.l1()],
        readable: Vec::new(),
        passed: Vec::new(),
        env: Vec::new(),
        scratch: "/tmp".into(),
        scratch_variables: container::scratch_variables(&settings.release),
        memory: container::MEMORY,
        stop_seconds: 10,
        command: Vec::new(),
    };
    Contracts {
        url: local.l1.expose().to_string(),
        chain_id: settings.network.l1_chain_id,
        record: layout::contracts_env(),
        owner: Owner::new("root", ACCOUNT, 0o640),
        command: if native {
            base::command()
        } else {
            container::node()
        },
        container: (!native).then_some(container),
        forge: Path::new(layout::FOUNDRY).join(FORGE),
        home: layout.l1(),
        user: ACCOUNT.into(),
        parameters,
    }
}
