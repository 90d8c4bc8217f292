//! Keystore to bytes, without a copy of a secret left behind in memory.

use alloy_primitives::{Address, B256};
use serde::Serialize;
use url::Url;
use zeroize::Zeroizing;

use super::{
    Validator,
    document::{Account, Attester, BlsAccount, Document, Entry, KeyFile},
};
use crate::{
    error::{Error, Result},
    keys::{BlsKey, EthKey},
};

/// Who signs for an Ethereum address.
#[derive(Debug, Clone, Copy)]
pub enum Signer<'a> {
    /// This key, written into the keystore.
    Key(&'a EthKey),
    /// A remote signer that has the key; the keystore gets address and URL.
    Remote(Address, &'a Url),
    /// A key in an encrypted file of this name, without its password.
    File(&'a str),
}

/// Where a BLS key is.
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
    /// Who signs duties.
    pub attester: Signer<'a>,
    /// The BLS key; no signer but the node itself has it.
    pub bls: Option<Bls<'a>>,
    /// Who pays for transactions; empty: the attester.
    pub publishers: Vec<Signer<'a>>,
    /// Where the L1 rewards go; `None`: to the attester.
    pub coinbase: Option<Address>,
    /// Where the L2 fees go.
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
                attester: Signer::Key(&attester.eth),
                bls: Some(Bls::Key(&attester.bls)),
                publishers: publishers.iter().map(Signer::Key).collect(),
                coinbase: *coinbase,
                fee_recipient: *fee_recipient,
            }
        })
        .collect();
    render_entries(&entries)
}

/// Renders a keystore whose Ethereum keys may live in remote signers.
#[must_use]
pub fn render_entries(entries: &[NewEntry<'_>]) -> Zeroizing<Vec<u8>> {
    let validators = entries.iter().map(OutValidator::from).collect();
    OutFile {
        schema_version: 1,
        validators: Some(validators),
        prover: None,
    }
    .render()
}

/// Renders the keystore of a prover node: this key pays for its proofs, and its address is paid for them.
#[must_use]
pub fn render_prover(key: &EthKey) -> Zeroizing<Vec<u8>> {
    OutFile {
        schema_version: 1,
        validators: None,
        prover: Some(Out::Key(key.expose())),
    }
    .render()
}

impl Document {
    /// Renders the same validators as version 1 with every key in it: encrypted files are opened by `open`,
    /// mnemonics are replaced by their keys.
    ///
    /// # Errors
    ///
    /// If a file does not open, or if there is something in the keystore that would be lost.
    pub fn inlined(
        &self,
        open: &mut dyn FnMut(&KeyFile) -> Result<Zeroizing<[u8; 32]>>,
    ) -> Result<Zeroizing<Vec<u8>>> {
        if let Some(extra) = self.extras.first() {
            return Err(Error::Keystore {
                problem: format!("it has a {extra}, which would be lost with its encrypted keys"),
            });
        }
        let mut opened = Vec::new();
        for file in &self.files {
            opened.push(open(file)?);
        }
        let keys = opened
            .iter()
            .map(|bytes| (EthKey::from_bytes(bytes), BlsKey::from_bytes(bytes)))
            .collect::<Vec<_>>();
        self.rewritten(
            &|entry, account, index| self.signer(entry, account, &keys, index),
            &|bls| {
                Ok(Some(Bls::Key(match bls {
                    BlsAccount::Key(key) => key,
                    BlsAccount::File(file) => keys[*file].1.as_ref().map_err(again)?,
                })))
            },
        )
    }

    /// The keys in it, each with the name of the encrypted file that a backup keeps it in. Addresses only:
    /// nothing of a key is in a name.
    #[must_use]
    pub fn keys(&self) -> Vec<(String, AnyKey<'_>)> {
        let mut keys: Vec<(String, AnyKey<'_>)> = Vec::new();
        let mut add = |name: String, key| {
            if keys.iter().all(|(taken, _)| *taken != name) {
                keys.push((name, key));
            }
        };
        for entry in &self.validators {
            for Attester { eth, bls } in &entry.attesters {
                if let Account::Key(key) = eth {
                    add(eth_name(key), AnyKey::Eth(key));
                }
                if let Some(BlsAccount::Key(key)) = bls {
                    add(bls_name(key), AnyKey::Bls(key));
                }
            }
            let publishers = entry.publishers.as_ref().or(self.publishers.as_ref());
            for account in publishers.into_iter().flatten() {
                if let Account::Key(key) = account {
                    add(eth_name(key), AnyKey::Eth(key));
                }
            }
        }
        keys
    }

    /// Renders the same validators as version 1 with the names of [`Document::keys`] in place of the keys.
    ///
    /// # Errors
    ///
    /// If there is something in the keystore that would be lost, or a key that is in a file already.
    pub fn outlined(&self) -> Result<Zeroizing<Vec<u8>>> {
        let names: Vec<_> = self.keys().into_iter().map(|(name, _)| name).collect();
        let named = |name: String| {
            names
                .iter()
                .find(|known| **known == name)
                .map(String::as_str)
        };
        let refused = |problem: &str| Error::Keystore {
            problem: problem.to_owned(),
        };
        if let Some(extra) = self.extras.first() {
            return Err(refused(&format!(
                "it has a {extra}, which a backup does not keep"
            )));
        }
        if let Some(file) = self.files.first() {
            return Err(refused(&format!("{} is encrypted already", file.place)));
        }
        self.rewritten(
            &|entry, account, index| {
                Ok(match self.signer(entry, account, &[], index)? {
                    Signer::Key(key) => Signer::File(
                        named(eth_name(key))
                            .ok_or_else(|| refused("it has a key without a name"))?,
                    ),
                    other => other,
                })
            },
            &|bls| match bls {
                BlsAccount::Key(key) => Ok(named(bls_name(key)).map(Bls::File)),
                BlsAccount::File(_) => Ok(None),
            },
        )
    }

    /// The same validators as version 1, one entry for each attester, with other words for their keys.
    fn rewritten<'a>(
        &'a self,
        signer: &dyn Fn(&'a Entry, &'a Account, usize) -> Result<Signer<'a>>,
        bls: &dyn Fn(&'a BlsAccount) -> Result<Option<Bls<'a>>>,
    ) -> Result<Zeroizing<Vec<u8>>> {
        let mut entries = Vec::new();
        for (index, entry) in self.validators.iter().enumerate() {
            let publishers = entry.publishers.as_ref().or(self.publishers.as_ref());
            let publishers = publishers.into_iter().flatten();
            for attester in &entry.attesters {
                entries.push(NewEntry {
                    attester: signer(entry, &attester.eth, index)?,
                    bls: match &attester.bls {
                        Some(account) => bls(account)?,
                        None => None,
                    },
                    publishers: publishers
                        .clone()
                        .map(|account| signer(entry, account, index))
                        .collect::<Result<_>>()?,
                    coinbase: entry.coinbase.or(self.coinbase),
                    fee_recipient: entry
                        .fee_recipient
                        .or(self.fee_recipient)
                        .unwrap_or_default(),
                });
            }
        }
        Ok(render_entries(&entries))
    }

    fn signer<'a>(
        &'a self,
        entry: &'a Entry,
        account: &'a Account,
        keys: &'a [(Result<EthKey>, Result<BlsKey>)],
        index: usize,
    ) -> Result<Signer<'a>> {
        Ok(match account {
            Account::Key(key) => Signer::Key(key),
            Account::File(file) => Signer::Key(keys[*file].0.as_ref().map_err(again)?),
            Account::Remote { address, signer } => {
                let url = signer.as_ref().or(entry.remote_signer.as_ref());
                let url = url.or(self.remote_signer.as_ref());
                Signer::Remote(
                    *address,
                    url.ok_or_else(|| Error::Keystore {
                        problem: format!(
                            "validators[{index}] names no remote signer for {address}"
                        ),
                    })?,
                )
            }
        })
    }
}

