//! Records of aztec-kit, facts of a host, and answers of nodes and of Alertmanager (`crates/aztec`).

use aztec::fuzz;

use super::target::{Target, halves, target, text};

pub(super) const TARGETS: &[Target] = &[
    target!("signer/evidence", "crates/aztec/src/signer/evidence.rs", evidence),
    target!("signer/claim", "crates/aztec/src/signer/claim.rs", claim,
        b"{\"attester\":\"0x7b6723312baebd6a463302713c6cca6546560b1e\",\"host\":\"h\",\"machine\":\"m\",\"network\":\"local\",\"dir\":\"/etc/aztec/keystore\",\"since\":1,\"because\":\"x\"}"),
    target!("alert", "crates/aztec/src/alert.rs", alert),
    target!("facts", "crates/aztec/src/facts.rs", facts),
    target!("kinds/contracts", "crates/aztec/src/kinds/contracts.rs", contracts,
        b"# Contracts on the local L1, deployed by aztec-kit.\nREGISTRY_CONTRACT_ADDRESS=0x7b6723312baebd6a463302713c6cca6546560b1e\nA=hunter2hunter2\n"),
    target!("checks/databases", "crates/aztec/src/databases.rs", databases),
];

/// Each reported duty counts as signed unless its word is known to mean silence.
fn evidence(bytes: &[u8]) {
    let Ok(answer) = serde_json::from_slice::<serde_json::Value>(bytes) else {
        return;
    };
    let Ok((duties, missed, _)) = fuzz::duties(&answer) else {
        return;
    };
    let stats = answer["stats"].as_object().unwrap().values();
    let reported: Vec<_> = stats
        .filter_map(|stats| stats["history"].as_array())
        .flatten()
        .collect();
    let silent = |duty: &&&serde_json::Value| {
        ["blocks-missed", "attestation-missed"].contains(&duty["status"].as_str().unwrap())
    };
    // Two spellings of one address are one attester, and the last one counts.
    assert!(duties <= reported.len() && missed <= reported.iter().filter(silent).count());
}

/// A stored claim is read back unchanged.
fn claim(bytes: &[u8]) {
    if let Some(written) = fuzz::claim(bytes) {
        assert_eq!(fuzz::claim(&written), Some(written));
    }
}

/// Each receiver gets a result, in their order, and nothing has arrived if no number changed.
fn alert(bytes: &[u8]) {
    let (before, after) = halves(bytes);
    let names = ["telegram-1", "webhook-2", "webhook-3"].map(String::from);
    let delivered = fuzz::deliveries(&before, &after, &names);
    assert!(delivered.iter().map(|one| &one.receiver).eq(&names));
    let silent = fuzz::deliveries(&after, &after, &names);
    assert!(
        silent
            .iter()
            .all(|one| one.result != aztec::alert::Arrival::Taken)
    );
}

/// A flag is a word.
fn facts(bytes: &[u8]) {
    let (_, flags, _) = fuzz::facts(&text(bytes));
    assert!(flags.iter().all(|flag| !flag.contains(char::is_whitespace)));
}

/// Only lines of aztec-kit are journaled from a record, and the registry in them is the one that is read.
fn contracts(bytes: &[u8]) {
    let record = text(bytes);
    let (registry, ours) = fuzz::record(&record);
    let planted = ours.lines().any(|line| line.contains("hunter2"));
    assert!(!planted && ours.len() <= record.len());
    let (again, same) = fuzz::record(&ours);
    assert_eq!(same, ours);
    assert!(again.is_none() || registry.is_none() || again == registry || record.contains('\r'));
}

/// The file contains the rollup that is read.
fn databases(bytes: &[u8]) {
    let file = text(bytes);
    if let Some(rollup) = fuzz::rollup(&file) {
        let value: serde_json::Value = serde_json::from_str(&file).unwrap();
        let written: String = value["rollupAddress"]
            .as_str()
            .unwrap_or_default()
            .to_lowercase();
        assert!(written.trim_start_matches("0x") == format!("{rollup:x}"));
    }
}
