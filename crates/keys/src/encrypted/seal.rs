//! Writes encrypted files.

use aes::cipher::StreamCipher;
use alloy_primitives::keccak256;
use const_hex as hex;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::fields::broken;
use super::kdf::{Derived, Kdf};
use super::{cipher, password};
use crate::error::{Error, Result};
use crate::{BlsKey, EthKey};

/// scrypt with N = 2¹⁷, r = 8, p = 1, as in ethers and therefore in the official tool: 128 MiB and about a second.
const LOG_N: u8 = 17;
const R: u32 = 8;
const P: u32 = 1;
/// Rounds of PBKDF2 in EIP-2335 and the official tool.
const ROUNDS: u32 = 262_144;

/// Encrypts the files of one backup. All files have one password, so one derivation of each kind serves all of them:
/// whoever finds the password of one file has that of the others, whatever their salts. Each file has an
/// initialisation vector of its own. See docs/decisions/0035-one-derivation-for-a-backup.md.
pub struct Sealer {
    eth: (Salt, Derived),
    bls: (Salt, Derived),
}

type Salt = [u8; 32];

impl Sealer {
    /// Derives the keys from a new password.
    ///
    /// # Errors
    ///
    /// If wallets treat the password differently, or the operating system does not return random bytes.
    pub fn new(password: &str) -> Result<Self> {
        let password = password::portable(password)?;
        let (eth, bls): (Salt, Salt) = (random()?, random()?);
        let scrypt = Kdf::Scrypt {
            log_n: LOG_N,
            r: R,
            p: P,
            salt: eth.into(),
        };
        let pbkdf2 = Kdf::Pbkdf2 {
            rounds: ROUNDS,
            salt: bls.into(),
        };
        Ok(Self {
            eth: (eth, scrypt.derive(password)?),
            bls: (bls, pbkdf2.derive(&password::nfkd(password))?),
        })
    }

    /// Encrypts an Ethereum key as JSON V3.
    ///
    /// # Errors
    ///
    /// If the operating system does not return random bytes.
    pub fn eth(&self, key: &EthKey) -> Result<Vec<u8>> {
        let (salt, derived) = &self.eth;
        let (iv, text) = encrypted(key.expose(), derived)?;
        pretty(&json!({
            "version": 3,
            "id": uuid()?,
            "address": hex::encode(key.address()),
            "crypto": {
                "cipher": "aes-128-ctr",
                "cipherparams": { "iv": hex::encode(iv) },
                "ciphertext": hex::encode(text),
                "kdf": "scrypt",
                "kdfparams": { "dklen": 32, "n": 1u32 << LOG_N, "p": P, "r": R, "salt": hex::encode(salt) },
                "mac": hex::encode(keccak256([&derived[16..], &text].concat())),
            },
        }))
    }

    /// Encrypts a BLS key in the format of the official tool. `path` is its derivation path, or empty.
    ///
    /// # Errors
    ///
    /// If the operating system does not return random bytes.
    pub fn bls(&self, key: &BlsKey, path: &str) -> Result<Vec<u8>> {
        let (salt, derived) = &self.bls;
        let (iv, text) = encrypted(key.expose(), derived)?;
        let public = hex::encode(key.public_compressed());
        pretty(&json!({
            "crypto": {
                "kdf": {
                    "function": "pbkdf2",
                    "params": { "dklen": 32, "c": ROUNDS, "prf": "hmac-sha256", "salt": hex::encode(salt) },
                    "message": "",
                },
                "checksum": {
                    "function": "sha256",
                    "params": {},
                    "message": hex::encode(Sha256::digest([&derived[16..], &text].concat())),
                },
                "cipher": {
                    "function": "aes-128-ctr",
                    "params": { "iv": hex::encode(iv) },
                    "message": hex::encode(text),
                },
            },
            "description": public,
            "pubkey": format!("0x{public}"),
            "path": path,
            "uuid": uuid()?,
            "version": 4,
        }))
    }
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer([REDACTED])")
    }
}

/// A new initialisation vector, and the key encrypted with it.
fn encrypted(key: &[u8; 32], derived: &Derived) -> Result<([u8; 16], [u8; 32])> {
    let iv = random()?;
    let mut text = Zeroizing::new(*key);
    cipher(derived, &iv)?.apply_keystream(&mut *text);
    Ok((iv, *text))
}

fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| Error::Entropy {
        reason: error.to_string(),
    })?;
    Ok(bytes)
}

fn uuid() -> Result<String> {
    Ok(uuid::Builder::from_random_bytes(random()?)
        .into_uuid()
        .to_string())
}

fn pretty(file: &Value) -> Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec_pretty(file).map_err(|error| broken(&error.to_string()))?;
    bytes.push(b'\n');
    Ok(bytes)
}
