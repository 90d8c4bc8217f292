//! The one error type of the crate. No message carries a secret: none quotes the text it is about.

use alloy_primitives::U256;

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What failed, and on what. [`Error::fix`] says what to do about it.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system gave no random bytes.
    #[error("cannot read random bytes from the operating system: {reason}")]
    Entropy {
        /// Why.
        reason: String,
    },
    /// A mnemonic that BIP-39 does not accept.
    #[error("the mnemonic is not valid: {reason}")]
    Mnemonic {
        /// Why, without any of its words.
        reason: String,
    },
    /// A derivation path that does not exist.
    #[error("cannot derive a key at {path}: {reason}")]
    Derivation {
        /// The path.
        path: String,
        /// Why.
        reason: String,
    },
    /// Bytes that are not a private key.
    #[error("the {what} is not a private key: it is zero or not below the group order")]
    SecretKey {
        /// Which key.
        what: &'static str,
    },
    /// A registration digest that cannot be signed.
    #[error("the registration digest ({x:#x}, {y:#x}) is not a point of BN254")]
    Digest {
        /// Its x coordinate.
        x: U256,
        /// Its y coordinate.
        y: U256,
    },
    /// A keystore that the node does not accept, or that is not of the form that is needed.
    #[error("the keystore is not usable: {problem}")]
    Keystore {
        /// What is wrong, without any of its values.
        problem: String,
    },
    /// A password that does not open a file, or a file that was changed.
    #[error("the password is wrong, or the file is damaged")]
    Password,
    /// A password that wallets write in different ways.
    #[error("wallets differ in what they make of this password")]
    Unportable,
}

impl Error {
    /// What the operator can do about it.
    #[must_use]
    pub fn fix(&self) -> &'static str {
        match self {
            Self::Entropy { .. } => "check that getrandom(2) or /dev/urandom works on this host",
            Self::Mnemonic { .. } => "give 12, 15, 18, 21 or 24 English BIP-39 words, in order",
            Self::Derivation { .. } => "use account and address indices below 2147483648",
            Self::SecretKey { .. } => "make a new key; never write one by hand",
            Self::Digest { .. } => "check that the GSE address belongs to this rollup",
            Self::Keystore { .. } => {
                "use a schemaVersion 1 keystore with one validator and private keys in plain hex; \
                 keep other forms out of the managed file"
            }
            Self::Password => "give the password that the file was made with",
            Self::Unportable => {
                "use one without characters such as ² ½ … or full-width letters, and without control codes"
            }
        }
    }
}
