//! The public digest of a secret, as an environment file. With it a service can check a secret that it never sees.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use zeroize::Zeroizing;

use super::before::digest;
use super::{File, Owner};
use crate::engine::{ApplyCx, Cx, Diff, Kind, ResourceId, Reverted};
use crate::tools::redact::HIDDEN;
use crate::{Fault, Text};

/// `VARIABLE=<sha256 of the secret, lowercase hex>` in a file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SecretDigest {
    /// The path of the secret, which must exist.
    pub secret: PathBuf,
    /// The environment file.
    pub path: PathBuf,
    /// The variable.
    pub variable: String,
    /// Owner and mode of the environment file.
    pub owner: Owner,
}

/// The observed state; the secret itself is dropped as soon as it is hashed.
#[derive(Debug)]
pub struct Seen {
    desired: Option<File>,
    file: <File as Kind>::Seen,
}

impl SecretDigest {
    fn file(&self, text: impl Into<Text>) -> File {
        File::new(&self.path, text, self.owner.clone())
    }

    /// The environment file. The digest is not shown, because it would let a reader test guesses of a secret that an
    /// operator chose.
    fn of(&self, secret: &[u8]) -> File {
        let mut text = Text::from(format!("{}=", self.variable));
        text.push_as(&digest(secret), HIDDEN);
        text.push("\n");
        self.file(text)
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
        let desired = secret.map(|secret| self.of(&secret));
        Ok(Seen {
            file: self.file("").observe(cx)?,
            desired,
        })
    }

    fn diff(&self, seen: &Seen) -> Diff {
        match &seen.desired {
            Some(file) => file.diff(&seen.file),
            None => Diff::Unknown(format!("{} does not exist yet", self.secret.display())),
        }
    }

    fn prior(&self, seen: &Seen) -> Self::Prior {
        self.file("").prior(&seen.file)
    }

    fn memory(&self, seen: &Seen) -> Option<Value> {
        seen.desired.as_ref()?.memory(&seen.file)
    }

    fn absent(&self, seen: &Seen) -> bool {
        self.file("").absent(&seen.file)
    }

    fn apply(&self, seen: &Seen, cx: &mut ApplyCx<'_>) -> Result<(), Fault> {
        match &seen.desired {
            Some(file) => file.apply(&seen.file, cx),
            None => Err(Fault::new(format!("{} is missing", self.secret.display()))),
        }
    }

    fn revert(&self, prior: &Self::Prior, cx: &mut ApplyCx<'_>) -> Result<Reverted, Fault> {
        self.file("").revert(prior, cx)
    }
}
