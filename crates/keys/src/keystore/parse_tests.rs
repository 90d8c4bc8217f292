use super::*;
use crate::keystore::outlined;

const ETH: &str = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
const BLS: &str = "0x285526323b860bde9d845bed1bcaffe6a0da0373b3cf08f45f5ee3c85e095da5";
const ZERO: &str = "0x0000000000000000000000000000000000000000000000000000000000000000";
const JUNK: &str = "test test test test test test test test test test test junk";
const ADDRESS: &str = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";

/// A version 1 keystore of one validator with these fields, in addition to attester and fee recipient.
fn with(fields: &str) -> String {
    let sep = if fields.is_empty() { "" } else { "," };
    format!(
        r#"{{"schemaVersion":1,"validators":[{{"attester":{{"eth":"{ETH}","bls":"{BLS}"}},"feeRecipient":"{ZERO}"{sep}{fields}}}]}}"#
    )
}

fn attester(attester: &str) -> String {
    format!(
        r#"{{"schemaVersion":1,"validators":[{{"attester":{attester},"feeRecipient":"{ZERO}"}}]}}"#
    )
}

/// The node's own loader (4.1.2) loaded each of these.
#[test]
fn every_form_of_the_node_is_accepted() {
    let upper = ETH.to_uppercase().replace("0X", "0x");
    let cases = [
        (with(""), 1, 0),
        (with(&format!(r#""publisher":"{ETH}""#)), 1, 1),
        (
            with(&format!(
                r#""publisher":["{ETH}","{ADDRESS}",{{"address":"{ADDRESS}","remoteSignerUrl":"https://s"}},{{"path":"x"}}],"remoteSigner":"https://s""#
            )),
            1,
            4,
        ),
        (
            with(&format!(r#""coinbase":"{}""#, ADDRESS.to_lowercase())),
            1,
            0,
        ),
        (
            with(&format!(
                r#""coinbase":"{}","publisher":null"#,
                &ADDRESS[2..]
            )),
            1,
            0,
        ),
        (with(&format!(r#""fundingAccount":"{ETH}""#)), 1, 0),
        (
            with(&format!(
                r#""publisher":{{"mnemonic":"{JUNK}","addressCount":2,"accountCount":2}}"#
            )),
            1,
            4,
        ),
        (attester(&format!(r#""{upper}""#)), 1, 0),
        // The ends are trimmed, and a character that NFKD turns into a space is one.
        (
            attester(&format!(
                r#"{{"mnemonic":" {}\n"}}"#,
                JUNK.replacen(' ', "\u{a0}", 1)
            )),
            1,
            0,
        ),
        (
            attester(&format!(
                r#"["{ETH}",{{"eth":{{"path":"a","password":"b"}},"bls":{{"path":"x"}}}}]"#
            )),
            2,
            0,
        ),
        (
            attester(&format!(
                r#"{{"mnemonic":"{JUNK}","addressIndex":1.0,"addressCount":3}}"#
            )),
            3,
            0,
        ),
        (
            format!(
                r#"{{"schemaVersion":2,"feeRecipient":"{ZERO}","publisher":"{ETH}","validators":[{{"attester":"{ETH}"}}]}}"#
            ),
            1,
            1,
        ),
    ];
    for (text, attesters, publishers) in cases {
        let document = Document::parse(text.as_bytes()).unwrap();
        let entry = &document.validators[0];
        assert_eq!(entry.attesters.len(), attesters, "{text}");
        let named = entry.publishers.as_ref().or(document.publishers.as_ref());
        assert_eq!(named.map_or(0, Vec::len), publishers, "{text}");
    }
    let prover =
        format!(r#"{{"schemaVersion":1,"prover":{{"id":"{ADDRESS}","publisher":["{ETH}"]}}}}"#);
    assert_eq!(
        Document::parse(prover.as_bytes())
            .unwrap()
            .prover
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn each_error_names_its_place() {
    let f = "f".repeat(64);
    let swapped = ADDRESS.replace('C', "c");
    let cases = [
        ("{".to_owned(), "it is not JSON: see line 1 column 1"),
        (
            r#"{"schemaVersion":1,"schemaVersion":1}"#.into(),
            "a name occurs twice before line 1 column 34",
        ),
        (
            "[]".into(),
            "it is an array, like a staker output: that file does not belong in a keystore directory",
        ),
        ("7".into(), "the file is a number, not an object"),
        ("{}".into(), "schemaVersion is missing"),
        (
            r#"{"schemaVersion":"1"}"#.into(),
            "schemaVersion is not the number 1 or 2",
        ),
        (
            r#"{"schemaVersion":3}"#.into(),
            "schemaVersion is not the number 1 or 2",
        ),
        (r#"{"schemaVersion":1}"#.into(), "validators is missing"),
        (
            r#"{"schemaVersion":1,"validators":{}}"#.into(),
            "validators is an object, not an array",
        ),
        (
            r#"{"schemaVersion":1,"validators":[{}]}"#.into(),
            "validators[0].attester is missing",
        ),
        (
            format!(r#"{{"schemaVersion":1,"validators":[{{"attester":"{ETH}"}}]}}"#),
            "validators[0].feeRecipient is missing",
        ),
        (
            format!(r#"{{"schemaVersion":1,"feeRecipient":"{ZERO}","validators":[]}}"#),
            "feeRecipient is not a field of a keystore: the node refuses unknown fields",
        ),
        (
            with(r#""feeRecipients":1"#),
            "validators[0].feeRecipients is not a field of a keystore: the node refuses unknown fields",
        ),
        (
            with(&format!(r#""{ETH}":1"#)),
            "validators[0] has a field that no keystore has: the node refuses unknown fields",
        ),
        (
            with(r#""publisher":[]"#),
            "validators[0].publisher is empty: remove it to let the attester publish",
        ),
        (
            with(&format!(r#""publisher":[["{ETH}"]]"#)),
            "validators[0].publisher[0] is an array, not a key, an address or an object",
        ),
        (
            with(&format!(r#""publisher":["{}"]"#, &ETH[2..])),
            "validators[0].publisher[0] does not begin with 0x",
        ),
        (
            with(&format!(r#""publisher":"{ETH}0""#)),
            "validators[0].publisher is not 0x and 64 hexadecimal digits",
        ),
        (
            with(&format!(r#""publisher":"{ZERO}""#)),
            "validators[0].publisher: the Ethereum key is not a private key: it is zero or not below the group order",
        ),
        (
            with(r#""publisher":"<your key>""#),
            "validators[0].publisher is neither a private key (0x and 64 hexadecimal digits) nor an address (0x and 40)",
        ),
        (
            with(r#""coinbase":"0x12""#),
            "validators[0].coinbase is not an address: 0x and 40 hexadecimal digits",
        ),
        (
            with(&format!(r#""coinbase":"{swapped}""#)),
            "validators[0].coinbase is an address with a wrong checksum: a letter is mistyped",
        ),
        (
            with(&format!(r#""coinbase":"{}""#, ADDRESS.replace("0x", "0X"))),
            "validators[0].coinbase is not an address: 0x and 40 hexadecimal digits",
        ),
        (
            with(r#""remoteSigner":"nope""#),
            "validators[0].remoteSigner is not a URL",
        ),
        (
            with(&format!(r#""publisher":{{"address":"{ADDRESS}"}}"#)),
            "validators[0].publisher.remoteSignerUrl is missing",
        ),
        (
            with(r#""publisher":{"mnemonic":"sausage"}"#),
            "validators[0].publisher: the mnemonic is not valid: it has 1 words",
        ),
        (
            with(&format!(
                r#""publisher":{{"mnemonic":"{}"}}"#,
                JUNK.replacen(' ', "  ", 1)
            )),
            "validators[0].publisher: exactly one space must separate two words",
        ),
        (
            with(&format!(
                r#""publisher":{{"mnemonic":"{}"}}"#,
                JUNK.replacen(' ', "\\t", 1)
            )),
            "validators[0].publisher: exactly one space must separate two words",
        ),
        (
            with(&format!(
                r#""publisher":{{"mnemonic":"{JUNK}","addressCount":null}}"#
            )),
            "validators[0].publisher.addressCount is not a whole number",
        ),
        (
            format!(r#"{{"schemaVersion":1,"prover":{{"id":"{ADDRESS}","publisher":[]}}}}"#),
            "prover.publisher is empty: name the account that pays for the proofs",
        ),
        (
            format!("\u{feff}{}", with("")),
            "it begins with a byte order mark, as files of Windows do: save it as UTF-8 without one",
        ),
        (
            with(&format!(
                r#""publisher":{{"mnemonic":"{JUNK}","addressCount":1001}}"#
            )),
            "validators[0].publisher stands for zero keys or for more than 1000",
        ),
        (attester("[]"), "validators[0].attester is empty"),
        (
            attester(&format!(r#"{{"bls":"{BLS}"}}"#)),
            "validators[0].attester.eth is missing",
        ),
        (
            attester(&format!(r#"{{"eth":"{ETH}","bls":"0x{f}"}}"#)),
            "validators[0].attester.bls: the BLS key is not a private key: it is zero or not below the group order",
        ),
        (
            attester(&format!(r#"{{"eth":"{ETH}","bls":"{}"}}"#, &BLS[2..])),
            "validators[0].attester.bls does not begin with 0x",
        ),
        (
            with("").replace(
                &format!(r#""feeRecipient":"{ZERO}""#),
                &format!(r#""feeRecipient":"0x{f}""#),
            ),
            "validators[0].feeRecipient is not an Aztec address: it is not below the order of the field",
        ),
    ];
    for (text, expected) in cases {
        let error = Document::parse(text.as_bytes()).unwrap_err().to_string();
        assert_eq!(
            error,
            format!("the keystore is not usable: {expected}"),
            "{text}"
        );
        for secret in [&ETH[10..30], &BLS[10..30], "sausage"] {
            assert!(!error.contains(secret), "{error}");
        }
    }
}

#[test]
fn debug_prints_no_secret() {
    let text = with(&format!(r#""publisher":{{"path":"p","password":"{BLS}"}}"#));
    let shown = format!("{:?}", Document::parse(text.as_bytes()).unwrap());
    assert!(shown.contains("REDACTED"), "{shown}");
    for secret in [&ETH[4..20], &BLS[4..20], "172, 9, 116", "40, 85, 38"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn a_file_with_only_names_and_addresses_holds_no_secrets() {
    let signer = r#""remoteSigner":"https://s""#;
    let of = |text: String| Document::parse(text.as_bytes()).unwrap().holds_secrets();
    assert!(of(with("")));
    assert!(!of(attester(&format!(r#"{{"path":"a.json"}},{signer}"#))));
    assert!(!of(attester(&format!(r#""{ADDRESS}",{signer}"#))));
    assert!(of(attester(r#"{"path":"a.json","password":"b"}"#)));
    assert!(of(attester(&format!(r#"{{"mnemonic":"{JUNK}"}}"#))));
    assert!(of(attester(&format!(
        r#"{{"eth":{{"path":"a.json"}},"bls":"{BLS}"}}"#
    ))));
}

/// Each attester stays what it is, and keeps its publishers, when its keys are written inline.
#[test]
fn several_attesters_of_one_entry_stay_together() {
    let text = attester(&format!(
        r#"["{ETH}",{{"eth":{{"path":"dir"}}}}],"coinbase":"{ADDRESS}""#
    ));
    let document = Document::parse(text.as_bytes()).unwrap();
    let keys = |count: u8| {
        let keys = (1..=count).map(|byte| Zeroizing::new([byte; 32]));
        keys.collect::<Vec<_>>()
    };
    let written = document.inlined(2, &mut |_| Ok(keys(2))).unwrap();
    let again = Document::parse(&written).unwrap();
    assert_eq!((again.schema_version, again.validators.len()), (2, 1));
    assert_eq!(again.validators[0].attesters.len(), 3);
    assert!(again.validators[0].publishers.is_none());
    // The file does not say which of the two keys the BLS key belongs to.
    let text = attester(&format!(r#"{{"eth":{{"path":"dir"}},"bls":"{BLS}"}}"#));
    let document = Document::parse(text.as_bytes()).unwrap();
    assert!(document.inlined(1, &mut |_| Ok(keys(1))).is_ok());
    let error = document.inlined(1, &mut |_| Ok(keys(2))).unwrap_err();
    assert!(error.to_string().contains("one BLS key for 2"), "{error}");
}

/// A file of version 2 with these additional fields.
fn second(fields: &str) -> Document {
    let text = format!(r#"{{"schemaVersion":2,"feeRecipient":"{ZERO}",{fields}}}"#);
    Document::parse(text.as_bytes()).unwrap()
}

/// The node uses the values of one file for the validators of the others, so the backup of each file must state them by
/// itself.
#[test]
fn a_backup_writes_the_merged_values_into_each_validator() {
    let other = format!("0x{}", "47".repeat(32));
    let payer = format!("0x{}", "48".repeat(32));
    let one = second(&format!(r#""validators":[{{"attester":"{ETH}"}}]"#));
    let two = second(&format!(
        r#""coinbase":"{ADDRESS}","publisher":"{payer}","validators":[{{"attester":"{other}","publisher":"{ETH}"}}]"#
    ));
    let (one, two) = (("a.json", &one), ("b.json", &two));
    let paid = two.1.publishers.as_ref().unwrap()[0].address().unwrap();
    let name = format!("eth-{paid:#x}.json");
    // No validator of its own file uses this publisher, and it is kept anyway.
    assert!(two.1.keys().iter().any(|(it, _)| *it == name));
    let written = outlined(&[one, two]).unwrap();
    let [first, second] = [0, 1].map(|at| Document::parse(&written[at]).unwrap());
    assert!(first.files.iter().any(|file| file.path == name));
    assert!(second.files.iter().all(|file| file.path != name));
    for document in [&first, &second] {
        let coinbase = document.validators[0].coinbase;
        assert_eq!(coinbase, Some(ADDRESS.parse().unwrap()));
    }
    // By itself, the first file would mean something else.
    let alone = Document::parse(&outlined(&[one]).unwrap()[0]).unwrap();
    assert!(alone.validators[0].publishers.is_none() && alone.validators[0].coinbase.is_none());
}

#[test]
fn inlining_refuses_to_lose_a_value() {
    for (fields, why) in [
        (
            format!(r#""publisher":"{ETH}","validators":[]"#),
            "no validators",
        ),
        (
            format!(
                r#""publisher":"{ETH}","validators":[{{"attester":"{ETH}","publisher":"{ETH}"}}]"#
            ),
            "its own publisher",
        ),
    ] {
        let error = second(&fields)
            .inlined(2, &mut |_| Ok(Vec::new()))
            .unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
    }
}

/// A user or a path of a URL may be a password.
#[test]
fn the_debug_output_of_a_signer_is_its_origin() {
    let url = "http://me:hunter2@signer.example:9000/hunter2?hunter2";
    let text = format!(
        r#"{{"schemaVersion":1,"remoteSigner":"{url}","validators":[
            {{"attester":{{"address":"{ADDRESS}","remoteSignerUrl":"{url}"}},"remoteSigner":"{url}","feeRecipient":"{ZERO}"}}]}}"#
    );
    let debug = format!("{:?}", Document::parse(text.as_bytes()).unwrap());
    assert!(!debug.contains("hunter2"), "{debug}");
    assert_eq!(debug.matches("http://signer.example:9000").count(), 3);
}
