//! secp256k1 keys.

use alloy_primitives::{Address, B256, Signature};
use k256::ecdsa::SigningKey;
use secrecy::{ExposeSecret, SecretBox};
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::secret::{KeyBytes, Seed};

/// An Ethereum private key with its address.
#[derive(Debug)]
pub struct EthKey {
    secret: SecretBox<[u8; 32]>,
    address: Address,
}

impl EthKey {
    /// Makes a key of 32 big-endian bytes.
    ///
    /// # Errors
    ///
    /// If the number is zero or not below the group order.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self> {
        let key = SigningKey::from_slice(bytes).map_err(|_| Error::SecretKey {
            what: "Ethereum key",
        })?;
        Ok(Self {
            secret: SecretBox::init_with_mut(|secret: &mut [u8; 32]| secret.copy_from_slice(bytes)),
            address: Address::from_private_key(&key),
        })
    }

    /// The address.
    #[must_use]
    pub fn address(&self) -> Address {
        self.address
    }

    pub(super) fn derive(seed: &Seed, account: u32, address_index: u32) -> Result<Self> {
        let path = format!("m/44'/60'/{account}'/0/{address_index}");
        let refused = |error: bip32::Error| Error::Derivation {
            path: path.clone(),
            reason: error.to_string(),
        };
        let parsed: bip32::DerivationPath = path.parse().map_err(refused)?;
        let extended = bip32::XPrv::derive_from_path(seed.as_slice(), &parsed).map_err(refused)?;
        let bytes: KeyBytes = Zeroizing::new(extended.private_key().to_bytes().into());
        Self::from_bytes(&bytes)
    }

    /// Signs a hash, for example that of a transaction.
    ///
    /// # Panics
    ///
    /// Never: the same bytes were accepted as a key before, and every hash can be signed.
    #[must_use]
    pub fn sign(&self, hash: &B256) -> Signature {
        let key = SigningKey::from_slice(self.expose());
        let key = key.expect("`from_bytes` accepted the same bytes");
        let signed = key.sign_prehash_recoverable(hash.as_slice());
        signed.expect("every hash can be signed").into()
    }

    /// A copy of the 32 bytes, wiped on drop.
    #[must_use]
    pub fn to_bytes(&self) -> KeyBytes {
        Zeroizing::new(*self.expose())
    }

    pub(super) fn expose(&self) -> &[u8; 32] {
        self.secret.expose_secret()
    }
}
