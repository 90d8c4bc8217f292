use alloy_primitives::B256;
use zeroize::Zeroizing;

use super::*;
use crate::{
    EthKey, Mnemonic, derive_attester, derive_publisher,
    keystore::{Bls, NewEntry, Signer, render_entries},
};

const OWNER: u32 = 7;

fn junk() -> Mnemonic {
    Mnemonic::parse("test test test test test test test test test test test junk").unwrap()
}

/// Keystores of attesters and publishers at these indices of one mnemonic.
fn keystore(attesters: &[u32], publishers: &[(u32, u32)]) -> Zeroizing<Vec<u8>> {
    let junk = junk();
    let publishers: Vec<EthKey> = publishers
        .iter()
        .map(|(account, index)| derive_publisher(&junk, *account, *index).unwrap())
        .collect();
    let attesters: Vec<_> = attesters
        .iter()
        .map(|index| derive_attester(&junk, 0, *index).unwrap())
        .collect();
    let entries: Vec<_> = attesters
        .iter()
        .map(|attester| NewEntry {
            attesters: vec![(Signer::Key(&attester.eth), Some(Bls::Key(&attester.bls)))],
            publishers: publishers.iter().map(Signer::Key).collect(),
            coinbase: None,
            fee_recipient: B256::ZERO,
        })
        .collect();
    render_entries(1, &entries)
}

fn file(name: &str, bytes: &[u8]) -> Seen {
    Seen {
        name: name.to_owned(),
        sort: Sort::File,
        mode: 0o600,
        uid: OWNER,
        bytes: Some(Zeroizing::new(bytes.to_vec())),
    }
}

fn notes(seen: Vec<Seen>) -> Vec<String> {
    let notes = Survey::of(seen, OWNER).notes;
    notes.iter().map(line).collect()
}

/// A note on one line.
fn line(note: &Note) -> String {
    let fix = note.fix.iter().map(|fix| format!(". {fix}"));
    let fix: String = fix.collect();
    format!("{:?} {}: {}{fix}", note.grade, note.about, note.seen)
}

#[test]
fn a_sound_directory_has_good_notes_only() {
    let one = keystore(&[0, 1], &[(1, 0)]);
    let two = keystore(&[2], &[(1, 0)]);
    assert_eq!(
        notes(vec![file("one.json", &one), file("two.JSON", &two)]),
        [
            "Good keystores: 2 files with 3 attesters",
            "Good attesters: 3 addresses, no duplicate",
            "Good publishers: 1 address, no key of another attester",
        ]
    );
}

