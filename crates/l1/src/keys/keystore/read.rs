//! Bytes to keystore, as strictly as the node, without ever quoting the file.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{self, SeqAccess, Visitor},
};
use zeroize::Zeroizing;

use alloy_primitives::Address;

use super::{
    PublicIdentity,
    document::{Account, Document},
};
use crate::{
    error::{Error, Result},
    keys::{AttesterKeys, BlsKey, EthKey},
};

/// Reads the public side of a keystore with exactly one validator.
///
/// # Errors
///
/// If the file is anything else than what [`render`](super::render) makes for one validator. No error quotes the
/// file.
pub fn read_identity(bytes: &[u8]) -> Result<PublicIdentity> {
    let InValidator {
        attester,
        publisher,
        coinbase,
        fee_recipient,
    } = read_one(bytes)?;
    Ok(PublicIdentity {
        attester: attester.eth.0.address(),
        publishers: publisher.0.iter().map(|key| key.0.address()).collect(),
        coinbase: coinbase.map(|address| (*address.0).into()),
        fee_recipient: (*fee_recipient.0).into(),
        pk_g1: attester.bls.0.public_g1(),
        pk_g2: attester.bls.0.public_g2(),
    })
}

/// Reads the attester's keys out of a keystore with exactly one validator, still wrapped: to prove
/// possession again when a registration is resumed.
///
/// # Errors
///
/// As [`read_identity`].
pub fn read_attester(bytes: &[u8]) -> Result<AttesterKeys> {
    let InAttester { eth, bls } = read_one(bytes)?.attester;
    Ok(AttesterKeys {
        eth: eth.0,
        bls: bls.0,
    })
}

/// The address of the prover in a keystore with one prover key and nothing else.
///
/// # Errors
///
/// If the bytes are anything else. No error quotes the file.
pub fn read_prover(bytes: &[u8]) -> Result<Address> {
    let document = Document::parse(bytes)?;
    match (document.prover.as_deref(), document.validators.is_empty()) {
        (Some([Account::Key(key)]), true) => Ok(key.address()),
        _ => Err(Error::Keystore {
            problem: "it is not a keystore with one prover key".to_owned(),
        }),
    }
}

fn read_one(bytes: &[u8]) -> Result<InValidator> {
    let file: InFile = serde_json::from_slice(bytes).map_err(|error| Error::Keystore {
        // Only the place: the message itself may quote a private key.
        problem: format!(
            "line {} column {} is not what schema version 1 with plain keys has there",
            error.line(),
            error.column()
        ),
    })?;
    if file.schema_version != 1 {
        return Err(Error::Keystore {
            problem: format!("its schemaVersion is {}, not 1", file.schema_version),
        });
    }
    let count = file.validators.len();
    <[InValidator; 1]>::try_from(file.validators)
        .map(|[validator]| validator)
        .map_err(|_| Error::Keystore {
            problem: format!("it has {count} validators, not 1"),
        })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct InFile {
    schema_version: u32,
    validators: Vec<InValidator>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct InValidator {
    attester: InAttester,
    #[serde(default)]
    publisher: Publishers,
    #[serde(default, deserialize_with = "present")]
    coinbase: Option<Hex<20>>,
    fee_recipient: Hex<32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InAttester {
    eth: InEth,
    bls: InBls,
}

/// A field that may be missing but not `null`, which the node refuses.
fn present<'de, D: Deserializer<'de>, const N: usize>(
    deserializer: D,
) -> std::result::Result<Option<Hex<N>>, D::Error> {
    Hex::deserialize(deserializer).map(Some)
}

struct InEth(EthKey);

struct InBls(BlsKey);

impl<'de> Deserialize<'de> for InEth {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let bytes = Hex::<32>::deserialize(deserializer)?;
        EthKey::from_bytes(&bytes.0)
            .map(Self)
            .map_err(de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for InBls {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let bytes = Hex::<32>::deserialize(deserializer)?;
        BlsKey::from_bytes(&bytes.0)
            .map(Self)
            .map_err(de::Error::custom)
    }
}

/// `0x` and exactly `N` bytes, as the node demands. Wiped on drop, since it may be a secret.
struct Hex<const N: usize>(Zeroizing<[u8; N]>);

impl<'de, const N: usize> Deserialize<'de> for Hex<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_str(HexVisitor::<N>).map(Self)
    }
}

struct HexVisitor<const N: usize>;

impl<const N: usize> Visitor<'_> for HexVisitor<N> {
    type Value = Zeroizing<[u8; N]>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x and {} hexadecimal digits", 2 * N)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> std::result::Result<Self::Value, E> {
        let mut bytes = Zeroizing::new([0; N]);
        let refused = || E::custom("not 0x and the right number of hexadecimal digits");
        let digits = text.strip_prefix("0x").ok_or_else(refused)?;
        // The decoder would skip a second `0x`.
        if digits.len() != 2 * N || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(refused());
        }
        const_hex::decode_to_slice(digits, &mut *bytes).map_err(|_| refused())?;
        Ok(bytes)
    }
}

/// One key or an array of them: the official tool writes a bare string when there is one.
#[derive(Default)]
struct Publishers(Vec<InEth>);

impl<'de> Deserialize<'de> for Publishers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct OneOrMany;

        impl<'de> Visitor<'de> for OneOrMany {
            type Value = Publishers;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a private key or an array of them")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> std::result::Result<Publishers, E> {
                let bytes = HexVisitor::<32>.visit_str(text)?;
                let key = EthKey::from_bytes(&bytes).map_err(E::custom)?;
                Ok(Publishers(vec![InEth(key)]))
            }

            fn visit_seq<A: SeqAccess<'de>>(
                self,
                mut keys: A,
            ) -> std::result::Result<Publishers, A::Error> {
                let mut publishers = Vec::new();
                while let Some(key) = keys.next_element()? {
                    publishers.push(key);
                }
                Ok(Publishers(publishers))
            }
        }

        deserializer.deserialize_any(OneOrMany)
    }
}
