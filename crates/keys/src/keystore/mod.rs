//! The keystore file of the node, schema versions 1 and 2.
//!
//! The node refuses unknown keys in it, and so does [`Document`]. The node accepts every file that this module accepts, in
//! every form: remote signers, encrypted files, mnemonics. [`read_identity`] accepts only the output of [`render`], one
//! validator with plain keys.

pub mod document;
mod fields;
mod merged;
mod parse;
mod read;
mod remote;
mod rewrite;
pub mod survey;
mod tree;
mod values;
mod write;

use alloy_primitives::{Address, B256};
use serde::Serialize;

use super::{AttesterKeys, BlsKey, EthKey, G1Point, G2Point};
use crate::error::Result;
pub use document::Document;
pub use merged::{Listed, listed};
pub use read::{read_attester, read_identity, read_prover};
pub use remote::remote_signers;
pub use rewrite::{AnyKey, outlined};
pub(crate) use values::key_bytes;
pub use values::{SignerUrl, parse_address, parse_aztec_address, parse_signer};
pub use write::{Bls, NewEntry, Signer, render, render_entries, render_prover};

/// One validator to put into a keystore.
#[derive(Debug)]
pub struct Validator<'a> {
    /// The attester's two keys.
    pub attester: &'a AttesterKeys,
    /// The keys that pay for L1 transactions. If empty, the attester pays.
    pub publishers: &'a [EthKey],
    /// The receiver of the L1 rewards. `None` means the attester.
    pub coinbase: Option<Address>,
    /// The receiver of the L2 fees. The protocol does not use it yet, and zero is the customary value.
    pub fee_recipient: B256,
}

/// The public data of a keystore: addresses and public keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicIdentity {
    /// The attester's address.
    pub attester: Address,
    /// The publishers' addresses. If empty, the attester publishes.
    pub publishers: Vec<Address>,
    /// The receiver of the L1 rewards, if it is not the attester.
    pub coinbase: Option<Address>,
    /// The receiver of the L2 fees.
    pub fee_recipient: B256,
    /// The BN254 public key in G1.
    pub pk_g1: G1Point,
    /// The BN254 public key in G2.
    pub pk_g2: G2Point,
}

/// One entry of the registration file that the staking dashboard accepts. The file is an array of such
/// entries. It must not be in the keystore directory, where the node would try to load it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct StakerOutput {
    /// The attester's address.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub attester: Address,
    /// The public key in G1.
    pub public_key_g1: G1Point,
    /// The public key in G2.
    pub public_key_g2: G2Point,
    /// The proof of possession.
    pub proof_of_possession: G1Point,
}

impl StakerOutput {
    /// Makes the entry. `digest` is the point that `GSE.getRegistrationDigest` returns for the G1 key.
    ///
    /// # Errors
    ///
    /// If the digest is not a point of the curve.
    pub fn new(attester: &AttesterKeys, digest: G1Point) -> Result<Self> {
        Self::of(attester.address(), &attester.bls, digest)
    }

