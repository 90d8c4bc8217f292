//! The findings of the lint of an environment file, one by one.

use aztec::{Release, Releases};

/// The use of the file.
#[derive(Clone, Copy)]
struct Use {
    release: &'static str,
    local: bool,
    keystore: bool,
}

const LIVE: Use = Use {
    release: "4.1.2",
    local: false,
    keystore: false,
};
const LOCAL: Use = Use {
    local: true,
    ..LIVE
};
const SEQUENCER: Use = Use {
    keystore: true,
    ..LIVE
};
const FIVE: Use = Use {
    release: "5.2.0",
    ..LIVE
};
const FIVE_LOCAL: Use = Use {
    release: "5.2.0",
    ..LOCAL
};
const SIX: Use = Use {
    release: "6.0.0",
    ..LIVE
};
const LATER: Use = Use {
    release: "5.9.0",
    ..LIVE
};

fn release(version: &str) -> Release {
    Releases::carried()
        .release(version, None)
        .expect("a version")
}

fn findings(used: Use, text: &str) -> Vec<String> {
    release(used.release)
        .lint_env(used.local, used.keystore, "node.env", text)
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn reports_each_mistake_and_nothing_else() {
    let cases: &[(Use, &str, &[&str])] = &[
        (LIVE, include_str!("data/env/good.env"), &[]),
        // Unknown names.
        (
            LIVE,
            "PORT=8081\n",
            &["fail: node.env:1: PORT: Aztec 4.1.2 does not read it. Write AZTEC_PORT."],
        ),
        (
            LIVE,
            "# a\n\nL1_CONTRACTS_REGISTRY_ADDRESS=0x1\n",
            &[
                "fail: node.env:3: L1_CONTRACTS_REGISTRY_ADDRESS: Aztec 4.1.2 does not read it. Write REGISTRY_CONTRACT_ADDRESS.",
            ],
        ),
        (
            LIVE,
            "ROLLUP_CONTRACT_ADDRESS=0x1\n",
            &[
                "warn: node.env:1: ROLLUP_CONTRACT_ADDRESS: it does not choose a rollup and becomes a label of metrics: the node follows the rollup of the registry, or of ROLLUP_VERSION. Remove the line.",
            ],
        ),
        (
            LIVE,
            "MY_OWN=1\n",
            &[
                "warn: node.env:1: MY_OWN: Aztec 4.1.2 does not read it. Correct the name, or remove the line.",
            ],
        ),
        (
            LIVE,
            "PXE_PORT=1\n",
            &[
                "warn: node.env:1: PXE_PORT: the PXE is not a server: it runs inside a wallet. Remove the line.",
            ],
        ),
        (
            LATER,
            "P2P_PROT=1\n",
            &[
                "warn: node.env:1: P2P_PROT: Aztec 5.3.0 does not read it. If you mean P2P_PORT, write that.",
            ],
        ),
        // Removed names.
        (
            LIVE,
            "SEQ_TX_POLLING_INTERVAL_MS=1000\n",
            &[
                "fail: node.env:1: SEQ_TX_POLLING_INTERVAL_MS: it was removed in 4.0.0. Write SEQ_POLLING_INTERVAL_MS.",
            ],
        ),
        (
            FIVE,
            "VALIDATOR_REEXECUTE=false\n",
            &[
                "warn: node.env:1: VALIDATOR_REEXECUTE: it was removed after 4.1.2. Remove the line.",
            ],
        ),
        (LIVE, "VALIDATOR_REEXECUTE=false\n", &[]),
        // These have no replacement, and the node would ignore them.
        (
            SIX,
            "ACVM_BINARY_PATH=/opt/acvm\nACVM_WORKING_DIRECTORY=/tmp\n",
            &[
                "fail: node.env:1: ACVM_BINARY_PATH: it was removed in 6.0.0. Write NOIR_EXECUTE_BINARY_PATH.",
                "fail: node.env:2: ACVM_WORKING_DIRECTORY: it was removed in 6.0.0. Write NOIR_EXECUTE_WORKING_DIRECTORY.",
            ],
        ),
        // Names that only one release knows.
        (FIVE, "SEQ_MIN_PEERS_TO_PROPOSE=2\n", &[]),
        (
            LIVE,
            "SEQ_MIN_PEERS_TO_PROPOSE=2\n",
            &[
                "warn: node.env:1: SEQ_MIN_PEERS_TO_PROPOSE: Aztec 4.1.2 does not read it. Correct the name, or remove the line.",
            ],
        ),
        // Empty values.
        (
            LIVE,
            "ETHEREUM_DEBUG_HOSTS=\nNODE_OPTIONS=\"\"\n",
            &[
                "fail: node.env:1: ETHEREUM_DEBUG_HOSTS: it is empty, which the node does not treat as not set. Remove the line, or give it a value.",
                "warn: node.env:2: NODE_OPTIONS: it is empty. Remove the line.",
            ],
        ),
        (
            FIVE,
            "ETHEREUM_DEBUG_HOSTS=\nP2P_ENABLED=\n",
            &[
                "warn: node.env:1: ETHEREUM_DEBUG_HOSTS: it is empty, which counts as not set. Remove the line.",
                "fail: node.env:2: P2P_ENABLED: it is empty, so the node uses its own default and not the network's value. Remove the line, or give it a value.",
            ],
        ),
        (
            FIVE_LOCAL,
            "P2P_ENABLED=\n",
            &[
                "warn: node.env:1: P2P_ENABLED: it is empty, which counts as not set. Remove the line.",
            ],
        ),
        // Lists of names.
        (
            FIVE,
            "PROVER_AGENT_PROOF_TYPES=PARITY_BASE,PARITY_ROOT\n",
            &[],
        ),
        (
            SIX,
            "PROVER_AGENT_PROOF_TYPES=INBOX_PARITY,PARITY_BASE\n",
            &[
                "fail: node.env:1: PROVER_AGENT_PROOF_TYPES: the node knows 1 of its 2 names, and ignores the others without a message. Write names with a comma and no space between. Known: PUBLIC_VM, PUBLIC_CHONK_VERIFIER, PRIVATE_TX_BASE_ROLLUP, PUBLIC_TX_BASE_ROLLUP, TX_MERGE_ROLLUP, BLOCK_ROOT_ROLLUP, BLOCK_ROOT_SINGLE_TX_ROLLUP, BLOCK_ROOT_NO_TXS_ROLLUP, BLOCK_MERGE_ROLLUP, CHECKPOINT_ROOT_ROLLUP, CHECKPOINT_ROOT_SINGLE_BLOCK_ROLLUP, CHECKPOINT_PADDING_ROLLUP, CHECKPOINT_MERGE_ROLLUP, ROOT_ROLLUP, INBOX_PARITY.",
            ],
        ),
        // Consensus.
        (
            LIVE,
            "AZTEC_SLOT_DURATION=36\n",
            &[
                "fail: node.env:1: AZTEC_SLOT_DURATION: all nodes of a live network must agree on it, and the network sets it. Remove the line.",
            ],
        ),
        (
            FIVE,
            "L1_CHAIN_ID=1\n",
            &[
                "fail: node.env:1: L1_CHAIN_ID: all nodes of a live network must agree on it, and the network sets it. Remove the line.",
            ],
        ),
        (LOCAL, "AZTEC_SLOT_DURATION=36\nL1_CHAIN_ID=31337\n", &[]),
        // A keystore.
        (
            LIVE,
            "COINBASE=0x00000000000000000000000000000000000000aa\n",
            &[],
        ),
        (
            SEQUENCER,
            "COINBASE=0x00000000000000000000000000000000000000aa\n",
            &[
                "warn: node.env:1: COINBASE: the node ignores it, because it has a keystore. Set it in the keystore, and remove the line.",
            ],
        ),
        (
            SEQUENCER,
            "VALIDATOR_PRIVATE_KEYS=0xsecret\n",
            &[
                "fail: node.env:1: VALIDATOR_PRIVATE_KEYS: keys do not belong in the environment, where anyone who can read /proc sees them. Put the key into a keystore under /etc/aztec/keystore.",
                "warn: node.env:1: VALIDATOR_PRIVATE_KEYS: the node ignores it, because it has a keystore. Set it in the keystore, and remove the line.",
            ],
        ),
        // Keys.
        (
            LIVE,
            "PEER_ID_PRIVATE_KEY=secret\nBOT_L1_MNEMONIC=secret\n",
            &[
                "fail: node.env:1: PEER_ID_PRIVATE_KEY: keys do not belong in the environment, where anyone who can read /proc sees them. Name its file with PEER_ID_PRIVATE_KEY_PATH.",
                "fail: node.env:2: BOT_L1_MNEMONIC: keys do not belong in the environment, where anyone who can read /proc sees them. Remove the line.",
            ],
        ),
        // Older names.
        (
            LIVE,
            "SYNC_SNAPSHOTS_URL=https://x\n",
            &[
                "warn: node.env:1: SYNC_SNAPSHOTS_URL: an older name, only read when SYNC_SNAPSHOTS_URLS is not set. Write SYNC_SNAPSHOTS_URLS.",
            ],
        ),
        // Defaults.
        (
            LIVE,
            "AZTEC_PORT=8080\nETHEREUM_ALLOW_NO_DEBUG_HOSTS=1\nP2P_QUERY_FOR_IP=false\n",
            &[
                "warn: node.env:1: AZTEC_PORT: it is set to its default. Remove the line: a later release may know better.",
                "warn: node.env:2: ETHEREUM_ALLOW_NO_DEBUG_HOSTS: it is set to its default. Remove the line: a later release may know better.",
                "warn: node.env:3: P2P_QUERY_FOR_IP: it is set to its default. Remove the line: a later release may know better.",
            ],
        ),
        // The networks have another value than the release.
        (LIVE, "P2P_ENABLED=false\n", &[]),
        (
            LOCAL,
            "P2P_ENABLED=false\n",
            &[
                "warn: node.env:1: P2P_ENABLED: it is set to its default. Remove the line: a later release may know better.",
            ],
        ),
        // Duplicates.
        (
            LIVE,
            "LOG_LEVEL=info\nP2P_PORT=1\nLOG_LEVEL=debug\n",
            &[
                "warn: node.env:3: LOG_LEVEL: line 1 already sets it, and only the last one counts. Remove one of the two.",
            ],
        ),
        // Types.
        (
            LIVE,
            "P2P_PORT=40401/tcp\nL1_GAS_PRICE_MAX=cheap\nP2P_RPC_PRICE_BUMP_PERCENTAGE=1e1\nP2P_DISCOVERY_DISABLED=yes\nPROVER_ID=alice\nSYNC_MODE=l1\n",
            &[
                "fail: node.env:1: P2P_PORT: not a whole number. Write digits only.",
                "fail: node.env:2: L1_GAS_PRICE_MAX: not a number. Write a number.",
                "fail: node.env:4: P2P_DISCOVERY_DISABLED: neither true nor false, which the node reads as false. Write true or false.",
                "fail: node.env:5: PROVER_ID: not an Ethereum address. Write 0x and 40 hexadecimal digits.",
                "fail: node.env:6: SYNC_MODE: not a value that the node knows. Write one of full, snapshot, force-snapshot.",
            ],
        ),
        // 4.1.2 reads this one with `parseInt`, including its own default.
        (
            LIVE,
            "SEQ_PER_BLOCK_ALLOCATION_MULTIPLIER=1.2\n",
            &[
                "fail: node.env:1: SEQ_PER_BLOCK_ALLOCATION_MULTIPLIER: not a whole number. Write digits only.",
            ],
        ),
        // 5.x exits at a fraction, and 4.1.2 reads the integer part.
        (
            FIVE,
            "PROVER_AGENT_COUNT=1.5\nL1_GAS_PRICE_MAX=1.5\n",
            &["fail: node.env:1: PROVER_AGENT_COUNT: not a whole number. Write digits only."],
        ),
        // Lines that are not an assignment to systemd.
        (
            LIVE,
            "LOG_LEVEL=INFO\n",
            &[
                "fail: node.env:1: LOG_LEVEL: not a log level, and the node ends at once. Write a level, or `level; level:module,module`. Levels, in lower case: silent, fatal, error, warn, info, verbose, debug, trace.",
            ],
        ),
        (LATER, "LOG_LEVEL=\"info; debug:p2p\"\n", &[]),
        (
            LIVE,
            "export LOG_LEVEL=debug\n0xsecret\nLOG_JSON=\"1\nP2P_PORT=1\n",
            &[
                "fail: node.env:1: LOG_LEVEL: systemd skips this line. Remove `export`.",
                "fail: node.env:2: systemd skips this line. Write it as NAME=value.",
                "fail: node.env:3: LOG_JSON: its quote is not closed, and the rest of the file is its value. Close the quote.",
            ],
        ),
    ];
    for (used, text, expected) in cases {
        assert_eq!(findings(*used, text), *expected, "{text}");
    }
}

#[test]
fn a_list_without_a_known_name_selects_all() {
    for (used, list, severity) in [
        (LIVE, "parity_base", "fail"),
        (FIVE, "PARITY_BASE ,8", "fail"),
        (SIX, "PARITY_BASE", "fail"),
        (LATER, "INBOX_PARITY", "warn"),
    ] {
        let found = findings(used, &format!("PROVER_AGENT_PROOF_TYPES={list}\n"));
        let begins = format!(
            "{severity}: node.env:1: PROVER_AGENT_PROOF_TYPES: it has no name that the node knows"
        );
        assert!(
            found.len() == 1 && found[0].starts_with(&begins),
            "{found:?}"
        );
    }
}

#[test]
fn no_finding_repeats_a_value() {
    let release = release("4.1.2");
    let names = include_str!("data/env-names-4.1.2.txt").lines();
    let text: String = names.map(|name| format!("{name}=sEcReT\n")).collect();
    for finding in release.lint_env(false, true, "node.env", &text) {
        assert!(!finding.to_string().contains("sEcReT"), "{finding}");
    }
}

#[test]
fn knows_the_variables_of_the_release_and_of_node_js() {
    let (four, five) = (release("4.1.2"), release("5.2.0"));
    let known = |name| (four.knows_variable(name), five.knows_variable(name));
    assert_eq!(known("AZTEC_PORT"), (true, true));
    assert_eq!(known("NODE_OPTIONS"), (true, true));
    assert_eq!(known("P2P_HEALTH_MIN_PEERS"), (false, true));
    assert_eq!(known("ENABLE_VERSION_CHECK"), (true, false));
    assert_eq!(known("PORT"), (false, false));
}
