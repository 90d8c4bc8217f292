//! Keys in every form that is read (`crates/keys`), and what Ethereum endpoints say (`crates/l1`).

use std::collections::BTreeSet;

use keys::encrypted::{self, Format, Password};
use keys::keystore::survey::{Grade, Seen, Sort, Survey};
use keys::keystore::{
    AnyKey, Document, document, outlined, read_attester, read_identity, read_prover, remote_signers,
};
use keys::{BlsKey, EthKey, Mnemonic, raw_key};
use l1::fuzz;
use l1::{Deployment, U256};
use serde_json::Value;

use super::{PLANTED, Target, halves, target, text};

pub(super) const TARGETS: &[Target] = &[
    target!("keystore/document", "crates/keys/src/keystore/document.rs", keystore, PLAIN, REMOTE, FILES, MNEMONIC),
    target!("keystore/read", "crates/keys/src/keystore/read.rs", one_validator, PLAIN),
    target!("keystore/survey", "crates/keys/src/keystore/survey.rs", survey, PLAIN, REMOTE),
    target!("keystore/values", "crates/keys/src/keystore/values.rs", values,
        b"0x7B6723312baebd6a463302713c6cca6546560b1e", b"https://signer.example:9000"),
    target!("keys/encrypted", "crates/keys/src/encrypted/mod.rs", opened, V3, BLS),
    target!("keys/mnemonic", "crates/keys/src/mnemonic.rs", mnemonic,
        b"test test test test test test test test test test test junk"),
    target!("deployment", "crates/l1/src/deployment.rs", deployment,
        include_bytes!("../../../crates/l1/tests/data/deploy-l1-contracts-4.1.2.json")),
    target!("answer", "crates/l1/src/answer.rs", answers,
        b"\x00{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"0x1\"}", b"\x01{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":3,\"message\":\"execution reverted\",\"data\":\"0x08c379a0\"}}"),
    target!("http", "crates/l1/src/http.rs", reverts),
    target!("beacon", "crates/l1/src/beacon.rs", beacon, b"{\"data\":{\"head_slot\":\"5\",\"is_syncing\":false}}"),
    target!("traces", "crates/l1/src/traces.rs", traces),
    target!("abi", "crates/l1/src/client.rs", abi, &[0; 31], &[0; 32], QUEUED, &[0xff; 384]),
];

const PLAIN: &[u8] = br#"{"schemaVersion":1,"validators":[{"attester":{"eth":"0x1111111111111111111111111111111111111111111111111111111111111111","bls":"0x2222222222222222222222222222222222222222222222222222222222222222"},"publisher":["0x3333333333333333333333333333333333333333333333333333333333333333"],"coinbase":"0x7b6723312baebd6a463302713c6cca6546560b1e","feeRecipient":"0x0000000000000000000000000000000000000000000000000000000000000001"}]}"#;
const REMOTE: &[u8] = br#"{"schemaVersion":2,"remoteSigner":{"remoteSignerUrl":"https://s.example","certPath":"/a"},"feeRecipient":"0x0000000000000000000000000000000000000000000000000000000000000001","publisher":"0x7b6723312baebd6a463302713c6cca6546560b1e","validators":[{"attester":"0x7b6723312baebd6a463302713c6cca6546560b1e"},{"attester":{"address":"0x7b6723312baebd6a463302713c6cca6546560b1f","remoteSignerUrl":"http://u:p@t.example"},"fundingAccount":"0x3333333333333333333333333333333333333333333333333333333333333333"}]}"#;
const FILES: &[u8] = br#"{"schemaVersion":1,"validators":[{"attester":[{"eth":{"path":"a.json","password":"hunter2hunter2"},"bls":{"path":"b.json"}}],"feeRecipient":"0x00"}],"prover":{"id":"0x7b6723312baebd6a463302713c6cca6546560b1e","publisher":["0x3333333333333333333333333333333333333333333333333333333333333333"]},"slasher":[]}"#;
const MNEMONIC: &[u8] = br#"{"schemaVersion":1,"validators":[{"attester":{"mnemonic":"test test test test test test test test test test test junk","addressCount":2},"feeRecipient":"0x0000000000000000000000000000000000000000000000000000000000000000"}]}"#;
/// With as little work in its derivation as there can be; the password is `a`, which does not open it.
const V3: &[u8] = br#"{"version":3,"address":"7b6723312baebd6a463302713c6cca6546560b1e","crypto":{"cipher":"aes-128-ctr","cipherparams":{"iv":"00112233445566778899aabbccddeeff"},"ciphertext":"1111111111111111111111111111111111111111111111111111111111111111","kdf":"scrypt","kdfparams":{"dklen":32,"n":2,"p":1,"r":1,"salt":"00"},"mac":"2222222222222222222222222222222222222222222222222222222222222222"}}"#;
const BLS: &[u8] = br#"{"version":4,"pubkey":"0x00","crypto":{"kdf":{"function":"pbkdf2","params":{"dklen":32,"c":1,"prf":"hmac-sha256","salt":"00"},"message":""},"checksum":{"function":"sha256","params":{},"message":"00"},"cipher":{"function":"aes-128-ctr","params":{"iv":"00112233445566778899aabbccddeeff"},"message":"1111111111111111111111111111111111111111111111111111111111111111"}}}"#;

