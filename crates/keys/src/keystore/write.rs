//! Writes keystores as bytes, and leaves no copy of a secret in memory.

use std::collections::BTreeSet;

use alloy_primitives::{Address, B256};
use serde::Serialize;
use url::Url;
use zeroize::Zeroizing;

use super::{
    Validator,
    document::{Account, Attester, BlsAccount, Document, Entry, KeyFile},
    merged::Defaults,
    remote::signer_of,
};
use crate::{
    BlsKey, EthKey, KeyBytes,
    error::{Error, Result},
};

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

impl Document {
    /// Renders the same validators with every key inline. `open` opens encrypted files, and returns the keys of a directory in
    /// the order in which the node lists it. Mnemonics are replaced by their keys. Values for all validators are written
    /// into each.
    ///
    /// # Errors
    ///
    /// If a file does not open, or if something in the keystore would be lost, such as a publisher that none of its own
    /// validators uses.
    pub fn inlined(
        &self,
        schema_version: u8,
        open: &mut dyn FnMut(&KeyFile) -> Result<Vec<KeyBytes>>,
    ) -> Result<Zeroizing<Vec<u8>>> {
        if let Some(extra) = self.extras.first() {
            return Err(Error::Keystore {
                problem: format!(
                    "it has a {extra}, which would be lost because every key is written inline. \
                     Remove it from a copy, and import the copy"
                ),
            });
        }
        if self.validators.is_empty() {
            return Err(refused(
                "it has no validators, and its values for all validators would be lost",
            ));
        }
        if self.publishers.is_some() && self.validators.iter().all(|it| it.publishers.is_some()) {
            return Err(refused(
                "each of its validators names its own publisher, and that of the file would be lost. Remove it from a copy, \
                 and import the copy",
            ));
        }
        let all = Defaults::of(&[("", self)]);
        let mut opened = Vec::new();
        for file in &self.files {
            let keys = open(file)?;
            let both = |bytes: &KeyBytes| (EthKey::from_bytes(bytes), BlsKey::from_bytes(bytes));
            opened.push(keys.iter().map(both).collect::<Vec<_>>());
        }
        self.rewritten(
            schema_version,
            &all,
            &|entry, account, index| signers(entry, account, &opened, &all, index),
            &|bls| match bls {
                BlsAccount::Key(key) => Ok(Some(Bls::Key(key))),
                BlsAccount::File(file) => match &opened[*file][..] {
                    [(_, key)] => Ok(Some(Bls::Key(key.as_ref().map_err(Clone::clone)?))),
                    _ => Err(refused(&format!(
                        "{} does not name exactly one file",
                        self.files[*file].place
                    ))),
                },
            },
        )
    }

