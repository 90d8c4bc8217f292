//! The public digest of a secret, as an environment file: lets a service check a secret it never sees.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{File, Owner};
use crate::Fault;
use crate::engine::{ApplyCx, Cx, Diff, Kind, ResourceId, Reverted};

/// `VARIABLE=<sha256 of the secret, lowercase hex>` in a file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SecretDigest {
    /// The secret; it must exist.
    pub secret: PathBuf,
    /// The environment file.
    pub path: PathBuf,
    /// The variable.
    pub variable: String,
    /// Owner and mode of the environment file.
    pub owner: Owner,
}

/// What the host has; the secret itself is dropped as soon as it is hashed.
#[derive(Debug)]
pub struct Seen {
    wanted: Option<File>,
    file: <File as Kind>::Seen,
}

impl SecretDigest {
    fn file(&self, content: String) -> File {
        File::new(&self.path, content, self.owner.clone())
    }
}

impl Kind for SecretDigest {
    type Seen = Seen;
    type Prior = <File as Kind>::Prior;

    fn id(&self) -> ResourceId {
        ResourceId::new("digest", self.path.display())
    }

    fn files(&self) -> Vec<PathBuf> {
        vec![self.path.clone()]
    }

    fn observe(&self, cx: &Cx<'_>) -> Result<Seen, Fault> {
        let secret = cx.probe.read(&self.secret)?.map(Zeroizing::new);
        let wanted = secret.map(|secret| {
            let digest = const_hex::encode(Sha256::digest(secret.as_slice()));
            self.file(format!("{}={digest}\n", self.variable))
        });
        Ok(Seen {
            file: self.file(String::new()).observe(cx)?,
            wanted,
        })
    }

    fn diff(&self, seen: &Seen) -> Diff {
        match &seen.wanted {
            Some(file) => file.diff(&seen.file),
            None => Diff::Unknown(format!("{} is yet to be made", self.secret.display())),
        }
    }

    fn prior(&self, seen: &Seen) -> Self::Prior {
        self.file(String::new()).prior(&seen.file)
    }

    fn absent(&self, seen: &Seen) -> bool {
        self.file(String::new()).absent(&seen.file)
    }

    fn apply(&self, seen: &Seen, cx: &mut ApplyCx<'_>) -> Result<(), Fault> {
        match &seen.wanted {
            Some(file) => file.apply(&seen.file, cx),
            None => Err(Fault::new(format!("{} is missing", self.secret.display()))),
        }
    }

    fn revert(&self, prior: &Self::Prior, cx: &mut ApplyCx<'_>) -> Result<Reverted, Fault> {
        self.file(String::new()).revert(prior, cx)
    }
}
