//! The keystore that aztec-kit itself creates: one validator with plain keys, or one prover.

use alloy_primitives::Address;

use super::PublicIdentity;
use super::document::{Account, Attester, BlsAccount, Document, Entry};
use crate::error::{Result, refused};
use crate::{AttesterKeys, BlsKey, EthKey};

/// Reads the public side of a keystore with exactly one validator.
///
/// # Errors
///
/// If the file is anything other than the output of [`render`](super::render) for one validator. No error quotes the
/// file.
pub fn read_identity(bytes: &[u8]) -> Result<PublicIdentity> {
    let (entry, eth, bls) = read_one(bytes)?;
    let mut publishers = Vec::new();
    for account in entry.publishers.iter().flatten() {
        match account {
            Account::Key(key) => publishers.push(key.address()),
            _ => return Err(refused("one of its publishers is not a key")),
        }
    }
    Ok(PublicIdentity {
        attester: eth.address(),
        publishers,
        coinbase: entry.coinbase,
        fee_recipient: entry.fee_recipient.unwrap_or_default(),
        pk_g1: bls.public_g1(),
        pk_g2: bls.public_g2(),
    })
}

/// Reads the attester's keys from a keystore with exactly one validator, still wrapped. A resumed registration
/// needs them to prove possession again.
///
/// # Errors
///
/// As [`read_identity`].
pub fn read_attester(bytes: &[u8]) -> Result<AttesterKeys> {
    let (_, eth, bls) = read_one(bytes)?;
    Ok(AttesterKeys { eth, bls })
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
        _ => Err(refused("it is not a keystore with one prover key")),
    }
}

/// The entry without its attester, and the keys of the attester.
fn read_one(bytes: &[u8]) -> Result<(Entry, EthKey, BlsKey)> {
    let document = Document::parse(bytes)?;
    if document.schema_version != 1 {
        return Err(refused("its schemaVersion is not 1"));
    }
    if document.prover.is_some() || !document.extras.is_empty() {
        return Err(refused("it has other fields than validators"));
    }
    let count = document.validators.len();
    let Ok([mut entry]) = <[Entry; 1]>::try_from(document.validators) else {
        return Err(refused(format!("it has {count} validators, not 1")));
    };
    let attesters = std::mem::take(&mut entry.attesters);
    let Ok([Attester { eth, bls }]) = <[Attester; 1]>::try_from(attesters) else {
        return Err(refused("its validator has more than one attester"));
    };
    match (eth, bls) {
        (Account::Key(eth), Some(BlsAccount::Key(bls))) => Ok((entry, eth, bls)),
        _ => Err(refused("its attester is not a pair of keys")),
    }
}