    /// The keys in it, each with the name of its encrypted file in a backup. The name contains an address or a public key,
    /// and nothing of the private key.
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
            for account in entry.publishers.iter().flatten() {
                if let Account::Key(key) = account {
                    add(eth_name(key), AnyKey::Eth(key));
                }
            }
        }
        // These are for validators of other files too, or for none.
        for account in self.publishers.iter().flatten() {
            if let Account::Key(key) = account {
                add(eth_name(key), AnyKey::Eth(key));
            }
        }
        keys
    }

    /// Renders the same validators as version 1, with the names of [`Document::keys`] in place of the keys. `names` includes
    /// those of the other files.
    fn outlined(&self, all: &Defaults<'_>, names: &BTreeSet<&str>) -> Result<Zeroizing<Vec<u8>>> {
        let named = |name: String| names.get(name.as_str()).copied();
        if let Some(extra) = self.extras.first() {
            return Err(refused(&format!(
                "it has a {extra}, which a backup cannot contain"
            )));
        }
        if let Some(file) = self.files.first() {
            return Err(refused(&format!("{} is encrypted already", file.place)));
        }
        let file = |signer| {
            Ok(match signer {
                Signer::Key(key) => Signer::File(
                    named(eth_name(key)).ok_or_else(|| refused("it has a key without a name"))?,
                ),
                other => other,
            })
        };
        self.rewritten(
            1,
            all,
            &|entry, account, index| {
                let signers = signers(entry, account, &[], all, index)?;
                signers.into_iter().map(file).collect()
            },
            &|bls| match bls {
                BlsAccount::Key(key) => Ok(named(bls_name(key)).map(Bls::File)),
                BlsAccount::File(_) => Ok(None),
            },
        )
    }

    /// The same validators with other signers in place of their keys.
    fn rewritten<'a>(
        &'a self,
        schema_version: u8,
        all: &Defaults<'a>,
        signers: &dyn Fn(&'a Entry, &'a Account, usize) -> Result<Vec<Signer<'a>>>,
        bls: &dyn Fn(&'a BlsAccount) -> Result<Option<Bls<'a>>>,
    ) -> Result<Zeroizing<Vec<u8>>> {
        let mut entries = Vec::new();
        for (index, entry) in self.validators.iter().enumerate() {
            let mut attesters = Vec::new();
            for attester in &entry.attesters {
                let bls = attester.bls.as_ref().map(bls).transpose()?.flatten();
                let signers = signers(entry, &attester.eth, index)?;
                if signers.len() > 1 && bls.is_some() {
                    return Err(refused(&format!(
                        "validators[{index}] has one BLS key for {} Ethereum keys",
                        signers.len()
                    )));
                }
                attesters.extend(signers.into_iter().map(|signer| (signer, bls)));
            }
            let publishers = all.named_by(entry).into_iter().flatten();
            let publishers = publishers.map(|account| signers(entry, account, index));
            entries.push(NewEntry {
                attesters,
                publishers: publishers.collect::<Result<Vec<_>>>()?.concat(),
                coinbase: entry.coinbase.or(all.coinbase),
                fee_recipient: entry
                    .fee_recipient
                    .or(all.fee_recipient)
                    .unwrap_or_default(),
            });
        }
        Ok(render_entries(schema_version, &entries))
    }
}

/// Renders these files, which are all files of a directory, with the names of [`Document::keys`] in place of the keys. The
/// values that the node merges from all files are written into each validator, so each file means the same by itself.
///
/// # Errors
///
/// If something in a keystore would be lost, or if a key is in an encrypted file already.
pub fn outlined(documents: &[(&str, &Document)]) -> Result<Vec<Zeroizing<Vec<u8>>>> {
    let all = Defaults::of(documents);
    let names = documents.iter().flat_map(|(_, document)| document.keys());
    let names: BTreeSet<String> = names.map(|(name, _)| name).collect();
    let names = names.iter().map(String::as_str).collect();
    let files = documents.iter();
    files
        .map(|(_, document)| document.outlined(&all, &names))
        .collect()
}

/// The keys of the encrypted files of a keystore, each read for both curves.
type Opened = [Vec<(Result<EthKey>, Result<BlsKey>)>];

fn signers<'a>(
    entry: &'a Entry,
    account: &'a Account,
    opened: &'a Opened,
    all: &Defaults<'a>,
    index: usize,
) -> Result<Vec<Signer<'a>>> {
    let key = |(key, _): &'a (Result<EthKey>, _)| match key {
        Ok(key) => Ok(Signer::Key(key)),
        Err(error) => Err(error.clone()),
    };
    match account {
        Account::Key(key) => Ok(vec![Signer::Key(key)]),
        Account::File(file) => opened[*file].iter().map(key).collect(),
        Account::Remote { address, .. } => {
            let url = signer_of(account, Some(entry), all.remote_signer);
            let url = url.ok_or_else(|| {
                refused(&format!(
                    "validators[{index}] names no remote signer for {address}"
                ))
            })?;
            Ok(vec![Signer::Remote(*address, url)])
        }
    }
}

fn refused(problem: &str) -> Error {
    Error::Keystore {
        problem: problem.to_owned(),
    }
}

/// A key of either curve.
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

/// The public key is long. The official tool also uses sixteen digits of it.
fn bls_name(key: &BlsKey) -> String {
    format!(
        "bls-0x{}.json",
        const_hex::encode(&key.public_compressed()[..8])
    )
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
