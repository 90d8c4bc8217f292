//! Secrets: created once, then never replaced. This is the first invariant of aztec-kit.

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

/// Generates the bytes of a secret. Kinds of secrets differ only in this.
pub trait Maker: Debug + Clone + Serialize + DeserializeOwned {
    /// The kind in the id of the resource.
    fn kind(&self) -> &'static str;
    /// A new secret.
    fn make(&self) -> Result<Zeroizing<Vec<u8>>, Fault>;
}

/// A file with a secret: random, unless another generator is named.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(bound = "M: Maker")]
pub struct Secret<M = Random> {
    /// Absolute path; its directory must exist.
    pub path: PathBuf,
    /// Owner and mode.
    pub owner: Owner,
    /// Its generator.
    #[serde(flatten)]
    pub maker: M,
}

/// Random bytes as lowercase hex: alone without a newline, or as a variable.
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
            Fault::new("the system provided no randomness").because(error.to_string())
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

/// The facts about a secret: its existence and its owner, but never its value.
#[derive(Debug)]
pub struct SecretSeen {
    meta: Option<Meta>,
    accounts: Accounts,
    /// Whether an earlier run created or found it.
    known: bool,
}

impl SecretSeen {
    /// Fails when an existing secret is missing: a new one would only hide the loss.
    fn may_make(&self, id: &ResourceId, path: &Path) -> Result<(), Fault> {
        if !self.known {
            return Ok(());
        }
        Err(Fault::new(format!("{} existed after an earlier run and is missing", path.display()))
            .fix(format!(
                "Restore it from your backup. If it is lost, run `aztec-kit forget '{id}'`, and the next run creates a new one."
            )))
    }
}

impl<M: Maker> Secret<M> {
    /// Sets owner and mode of an existing file without changing its content.
    fn keep(&self, meta: &Meta, cx: &mut ApplyCx<'_>) -> Result<(), Fault> {
        if meta.file_type != FileType::File {
            return Err(Fault::new(format!(
                "{} is a {}, not a file with a secret",
                self.path.display(),
                meta.file_type.word()
            ))
            .fix("Replace it by the file itself. A link could lead a service to another key."));
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

    /// Checks the path without opening the file.
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
                Shown::text("existed after an earlier run, and missing"),
                Shown::text("restored from your backup, because no run creates a new one"),
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
        Diff::of(changes, || "created once, never replaced".into())
    }

    fn prior(&self, _: &SecretSeen) {}

    /// Only that it exists.
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
