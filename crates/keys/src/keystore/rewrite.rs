//! Rewrites a keystore with other signers in place of its keys: all of them inline, or as names of the encrypted files
//! of a backup.

use std::collections::BTreeSet;

use zeroize::Zeroizing;

use super::document::{Account, Attester, BlsAccount, Document, Entry, KeyFile};
use super::merged::Defaults;
use super::remote::signer_of;
use super::write::{Bls, NewEntry, Signer, render_entries};
use crate::error::{Result, refused};
use crate::{BlsKey, EthKey, KeyBytes};

/// A key of either curve.
#[derive(Debug, Clone, Copy)]
pub enum AnyKey<'a> {
    /// secp256k1.
    Eth(&'a EthKey),
    /// BN254.
    Bls(&'a BlsKey),
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
            return Err(refused(format!(
                "it has a {extra}, which would be lost because every key is written inline. \
                 Remove it from a copy, and import the copy"
            )));
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
                    _ => Err(refused(format!(
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
            return Err(refused(format!(
                "it has a {extra}, which a backup cannot contain"
            )));
        }
        if let Some(file) = self.files.first() {
            return Err(refused(format!("{} is encrypted already", file.place)));
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
                    return Err(refused(format!(
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
                refused(format!(
                    "validators[{index}] names no remote signer for {address}"
                ))
            })?;
            Ok(vec![Signer::Remote(*address, url)])
        }
    }
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
