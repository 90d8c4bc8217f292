//! Validator keys: an Ethereum key and a BN254 key for each attester.
//!
//! Both come from one mnemonic by the same derivation as `aztec validator-keys`, so either tool can
//! restore what the other made. Secrets sit in wrappers that print nothing and wipe on drop; they get out as
//! keystores ([`keystore::render`]) and as [`encrypted`] files.

mod bls;
pub mod encrypted;
mod eth;
pub mod keystore;
mod mnemonic;

use alloy_primitives::Address;
use zeroize::Zeroizing;

use crate::error::Result;
pub use bls::{BlsKey, G1Point, G2Point};
pub use eth::EthKey;
pub use keystore::{PublicIdentity, StakerOutput};
pub use mnemonic::{Mnemonic, WordCount, generate_mnemonic};

/// The two secrets of one attester.
#[derive(Debug)]
pub struct AttesterKeys {
    /// Signs duties and, unless there is a separate publisher, pays for L1 transactions.
    pub eth: EthKey,
    /// Registered on L1; proves possession at the deposit.
    pub bls: BlsKey,
}

impl AttesterKeys {
    /// The attester's address, which is its identity on L1.
    #[must_use]
    pub fn address(&self) -> Address {
        self.eth.address()
    }
}

/// Derives the attester at these indices: Ethereum by BIP-44 `m/44'/60'/account'/0/address_index`,
/// BN254 from the seed and the text `m/12381/3600/account/0/address_index`.
///
/// # Errors
///
/// If an index is 2³¹ or more.
pub fn derive_attester(
    mnemonic: &Mnemonic,
    account: u32,
    address_index: u32,
) -> Result<AttesterKeys> {
    let seed = mnemonic.seed();
    Ok(AttesterKeys {
        eth: EthKey::derive(&seed, account, address_index)?,
        bls: BlsKey::derive(&seed, account, address_index),
    })
}

/// Derives only the Ethereum key at these indices, for a publisher.
///
/// Attesters and publishers of one mnemonic share the address indices: give a publisher an account
/// of its own, or it may get the key of a later attester.
///
/// # Errors
///
/// If an index is 2³¹ or more.
pub fn derive_publisher(mnemonic: &Mnemonic, account: u32, address_index: u32) -> Result<EthKey> {
    EthKey::derive(&mnemonic.seed(), account, address_index)
}

/// Reads the text of a file that holds one key as `0x` and 64 hexadecimal digits.
///
/// # Errors
///
/// If it holds anything else; the error quotes nothing.
pub fn raw_key(bytes: &[u8]) -> Result<Zeroizing<[u8; 32]>> {
    keystore::document::key_bytes(
        std::str::from_utf8(bytes).unwrap_or_default().trim(),
        "the key",
    )
}

/// A BIP-39 seed, wiped on drop.
type Seed = Zeroizing<[u8; 64]>;
