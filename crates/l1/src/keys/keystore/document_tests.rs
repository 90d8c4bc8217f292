use super::*;

const ETH: &str = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
const BLS: &str = "0x285526323b860bde9d845bed1bcaffe6a0da0373b3cf08f45f5ee3c85e095da5";
const ZERO: &str = "0x0000000000000000000000000000000000000000000000000000000000000000";
const JUNK: &str = "test test test test test test test test test test test junk";
const ADDRESS: &str = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";

/// A version 1 keystore of one validator with these fields besides attester and fee recipient.
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

/// Each was seen to load with the node's own loader (4.1.2).
#[test]
fn every_form_of_the_node_is_taken() {
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
fn what_the_node_refuses_is_refused_at_its_place() {
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
            "it is an array, as a staker output is: that file does not belong among keystores",
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
            "validators[0].publisher is empty: without it the attester publishes",
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
            "validators[0].publisher: the mnemonic is not valid: mnemonic has an invalid word count: 1. Word count must be 12, 15, 18, 21, or 24",
        ),
        (
            with(&format!(
                r#""publisher":{{"mnemonic":"{JUNK}","addressCount":1001}}"#
            )),
            "validators[0].publisher stands for no key, or for more than 1000",
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