/// A key of either sort.
#[derive(Debug, Clone, Copy)]
pub enum AnyKey<'a> {
    /// secp256k1.
    Eth(&'a EthKey),
    /// BN254.
    Bls(&'a BlsKey),
}

fn eth_name(key: &EthKey) -> String {
    format!("eth-{:#x}.json", key.address())
}

/// The public key is long; the official tool takes sixteen digits of it too.
fn bls_name(key: &BlsKey) -> String {
    format!(
        "bls-0x{}.json",
        const_hex::encode(&key.public_compressed()[..8])
    )
}

/// What is in a file is no key; said again, since errors are not copied.
fn again(error: &Error) -> Error {
    Error::Keystore {
        problem: error.to_string(),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OutFile<'a> {
    schema_version: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    validators: Option<Vec<OutValidator<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prover: Option<Out<'a>>,
}

impl OutFile<'_> {
    fn render(&self) -> Zeroizing<Vec<u8>> {
        /// More than one key with its name and punctuation takes.
        const ROOM_PER_KEY: usize = 256;

        // Enough room that the buffer never grows and never leaves a copy of a secret behind.
        let entries = self.validators.iter().flatten();
        let room: usize = entries
            .clone()
            .flat_map(|entry| entry.publisher.iter().chain([&entry.attester.eth]))
            .map(|key| match key {
                Out::Key(_) | Out::File(_) => ROOM_PER_KEY,
                // A character can take six as an escape.
                Out::Remote(_, url) => ROOM_PER_KEY + 6 * url.as_str().len(),
            })
            .sum();
        let room = room + (3 * entries.count() + 1) * ROOM_PER_KEY;
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
    attester: OutAttester<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    publisher: Vec<Out<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    coinbase: Option<Address>,
    fee_recipient: B256,
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
            attester: OutAttester {
                eth: entry.attester.into(),
                bls: entry.bls.map(Out::from),
            },
            publisher: entry.publishers.iter().copied().map(Out::from).collect(),
            coinbase: entry.coinbase,
            fee_recipient: entry.fee_recipient,
        }
    }
}

/// A key of either curve in the words of the file.
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

/// Secret bytes that serialise as `0x…` through a buffer that is wiped.
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
