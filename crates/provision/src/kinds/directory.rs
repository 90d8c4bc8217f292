//! A directory with its owner and mode. Its content is not managed here.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Accounts, Owner};
use crate::Fault;
use crate::engine::{ApplyCx, Change, Cx, Diff, Kind, ResourceId, Reverted, Shown};
use crate::host::{FileType, Meta};

/// A directory.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Directory {
    /// Absolute path; its parent must exist.
    pub path: PathBuf,
    /// Owner and mode.
    pub owner: Owner,
}

impl Directory {
    /// A directory with this owner and mode.
    pub fn new(path: &Path, owner: Owner) -> Self {
        let path = path.to_owned();
        Self { path, owner }
    }
}

/// The observed state.
#[derive(Debug)]
pub struct Seen {
    meta: Option<Meta>,
    accounts: Accounts,
}

/// Prior owner and mode, numeric; nothing when it did not exist.
pub type Prior = Option<(u32, u32, u32)>;

impl Kind for Directory {
    type Seen = Seen;
    type Prior = Prior;

    fn id(&self) -> ResourceId {
        ResourceId::new("directory", self.path.display())
    }

    fn observe(&self, cx: &Cx<'_>) -> Result<Seen, Fault> {
        Ok(Seen {
            meta: cx.probe.meta(&self.path)?,
            accounts: Accounts::read(cx.probe)?,
        })
    }

    fn diff(&self, seen: &Seen) -> Diff {
        let changes = match &seen.meta {
            None => self.owner.to_create(),
            Some(meta) if meta.file_type != FileType::Directory => vec![Change::field(
                "type",
                Shown::text(meta.file_type.word()),
                Shown::text("directory"),
            )],
            Some(meta) => self.owner.diff(meta, &seen.accounts),
        };
        Diff::of(changes, || {
            "exists with owner and mode as configured".into()
        })
    }

    fn prior(&self, seen: &Seen) -> Prior {
        seen.meta
            .as_ref()
            .map(|meta| (meta.uid, meta.gid, meta.mode))
    }

    fn absent(&self, seen: &Seen) -> bool {
        seen.meta.is_none()
    }

    fn apply(&self, seen: &Seen, cx: &mut ApplyCx<'_>) -> Result<(), Fault> {
        let (uid, gid) = Accounts::read(cx.host_mut.probe())?.ids(&self.owner)?;
        match &seen.meta {
            None => cx.host_mut.mkdir(&self.path, uid, gid, self.owner.mode),
            Some(meta) if meta.file_type == FileType::Directory => {
                cx.host_mut.own(&self.path, uid, gid, self.owner.mode)
            }
            Some(meta) => Err(Fault::new(format!(
                "{} is a {}, not a directory",
                self.path.display(),
                meta.file_type.word()
            ))
            .fix("Move it away, then run the same command again.")),
        }
    }

    fn spared(&self) -> Option<&'static str> {
        Some("it stays as long as it is not empty")
    }

    fn revert(&self, prior: &Prior, cx: &mut ApplyCx<'_>) -> Result<Reverted, Fault> {
        if let Some((uid, gid, mode)) = *prior {
            if cx.host_mut.meta(&self.path)?.is_some() {
                cx.host_mut.own(&self.path, uid, gid, mode)?;
            }
            return Ok(Reverted::Restored);
        }
        if cx
            .host_mut
            .list(&self.path)?
            .is_some_and(|names| !names.is_empty())
        {
            return Ok(Reverted::Kept("it is not empty".into()));
        }
        cx.host_mut.remove(&self.path)?;
        Ok(Reverted::Restored)
    }
}
