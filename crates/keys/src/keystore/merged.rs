//! The keystore that the node merges from all files of a directory (`mergeKeystores` of @aztec/node-keystore,
//! dest/loader.js, the same in 4.1.2 and 5.2.0), and its public data.

use alloy_primitives::{Address, B256};
use const_hex as hex;
use serde::{Deserialize, Serialize};
use url::Url;

use super::document::{Account, BlsAccount, Document, Entry};
use super::remote::signer_of;
use super::values::origin;

/// One attester, or a prover, with all its public data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Listed {
    /// The file that has it.
    pub file: String,
    /// `validator` or `prover`.
    pub role: String,
    /// Its address. `None` for a prover, and if an encrypted file hides it.
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub attester: Option<Address>,
    /// `local`, `encrypted`, or scheme, host and port of the remote signer.
    pub signer: String,
    /// The compressed BLS public key, if the keystore has the key.
    pub bls_public_key: Option<String>,
    /// The accounts that pay for transactions. The attester itself, if no other is named.
    #[cfg_attr(feature = "schema", schemars(with = "Vec<String>"))]
    pub publishers: Vec<Address>,
    /// The receiver of the L1 rewards.
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub coinbase: Option<Address>,
    /// The receiver of the L2 fees.
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub fee_recipient: Option<B256>,
    /// The signer of each publisher, in the words of `signer`. It is not in any JSON.
    #[serde(skip)]
    pub payers: Vec<String>,
}

/// Every attester of these files, and the prover. The files must be in the order of their names.
#[must_use]
pub fn listed(documents: &[(&str, &Document)]) -> Vec<Listed> {
    let all = Defaults::of(documents);
    let mut listed = Vec::new();
    for (file, document) in documents {
        if let Some(accounts) = &document.prover {
            listed.push(Listed {
                file: (*file).to_owned(),
                role: "prover".to_owned(),
                attester: None,
                signer: match &accounts[..] {
                    [account, ..] => signer(account, None, &all),
                    [] => "local".to_owned(),
                },
                bls_public_key: None,
                publishers: accounts.iter().filter_map(Account::address).collect(),
                coinbase: None,
                fee_recipient: None,
                payers: accounts.iter().map(|it| signer(it, None, &all)).collect(),
            });
        }
        for entry in &document.validators {
            let paying = all.publishers_of(entry);
            let payers = paying.iter().map(|it| signer(it, Some(entry), &all));
            let payers: Vec<_> = payers.collect();
            let publishers = paying.iter().filter_map(|it| it.address());
            let publishers: Vec<_> = publishers.collect();
            for attester in &entry.attesters {
                let address = attester.eth.address();
                listed.push(Listed {
                    file: (*file).to_owned(),
                    role: "validator".to_owned(),
                    attester: address,
                    signer: signer(&attester.eth, Some(entry), &all),
                    bls_public_key: match &attester.bls {
                        Some(BlsAccount::Key(key)) => {
                            Some(hex::encode_prefixed(key.public_compressed()))
                        }
                        _ => None,
                    },
                    publishers: publishers.clone(),
                    coinbase: entry.coinbase.or(all.coinbase).or(address),
                    fee_recipient: entry.fee_recipient.or(all.fee_recipient),
                    payers: payers.clone(),
                });
            }
        }
    }
    listed
}

/// The values that the files of a directory set for all validators, merged as the node merges them. The last file counts,
/// except that the publishers of all files are one list.
#[derive(Debug, Default)]
pub(super) struct Defaults<'a> {
    pub publishers: Option<Vec<&'a Account>>,
    pub coinbase: Option<Address>,
    pub fee_recipient: Option<B256>,
    pub remote_signer: Option<&'a Url>,
}

impl<'a> Defaults<'a> {
    /// Merges the files, in the order of their names.
    pub fn of(documents: &[(&str, &'a Document)]) -> Self {
        let mut all = Self::default();
        let mut was_mnemonic = false;
        for &(_, document) in documents {
            all.coinbase = document.coinbase.or(all.coinbase);
            all.fee_recipient = document.fee_recipient.or(all.fee_recipient);
            all.remote_signer = document.remote_signer.as_deref().or(all.remote_signer);
            let Some(publishers) = &document.publishers else {
                continue;
            };
            // A mnemonic cannot be part of a list, so the last file counts here too.
            let is_mnemonic = document.mnemonics.iter().any(|place| place == "publisher");
            let list = all.publishers.get_or_insert_default();
            if is_mnemonic || was_mnemonic {
                list.clear();
            }
            was_mnemonic = is_mnemonic;
            list.extend(publishers);
        }
        all
    }

    /// The publishers that a validator names, otherwise those that the files name.
    pub fn named_by(&self, entry: &'a Entry) -> Option<Vec<&'a Account>> {
        let own = entry.publishers.as_ref().map(|own| own.iter().collect());
        own.or_else(|| self.publishers.clone())
    }

    /// The accounts that pay for the transactions of a validator: the publishers that it or the files name, otherwise all of
    /// its attesters.
    pub fn publishers_of(&self, entry: &'a Entry) -> Vec<&'a Account> {
        let attesters = || entry.attesters.iter().map(|one| &one.eth).collect();
        self.named_by(entry).unwrap_or_else(attesters)
    }
}

fn signer(account: &Account, entry: Option<&Entry>, all: &Defaults<'_>) -> String {
    match account {
        Account::Key(_) => "local".to_owned(),
        Account::File(_) => "encrypted".to_owned(),
        Account::Remote { .. } => {
            signer_of(account, entry, all.remote_signer).map_or_else(|| "remote".to_owned(), origin)
        }
    }
}