/// A place in the entry queue: attester, withdrawer, three points, and a truth.
const QUEUED: &[u8] = &{
    let mut words = [0; 320];
    (words[31], words[63], words[319]) = (1, 2, 1);
    words
};

/// The texts in a JSON document, without the names of its fields, that could be secrets: long, and with a digit in them.
fn secrets(bytes: &[u8]) -> Vec<String> {
    fn collect(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::String(text)
                if text.len() >= PLANTED.len()
                    && text.contains(|c: char| c.is_ascii_digit())
                    // An address is public, and names the one that something is wrong with.
                    && !(text.len() == 42 && text.starts_with("0x")) =>
            {
                found.push(text.clone());
            }
            Value::Array(values) => values.iter().for_each(|value| collect(value, found)),
            Value::Object(fields) => fields.values().for_each(|value| collect(value, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    if let Ok(value) = serde_json::from_slice(bytes) {
        collect(&value, &mut found);
    }
    found
}

fn tells_nothing(said: &str, bytes: &[u8]) {
    for secret in secrets(bytes) {
        assert!(!said.contains(&secret), "{secret:?} is in {said:?}");
    }
}

/// A keystore that is taken is one that is taken when it is written again, with the same signers; a refusal quotes nothing.
fn keystore(bytes: &[u8]) {
    let keystore = match Document::parse(bytes) {
        Ok(keystore) => keystore,
        Err(error) => return tells_nothing(&error.to_string(), bytes),
    };
    // The host of a signer is shown.
    let in_host = |text: &String| {
        let host = url::Url::parse(text)
            .ok()
            .and_then(|url| url.host_str().map(str::to_owned));
        host.is_some_and(|host| host.contains(PLANTED))
    };
    assert!(!format!("{keystore:?}").contains(PLANTED) || secrets(bytes).iter().any(in_host));
    let addresses = |keystore: &Document| -> BTreeSet<_> {
        let attesters = keystore
            .validators
            .iter()
            .flat_map(|entry| &entry.attesters);
        attesters.filter_map(|one| one.eth.address()).collect()
    };
    let key = [7; 32];
    let mut open = |_: &document::KeyFile| Ok(vec![key.into()]);
    match keystore.inlined(1, &mut open) {
        Ok(written) => {
            let again = Document::parse(&written).expect("what is written is taken");
            assert!(again.files.is_empty() && again.mnemonics.is_empty());
            assert!(addresses(&again).is_superset(&addresses(&keystore)));
            let count = |it: &Document| {
                it.validators
                    .iter()
                    .map(|it| it.attesters.len())
                    .sum::<usize>()
            };
            assert_eq!(count(&again), count(&keystore));
            // With every key in it there is nothing left to open, and the third writing is the second.
            let third = again.inlined(1, &mut open).expect("it was written once");
            assert_eq!(*third, *written);
        }
        Err(error) => tells_nothing(&error.to_string(), bytes),
    }
    match outlined(&[("one.json", &keystore)]) {
        Ok(written) => {
            let written = &written[0];
            let again = Document::parse(written).expect("what is written is taken");
            // A publisher that no validator has is in a file that no keystore names.
            let mut entries = keystore.validators.iter();
            let all_named =
                keystore.publishers.is_none() || entries.any(|entry| entry.publishers.is_none());
            assert!(
                !all_named
                    || keystore
                        .keys()
                        .iter()
                        .all(|(name, _)| again.files.iter().any(|it| it.path == *name))
            );
            let written = text(written).to_lowercase();
            keys_in(bytes, &keystore)
                .iter()
                .for_each(|key| assert!(!written.contains(key)));
        }
        Err(error) => tells_nothing(&error.to_string(), bytes),
    }
    for (url, addresses) in remote_signers([&keystore]) {
        assert!(["http", "https"].contains(&url.scheme()) && !addresses.is_empty());
    }
}

/// The texts of a document that are keys of the keystore in it, and nothing else of it.
fn keys_in(bytes: &[u8], keystore: &Document) -> Vec<String> {
    let known = keystore.keys();
    let is_key = |text: &String| {
        let Ok(bytes) = raw_key(text.as_bytes()) else {
            return false;
        };
        let (eth, bls) = (EthKey::from_bytes(&bytes), BlsKey::from_bytes(&bytes));
        known.iter().any(|(_, key)| match key {
            AnyKey::Eth(key) => eth.as_ref().is_ok_and(|eth| eth.address() == key.address()),
            AnyKey::Bls(key) => bls
                .as_ref()
                .is_ok_and(|bls| bls.public_g1() == key.public_g1()),
        })
    };
    let recipients = keystore.validators.iter().map(|entry| entry.fee_recipient);
    let recipients = recipients.chain([keystore.fee_recipient]).flatten();
    let recipients: Vec<_> = recipients.map(|it| it.to_string()).collect();
    let texts = secrets(bytes)
        .into_iter()
        .filter(is_key)
        .map(|text| text.to_lowercase());
    texts.filter(|text| !recipients.contains(text)).collect()
}

/// What the strict reader takes the other one takes too, with the same attester.
fn one_validator(bytes: &[u8]) {
    match read_identity(bytes) {
        Err(error) => tells_nothing(&error.to_string(), bytes),
        Ok(identity) => {
            let keystore = Document::parse(bytes).expect("the node takes it");
            let attester = &keystore.validators[0].attesters[0];
            assert_eq!(attester.eth.address(), Some(identity.attester));
            assert_eq!(read_attester(bytes).unwrap().address(), identity.attester);
            assert!(read_prover(bytes).is_err());
        }
    }
    if let Err(error) = read_prover(bytes) {
        tells_nothing(&error.to_string(), bytes);
    }
}

/// A directory is judged, whatever is in it: there is a word on it, and none repeats a key.
fn survey(bytes: &[u8]) {
    let (one, two) = halves(bytes);
    let seen = |name: &str, bytes: &str, mode: u32| Seen {
        name: name.into(),
        sort: Sort::File,
        mode,
        uid: 0,
        bytes: Some(bytes.as_bytes().to_vec().into()),
    };
    let files = vec![seen("a.json", &one, 0o600), seen("b.json", &two, 0o600)];
    let mut survey = Survey::of(files, 0);
    assert!(!survey.notes.is_empty());
    for listed in survey.attesters() {
        assert!(["validator", "prover"].contains(&listed.role.as_str()));
        assert!(!listed.signer.contains('@'), "{}", listed.signer);
    }
    let theirs = survey.attesters();
    survey.against("the other", &theirs);
    let attests = theirs.iter().any(|one| one.attester.is_some());
    assert!(!attests || survey.notes.iter().any(|note| note.grade != Grade::Good));
    for note in &survey.notes {
        for file in [&one, &two] {
            let long = secrets(file.as_bytes())
                .into_iter()
                .filter(|secret| secret.len() >= 64);
            long.for_each(|secret| assert!(!note.message.contains(&secret)));
        }
    }
}

/// An address, a number of Aztec's field and a key that are taken are the same when they are written again.
fn values(bytes: &[u8]) {
    let value = text(bytes);
    if let Ok(address) = document::parse_address(&value) {
        assert_eq!(document::parse_address(&address.to_string()), Ok(address));
        assert_eq!(
            document::parse_address(&format!("{address:#x}")),
            Ok(address)
        );
    }
    if let Ok(address) = document::parse_aztec_address(&value) {
        assert_eq!(
            document::parse_aztec_address(&address.to_string()),
            Ok(address)
        );
    }
    if let Ok(url) = document::parse_signer(&value) {
        assert_eq!(document::parse_signer(url.as_str()), Ok(url));
    }
    match raw_key(bytes) {
        Ok(key) => {
            let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(*raw_key(format!("0x{hex}\n").as_bytes()).unwrap(), *key);
            if let Ok(key) = EthKey::from_bytes(&key) {
                assert!(!format!("{key:?}").contains(&hex));
            }
            if let Ok(key) = BlsKey::from_bytes(&key) {
                assert!(!format!("{key:?}").contains(&hex));
            }
        }
        Err(error) => assert!(!error.to_string().contains(PLANTED)),
    }
}

/// An encrypted file opens to a key or is refused, and says nothing of what is in it. What would derive for long is left out.
fn opened(bytes: &[u8]) {
    let Ok(file) = serde_json::from_slice::<Value>(bytes) else {
        return;
    };
    // A fraction of zero is taken, too.
    let number = |value: &Value| value.as_f64().unwrap_or_default() as u64;
    let crypto = if file["crypto"].is_object() {
        &file["crypto"]
    } else {
        &file["Crypto"]
    };
    let scrypt = &crypto["kdfparams"];
    let work = number(&scrypt["n"])
        .saturating_mul(number(&scrypt["r"]))
        .saturating_mul(number(&scrypt["p"]));
    let rounds = number(&scrypt["c"]).max(number(&crypto["kdf"]["params"]["c"]));
    if work > 256 || number(&scrypt["r"]) > 256 || rounds > 64 {
        return;
    }
    for password in ["a", "ﬁ"] {
        let password = Password::new(password.to_owned().into());
        if let Err(error) = encrypted::open_eth(bytes, &password) {
            tells_nothing(&error.to_string(), bytes);
        }
        if let Err(error) = encrypted::open_bls(bytes, &password) {
            tells_nothing(&error.to_string(), bytes);
        }
    }
    if encrypted::format(bytes) == Some(Format::JsonV3) {
        assert_eq!(number(&file["version"]), 3);
    }
}

/// Words that are taken are the same when they are written again, and a refusal has none of them.
fn mnemonic(bytes: &[u8]) {
    let phrase = text(bytes);
    match Mnemonic::parse(&phrase) {
        Ok(mnemonic) => {
            assert!(!format!("{mnemonic:?}").contains(&*mnemonic.phrase()));
            let again = Mnemonic::parse(&mnemonic.phrase()).unwrap();
            assert_eq!(*again.phrase(), *mnemonic.phrase());
            assert!(
                phrase
                    .split_whitespace()
                    .eq(mnemonic.phrase().split_whitespace())
            );
        }
        Err(error) => {
            let said = error.to_string();
            assert!(!said.contains(PLANTED) && said.len() < 200, "{said}");
        }
    }
}

/// Addresses stand in what was printed; printed again, whatever is printed before, they are the same.
fn deployment(bytes: &[u8]) {
    let (before, said) = halves(bytes);
    let Ok(found) = Deployment::parse(&said) else {
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

/// A result is the one that was sent, with no error beside it and a status that agrees; why there is none is short.
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

/// Why a call reverted can always be told, and the host of a URL is all that is shown of it.
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

/// A number is the one that is written.
fn beacon(bytes: &[u8]) {
    let Ok(answer) = serde_json::from_slice::<Value>(bytes) else {
        return;
    };
    for name in ["head_slot", "sync_distance", "chain_id"] {
        if let Some(number) = fuzz::beacon_number(&answer, name) {
            let said = answer["data"][name].as_str().unwrap();
            assert_eq!(
                said.parse::<U256>()
                    .unwrap_or_default()
                    .saturating_to::<u64>(),
                number,
                "{said}"
            );
        }
    }
}

/// What is a trace of one method is none of the other.
fn traces(bytes: &[u8]) {
    if let Ok(answer) = serde_json::from_slice::<Value>(bytes) {
        let [call, list] = fuzz::is_trace(&answer);
        assert!(!(call && list));
        assert!(!call || answer.is_object());
    }
}

/// What is read of a contract's answer, or of what it logged, is all that stands there.
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
