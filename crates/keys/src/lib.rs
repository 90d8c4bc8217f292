//! Validator keys: an Ethereum key and a BN254 key for each attester, and the keystores that hold them. This crate does
//! not use the network.
//!
//! Both keys come from one mnemonic by the same derivation as `aztec validator-keys`, so either tool can
//! restore the keys of the other. Secrets are in wrappers that print nothing and are wiped on drop. They leave the
//! crate as keystores ([`keystore::render`]) and as [`encrypted`] files.

mod bls;
pub mod encrypted;
mod error;
mod eth;
pub mod keystore;
mod mnemonic;
mod secret;

use zeroize::Zeroizing;

pub use alloy_primitives::{Address, B256};
pub use bls::{BlsKey, G1Point, G2Point};
pub use error::{Error, Result};
pub use eth::EthKey;
pub use keystore::{PublicIdentity, StakerOutput};
pub use mnemonic::{Mnemonic, WordCount, generate_mnemonic};
pub use secret::KeyBytes;

/// The two secrets of one attester.
#[derive(Debug)]
pub struct AttesterKeys {
    /// Signs duties and, unless there is a separate publisher, pays for L1 transactions.
    pub eth: EthKey,
    /// Is registered on L1, and proves possession at the deposit.
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
/// Attesters and publishers of one mnemonic share the address indices. Give publishers an account
/// of their own, or a publisher may get the key of a later attester.
///
/// # Errors
///
/// If an index is 2³¹ or more.
pub fn derive_publisher(mnemonic: &Mnemonic, account: u32, address_index: u32) -> Result<EthKey> {
    EthKey::derive(&mnemonic.seed(), account, address_index)
}

/// Reads the text of a file that holds one key: 64 hexadecimal digits, with `0x` or, as MetaMask shows it, without.
///
/// # Errors
///
/// If the file holds anything else. The error quotes nothing of it.
pub fn raw_key(bytes: &[u8]) -> Result<KeyBytes> {
    let text = std::str::from_utf8(bytes).unwrap_or_default().trim();
    if text.starts_with(['{', '[']) {
        return Err(Error::Keystore {
            problem:
                "it is JSON, but neither JSON V3 (\"version\": 3) nor a BLS file (\"version\": 4)"
                    .to_owned(),
        });
    }
    let prefix = if text.starts_with("0x") { "" } else { "0x" };
    let text = Zeroizing::new(format!("{prefix}{text}"));
    keystore::key_bytes(&text, "the key")
}

/// The text of a file from an operator, as UTF-8 without a byte order mark. Windows writes UTF-16, or puts the mark in
/// front.
#[must_use]
pub fn plain(bytes: Zeroizing<Vec<u8>>) -> Zeroizing<Vec<u8>> {
    let words = |of: fn([u8; 2]) -> u16| {
        let pairs = bytes[2..].chunks_exact(2);
        let words: Zeroizing<Vec<u16>> =
            Zeroizing::new(pairs.map(|pair| of([pair[0], pair[1]])).collect());
        // A word takes at most three bytes. The string never grows, so no copy stays behind.
        let mut text = String::with_capacity(3 * words.len());
        text.extend(
            char::decode_utf16(words.iter().copied())
                .map(|letter| letter.unwrap_or(char::REPLACEMENT_CHARACTER)),
        );
        Zeroizing::new(text.into_bytes())
    };
    match bytes.as_slice() {
        [0xEF, 0xBB, 0xBF, rest @ ..] => Zeroizing::new(rest.to_vec()),
        [0xFF, 0xFE, ..] => words(u16::from_le_bytes),
        [0xFE, 0xFF, ..] => words(u16::from_be_bytes),
        _ => bytes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_in_each_form_that_wallets_show() {
        let digits = "ab".repeat(32);
        for text in [
            digits.clone(),
            format!("0x{digits}\n"),
            format!(" {digits}\r\n"),
        ] {
            assert_eq!(*raw_key(text.as_bytes()).unwrap(), [0xab; 32]);
        }
        for text in ["", "0x", &digits[1..], "{\"version\": 1}", "0x0xab"] {
            let error = raw_key(text.as_bytes()).unwrap_err().to_string();
            assert!(!error.contains("abab"), "{error}");
        }
        assert!(raw_key(b"{}").unwrap_err().to_string().contains("is JSON"));
    }

    #[test]
    fn text_from_windows_is_read_as_utf_8() {
        let text = "{\"a\": \"\u{e4}\"}";
        let marked = |mark: &[u8], rest: Vec<u8>| plain(Zeroizing::new([mark, &rest].concat()));
        let utf16 = |of: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(of).collect::<Vec<_>>();
        let forms = [
            marked(&[], text.as_bytes().to_vec()),
            marked(&[0xEF, 0xBB, 0xBF], text.as_bytes().to_vec()),
            marked(&[0xFF, 0xFE], utf16(u16::to_le_bytes)),
            marked(&[0xFE, 0xFF], utf16(u16::to_be_bytes)),
        ];
        for form in forms {
            assert_eq!(form.as_slice(), text.as_bytes());
        }
        assert_eq!(
            plain(Zeroizing::new(vec![0xFF, 0xFE, 0x41])).as_slice(),
            b""
        );
    }
}
