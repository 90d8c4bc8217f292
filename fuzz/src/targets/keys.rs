//! Keys in every form that `crates/keys` reads.

use std::collections::BTreeSet;

use keys::encrypted::{self, Format, Password};
use keys::keystore::document::KeyFile;
use keys::keystore::survey::{Grade, Seen, Sort, Survey};
use keys::keystore::{
    AnyKey, Document, outlined, parse_address, parse_aztec_address, parse_signer, read_attester,
    read_identity, read_prover, remote_signers,
};
use keys::{BlsKey, EthKey, Mnemonic, raw_key};
use serde_json::Value;

use super::target::{PLANTED, Target, halves, target, text};

pub(super) const TARGETS: &[Target] = &[
    target!(
        "keystore/document",
        "crates/keys/src/keystore/parse.rs",
        keystore,
        PLAIN,
        REMOTE,
        FILES,
        MNEMONIC
    ),
    target!(
        "keystore/read",
        "crates/keys/src/keystore/read.rs",
        one_validator,
        PLAIN
    ),
    target!(
        "keystore/survey",
        "crates/keys/src/keystore/survey/mod.rs",
        survey,
        PLAIN,
        REMOTE
    ),
    target!(
        "keystore/values",
        "crates/keys/src/keystore/values.rs",
        values,
        b"0x7B6723312baebd6a463302713c6cca6546560b1e",
        b"https://signer.example:9000"
    ),
    target!(
        "keys/encrypted",
        "crates/keys/src/encrypted/mod.rs",
        opened,
        V3,
        BLS
    ),
    target!(
        "keys/mnemonic",
        "crates/keys/src/mnemonic.rs",
        mnemonic,
        b"test test test test test test test test test test test junk"
    ),
];

const PLAIN: &[u8] = br#"{"schemaVersion":1,"validators":[{"attester":{"eth":"0x1111111111111111111111111111111111111111111111111111111111111111","bls":"0x2222222222222222222222222222222222222222222222222222222222222222"},"publisher":["0x3333333333333333333333333333333333333333333333333333333333333333"],"coinbase":"0x7b6723312baebd6a463302713c6cca6546560b1e","feeRecipient":"0x0000000000000000000000000000000000000000000000000000000000000001"}]}"#;
const REMOTE: &[u8] = br#"{"schemaVersion":2,"remoteSigner":{"remoteSignerUrl":"https://s.example","certPath":"/a"},"feeRecipient":"0x0000000000000000000000000000000000000000000000000000000000000001","publisher":"0x7b6723312baebd6a463302713c6cca6546560b1e","validators":[{"attester":"0x7b6723312baebd6a463302713c6cca6546560b1e"},{"attester":{"address":"0x7b6723312baebd6a463302713c6cca6546560b1f","remoteSignerUrl":"http://u:p@t.example"},"fundingAccount":"0x3333333333333333333333333333333333333333333333333333333333333333"}]}"#;
const FILES: &[u8] = br#"{"schemaVersion":1,"validators":[{"attester":[{"eth":{"path":"a.json","password":"hunter2hunter2"},"bls":{"path":"b.json"}}],"feeRecipient":"0x00"}],"prover":{"id":"0x7b6723312baebd6a463302713c6cca6546560b1e","publisher":["0x3333333333333333333333333333333333333333333333333333333333333333"]},"slasher":[]}"#;
const MNEMONIC: &[u8] = br#"{"schemaVersion":1,"validators":[{"attester":{"mnemonic":"test test test test test test test test test test test junk","addressCount":2},"feeRecipient":"0x0000000000000000000000000000000000000000000000000000000000000000"}]}"#;
/// The cheapest key derivation. The password `a` does not open it.
const V3: &[u8] = br#"{"version":3,"address":"7b6723312baebd6a463302713c6cca6546560b1e","crypto":{"cipher":"aes-128-ctr","cipherparams":{"iv":"00112233445566778899aabbccddeeff"},"ciphertext":"1111111111111111111111111111111111111111111111111111111111111111","kdf":"scrypt","kdfparams":{"dklen":32,"n":2,"p":1,"r":1,"salt":"00"},"mac":"2222222222222222222222222222222222222222222222222222222222222222"}}"#;
const BLS: &[u8] = br#"{"version":4,"pubkey":"0x00","crypto":{"kdf":{"function":"pbkdf2","params":{"dklen":32,"c":1,"prf":"hmac-sha256","salt":"00"},"message":""},"checksum":{"function":"sha256","params":{},"message":"00"},"cipher":{"function":"aes-128-ctr","params":{"iv":"00112233445566778899aabbccddeeff"},"message":"1111111111111111111111111111111111111111111111111111111111111111"}}}"#;

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

