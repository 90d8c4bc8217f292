//! Keys of all files together: each attester and each BLS key may occur once, and a publisher should not be the
//! attester of another validator.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::Address;

use super::note::{About, Grade, Note, counted};
use crate::keystore::document::{Account, BlsAccount, Document, Entry};
use crate::keystore::merged::Defaults;

/// The findings about attesters, publishers and BLS keys.
pub(super) fn check(documents: &[(&str, &Document)], all: &Defaults<'_>) -> Vec<Note> {
    let (owners, mut notes) = attesters(documents);
    notes.extend(publishers(documents, all, &owners));
    notes.extend(bls_keys(documents));
    notes
}

/// Finds attesters that occur twice. Returns the place of each attester.
fn attesters(documents: &[(&str, &Document)]) -> (BTreeMap<Address, String>, Vec<Note>) {
    let mut notes = Vec::new();
    let mut owners: BTreeMap<Address, String> = BTreeMap::new();
    for (place, entry) in entries(documents) {
        for address in entry.attesters.iter().filter_map(|one| one.eth.address()) {
            if let Some(first) = owners.get(&address) {
                // The node refuses most of these when it starts, and signs twice with those of a mnemonic.
                notes.push(Note::new(About::Attesters, Grade::Bad, format!(
                    "{address} is in {first} and in {place}: an attester may occur only once"
                )).fix("Remove one."));
            } else {
                owners.insert(address, place.clone());
            }
        }
    }
    if notes.is_empty() && !owners.is_empty() {
        let count = counted(owners.len(), "address", "addresses");
        let message = format!("{count}, no duplicate");
        notes.push(Note::new(About::Attesters, Grade::Good, message));
    }
    (owners, notes)
}

/// Finds publishers that are the attester of another validator. `owners` is the place of each attester.
fn publishers(
    documents: &[(&str, &Document)],
    all: &Defaults<'_>,
    owners: &BTreeMap<Address, String>,
) -> Vec<Note> {
    let mut notes = Vec::new();
    let (mut publishers, mut alone) = (BTreeSet::new(), true);
    for (place, entry) in entries(documents) {
        let named = entry.publishers.is_some() || all.publishers.is_some();
        alone &= !named && entry.attesters.len() == 1;
        let paying = all.publishers_of(entry).into_iter();
        for address in paying.filter_map(Account::address) {
            publishers.insert(address);
            let owner = owners
                .get(&address)
                .filter(|owner| named && **owner != place);
            if let Some(owner) = owner {
                notes.push(Note::new(About::Publishers, Grade::Odd, format!(
                    "{address} publishes for {place} and is the attester of {owner}: one key has two roles"
                )).fix("Use a separate key."));
            }
        }
    }
    if notes.is_empty() && !owners.is_empty() {
        let message = if alone {
            "every attester pays for its own transactions".to_owned()
        } else {
            format!(
                "{}, no key of another attester",
                counted(publishers.len(), "address", "addresses")
            )
        };
        notes.push(Note::new(About::Publishers, Grade::Good, message));
    }
    notes
}

/// Finds BLS keys that occur twice. The escrow accepts each only once (`GSE__ProofOfPossessionAlreadySeen` of its ABI).
fn bls_keys(documents: &[(&str, &Document)]) -> Vec<Note> {
    let mut notes = Vec::new();
    let mut owners: BTreeMap<[u8; 32], String> = BTreeMap::new();
    for (place, entry) in entries(documents) {
        for attester in &entry.attesters {
            let Some(BlsAccount::Key(key)) = &attester.bls else {
                continue;
            };
            if let Some(first) = owners.insert(key.public_compressed(), place.clone()) {
                notes.push(Note::new(About::BlsKeys, Grade::Bad, format!(
                    "{first} and {place} have the same key: only one of them can be registered"
                )).fix("Create new keys for the other."));
            }
        }
    }
    notes
}

/// The validators of all files, each with its place.
fn entries<'a>(documents: &'a [(&str, &'a Document)]) -> impl Iterator<Item = (String, &'a Entry)> {
    documents.iter().flat_map(|(name, document)| {
        let entries = document.validators.iter().enumerate();
        entries.map(move |(index, entry)| (format!("{name} validators[{index}]"), entry))
    })
}