    /// Makes the entry for an attester whose Ethereum key is elsewhere.
    ///
    /// # Errors
    ///
    /// If the digest is not a point of the curve.
    pub fn of(attester: Address, bls: &BlsKey, digest: G1Point) -> Result<Self> {
        Ok(Self {
            attester,
            public_key_g1: bls.public_g1(),
            public_key_g2: bls.public_g2(),
            proof_of_possession: bls.prove_possession(digest)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::address;

    use super::*;
    use crate::{Mnemonic, derive_attester, derive_publisher};

    const ETH: &str = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
    const BLS: &str = "0x285526323b860bde9d845bed1bcaffe6a0da0373b3cf08f45f5ee3c85e095da5";
    const PUBLISHER: &str = "0x8c5b8e7a7d8a3a8f7d9d8ad6c2c6cc4ea6b1e8b13a0ab1a9a1b4e4f6e9b1c0d1";
    const ZERO: &str = "0x0000000000000000000000000000000000000000000000000000000000000000";

    fn junk() -> Mnemonic {
        Mnemonic::parse("test test test test test test test test test test test junk").unwrap()
    }

    fn file(validator: &str) -> String {
        format!(r#"{{"schemaVersion":1,"validators":[{validator}]}}"#)
    }

    #[test]
    fn the_smallest_keystore_has_no_optional_field() {
        let attester = derive_attester(&junk(), 0, 0).unwrap();
        let bytes = render(&[Validator {
            attester: &attester,
            publishers: &[],
            coinbase: None,
            fee_recipient: B256::ZERO,
        }]);
        let expected = format!(
            r#"{{
  "schemaVersion": 1,
  "validators": [
    {{
      "attester": {{
        "eth": "{ETH}",
        "bls": "{BLS}"
      }},
      "feeRecipient": "{ZERO}"
    }}
  ]
}}
"#
        );
        assert_eq!(std::str::from_utf8(&bytes).unwrap(), expected);
    }

    #[test]
    fn read_prover_accepts_a_rendered_prover_and_nothing_else() {
        let key = derive_publisher(&junk(), 0, 0).unwrap();
        let bytes = render_prover(&key);
        let text = std::str::from_utf8(&bytes).unwrap();
        assert_eq!(
            text,
            format!("{{\n  \"schemaVersion\": 1,\n  \"prover\": \"{ETH}\"\n}}\n")
        );
        assert_eq!(read_prover(&bytes).unwrap(), key.address());
        let validator = file(&format!(
            r#"{{"attester":{{"eth":"{ETH}","bls":"{BLS}"}},"feeRecipient":"{ZERO}"}}"#
        ));
        for text in [
            "{}",
            "[]",
            r#"{"schemaVersion":1,"prover":"ac"}"#,
            r#"{"schemaVersion":1,"prover":"0xzz"}"#,
            &validator,
        ] {
            let error = read_prover(text.as_bytes()).unwrap_err().to_string();
            assert!(
                !error.contains("zz") && !error.contains(&ETH[4..20]),
                "{error}"
            );
        }
    }

    #[test]
    fn a_rendered_keystore_reads_back() {
        let attester = derive_attester(&junk(), 0, 0).unwrap();
        let publishers = [
            derive_publisher(&junk(), 1, 0).unwrap(),
            derive_publisher(&junk(), 1, 1).unwrap(),
        ];
        let coinbase = address!("00000000000000000000000000000000000000c0");
        let bytes = render(&[Validator {
            attester: &attester,
            publishers: &publishers,
            coinbase: Some(coinbase),
            fee_recipient: B256::repeat_byte(7),
        }]);
        let identity = PublicIdentity {
            attester: attester.address(),
            publishers: publishers.iter().map(EthKey::address).collect(),
            coinbase: Some(coinbase),
            fee_recipient: B256::repeat_byte(7),
            pk_g1: attester.bls.public_g1(),
            pk_g2: attester.bls.public_g2(),
        };
        assert_eq!(read_identity(&bytes).unwrap(), identity);
        let again = read_attester(&bytes).unwrap();
        assert_eq!(again.address(), attester.address());
        assert_eq!(again.bls.public_g2(), identity.pk_g2);
    }

    #[test]
    fn the_buffer_never_grows() {
        let attester = derive_attester(&junk(), 0, 0).unwrap();
        let publishers: Vec<EthKey> = (0..20)
            .map(|index| derive_publisher(&junk(), 1, index).unwrap())
            .collect();
        let validator = || Validator {
            attester: &attester,
            publishers: &publishers,
            coinbase: Some(Address::ZERO),
            fee_recipient: B256::ZERO,
        };
        for count in [1, 2, 5] {
            let validators: Vec<_> = (0..count).map(|_| validator()).collect();
            let bytes = render(&validators);
            let keys = count * (4 + publishers.len());
            assert!(
                bytes.len() < 256 * (keys + 1),
                "{} bytes for {keys} keys",
                bytes.len()
            );
        }
    }

    #[test]
    fn one_publisher_may_be_a_bare_string() {
        let text = file(&format!(
            r#"{{"attester":{{"eth":"{ETH}","bls":"{BLS}"}},"publisher":"{PUBLISHER}","feeRecipient":"{ZERO}"}}"#
        ));
        assert_eq!(read_identity(text.as_bytes()).unwrap().publishers.len(), 1);
    }

    #[test]
    fn other_forms_are_refused_without_quoting_them() {
        let good = format!(r#""eth":"{ETH}","bls":"{BLS}""#);
        let one = format!(r#"{{"attester":{{{good}}},"feeRecipient":"{ZERO}"}}"#);
        let cases = [
            // The attester is a bare key, a field is unknown, the fee recipient is missing.
            file(&format!(
                r#"{{"attester":"{ETH}","feeRecipient":"{ZERO}"}}"#
            )),
            file(&format!(
                r#"{{"attester":{{{good}}},"feeRecipient":"{ZERO}","{PUBLISHER}":1}}"#
            )),
            file(&format!(r#"{{"attester":{{{good}}}}}"#)),
            // A key has no 0x, has two, is too long, or is zero.
            file(&format!(
                r#"{{"attester":{{"eth":"{}","bls":"{BLS}"}},"feeRecipient":"{ZERO}"}}"#,
                &ETH[2..]
            )),
            file(&format!(
                r#"{{"attester":{{"eth":"0x{}","bls":"{BLS}"}},"feeRecipient":"{ZERO}"}}"#,
                &ETH[..64]
            )),
            file(&format!(
                r#"{{"attester":{{"eth":"{ETH}00","bls":"{BLS}"}},"feeRecipient":"{ZERO}"}}"#
            )),
            file(&format!(
                r#"{{"attester":{{"eth":"{ETH}","bls":"{ZERO}"}},"feeRecipient":"{ZERO}"}}"#
            )),
            // A publisher of another form, two validators, another version, and text that is not JSON.
            file(&format!(
                r#"{{"attester":{{{good}}},"publisher":{{"path":"{ETH}"}},"feeRecipient":"{ZERO}"}}"#
            )),
            file(&vec![one; 2].join(",")),
            r#"{"schemaVersion":2,"validators":[]}"#.to_owned(),
            r#"{"schemaVersion":1,"validators":[]}"#.to_owned(),
            format!("[{good}]"),
            ETH.to_owned(),
        ];
        for text in cases {
            let error = read_identity(text.as_bytes()).unwrap_err().to_string();
            for secret in [&ETH[4..20], &BLS[4..20], &PUBLISHER[4..20]] {
                assert!(!error.contains(secret), "{error}");
            }
        }
    }

    #[test]
    fn staker_output_has_the_shape_of_the_dashboard() {
        let attester = derive_attester(&junk(), 0, 0).unwrap();
        // The generator of G1 serves as the digest, so the proof is the public key itself.
        let digest = G1Point {
            x: alloy_primitives::U256::ONE,
            y: alloy_primitives::U256::from(2),
        };
        let output = StakerOutput::new(&attester, digest).unwrap();
        assert_eq!(
            serde_json::to_value([output]).unwrap(),
            serde_json::json!([{
                "attester": "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266",
                "publicKeyG1": {
                    "x": "0x0bc32126860a70c71bc6b37ff9aa7d0eabfae432d5c9f08db63dab0072e2620e",
                    "y": "0x1b27e9a4cff9fd28c660a6e947f6b349b22f1044492eb1ff3b12e190a620d2e1",
                },
                "publicKeyG2": {
                    "x0": "0x277525d7cb825f9f3ab0a2fcb9eb9b4f6b9303363bc542f10bb4ba14c06bc2e9",
                    "x1": "0x211ec8e5673b25a7896d4c1dc3bf1bb8019c10ab00f327f67de1193ed6e0e2f9",
                    "y0": "0x1de0ed3551d4227c03d9ba48ff9ec5577a417a45699676f1616776478fc7c8c3",
                    "y1": "0x10db2b889121932d47028e88602780b1bb0c7fb56e208ea0ba073712757f494b",
                },
                "proofOfPossession": {
                    "x": "0x0bc32126860a70c71bc6b37ff9aa7d0eabfae432d5c9f08db63dab0072e2620e",
                    "y": "0x1b27e9a4cff9fd28c660a6e947f6b349b22f1044492eb1ff3b12e190a620d2e1",
                },
            }])
        );
    }
}