#[test]
fn each_defect_is_found() {
    let one = keystore(&[0], &[]);
    let good = |name: &str| file(name, &one);
    let named = |name: &str, sort| Seen {
        sort,
        bytes: None,
        ..good(name)
    };
    let bad = |seen: Vec<Seen>| {
        let mut lines = notes(seen);
        lines.retain(|line| !line.starts_with("Good"));
        lines
    };
    let path = br#"{"schemaVersion":1,"validators":[{"attester":{"path":"a.json","password":"x"},"feeRecipient":"0x0000000000000000000000000000000000000000000000000000000000000000"}]}"#;
    let lost = br#"{"schemaVersion":1,"validators":[{"attester":"0x70997970C51812dc3A010C7d01b50e0d17dc79C8","feeRecipient":"0x0000000000000000000000000000000000000000000000000000000000000000"}]}"#;
    let prover = br#"{"schemaVersion":1,"prover":"0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"}"#;
    let second = format!(
        "{{\"schemaVersion\":2,\"validators\":[{{\"attester\":\"{}\",\"feeRecipient\":\"{ZERO}\"}}]}}",
        KEYS[1]
    );
    let cases = [
        (
            vec![],
            "Bad keystores: there is none. Make one with `aztec-kit keys new`.",
        ),
        (
            vec![good("a.json"), named("l.json", Sort::Symlink)],
            "Bad l.json: is a symlink: systemd skips it, so the node does not get the key. Put the file itself there.",
        ),
        (
            vec![good("a.json"), named("old", Sort::Directory)],
            "Bad old: is a directory: systemd passes its files to the node as keystores too. Move it out of this directory.",
        ),
        (
            vec![good("a.json"), named("s", Sort::Other)],
            "Bad s: is not a regular file. Move it out of this directory.",
        ),
        (
            vec![good("a.json"), file("a.json.bak", b"")],
            "Odd a.json.bak: the node reads only *.json. Move it out of this directory.",
        ),
        (
            vec![good("a.json"), file(".b.json.aztec-kit-new", b"")],
            "Odd .b.json.aztec-kit-new: a killed run left it half written, with keys in it. Remove it.",
        ),
        (
            vec![good("a:b.json")],
            "Bad a:b.json: cannot be the name of a systemd credential. Rename it.",
        ),
        (
            vec![Seen {
                mode: 0o644,
                ..good("a.json")
            }],
            "Bad a.json: has mode 0644: others can read or change it. If nobody has, run `chmod 600` on it. Otherwise create new keys.",
        ),
        (
            vec![Seen {
                uid: 8,
                ..good("a.json")
            }],
            "Bad a.json: belongs to user 8, not to 7. Run `chown 7` on it.",
        ),
        (
            vec![good("a.json"), file("b.json", b"[]")],
            "Bad b.json: the keystore is not usable: it is an array, like a staker output: that file does not belong in a keystore directory. Put that right, or move the file out of this directory.",
        ),
        (
            vec![good("a.json"), good("b.json")],
            "Bad attesters: 0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266 is in a.json validators[0] and in b.json validators[0]: an attester may occur only once. Remove one.",
        ),
        (
            vec![file("a.json", &keystore(&[3, 3], &[]))],
            "Bad attesters: 0x90F79bf6EB2c4f870365E785982E1f101E93b906 is in a.json validators[0] and in a.json validators[1]: an attester may occur only once. Remove one.",
        ),
        (
            vec![good("a.json"), file("b.json", &keystore(&[1], &[(0, 0)]))],
            "Odd publishers: 0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266 publishes for b.json validators[0] and is the attester of a.json validators[0]: one key has two roles. Use a separate key.",
        ),
        (
            vec![file("a.json", path)],
            "Bad a.json: validators[0].attester names an encrypted file, which the service cannot reach, and its password is beside it. Import the keys with `aztec-kit keys import --from`.",
        ),
        (
            vec![file("a.json", lost)],
            "Bad a.json: validators[0] has only the address 0x70997970C51812dc3A010C7d01b50e0d17dc79C8, and no remote signer is named for it. Import it with --remote-signer.",
        ),
        (
            vec![file("a.json", prover), file("b.json", prover)],
            "Bad keystores: a.json and b.json both have a prover, and the node accepts only one. Remove one.",
        ),
        (
            vec![good("a.json"), file("b.json", second.as_bytes())],
            "Bad keystores: some have schemaVersion 1 and some 2, and the node refuses to mix them. Use one version.",
        ),
    ];
    for (seen, expected) in cases {
        let mut found = bad(seen);
        // An attester that occurs twice has its BLS key twice.
        if expected.starts_with("Bad attesters") {
            assert!(
                found
                    .pop()
                    .is_some_and(|line| line.starts_with("Bad BLS keys"))
            );
        }
        assert_eq!(found, [expected]);
    }
}

const ZERO: &str = "0x0000000000000000000000000000000000000000000000000000000000000000";
const ADDRESS: &str = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";
const KEYS: [&str; 3] = [
    "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
    "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
    "0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a",
];

fn notes_on(text: &str) -> Vec<String> {
    let mut lines = notes(vec![file("a.json", text.as_bytes())]);
    lines.retain(|line| !line.starts_with("Good"));
    lines
}

/// The node looks for a signer for each of these addresses, wherever it is ("No remote signer configuration found for
/// address", keystore_manager.js of 4.1.2).
#[test]
fn an_address_without_a_signer_is_found_wherever_it_is() {
    let key = KEYS[0];
    let signer = "\"remoteSigner\":\"http://127.0.0.1:9000\"";
    let validator = format!("{{\"attester\":\"{key}\",\"feeRecipient\":\"{ZERO}\"}}");
    let places = [
        format!("\"schemaVersion\":1,\"prover\":\"{ADDRESS}\""),
        format!(
            "\"schemaVersion\":1,\"prover\":{{\"id\":\"{ADDRESS}\",\"publisher\":[\"{ADDRESS}\"]}}"
        ),
        format!("\"schemaVersion\":2,\"publisher\":\"{ADDRESS}\",\"validators\":[{validator}]"),
        // The signer of an entry is not that of the prover.
        format!(
            "\"schemaVersion\":1,\"prover\":\"{ADDRESS}\",\"validators\":[{{\"attester\":\"{key}\",\"feeRecipient\":\"{ZERO}\",{signer}}}]"
        ),
    ];
    for text in places {
        let found = notes_on(&format!("{{{text}}}"));
        assert!(
            found.len() == 1 && found[0].contains("no remote signer is named for "),
            "{text}: {found:?}"
        );
        let named = notes_on(&format!("{{{text},{signer}}}"));
        assert_eq!(named, [""; 0], "{text}");
    }
}

