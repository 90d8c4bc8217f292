//! A password in the forms that wallets use, and the keys derived from it.

use std::sync::{Mutex, PoisonError};

use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use super::kdf::{Derived, Kdf};
use crate::error::{Error, Result};

/// A password that opens files. It keeps the keys that were derived from it: all files of one backup have one salt, and
/// a derivation takes a second.
pub struct Password {
    text: Zeroizing<String>,
    derived: Mutex<Vec<(Kdf, usize, Derived)>>,
}

/// The form in which a wallet uses a typed password.
type Form = fn(&str) -> Zeroizing<String>;

/// The forms for JSON V3. ethers and the official tool use NFKC. cast, eth-account, @ethereumjs/wallet, web3 and ox use the
/// password as it was typed, and the same letters may have been typed in another form than now. (Each was tried: ethers
/// 6.17.0, foundry 1.7.1, eth-account 0.14.0, @ethereumjs/wallet 10.0.0, web3 4.16.0, ox 1.8.3.)
pub(super) const ETH: &[Form] = &[nfkc, typed, nfc, nfd];
/// The forms for BLS files. The official tool uses NFKD. bls-keystore also removes control codes, as EIP-2335 says.
pub(super) const BLS: &[Form] = &[nfkd, eip2335, typed];

impl Password {
    /// Takes a password as it was typed.
    #[must_use]
    pub fn new(text: Zeroizing<String>) -> Self {
        Self {
            text,
            derived: Mutex::default(),
        }
    }

    /// Whether the password is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// The keys for the forms of the password, without repetitions. Each is derived when the iterator reaches it.
    pub(super) fn derive<'a>(
        &'a self,
        kdf: &'a Kdf,
        forms: &'static [Form],
    ) -> impl Iterator<Item = Result<Derived>> + 'a {
        let mut texts: Vec<Zeroizing<String>> = Vec::new();
        for form in forms {
            let text = form(&self.text);
            if !texts.contains(&text) {
                texts.push(text);
            }
        }
        texts
            .into_iter()
            .enumerate()
            .map(move |(at, text)| self.once(kdf, at, &text))
    }

    fn once(&self, kdf: &Kdf, form: usize, text: &str) -> Result<Derived> {
        let known = self.derived.lock().unwrap_or_else(PoisonError::into_inner);
        let found = known
            .iter()
            .find(|(other, of, _)| other == kdf && *of == form);
        if let Some((_, _, key)) = found {
            return Ok(key.clone());
        }
        // The lock is not held during the derivation, so that others need not wait. Two threads may derive the same key.
        drop(known);
        let key = kdf.derive(text)?;
        let mut known = self.derived.lock().unwrap_or_else(PoisonError::into_inner);
        known.push((kdf.clone(), form, key.clone()));
        Ok(key)
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password([REDACTED])")
    }
}

/// The same password, if all wallets use it in the same form.
///
/// # Errors
///
/// If the form of ethers differs from the typed one, or if there is a control code, which some wallets leave out. A file
/// that is sealed with such a password would not open everywhere.
pub(super) fn portable(text: &str) -> Result<&str> {
    if *nfkc(text) == *text && !text.chars().any(char::is_control) {
        Ok(text)
    } else {
        Err(Error::Unportable)
    }
}

fn typed(text: &str) -> Zeroizing<String> {
    Zeroizing::new(text.to_owned())
}

fn nfc(text: &str) -> Zeroizing<String> {
    Zeroizing::new(text.nfc().collect())
}

fn nfd(text: &str) -> Zeroizing<String> {
    Zeroizing::new(text.nfd().collect())
}

fn nfkc(text: &str) -> Zeroizing<String> {
    Zeroizing::new(text.nfkc().collect())
}

pub(super) fn nfkd(text: &str) -> Zeroizing<String> {
    Zeroizing::new(text.nfkd().collect())
}

/// EIP-2335: NFKD without C0, C1 and Delete.
fn eip2335(text: &str) -> Zeroizing<String> {
    Zeroizing::new(text.nfkd().filter(|letter| !letter.is_control()).collect())
}
