//! A drop-in for the unit of another package, which systemd has loaded. Whether the unit runs is not managed here: the
//! drop-in takes effect at its next start.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::unit::UNIT_DIR;
use super::{File, Owner};
use crate::Fault;
use crate::engine::{ApplyCx, Change, Cx, Diff, Kind, ResourceId, Reverted, Shown};
use crate::host::HostMut;
use crate::tools::systemctl::UnitState;

/// A drop-in in a directory that must exist.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DropIn {
    /// The unit, with its suffix.
    pub unit: String,
    /// The name of the file, without its suffix.
    pub name: String,
    /// Its whole text, which anyone on the host may read.
    pub text: String,
}

/// The observed state.
#[derive(Debug)]
pub struct Seen {
    file: <File as Kind>::Seen,
    /// When the file was last changed, microseconds since the epoch.
    changed_us: Option<i64>,
    /// systemd loaded the unit before its files changed.
    unread: bool,
}

/// The change time of the file that systemd has loaded. systemd is asked only if the file changed since: for the answer
/// about an unused unit, it reads all of its files.
#[derive(Debug, Serialize, Deserialize)]
struct Memory {
    file: Value,
    read_us: i64,
}

impl DropIn {
    /// The directory of the drop-ins of a unit.
    pub fn dir(unit: &str) -> PathBuf {
        Path::new(UNIT_DIR).join(format!("{unit}.d"))
    }

    fn path(&self) -> PathBuf {
        Self::dir(&self.unit).join(format!("{}.conf", self.name))
    }

    fn file(&self) -> File {
        File::new(self.path(), &self.text, Owner::root(0o644))
    }

    fn is_unread(state: &UnitState) -> bool {
        // systemd reads a unit that is not loaded when it needs it.
        state.load == "loaded" && state.needs_reload
    }
}

impl Kind for DropIn {
    type Seen = Seen;
    type Prior = <File as Kind>::Prior;

    fn id(&self) -> ResourceId {
        ResourceId::new("drop_in", format!("{}/{}", self.unit, self.name))
    }

    fn files(&self) -> Vec<PathBuf> {
        self.file().files()
    }

    fn observe(&self, cx: &Cx<'_>) -> Result<Seen, Fault> {
        let memory = cx.memory.and_then(|it| Memory::deserialize(it).ok());
        let file = self.file().observe(&Cx {
            memory: memory.as_ref().map(|it| &it.file),
            ..*cx
        })?;
        let changed_us = cx.probe.meta(&self.path())?.map(|meta| meta.changed_us);
        let read = memory.is_some_and(|it| Some(it.read_us) == changed_us);
        let in_place = matches!(self.file().diff(&file), Diff::InSync(_));
        Ok(Seen {
            unread: in_place && !read && Self::is_unread(&cx.unit(&self.unit)?),
            changed_us,
            file,
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
        Diff::of(changes, || "as configured, and loaded by systemd".into())
    }

    fn prior(&self, seen: &Seen) -> Self::Prior {
        self.file().prior(&seen.file)
    }

    fn memory(&self, seen: &Seen) -> Option<Value> {
        let memory = Memory {
            file: self.file().memory(&seen.file)?,
            read_us: seen.changed_us.filter(|_| !seen.unread)?,
        };
        serde_json::to_value(memory).ok()
    }

    fn absent(&self, seen: &Seen) -> bool {
        self.file().absent(&seen.file)
    }

    fn keep(&self, seen: &Seen, host_mut: &mut dyn HostMut) -> Result<(), Fault> {
        self.file().keep(&seen.file, host_mut)
    }

    fn apply(&self, seen: &Seen, cx: &mut ApplyCx<'_>) -> Result<(), Fault> {
        if !matches!(self.file().diff(&seen.file), Diff::InSync(_)) {
            self.file().apply(&seen.file, cx)?;
        }
        if Self::is_unread(&cx.unit_after(&self.unit)?) {
            cx.read_units()?;
        }
        Ok(())
    }

    fn revert(&self, prior: &Self::Prior, cx: &mut ApplyCx<'_>) -> Result<Reverted, Fault> {
        let reverted = self.file().revert(prior, cx)?;
        cx.read_units()?;
        Ok(reverted)
    }
}
