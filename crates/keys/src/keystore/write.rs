//! Writes keystores as bytes, and leaves no copy of a secret in memory.

use alloy_primitives::{Address, B256};
use serde::Serialize;
use url::Url;
use zeroize::Zeroizing;

use super::Validator;
use crate::{BlsKey, EthKey};

/// The signer for an Ethereum address.
#[derive(Debug, Clone, Copy)]
pub enum Signer<'a> {
    /// This key, written into the keystore.
    Key(&'a EthKey),
    /// A remote signer that has the key. The keystore gets its address and URL.
    Remote(Address, &'a Url),
    /// A key in an encrypted file of this name, without its password.
    File(&'a str),
}

/// The place of a BLS key.
#[derive(Debug, Clone, Copy)]
pub enum Bls<'a> {
    /// This key, written into the keystore.
    Key(&'a BlsKey),
    /// A key in an encrypted file of this name, without its password.
    File(&'a str),
}

/// One element of `validators` to write.
#[derive(Debug)]
pub struct NewEntry<'a> {
    /// The signers of duties, usually one. Each has its BLS key, which only the node itself can have, not a remote signer.
    pub attesters: Vec<(Signer<'a>, Option<Bls<'a>>)>,
    /// The accounts that pay for transactions. If empty, the attester pays.
    pub publishers: Vec<Signer<'a>>,
    /// The receiver of the L1 rewards. `None` means the attester.
    pub coinbase: Option<Address>,
    /// The receiver of the L2 fees.
    pub fee_recipient: B256,
}

/// Renders a keystore with these validators.
#[must_use]
pub fn render(validators: &[Validator<'_>]) -> Zeroizing<Vec<u8>> {
    let entries: Vec<_> = validators
        .iter()
        .map(|validator| {
            let Validator {
                attester,
                publishers,
                coinbase,
                fee_recipient,
            } = validator;
            NewEntry {
                attesters: vec![(Signer::Key(&attester.eth), Some(Bls::Key(&attester.bls)))],
                publishers: publishers.iter().map(Signer::Key).collect(),
                coinbase: *coinbase,
                fee_recipient: *fee_recipient,
            }
        })
        .collect();
    render_entries(1, &entries)
}

/// Renders a keystore whose Ethereum keys may be in remote signers. `schema_version` is 1, or 2 beside files of that
/// version.
#[must_use]
pub fn render_entries(schema_version: u8, entries: &[NewEntry<'_>]) -> Zeroizing<Vec<u8>> {
    let validators = entries.iter().map(OutValidator::from).collect();
    OutFile {
        schema_version,
        validators: Some(validators),
        prover: None,
    }
    .render()
}

/// Renders the keystore of a prover node. This key pays for the L1 transactions of its proofs, and its address receives the
/// rewards for them.
#[must_use]
pub fn render_prover(key: &EthKey) -> Zeroizing<Vec<u8>> {
    OutFile {
        schema_version: 1,
        validators: None,
        prover: Some(Out::Key(key.expose())),
    }
    .render()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OutFile<'a> {
    schema_version: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    validators: Option<Vec<OutValidator<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prover: Option<Out<'a>>,
}

impl OutFile<'_> {
    fn render(&self) -> Zeroizing<Vec<u8>> {
        /// More bytes than one key takes with its name and punctuation.
        const ROOM_PER_KEY: usize = 256;

        // With enough room the buffer never grows, so it leaves no copy of a secret behind.
        let entries = self.validators.iter().flatten();
        let room: usize = entries
            .clone()
            .flat_map(|entry| {
                let attesters = entry.attester.0.iter().map(|one| &one.eth);
                entry.publisher.iter().chain(attesters)
            })
            .map(|key| match key {
                Out::Key(_) | Out::File(_) => ROOM_PER_KEY,
                // A character can take six bytes as an escape.
                Out::Remote(_, url) => ROOM_PER_KEY + 6 * url.as_str().len(),
            })
            .sum();
        let attesters: usize = entries.clone().map(|entry| entry.attester.0.len()).sum();
        let room = room + (2 * entries.count() + attesters + 1) * ROOM_PER_KEY;
        let mut bytes = Zeroizing::new(Vec::with_capacity(room));
        serde_json::to_writer_pretty(&mut *bytes, self)
            .expect("writing strings and numbers to memory does not fail");
        bytes.push(b'\n');
        bytes
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OutValidator<'a> {
    attester: OutAttesters<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    publisher: Vec<Out<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    coinbase: Option<Address>,
    fee_recipient: B256,
}

/// One attester, or an array of several.
struct OutAttesters<'a>(Vec<OutAttester<'a>>);

impl Serialize for OutAttesters<'_> {
    fn serialize<S: serde::Serializer>(
        &self,
        serializer: S,
    ) -> std::result::Result<S::Ok, S::Error> {
        match &self.0[..] {
            [one] => one.serialize(serializer),
            several => several.serialize(serializer),
        }
    }
}

#[derive(Serialize)]
struct OutAttester<'a> {
    eth: Out<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bls: Option<Out<'a>>,
}

impl<'a> From<&NewEntry<'a>> for OutValidator<'a> {
    fn from(entry: &NewEntry<'a>) -> Self {
        Self {
            attester: OutAttesters(
                entry
                    .attesters
                    .iter()
                    .map(|(signer, bls)| OutAttester {
                        eth: (*signer).into(),
                        bls: bls.map(Out::from),
                    })
                    .collect(),
            ),
            publisher: entry.publishers.iter().copied().map(Out::from).collect(),
            coinbase: entry.coinbase,
            fee_recipient: entry.fee_recipient,
        }
    }
}

/// A key of either curve, as the file writes it.
enum Out<'a> {
    Key(&'a [u8; 32]),
    File(&'a str),
    Remote(Address, &'a Url),
}

impl<'a> From<Signer<'a>> for Out<'a> {
    fn from(signer: Signer<'a>) -> Self {
        match signer {
            Signer::Key(key) => Self::Key(key.expose()),
            Signer::File(path) => Self::File(path),
            Signer::Remote(address, url) => Self::Remote(address, url),
        }
    }
}

impl<'a> From<Bls<'a>> for Out<'a> {
    fn from(bls: Bls<'a>) -> Self {
        match bls {
            Bls::Key(key) => Self::Key(key.expose()),
            Bls::File(path) => Self::File(path),
        }
    }
}

impl Serialize for Out<'_> {
    fn serialize<S: serde::Serializer>(
        &self,
        serializer: S,
    ) -> std::result::Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct File<'a> {
            path: &'a str,
        }
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Remote<'a> {
            address: Address,
            remote_signer_url: &'a str,
        }
        match self {
            Self::Key(key) => Secret(key).serialize(serializer),
            Self::File(path) => File { path }.serialize(serializer),
            Self::Remote(address, url) => Remote {
                address: *address,
                remote_signer_url: url.as_str(),
            }
            .serialize(serializer),
        }
    }
}

/// Secret bytes that are serialised as `0x…` through a buffer that is wiped.
struct Secret<'a>(&'a [u8; 32]);

impl Serialize for Secret<'_> {
    fn serialize<S: serde::Serializer>(
        &self,
        serializer: S,
    ) -> std::result::Result<S::Ok, S::Error> {
        let mut text =
            Zeroizing::new(*b"0x0000000000000000000000000000000000000000000000000000000000000000");
        const_hex::encode_to_slice(self.0, &mut text[2..]).map_err(serde::ser::Error::custom)?;
        serializer.serialize_str(std::str::from_utf8(&*text).map_err(serde::ser::Error::custom)?)
    }
}
