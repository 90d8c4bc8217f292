//! Identifies the disk of a directory by a small file in it, which is created once.
//!
//! A disk that is not mounted leaves an empty directory, or an older copy of its content. A service that starts on that
//! would start from nothing. For this reason the name of the disk is on record, and the disk must be present before
//! anything is changed.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::engine::{ApplyCx, Change, Cx, Diff, Kind, Receipt, ResourceId, Reverted, Shown};
use crate::host::{FileType, NewFile, Probe, resolved, staged};
use crate::tools::mounts::{self, Mount};
use crate::{Fault, code};

/// The disk of a directory.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Disk {
    /// The directory, which must exist.
    pub path: PathBuf,
}

/// The name of the file.
const MARK: &str = ".aztec-kit-disk";
/// A longer file is not one of aztec-kit.
const LIMIT: u64 = 256;
/// Bytes of entropy in the name of a disk.
const ENTROPY: usize = 16;

/// The disk when it was last observed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    path: PathBuf,
    name: String,
    /// Its mount point; nothing for the file system of the root directory.
    mount: Option<PathBuf>,
}

/// The observed state.
#[derive(Debug)]
pub struct Seen {
    name: Option<String>,
    mount: Option<PathBuf>,
    known: Option<Known>,
}

/// A disk that was present and is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gone {
    /// The directory that is on it.
    pub path: PathBuf,
    /// What the directory contains instead.
    pub why: String,
    /// What to do.
    pub fix: String,
}

impl From<Gone> for Fault {
    fn from(gone: Gone) -> Self {
        let Gone { path, why, fix } = gone;
        Self::new(format!("the disk of {} is missing: {why}", path.display()))
            .fix(fix)
            .coded(code::DISK_MISSING)
    }
}

impl Disk {
    /// The path of the file that holds the name of the disk.
    pub fn mark(path: &Path) -> PathBuf {
        path.join(MARK)
    }

    /// The name of the disk of a directory, if it has one.
    ///
    /// # Errors
    ///
    /// When the directory cannot be read.
    pub fn name(path: &Path, probe: &dyn Probe) -> Result<Option<String>, Fault> {
        let mark = Self::mark(path);
        let plain = probe
            .meta(&mark)?
            .is_some_and(|meta| meta.file_type == FileType::File && meta.size <= LIMIT);
        let text = if plain { probe.text(&mark)? } else { None };
        Ok(text
            .map(|text| text.trim().to_owned())
            .filter(|name| !name.is_empty()))
    }

    /// The name that the disk will have after the next run, if it is known already: a deleted name file is written
    /// again.
    ///
    /// # Errors
    ///
    /// When the directory cannot be read.
    pub fn name_to_be(
        path: &Path,
        receipt: &Receipt,
        probe: &dyn Probe,
    ) -> Result<Option<String>, Fault> {
        let memory = receipt
            .get(&id(path))
            .and_then(|entry| entry.memory.as_ref());
        let disk = Self { path: path.into() };
        let seen = disk.seen(memory.and_then(known), probe)?;
        let missing = seen.gone().is_some();
        let known = seen.known.filter(|_| !missing).map(|known| known.name);
        Ok(seen.name.or(known))
    }

    fn seen(&self, known: Option<Known>, probe: &dyn Probe) -> Result<Seen, Fault> {
        Ok(Seen {
            name: Self::name(&self.path, probe)?,
            mount: mount(&self.path, probe)?,
            known,
        })
    }
}

/// The mounted file systems of a host; nothing when they cannot be read.
pub fn mounted(probe: &dyn Probe) -> Vec<Mount> {
    let texts = mounts::MOUNTINFO.map(|path| probe.text(Path::new(path)));
    let text = texts.into_iter().find_map(|text| text.ok().flatten());
    mounts::parse(&text.unwrap_or_default())
}

/// The mount point of the file system of a path; nothing for that of the root directory.
fn mount(path: &Path, probe: &dyn Probe) -> Result<Option<PathBuf>, Fault> {
    Ok(mounts::point(&resolved(path, probe)?, &mounted(probe)))
}

/// The disks on record that are missing. Every plan asks this first: nothing is created or removed where another disk
/// belongs.
///
/// # Errors
///
/// When a directory cannot be read.
pub fn gone(receipt: &Receipt, probe: &dyn Probe) -> Result<Vec<Gone>, Fault> {
    let mut all = Vec::new();
    for entry in &receipt.entries {
        let known = entry.memory.as_ref().and_then(known);
        let Some(known) = known.filter(|known| entry.id == id(&known.path)) else {
            continue;
        };
        let disk = Disk {
            path: known.path.clone(),
        };
        all.extend(disk.seen(Some(known), probe)?.gone());
    }
    Ok(all)
}

fn known(memory: &Value) -> Option<Known> {
    Known::deserialize(memory).ok()
}

fn id(path: &Path) -> ResourceId {
    ResourceId::new("disk", path.display())
}

