//! A sequencer of a live network on a host in memory: the keys that it gets, the restarts for new keys, and that no kill
//! loses a key.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue panics")]

mod common;

use std::path::{Path, PathBuf};

use aztec::desired;
use aztec::kinds::Kind;
use aztec::settings::Settings;
use common::{debian, facts, without_chain};
use keys::keystore::{Validator, render};
use keys::{Mnemonic, derive_attester};
use provision::engine::Graph;
use provision::host::fake::FakeHost;
use provision::host::{FileType, Probe};
use provision::kills::{State, Walk};

/// Nothing listens at these endpoints, so no question gets an answer.
const LIVE: &str = "network = \"testnet\"\nrelease = \"4.1.2\"\n[l1]\nrpc_urls = [\"http://127.0.0.1:2\"]\n\
    consensus_urls = [\"http://127.0.0.1:2\"]\n[p2p]\nip = \"192.0.2.1\"\n[sequencer]\nenabled = true\n";
const HOST: &str = "0123456789abcdef0123456789abcdef";
const KEYS: &str = "/etc/aztec/keystore";
const SEQUENCER: &str = "aztec-sequencer.service";

/// The desired state, with or without the operator's statement that nothing else signs.
fn graph(only_signer: bool) -> Graph<Kind> {
    let settings = Settings {
        only_signer,
        ..Settings::parse(LIVE).unwrap()
    };
    without_chain(&desired(&settings, &facts(), LIVE).unwrap())
}

/// The keystore of an attester of the public test mnemonic, and its address.
fn keystore(index: u32) -> (Vec<u8>, String) {
    let words = "test test test test test test test test test test test junk";
    let attester = derive_attester(&Mnemonic::parse(words).unwrap(), 0, index).unwrap();
    let validator = Validator {
        attester: &attester,
        publishers: &[],
        coinbase: None,
        fee_recipient: l1::B256::ZERO,
    };
    (
        render(&[validator]).to_vec(),
        format!("{:#x}", attester.address()),
    )
}

fn import(host: &mut FakeHost, index: u32) {
    let path = format!("{KEYS}/{index}.json");
    host.plant(&path, FileType::File, &keystore(index).0, 0o600);
}

/// A host that signs with the first attester.
fn set_up() -> State {
    let mut host = debian();
    for dir in ["/etc/aztec", KEYS, "/var/lib/aztec-kit"] {
        host.plant(dir, FileType::Directory, b"", 0o700);
    }
    let id = format!("{HOST}\n");
    host.plant("/etc/machine-id", FileType::File, id.as_bytes(), 0o444);
    import(&mut host, 0);
    let mut state = State::new(host);
    state.run(&graph(true), None).ended.unwrap();
    state
}

fn handed(host: &FakeHost) -> Vec<String> {
    let dir = Path::new("/var/lib/aztec-kit/claimed").join(HOST);
    host.list(&dir).unwrap().unwrap_or_default()
}

fn starts(host: &FakeHost) -> u32 {
    host.units[SEQUENCER].starts
}

#[test]
fn a_new_set_of_keys_causes_a_restart_and_a_refused_one_does_not() {
    let mut state = set_up();
    assert_eq!(
        (handed(&state.host), starts(&state.host)),
        (vec!["0.json".into()], 1)
    );
    let again = state.run(&graph(false), None);
    again.ended.unwrap();
    assert_eq!((again.writes, again.records), (0, 0));
    import(&mut state.host, 1);
    let refused = state.run(&graph(false), None).ended.unwrap_err();
    assert!(refused.contains("cannot tell"), "{refused}");
    assert_eq!(
        (handed(&state.host), starts(&state.host)),
        (vec!["0.json".into()], 1)
    );
    state.run(&graph(true), None).ended.unwrap();
    assert_eq!(handed(&state.host), ["0.json", "1.json"]);
    assert_eq!(starts(&state.host), 2);
    state
        .host
        .tree
        .remove(Path::new("/etc/aztec/keystore/1.json"));
    state.run(&graph(false), None).ended.unwrap();
    assert_eq!(
        (handed(&state.host), starts(&state.host)),
        (vec!["0.json".into()], 3)
    );
}

#[test]
fn a_host_that_no_longer_signs_gets_no_keys() {
    let mut state = set_up();
    let node = LIVE.replace("enabled = true", "enabled = false");
    let node = desired(&Settings::parse(&node).unwrap(), &facts(), node.as_str()).unwrap();
    state.run(&without_chain(&node), None).ended.unwrap();
    assert!(handed(&state.host).is_empty());
    assert!(state.host.text("/etc/aztec/keystore/0.json").is_some());
    // The keys are there and no new decision was made, so a started service has none.
    let refused = state.run(&graph(false), None).ended.unwrap_err();
    assert!(refused.contains("cannot tell"), "{refused}");
    assert!(handed(&state.host).is_empty());
}

/// All files that contain a keystore.
fn places(host: &FakeHost, index: u32) -> Vec<&PathBuf> {
    let (bytes, _) = keystore(index);
    let nodes = host.tree.iter().filter(|(_, node)| node.bytes == bytes);
    nodes.map(|(path, _)| path).collect()
}

#[test]
fn a_change_of_keys_survives_a_kill_at_every_place_and_loses_none() {
    let graph = graph(true);
    let claims: Vec<String> = [0, 1]
        .map(|index| {
            format!(
                "/var/lib/aztec-kit/signers/{HOST}/{}.json",
                keystore(index).1
            )
        })
        .into();
    let mut derived: Vec<&str> = claims.iter().map(String::as_str).collect();
    derived.extend(["/etc/aztec/admin.env", "/var/lib/aztec/.aztec-kit-disk"]);
    let walk = Walk {
        graph: &graph,
        secrets: &["/etc/aztec/admin-api-key"],
        loose: &[],
        derived: &derived,
    };
    // The first keystore is replaced, so its copy is the last one on this host.
    let mut from = set_up();
    from.host
        .tree
        .remove(Path::new("/etc/aztec/keystore/0.json"));
    import(&mut from.host, 1);
    assert_eq!(places(&from.host, 0).len(), 1);
    let kills = walk.apply(&from).unwrap();
    assert!(kills.kills > 10, "only {kills}");
    for at in 0.. {
        let mut state = from.clone();
        let writes = provision::kills::Kill::Write(at);
        let died = state.run(&graph, Some(writes)).ended.is_err();
        // The copy is retired before it is removed.
        let places = places(&state.host, 0).len();
        assert!((1..=2).contains(&places), "killed at write {at}: {places}");
        if !died {
            assert_eq!((handed(&state.host), places), (vec!["1.json".into()], 1));
            break;
        }
    }
}
