//! Secrets: made once, then only ever guarded. Invariant number one of this program.

use std::fmt::Debug;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use zeroize::{Zeroize, Zeroizing};

use super::{Accounts, Owner};
use crate::Fault;
use crate::engine::{ApplyCx, Change, Cx, Diff, Kind, ResourceId, Reverted, Shown};
use crate::host::{FileType, Meta, NewFile};

/// What makes the bytes of a secret: the only thing in which secrets differ.
pub trait Maker: Debug + Clone + Serialize + DeserializeOwned {
    /// The kind in the id of the resource.
    fn kind(&self) -> &'static str;
    /// A fresh secret.
    fn make(&self) -> Result<Zeroizing<Vec<u8>>, Fault>;
}

/// A file with a secret: random, unless another maker is named.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(bound = "M: Maker")]
pub struct Secret<M = Random> {
    /// Absolute path; its directory must exist.
    pub path: PathBuf,
    /// Owner and mode.
    pub owner: Owner,
    /// What makes it.
    #[serde(flatten)]
    pub maker: M,
}

/// Randomness as lowercase hex: alone without a newline, or as a variable.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Random {
    /// Bytes of entropy.
    pub bytes: usize,
    /// Makes the file an environment file with this variable, `VARIABLE=0x<hex>`.
    #[serde(default)]
    pub variable: Option<String>,
}

impl Maker for Random {
    fn kind(&self) -> &'static str {
        "secret"
    }

    fn make(&self) -> Result<Zeroizing<Vec<u8>>, Fault> {
        let mut random = vec![0; self.bytes];
        getrandom::fill(&mut random).map_err(|error| {
            Fault::new("the system gave no randomness").because(error.to_string())
        })?;
        let hex = Zeroizing::new(const_hex::encode(&random));
        random.zeroize();
        let text = match &self.variable {
            None => hex.to_string(),
            Some(variable) => format!("{variable}=0x{}\n", hex.as_str()),
        };
        Ok(Zeroizing::new(text.into_bytes()))
    }
}

/// What may be known of a secret: that it is there, whose it is, and never what it is.
#[derive(Debug)]
pub struct SecretSeen {
    meta: Option<Meta>,
    accounts: Accounts,
    /// An earlier run made it or found it.
    known: bool,
}

impl SecretSeen {
    /// Fails when a secret that was there is gone: a new one would only hide the loss.
    fn may_make(&self, id: &ResourceId, path: &Path) -> Result<(), Fault> {
        if !self.known {
            return Ok(());
        }
        Err(Fault::new(format!("{} was there after an earlier run and is gone", path.display()))
            .fix(format!(
                "Put it back from your backup. If it is lost for good, `aztec-kit forget '{id}'` lets a new one be made."
            )))
    }
}

impl<M: Maker> Secret<M> {
    /// Sets owner and mode of what is there; its value is not touched.
    fn keep(&self, meta: &Meta, cx: &mut ApplyCx<'_>) -> Result<(), Fault> {
        if meta.file_type != FileType::File {
            return Err(Fault::new(format!(
                "{} is a {}, where a secret belongs",
                self.path.display(),
                meta.file_type.word()
            ))
            .fix("Put the file itself there: a link could lead a service to someone else's key."));
        }
        let (uid, gid) = Accounts::read(cx.host_mut.probe())?.ids(&self.owner)?;
        cx.host_mut.own(&self.path, uid, gid, self.owner.mode)
    }
}

impl<M: Maker> Kind for Secret<M> {
    type Seen = SecretSeen;
    type Prior = ();

    fn id(&self) -> ResourceId {
        ResourceId::new(self.maker.kind(), self.path.display())
    }

    /// Looks at its place without opening it.
    fn files(&self) -> Vec<PathBuf> {
        vec![self.path.clone()]
    }

    fn observe(&self, cx: &Cx<'_>) -> Result<SecretSeen, Fault> {
        Ok(SecretSeen {
            meta: cx.probe.meta(&self.path)?,
            accounts: Accounts::read(cx.probe)?,
            known: cx.memory.is_some(),
        })
    }

    fn diff(&self, seen: &SecretSeen) -> Diff {
        let changes = match &seen.meta {
            None if seen.known => vec![Change::field(
                "value",
                Shown::text("there after an earlier run, and gone"),
                Shown::text("put back from your backup: no run makes a new one"),
            )],
            None => {
                let mut changes = self.owner.to_create();
                changes.push(Change::field("value", Shown::Nothing, Shown::Secret));
                changes
            }
            Some(meta) if meta.file_type != FileType::File => vec![Change::field(
                "type",
                Shown::text(meta.file_type.word()),
                Shown::text("file"),
            )],
            Some(meta) => self.owner.diff(meta, &seen.accounts),
        };
        Diff::of(changes, || "made once, never replaced".into())
    }

    fn prior(&self, _: &SecretSeen) {}

    /// Just that there is one.
    fn memory(&self, seen: &SecretSeen) -> Option<Value> {
        seen.meta.map(|_| Value::Bool(true))
    }

    fn absent(&self, seen: &SecretSeen) -> bool {
        seen.meta.is_none()
    }

    fn apply(&self, seen: &SecretSeen, cx: &mut ApplyCx<'_>) -> Result<(), Fault> {
        if let Some(meta) = &seen.meta {
            return self.keep(meta, cx);
        }
        seen.may_make(&self.id(), &self.path)?;
        let (uid, gid) = Accounts::read(cx.host_mut.probe())?.ids(&self.owner)?;
        cx.host_mut.put_new(&NewFile {
            path: &self.path,
            bytes: &self.maker.make()?,
            uid,
            gid,
            mode: self.owner.mode,
        })
    }

    fn revert(&self, (): &(), _: &mut ApplyCx<'_>) -> Result<Reverted, Fault> {
        Ok(Reverted::Kept("a secret is never removed".into()))
    }
}