#[test]
fn all_attesters_of_an_entry_pay_for_each_other() {
    let [one, two, three] = KEYS;
    let text = format!(
        "{{\"schemaVersion\":1,\"validators\":[{{\"attester\":[\"{one}\",\"{two}\"],\"feeRecipient\":\"{ZERO}\"}},{{\"attester\":\"{three}\",\"feeRecipient\":\"{ZERO}\"}}]}}"
    );
    let survey = Survey::of(vec![file("a.json", text.as_bytes())], OWNER);
    let publishers: Vec<_> = survey
        .attesters()
        .iter()
        .map(|one| one.publishers.len())
        .collect();
    assert_eq!(publishers, [2, 2, 1]);
    let found = notes(vec![file("a.json", text.as_bytes())]);
    assert!(
        found.contains(&"Good publishers: 3 addresses, no key of another attester".to_owned()),
        "{found:?}"
    );
}

#[test]
fn a_bls_key_of_two_attesters_is_bad() {
    let [one, two, _] = KEYS;
    let entry = |eth| {
        format!(
            "{{\"attester\":{{\"eth\":\"{eth}\",\"bls\":\"0x{}\"}},\"feeRecipient\":\"{ZERO}\"}}",
            "09".repeat(32)
        )
    };
    let text = format!(
        "{{\"schemaVersion\":1,\"validators\":[{},{}]}}",
        entry(one),
        entry(two)
    );
    let found = notes_on(&text);
    assert!(
        found.len() == 1 && found[0].starts_with("Bad BLS keys: "),
        "{found:?}"
    );
}

#[test]
fn a_file_that_nothing_signs_with_has_a_note() {
    let found = notes_on("{\"schemaVersion\":1,\"validators\":[]}");
    assert!(found[0].contains("nothing signs with it"), "{found:?}");
    // The removal of this file would change the values of others.
    let found = notes_on(&format!(
        "{{\"schemaVersion\":2,\"coinbase\":\"{ADDRESS}\",\"validators\":[]}}"
    ));
    assert!(
        found[0].contains("its values apply to the validators of other files"),
        "{found:?}"
    );
}

#[test]
fn a_password_in_the_url_of_a_signer_has_a_note_and_is_not_shown() {
    let of = |signer: &str| {
        notes_on(&format!(
            "{{\"schemaVersion\":1,\"remoteSigner\":\"{signer}\",\"validators\":[{{\"attester\":\"{ADDRESS}\",\"feeRecipient\":\"{ZERO}\"}}]}}"
        ))
    };
    assert_eq!(of("https://signer.example:9000"), [""; 0]);
    let found = of("https://me:hunter2@signer.example:9000");
    assert!(
        found.len() == 1
            && found[0].contains("contains a password")
            && !found[0].contains("hunter2"),
        "{found:?}"
    );
}

/// A publisher for all validators needs a signer only if a validator has no publisher of its own, in whichever file.
#[test]
fn a_publisher_for_all_needs_a_signer_where_a_validator_uses_it() {
    let signer = "\"remoteSigner\":\"http://127.0.0.1:9000\"";
    let two = format!("\"schemaVersion\":2,\"feeRecipient\":\"{ZERO}\"");
    let payer = format!("{{{two},\"publisher\":\"{ADDRESS}\",\"validators\":[]}}");
    let of = |fields: &str| {
        let key = KEYS[0];
        let one = format!("{{{two},\"validators\":[{{\"attester\":\"{key}\"{fields}}}]}}");
        let seen = vec![
            file("a.json", one.as_bytes()),
            file("b.json", payer.as_bytes()),
        ];
        let bad = notes(seen)
            .into_iter()
            .filter(|note| note.starts_with("Bad"));
        bad.collect::<Vec<_>>()
    };
    let found = of("");
    assert!(
        found.len() == 1 && found[0].contains("a.json: validators[0] is paid for by"),
        "{found:?}"
    );
    assert_eq!(of(&format!(",{signer}")), [""; 0]);
    let own = KEYS[1];
    assert_eq!(of(&format!(",\"publisher\":\"{own}\"")), [""; 0]);
}

