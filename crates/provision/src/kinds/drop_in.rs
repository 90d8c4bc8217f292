//! A drop-in of a unit of somebody else's, which systemd has read. Whether the unit runs is nobody's business here: what it
//! says counts from its next start on.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::unit::UNIT_DIR;
use super::{File, Owner};
use crate::Fault;
use crate::engine::{ApplyCx, Change, Cx, Diff, Kind, ResourceId, Reverted, Shown};
use crate::host::{Hands, Order};

/// A drop-in, in a directory that must exist.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DropIn {
    /// The unit, with its ending.
    pub unit: String,
    /// The name of the file, without its ending.
    pub name: String,
    /// Its whole text, which anyone on the host may read.
    pub text: String,
}

/// What the host has.
#[derive(Debug)]
pub struct Seen {
    file: <File as Kind>::Seen,
    /// Systemd has read the unit before its files were changed.
    unread: bool,
}

impl DropIn {
    /// The directory of the drop-ins of a unit.
    pub fn dir(unit: &str) -> PathBuf {
        Path::new(UNIT_DIR).join(format!("{unit}.d"))
    }

    fn file(&self) -> File {
        let path = Self::dir(&self.unit).join(format!("{}.conf", self.name));
        File::new(path, &self.text, Owner::root(0o644))
    }

    fn reload(cx: &mut ApplyCx<'_>) -> Result<(), Fault> {
        cx.hands.run(&Order::new(["systemctl", "daemon-reload"]))
    }
}

impl Kind for DropIn {
    type Seen = Seen;
    type Prior = <File as Kind>::Prior;

    fn id(&self) -> ResourceId {
        ResourceId::new("drop_in", format!("{}/{}", self.unit, self.name))
    }

    fn units(&self) -> Vec<String> {
        vec![self.unit.clone()]
    }

    fn files(&self) -> Vec<PathBuf> {
        self.file().files()
    }

    fn observe(&self, cx: &Cx<'_>) -> Result<Seen, Fault> {
        let state = cx.unit(&self.unit)?;
        Ok(Seen {
            file: self.file().observe(cx)?,
            // What it has not in its memory it reads when it needs it.
            unread: state.load == "loaded" && state.needs_reload,
        })
    }

    fn diff(&self, seen: &Seen) -> Diff {
        let mut changes = match self.file().diff(&seen.file) {
            Diff::Change(changes) => changes,
            Diff::InSync(_) | Diff::Unknown(_) => Vec::new(),
        };
        if changes.is_empty() && seen.unread {
            let from = Shown::text("older in systemd's memory than on disk");
            changes.push(Change::field("definition", from, Shown::text("reloaded")));
        }
        Diff::of(changes, || "as wanted, and read by systemd".into())
    }

    fn prior(&self, seen: &Seen) -> Self::Prior {
        self.file().prior(&seen.file)
    }

    fn memory(&self, seen: &Seen) -> Option<Value> {
        self.file().memory(&seen.file)
    }

    fn absent(&self, seen: &Seen) -> bool {
        self.file().absent(&seen.file)
    }

    fn keep(&self, seen: &Seen, hands: &mut dyn Hands) -> Result<(), Fault> {
        self.file().keep(&seen.file, hands)
    }

    fn apply(&self, seen: &Seen, cx: &mut ApplyCx<'_>) -> Result<(), Fault> {
        if !matches!(self.file().diff(&seen.file), Diff::InSync(_)) {
            self.file().apply(&seen.file, cx)?;
        }
        Self::reload(cx)
    }

    fn revert(&self, prior: &Self::Prior, cx: &mut ApplyCx<'_>) -> Result<Reverted, Fault> {
        let reverted = self.file().revert(prior, cx)?;
        Self::reload(cx)?;
        Ok(reverted)
    }
}