/// No text of the document that could be a secret is in this message.
fn quotes_nothing(message: &str, bytes: &[u8]) {
    for secret in secrets(bytes) {
        assert!(!message.contains(&secret), "{secret:?} is in {message:?}");
    }
}

/// An accepted keystore is accepted again after it is written, with the same signers. A refusal quotes nothing.
fn keystore(bytes: &[u8]) {
    let keystore = match Document::parse(bytes) {
        Ok(keystore) => keystore,
        Err(error) => return quotes_nothing(&error.to_string(), bytes),
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
    let mut open = |_: &KeyFile| Ok(vec![key.into()]);
    match keystore.inlined(1, &mut open) {
        Ok(written) => {
            let again = Document::parse(&written).expect("a written keystore is accepted");
            assert!(again.files.is_empty() && again.mnemonics.is_empty());
            assert!(addresses(&again).is_superset(&addresses(&keystore)));
            let count = |it: &Document| {
                it.validators
                    .iter()
                    .map(|it| it.attesters.len())
                    .sum::<usize>()
            };
            assert_eq!(count(&again), count(&keystore));
            // All keys are inline now, so nothing is opened and the text stays the same.
            let third = again.inlined(1, &mut open).expect("it was written before");
            assert_eq!(*third, *written);
        }
        Err(error) => quotes_nothing(&error.to_string(), bytes),
    }
    match outlined(&[("one.json", &keystore)]) {
        Ok(written) => {
            let written = &written[0];
            let again = Document::parse(written).expect("a written keystore is accepted");
            // The file of a publisher that no validator uses is named in no keystore.
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
        Err(error) => quotes_nothing(&error.to_string(), bytes),
    }
    for (url, addresses) in remote_signers([&keystore]) {
        assert!(["http", "https"].contains(&url.scheme()) && !addresses.is_empty());
    }
}

/// The texts of a document that are keys of its keystore and nothing else in it.
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

/// The lenient reader accepts everything that the strict reader accepts, with the same attester.
fn one_validator(bytes: &[u8]) {
    match read_identity(bytes) {
        Err(error) => quotes_nothing(&error.to_string(), bytes),
        Ok(identity) => {
            let keystore = Document::parse(bytes).expect("the node accepts it");
            let attester = &keystore.validators[0].attesters[0];
            assert_eq!(attester.eth.address(), Some(identity.attester));
            assert_eq!(read_attester(bytes).unwrap().address(), identity.attester);
            assert!(read_prover(bytes).is_err());
        }
    }
    if let Err(error) = read_prover(bytes) {
        quotes_nothing(&error.to_string(), bytes);
    }
}

/// Any directory gets a verdict, and no message repeats a key.
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
            let text = format!("{note:?}");
            long.for_each(|secret| assert!(!text.contains(&secret)));
        }
    }
}

/// An accepted address, number of Aztec's field or key is the same after it is written again.
fn values(bytes: &[u8]) {
    let value = text(bytes);
    if let Ok(address) = parse_address(&value) {
        assert_eq!(parse_address(&address.to_string()), Ok(address));
        assert_eq!(parse_address(&format!("{address:#x}")), Ok(address));
    }
    if let Ok(address) = parse_aztec_address(&value) {
        assert_eq!(parse_aztec_address(&address.to_string()), Ok(address));
    }
    if let Ok(url) = parse_signer(&value) {
        assert_eq!(parse_signer(url.as_str()), Ok(url));
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

/// An encrypted file opens to a key or is refused, and reveals nothing of its content. Inputs with an expensive key
/// derivation are skipped.
fn opened(bytes: &[u8]) {
    let Ok(file) = serde_json::from_slice::<Value>(bytes) else {
        return;
    };
    // A number may be written as a fraction.
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
            quotes_nothing(&error.to_string(), bytes);
        }
        if let Err(error) = encrypted::open_bls(bytes, &password) {
            quotes_nothing(&error.to_string(), bytes);
        }
    }
    if encrypted::format(bytes) == Some(Format::JsonV3) {
        assert_eq!(number(&file["version"]), 3);
    }
}

/// Accepted words are the same after they are written again, and a refusal contains none of them.
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
            let message = error.to_string();
            assert!(
                !message.contains(PLANTED) && message.len() < 200,
                "{message}"
            );
        }
    }
}
