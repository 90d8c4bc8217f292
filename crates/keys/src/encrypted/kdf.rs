//! Key derivations, and what they may cost.

use serde_json::Value;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{blob, broken, number, word};
use crate::error::Result;

/// The key of the cipher, and that of the checksum.
pub(super) type Derived = Zeroizing<[u8; 32]>;

/// No more memory than this for a file of somebody else.
const MOST_MEMORY: u64 = 1 << 30;
/// No more rounds than this.
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
    /// scrypt as a file has its parameters.
    pub fn scrypt(parameters: &Value) -> Result<Self> {
        length(parameters)?;
        let (n, r, p) = (
            number(parameters, "n")?,
            number(parameters, "r")?,
            number(parameters, "p")?,
        );
        let memory = n.saturating_add(p).saturating_mul(r).saturating_mul(128);
        if !n.is_power_of_two() || memory > MOST_MEMORY || !(1..=16).contains(&p) {
            return Err(broken("its scrypt parameters are out of reason"));
        }
        let small = |number| u32::try_from(number).map_err(|_| broken("a number is too large"));
        Ok(Self::Scrypt {
            log_n: u8::try_from(n.ilog2()).map_err(|_| broken("a number is too large"))?,
            r: small(r)?,
            p: small(p)?,
            salt: blob(parameters, "salt")?,
        })
    }

    /// PBKDF2 as a file has its parameters.
    pub fn pbkdf2(parameters: &Value) -> Result<Self> {
        length(parameters)?;
        if parameters["prf"] != "hmac-sha256" && !parameters["prf"].is_null() {
            return Err(broken(&format!(
                "its PBKDF2 is of {}, and only hmac-sha256 is opened",
                word(&parameters["prf"])
            )));
        }
        let rounds = number(parameters, "c")?;
        let rounds = u32::try_from(rounds)
            .ok()
            .filter(|_| (1..=MOST_ROUNDS).contains(&rounds))
            .ok_or_else(|| broken("its PBKDF2 rounds are out of reason"))?;
        Ok(Self::Pbkdf2 {
            rounds,
            salt: blob(parameters, "salt")?,
        })
    }

    /// Derives 32 bytes; scrypt takes a second and 128 MiB, as wallets have it.
    pub fn derive(&self, password: &str) -> Result<Derived> {
        let mut derived = Derived::default();
        match self {
            Self::Scrypt { log_n, r, p, salt } => {
                let parameters = scrypt::Params::new(*log_n, *r, *p)
                    .map_err(|_| broken("its scrypt parameters are out of reason"))?;
                scrypt::scrypt(password.as_bytes(), salt, &parameters, &mut *derived)
                    .expect("32 bytes are a length that scrypt gives");
            }
            Self::Pbkdf2 { rounds, salt } => {
                pbkdf2::pbkdf2_hmac::<Sha256>(password.as_bytes(), salt, *rounds, &mut *derived);
            }
        }
        Ok(derived)
    }
}

/// Of a longer key all wallets use the first 32 bytes, which are the same whatever is derived besides.
fn length(parameters: &Value) -> Result<()> {
    if number(parameters, "dklen")? >= 32 {
        return Ok(());
    }
    Err(broken("its derived key has less than 32 bytes"))
}
