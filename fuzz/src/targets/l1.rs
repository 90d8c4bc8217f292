//! Answers of Ethereum endpoints, and the printed addresses of a deployment (`crates/l1`).

use l1::fuzz;
use l1::{Deployment, U256};
use serde_json::Value;

use super::target::{PLANTED, Target, halves, target, text};

pub(super) const TARGETS: &[Target] = &[
    target!("deployment", "crates/l1/src/deployment.rs", deployment,
        include_bytes!("../../../crates/l1/tests/data/deploy-l1-contracts-4.1.2.json")),
    target!("answer", "crates/l1/src/answer.rs", answers,
        b"\x00{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"0x1\"}", b"\x01{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":3,\"message\":\"execution reverted\",\"data\":\"0x08c379a0\"}}"),
    target!("http", "crates/l1/src/http/mod.rs", reverts),
    target!("beacon", "crates/l1/src/beacon.rs", beacon, b"{\"data\":{\"head_slot\":\"5\",\"is_syncing\":false}}"),
    target!("traces", "crates/l1/src/observe/traces.rs", traces,
        b"{\"from\":\"0x01\",\"type\":\"CALL\"}"),
    target!("blobs", "crates/l1/src/observe/blobs.rs", blobs, b"{\"data\":[!,!]}"),
    target!("secrets", "crates/l1/src/secrets.rs", foreign, b"key not allowed: \x00 is over its plan"),
    target!("abi", "crates/l1/src/client.rs", abi, &[0; 31], &[0; 32], QUEUED, &[0xff; 384]),
];

/// A place in the entry queue: attester, withdrawer, three points, and a truth.
const QUEUED: &[u8] = &{
    let mut words = [0; 320];
    (words[31], words[63], words[319]) = (1, 2, 1);
    words
};

/// Addresses are in the printed text. Printed again, after any other text, they are the same.
fn deployment(bytes: &[u8]) {
    let (before, printed) = halves(bytes);
    let Ok(found) = Deployment::parse(&printed) else {
        return;
    };
    assert!(!found.registry.is_zero() && !found.rollup.is_zero());
    let again = format!(
        "{}\n{{\"registryAddress\": \"{:#x}\", \"rollupAddress\": \"{}\"}}\n",
        before.replace('{', "("),
        found.registry,
        found.rollup
    );
    let again = Deployment::parse(&again).unwrap();
    assert_eq!(
        (again.registry, again.rollup),
        (found.registry, found.rollup)
    );
}

/// A result is the one that was sent, with no error beside it and a matching status. The reason for a missing result is
/// short.
fn answers(bytes: &[u8]) {
    let (first, body) = bytes.split_first().unwrap_or((&0, &[]));
    let status = [200, 401, 429, 500][usize::from(*first % 4)];
    match fuzz::answer(status, body) {
        Ok(result) => {
            let sent: Value = serde_json::from_slice(body).unwrap();
            assert!(status == 200 && sent["error"].is_null());
            assert_eq!(sent.get("result"), Some(&result));
        }
        Err(why) => assert!(!why.is_empty() && why.len() <= 1300 + 8 * body.len()),
    }
}

/// The reason of a reverted call can always be reported, and only the host of a URL is shown.
fn reverts(bytes: &[u8]) {
    let why = fuzz::revert_reason(bytes);
    assert!(!why.is_empty() && why.len() <= 64 + 16 * bytes.len());
    let url = text(bytes).replace('2', "3");
    for url in [
        format!("https://u:{PLANTED}@h.example/{url}"),
        format!("https://h.example/{PLANTED}{url}"),
    ] {
        assert!(!fuzz::shown(&url).unwrap_or_default().contains("hunter2"));
    }
}

/// A number is read exactly as it is written.
fn beacon(bytes: &[u8]) {
    let Ok(answer) = serde_json::from_slice::<Value>(bytes) else {
        return;
    };
    for name in ["head_slot", "sync_distance", "chain_id"] {
        if let Some(number) = fuzz::beacon_number(&answer, name) {
            let written = answer["data"][name].as_str().unwrap();
            assert_eq!(
                written
                    .parse::<U256>()
                    .unwrap_or_default()
                    .saturating_to::<u64>(),
                number,
                "{written}"
            );
        }
    }
}

/// A trace of one method is not accepted as one of the other.
fn traces(bytes: &[u8]) {
    let answer = text(bytes);
    let [call, list] = fuzz::is_trace(&answer);
    assert!(!(call && list));
    if call || list {
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!((answer.is_object(), answer.is_array()), (call, list));
    }
}

/// The count of blobs does not depend on the pieces in which an answer arrives.
fn blobs(bytes: &[u8]) {
    let blob = format!("\"0x{}\"", "0".repeat(2 * 131_072));
    let document: Vec<u8> = bytes
        .splitn(4, |byte| *byte == b'!')
        .collect::<Vec<_>>()
        .join(blob.as_bytes());
    let whole = fuzz::blobs(&[&document]);
    let most = bytes.iter().filter(|byte| **byte == b'!').count();
    assert!(whole <= most as u64);
    let middle = document.len() / 2;
    for at in [0, 1, middle, document.len()] {
        let (one, two) = document.split_at(at.min(document.len()));
        assert_eq!(fuzz::blobs(&[one, two]), whole);
    }
}

/// Foreign text is one short line without any key of the URL.
fn foreign(bytes: &[u8]) {
    let (before, after) = halves(bytes);
    let message = format!("{before}{PLANTED}{after}");
    for url in [
        format!("https://h.example/v2/{PLANTED}"),
        format!("https://u:{PLANTED}@h.example"),
        format!("https://h.example/?key={PLANTED}"),
    ] {
        let shown = fuzz::shown_text(&url, &message).unwrap();
        assert!(!shown.contains(PLANTED), "{shown}");
        assert!(shown.chars().count() <= 201 && !shown.contains(char::is_control));
    }
}

/// The decoded data is exactly what a contract's answer, or its log, contains.
fn abi(bytes: &[u8]) {
    for (function, written) in fuzz::returns(bytes) {
        assert!(bytes.starts_with(&written), "{function}");
        let again = fuzz::returns(&written);
        assert!(again.contains(&(function, written)), "{function}");
    }
    let (topics, data) = bytes.split_at(bytes.len().min(64));
    let topic = |at: usize| topics.get(at..at + 32)?.try_into().ok();
    if let (Some(one), Some(two)) = (topic(0), topic(32))
        && let Some((topics, written)) = fuzz::failed_deposit([one, two], data)
    {
        assert_eq!(topics, [one, two]);
        assert!(data.starts_with(&written));
    }
}
