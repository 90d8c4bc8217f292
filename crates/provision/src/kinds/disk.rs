//! The name of the disk that a directory is on: a small file in it, which is made once.
//!
//! A disk that is not mounted leaves an empty directory, or an older copy of what is on it. A service that starts on that
//! starts from nothing. So the name is on record, and where it was it has to be before anything is changed.

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
/// A longer file is none of ours.
const LIMIT: u64 = 256;
/// Bytes of entropy in a name.
const ENTROPY: usize = 16;

/// Which disk it was when it was last seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    path: PathBuf,
    name: String,
    /// Where it was mounted; nothing for the file system of the root directory.
    mount: Option<PathBuf>,
}

/// What the host has.
#[derive(Debug)]
pub struct Seen {
    name: Option<String>,
    mount: Option<PathBuf>,
    known: Option<Known>,
}

/// A disk that was there and is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gone {
    /// The directory that is on it.
    pub path: PathBuf,
    /// What is there in its place.
    pub why: String,
    /// What to do.
    pub fix: String,
}

impl From<Gone> for Fault {
    fn from(gone: Gone) -> Self {
        let Gone { path, why, fix } = gone;
        Self::new(format!(
            "the disk of {} is not there: {why}",
            path.display()
        ))
        .fix(fix)
        .coded(code::DISK_MISSING)
    }
}

impl Disk {
    /// The file with the name of the disk.
    pub fn mark(path: &Path) -> PathBuf {
        path.join(MARK)
    }

    /// The name of the disk that a directory is on, where it has one.
    ///
    /// # Errors
    ///
    /// When the directory cannot be looked at.
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

    /// The name that it has after the next run, where that can be told: what was only deleted is written again.
    ///
    /// # Errors
    ///
    /// When the directory cannot be looked at.
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

/// What is mounted on a host; nothing when that is not told.
pub fn mounted(probe: &dyn Probe) -> Vec<Mount> {
    let texts = mounts::MOUNTINFO.map(|path| probe.text(Path::new(path)));
    let text = texts.into_iter().find_map(|text| text.ok().flatten());
    mounts::parse(&text.unwrap_or_default())
}

/// Where the file system of a path is mounted; nothing for that of the root directory.
fn mount(path: &Path, probe: &dyn Probe) -> Result<Option<PathBuf>, Fault> {
    Ok(mounts::point(&resolved(path, probe)?, &mounted(probe)))
}

/// The disks on record that are not where they were. Whoever is about to plan asks this first: nothing is made, and nothing
/// is removed, where another disk belongs.
///
/// # Errors
///
/// When a directory cannot be looked at.
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
    getrandom::fill(&mut random)
        .map_err(|error| Fault::new("the system gave no randomness").because(error.to_string()))?;
    Ok(const_hex::encode(random))
}

fn last(path: PathBuf) -> Option<String> {
    Some(path.file_name()?.to_string_lossy().into_owned())
}

impl Seen {
    /// What stands in the place of the disk that is known; pure.
    fn gone(&self) -> Option<Gone> {
        let known = self.known.as_ref()?;
        let path = &known.path;
        let why = match (&self.name, &known.mount, &self.mount) {
            // What was copied to another disk, and is used there, is no other place.
            (Some(name), Some(at), None) if *name == known.name => {
                format!(
                    "nothing is mounted on {}, and below that is an older copy",
                    at.display()
                )
            }
            (Some(name), _, _) if *name == known.name => return None,
            (_, Some(at), None) => format!("nothing is mounted on {}", at.display()),
            (None, _, Some(now)) => {
                format!("what is mounted on {} does not know it", now.display())
            }
            // What was deleted of the root directory's own disk is no other disk.
            (None, None, None) => return None,
            (Some(_), _, _) => "another one is in its place".into(),
        };
        let at = known.mount.as_deref().unwrap_or(path);
        let mount = match &known.mount {
            Some(_) => format!(
                "Mount it (`systemctl start {}`; `findmnt {}` shows what is there)",
                mounts::unit(at),
                at.display()
            ),
            None => format!(
                "Bring it back (`findmnt --target {}` shows what is there)",
                at.display()
            ),
        };
        let fix = format!(
            "{mount}, then run the same command again. If what is there now shall take its place, `aztec-kit forget '{}'` \
             lets go of the other one: a node then starts from what is there, and what a sequencer signed is not on it.",
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
            let to = Shown::text("a name, by which it is known again");
            changes.push(Change::field("name", Shown::Nothing, to));
        }
        Diff::of(changes, || match &seen.mount {
            Some(at) => format!("mounted on {}, and known by its name", at.display()),
            None => "known by its name".into(),
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
            return Err(
                Fault::new(format!("{} is not the name of a disk", mark.display()))
                    .fix("Move it away, then run the same command again."),
            );
        }
        // What was only deleted gets its name back.
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
        Some("the name stays as long as anything else is on the disk")
    }

    fn revert(&self, (): &(), cx: &mut ApplyCx<'_>) -> Result<Reverted, Fault> {
        let names = cx.host_mut.list(&self.path)?.unwrap_or_default();
        let mark = Self::mark(&self.path);
        let ours = [Some(mark.clone()), staged(&mark)].map(|path| path.and_then(last));
        if names.iter().any(|name| !ours.contains(&Some(name.clone()))) {
            return Ok(Reverted::Kept("something else is on its disk".into()));
        }
        cx.host_mut.remove(&mark)?;
        Ok(Reverted::Restored)
    }
}
