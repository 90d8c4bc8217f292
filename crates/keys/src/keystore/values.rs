//! Single values of a keystore file, read as strictly as the node reads them.

use alloy_primitives::{Address, B256};
use ark_ff::{BigInt, PrimeField};
use url::Url;
use zeroize::Zeroizing;

use super::tree::Tree;
use crate::KeyBytes;
use crate::error::{Error, Result, refused};

pub(super) fn unexpected(place: &str, expected: &str, found: &Tree) -> Error {
    refused(format!("{place} is {}, not {expected}", found.word()))
}

pub(super) fn text<'a>(tree: &'a Tree, place: &str) -> Result<&'a str> {
    tree.text().ok_or_else(|| unexpected(place, "a text", tree))
}

/// Reads `0x` and 64 digits. The node accepts keys only with the prefix.
pub(crate) fn key_bytes(text: &str, place: &str) -> Result<KeyBytes> {
    let Some(digits) = text.strip_prefix("0x") else {
        return Err(refused(format!("{place} does not begin with 0x")));
    };
    if digits.len() != 64 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(refused(format!(
            "{place} is not 0x and 64 hexadecimal digits"
        )));
    }
    let mut bytes = Zeroizing::new([0; 32]);
    const_hex::decode_to_slice(digits, &mut *bytes)
        .map_err(|_| refused(format!("{place} is not hexadecimal")))?;
    Ok(bytes)
}

pub(super) fn address(tree: &Tree, place: &str) -> Result<Address> {
    parse_address(text(tree, place)?).map_err(|problem| refused(format!("{place} {problem}")))
}

/// Reads an address as the node does: all lowercase, all uppercase, or with a correct checksum.
///
/// # Errors
///
/// The problem, as the end of a sentence.
pub fn parse_address(text: &str) -> std::result::Result<Address, &'static str> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    if digits.len() != 40 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err("is not an address: 0x and 40 hexadecimal digits");
    }
    let address: Address = digits
        .parse()
        .map_err(|_| "is not an address: 0x and 40 hexadecimal digits")?;
    let mixed = digits.bytes().any(|digit| digit.is_ascii_lowercase())
        && digits.bytes().any(|digit| digit.is_ascii_uppercase());
    if mixed && address.to_checksum(None)[2..] != *digits {
        return Err("is an address with a wrong checksum: a letter is mistyped");
    }
    Ok(address)
}

pub(super) fn field_element(tree: &Tree, place: &str) -> Result<B256> {
    parse_aztec_address(text(tree, place)?).map_err(|problem| refused(format!("{place} {problem}")))
}

/// Reads an address of Aztec: a number below the order of its field.
///
/// # Errors
///
/// The problem, as the end of a sentence.
pub fn parse_aztec_address(text: &str) -> std::result::Result<B256, &'static str> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    if digits.len() != 64 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err("is not an Aztec address: 0x and 64 hexadecimal digits");
    }
    let word: B256 = digits
        .parse()
        .map_err(|_| "is not an Aztec address: 0x and 64 hexadecimal digits")?;
    let number = alloy_primitives::U256::from_be_bytes(word.0);
    if ark_bn254::Fr::from_bigint(BigInt(number.into_limbs())).is_none() {
        return Err("is not an Aztec address: it is not below the order of the field");
    }
    Ok(word)
}

/// The URL of a remote signer in a keystore. Its debug output is scheme, host and port, because the rest may contain a
/// password.
#[derive(Clone, PartialEq, Eq)]
pub struct SignerUrl(Url);

impl std::ops::Deref for SignerUrl {
    type Target = Url;

    fn deref(&self) -> &Url {
        &self.0
    }
}

impl std::fmt::Debug for SignerUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&origin(&self.0))
    }
}

/// Scheme, host and port. The rest of a URL may contain a password.
pub(super) fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

pub(super) fn signer_url(tree: &Tree, place: &str) -> Result<SignerUrl> {
    let url = parse_signer(text(tree, place)?);
    url.map(SignerUrl)
        .map_err(|problem| refused(format!("{place} {problem}")))
}

/// Reads the URL of a remote signer.
///
/// # Errors
///
/// The problem, as the end of a sentence.
pub fn parse_signer(text: &str) -> std::result::Result<Url, &'static str> {
    let url = Url::parse(text).map_err(|_| "is not a URL")?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err("is not an http or https URL");
    }
    Ok(url)
}