fn fresh() -> Result<String, Fault> {
    let mut random = [0; ENTROPY];
    getrandom::fill(&mut random).map_err(|error| {
        Fault::new("the system provided no randomness").because(error.to_string())
    })?;
    Ok(const_hex::encode(random))
}

fn last(path: PathBuf) -> Option<String> {
    Some(path.file_name()?.to_string_lossy().into_owned())
}

impl Seen {
    /// The missing disk, if it is missing; pure.
    fn gone(&self) -> Option<Gone> {
        let known = self.known.as_ref()?;
        let path = &known.path;
        let why = match (&self.name, &known.mount, &self.mount) {
            // Data that was copied to another disk and is used there has not moved.
            (Some(name), Some(at), None) if *name == known.name => {
                format!(
                    "nothing is mounted on {}, and the directory below it contains an older copy",
                    at.display()
                )
            }
            (Some(name), _, _) if *name == known.name => return None,
            (_, Some(at), None) => format!("nothing is mounted on {}", at.display()),
            (None, _, Some(now)) => {
                format!("another disk is mounted on {}", now.display())
            }
            // Deleted files on the disk of the root directory do not make it another disk.
            (None, None, None) => return None,
            (Some(_), _, _) => "another disk is in its place".into(),
        };
        let at = known.mount.as_deref().unwrap_or(path);
        let mount = match &known.mount {
            Some(_) => format!(
                "Mount it (`systemctl start {}`; `findmnt {}` shows the current mount)",
                mounts::unit(at),
                at.display()
            ),
            None => format!(
                "Mount it again (`findmnt --target {}` shows the current mount)",
                at.display()
            ),
        };
        let fix = format!(
            "{mount}, then run the same command again. If the current disk replaces it, run `aztec-kit forget '{}'`. A \
             node then starts from the data on the current disk, which lacks the signing history of a sequencer.",
            id(path)
        );
        Some(Gone {
            path: path.clone(),
            why,
            fix,
        })
    }
}

impl Kind for Disk {
    type Seen = Seen;
    type Prior = ();

    fn id(&self) -> ResourceId {
        id(&self.path)
    }

    fn files(&self) -> Vec<PathBuf> {
        vec![Self::mark(&self.path)]
    }

    fn observe(&self, cx: &Cx<'_>) -> Result<Seen, Fault> {
        self.seen(cx.memory.and_then(known), cx.probe)
    }

    fn diff(&self, seen: &Seen) -> Diff {
        let mut changes = Vec::new();
        if let Some(gone) = seen.gone() {
            changes.push(Change::field(
                "disk",
                Shown::Text(gone.why),
                Shown::text("the one on record"),
            ));
        } else if seen.name.is_none() {
            let to = Shown::text("a name that identifies it");
            changes.push(Change::field("name", Shown::Nothing, to));
        }
        Diff::of(changes, || match &seen.mount {
            Some(at) => format!("mounted on {}, and identified by its name", at.display()),
            None => "identified by its name".into(),
        })
    }

    fn prior(&self, _: &Seen) {}

    fn memory(&self, seen: &Seen) -> Option<Value> {
        let known = Known {
            path: self.path.clone(),
            name: seen.name.clone()?,
            mount: seen.mount.clone(),
        };
        serde_json::to_value(known).ok()
    }

    fn absent(&self, seen: &Seen) -> bool {
        seen.name.is_none()
    }

    fn apply(&self, seen: &Seen, cx: &mut ApplyCx<'_>) -> Result<(), Fault> {
        if let Some(gone) = seen.gone() {
            return Err(gone.into());
        }
        let mark = Self::mark(&self.path);
        if cx.host_mut.meta(&mark)?.is_some() {
            return Err(Fault::new(format!(
                "{} does not contain the name of a disk",
                mark.display()
            ))
            .fix("Move it away, then run the same command again."));
        }
        // A deleted name file is written again with the same name.
        let name = match &seen.known {
            Some(known) => known.name.clone(),
            None => fresh()?,
        };
        cx.host_mut.put_new(&NewFile {
            path: &mark,
            bytes: format!("{name}\n").as_bytes(),
            uid: 0,
            gid: 0,
            mode: 0o444,
        })
    }

    fn spared(&self) -> Option<&'static str> {
        Some("the name stays as long as other files are on the disk")
    }

    fn revert(&self, (): &(), cx: &mut ApplyCx<'_>) -> Result<Reverted, Fault> {
        let names = cx.host_mut.list(&self.path)?.unwrap_or_default();
        let mark = Self::mark(&self.path);
        let ours = [Some(mark.clone()), staged(&mark)].map(|path| path.and_then(last));
        if names.iter().any(|name| !ours.contains(&Some(name.clone()))) {
            return Ok(Reverted::Kept("other files are on its disk".into()));
        }
        cx.host_mut.remove(&mark)?;
        Ok(Reverted::Restored)
    }
}
