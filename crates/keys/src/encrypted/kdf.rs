//! Key derivations, and the limits of their cost.

use serde_json::Value;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::fields::{blob, broken, number, word};
use crate::error::Result;

/// The key of the cipher and the key of the checksum.
pub(super) type Derived = Zeroizing<[u8; 32]>;

/// The most memory that a foreign file may use, in bytes.
const MOST_MEMORY: u64 = 1 << 30;
/// The most rounds of PBKDF2 that a foreign file may use.
const MOST_ROUNDS: u64 = 1 << 24;

/// A derivation with all its parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kdf {
    /// scrypt.
    Scrypt {
        log_n: u8,
        r: u32,
        p: u32,
        salt: Vec<u8>,
    },
    /// PBKDF2 with HMAC-SHA-256.
    Pbkdf2 { rounds: u32, salt: Vec<u8> },
}

impl Kdf {
    /// scrypt with the parameters of a file.
    pub fn scrypt(parameters: &Value) -> Result<Self> {
        length(parameters)?;
        let (n, r, p) = (
            number(parameters, "n")?,
            number(parameters, "r")?,
            number(parameters, "p")?,
        );
        let memory = n.saturating_add(p).saturating_mul(r).saturating_mul(128);
        if !n.is_power_of_two() || memory > MOST_MEMORY || !(1..=16).contains(&p) {
            return Err(broken("its scrypt parameters are out of bounds"));
        }
        let small = |number| u32::try_from(number).map_err(|_| broken("a number is too large"));
        Ok(Self::Scrypt {
            log_n: u8::try_from(n.ilog2()).map_err(|_| broken("a number is too large"))?,
            r: small(r)?,
            p: small(p)?,
            salt: blob(parameters, "salt")?,
        })
    }

    /// PBKDF2 with the parameters of a file.
    pub fn pbkdf2(parameters: &Value) -> Result<Self> {
        length(parameters)?;
        if parameters["prf"] != "hmac-sha256" && !parameters["prf"].is_null() {
            return Err(broken(&format!(
                "its PBKDF2 uses {}, but only hmac-sha256 is supported",
                word(&parameters["prf"])
            )));
        }
        let rounds = number(parameters, "c")?;
        let rounds = u32::try_from(rounds)
            .ok()
            .filter(|_| (1..=MOST_ROUNDS).contains(&rounds))
            .ok_or_else(|| broken("its PBKDF2 rounds are out of bounds"))?;
        Ok(Self::Pbkdf2 {
            rounds,
            salt: blob(parameters, "salt")?,
        })
    }

    /// Derives 32 bytes. With the parameters of wallets, scrypt takes a second and 128 MiB.
    pub fn derive(&self, password: &str) -> Result<Derived> {
        let mut derived = Derived::default();
        match self {
            Self::Scrypt { log_n, r, p, salt } => {
                let parameters = scrypt::Params::new(*log_n, *r, *p)
                    .map_err(|_| broken("its scrypt parameters are out of bounds"))?;
                scrypt::scrypt(password.as_bytes(), salt, &parameters, &mut *derived)
                    .expect("scrypt can return 32 bytes");
            }
            Self::Pbkdf2 { rounds, salt } => {
                pbkdf2::pbkdf2_hmac::<Sha256>(password.as_bytes(), salt, *rounds, &mut *derived);
            }
        }
        Ok(derived)
    }
}

/// Refuses a derived key of fewer than 32 bytes. All wallets use the first 32 bytes of a longer one, and these do not
/// depend on its length.
fn length(parameters: &Value) -> Result<()> {
    if number(parameters, "dklen")? >= 32 {
        return Ok(());
    }
    Err(broken("its derived key has fewer than 32 bytes"))
}