/// Two files of version 2 with values for all validators, merged as the node merges them (node-keystore 4.1.2 and 5.2.0,
/// dest/loader.js, run on such files).
#[test]
fn a_value_for_all_validators_holds_for_other_files() {
    const A: &str = "0x000000000000000000000000000000000000000a";
    const B: &str = "0x000000000000000000000000000000000000000b";
    let file_of = |name: &str, attester: u8, of_all: &str, of_one: &str| {
        let key = format!("0x{:064x}", attester + 1);
        let text = format!(
            "{{\"schemaVersion\":2,\"feeRecipient\":\"0x{:064x}\",{of_all}\"validators\":[{{{of_one}\"attester\":\"{key}\"}}]}}",
            7
        );
        file(name, text.as_bytes())
    };
    let bad = |seen: Vec<Seen>| {
        let mut lines = notes(seen);
        lines.retain(|line| !line.starts_with("Good"));
        lines
    };
    let (of_a, of_b) = (
        format!("\"coinbase\":\"{A}\","),
        format!("\"coinbase\":\"{B}\","),
    );
    // The order of the names counts, not that of the directory.
    let two = || {
        vec![
            file_of("b.json", 1, &of_b, ""),
            file_of("a.json", 0, &of_a, ""),
        ]
    };
    let listed = Survey::of(two(), OWNER).attesters();
    let coinbases: Vec<_> = listed.iter().map(|one| one.coinbase.unwrap()).collect();
    assert_eq!(coinbases, [B.parse::<Address>().unwrap(); 2]);
    assert_eq!(
        bad(two()),
        [
            "Odd a.json: one of its validators sets no coinbase of its own and gets that of another file: the last file with a coinbase for all validators counts for every file. Set it in validators[]."
        ]
    );
    // A validator with a value of its own takes none of another file.
    let own = vec![
        file_of("a.json", 0, "", &of_a),
        file_of("b.json", 1, &of_b, ""),
    ];
    assert_eq!(bad(own), [""; 0]);

    let publisher = |index: u8| format!("\"publisher\":\"0x{:064x}\",", index + 100);
    let two = || {
        vec![
            file_of("a.json", 0, &publisher(0), ""),
            file_of("b.json", 1, &publisher(1), ""),
        ]
    };
    let listed = Survey::of(two(), OWNER).attesters();
    assert_eq!(listed[0].publishers, listed[1].publishers);
    assert_eq!(listed[0].publishers.len(), 2);
    let found = bad(two());
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].contains("gets those of other files"), "{found:?}");

    let funding = format!("\"fundingAccount\":\"{A}\",\"remoteSigner\":\"http://127.0.0.1:9000\",");
    assert_eq!(bad(vec![file_of("a.json", 0, &funding, "")]), [""; 0]);
    let found = bad(vec![
        file_of("a.json", 0, &funding, ""),
        file_of("b.json", 1, "", ""),
    ]);
    assert_eq!(
        found,
        [
            "Odd a.json: its fundingAccount is dropped because there are several files: no publisher is topped up. Put everything into one file."
        ]
    );
    let found = bad(vec![file_of("a.json", 0, "", &funding)]);
    assert!(
        found[0].contains("no release reads validators[0].fundingAccount"),
        "{found:?}"
    );
}

#[test]
fn a_prover_may_have_the_other_version() {
    let prover = br#"{"schemaVersion":1,"prover":"0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"}"#;
    let text = format!(
        "{{\"schemaVersion\":2,\"feeRecipient\":\"0x{:064x}\",\"validators\":[{{\"attester\":\"0x{:064x}\"}}]}}",
        7, 1
    );
    let found = notes(vec![
        file("p.json", prover),
        file("v.json", text.as_bytes()),
    ]);
    assert!(
        found.iter().all(|line| line.starts_with("Good")),
        "{found:?}"
    );
}

#[test]
fn two_nodes_must_not_share_keys() {
    let survey = |attesters: &[u32], publishers: &[(u32, u32)]| {
        Survey::of(
            vec![file("k.json", &keystore(attesters, publishers))],
            OWNER,
        )
    };
    let against = |other: &Survey| {
        let mut ours = survey(&[0], &[(1, 0)]);
        ours.against("b", &other.attesters());
        (ours.sound(), ours.notes.pop().unwrap())
    };
    let (sound, note) = against(&survey(&[1], &[(1, 1)]));
    assert!(sound);
    assert_eq!(note.seen, "no attester and no publisher");
    let (sound, note) = against(&survey(&[1], &[(1, 0)]));
    assert!(!sound);
    let fix = note.fix.as_deref();
    assert_eq!(fix, Some("Give one of them a publisher of its own."));
    // A prover pays for transactions too.
    let prover = crate::keystore::render_prover(&derive_publisher(&junk(), 1, 0).unwrap());
    let (sound, _) = against(&Survey::of(vec![file("p.json", &prover)], OWNER));
    assert!(!sound);
    let (sound, note) = against(&survey(&[0], &[(1, 1)]));
    assert!(sound);
    assert_eq!(note.grade, Grade::Odd);
}

#[test]
fn a_broken_keystore_is_not_a_missing_one() {
    let lines = notes(vec![file("a.json", b"{\"schemaVersion\":1")]);
    let bad: Vec<_> = lines
        .iter()
        .filter(|line| line.starts_with("Bad"))
        .collect();
    assert!(
        bad.len() == 1 && bad[0].starts_with("Bad a.json: "),
        "{lines:?}"
    );
}
