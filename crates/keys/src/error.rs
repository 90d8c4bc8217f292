//! The one error type of the crate. No message contains a secret, because none quotes the text that it is about.

use alloy_primitives::U256;

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What failed, and on what. [`Error::fix`] says what to do about it.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system did not return random bytes.
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
    /// A keystore that the node does not accept, or that does not have the required form.
    #[error("the keystore is not usable: {problem}")]
    Keystore {
        /// The problem, without any of its values.
        problem: String,
    },
    /// A password that does not open a file, or a file that was changed.
    #[error("the password is wrong, or the file is damaged")]
    Password,
    /// A password that wallets treat differently.
    #[error("wallets treat this password differently")]
    Unportable,
}

impl Error {
    /// What the operator can do about it, as a whole sentence.
    #[must_use]
    pub fn fix(&self) -> &'static str {
        match self {
            Self::Entropy { .. } => "Check that getrandom(2) or /dev/urandom works on this host.",
            Self::Mnemonic { .. } => "Enter 12, 15, 18, 21 or 24 English BIP-39 words, in order.",
            Self::Derivation { .. } => "Use account and address indices below 2147483648.",
            Self::SecretKey { .. } => "Create a new key. Never write one by hand.",
            Self::Digest { .. } => "Check that the GSE address belongs to this rollup.",
            Self::Keystore { .. } => {
                "Use a keystore of schemaVersion 1 with one validator and private keys in plain hex. \
                 Keep other forms out of the managed file."
            }
            Self::Password => "Enter the password that the file was encrypted with.",
            Self::Unportable => {
                "Use a password without characters such as ² ½ … or full-width letters, and without control codes."
            }
        }
    }
}

/// The error about a keystore that has this problem.
pub(crate) fn refused(problem: impl Into<String>) -> Error {
    Error::Keystore {
        problem: problem.into(),
    }
}
