//! Machines that outlived the run that booted them: kept ones, and leftovers of killed runs.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde_json::Value;

use super::cgroup::Cgroup;
use super::disk;
use super::network::Slot;
use crate::cache;
use crate::say;

/// A machine of an earlier run.
#[derive(Debug)]
pub struct Found {
    /// Its name.
    pub name: String,
    /// Its slot.
    pub slot: Slot,
    /// Its directory.
    pub dir: PathBuf,
    keep: bool,
}

/// Deletes the remains of killed runs, and kept machines that do not run any more.
///
/// The caller holds the lock of the machines directory.
pub fn sweep(machines: &Path) -> Result<()> {
    for entry in fs::read_dir(machines)?.flatten() {
        let dir = entry.path();
        if !dir.is_dir() || owned(&dir) {
            continue;
        }
        let Some(found) = read(&dir) else {
            // It was killed before it had a slot other than the one in the name of the directory.
            let slot = dir.extension().and_then(|slot| slot.to_str()?.parse().ok());
            delete(&dir, Slot::claimed(slot.unwrap_or(0)))?;
            continue;
        };
        if found.keep && Cgroup::new(found.slot.number())?.alive() {
            continue;
        }
        say!("   removing a leftover machine: {}", found.name);
        disk::harvest(&dir);
        delete(&dir, found.slot)?;
    }
    Ok(())
}

/// The kept machines, after a [`sweep`].
pub fn kept(machines: &Path) -> Result<Vec<Found>> {
    let found = fs::read_dir(machines)?
        .flatten()
        .filter_map(|entry| read(&entry.path()));
    Ok(found.filter(|found| found.keep).collect())
}

/// Stops a machine and removes its group, network and files.
pub fn delete(dir: &Path, slot: Slot) -> Result<()> {
    let cgroup = Cgroup::new(slot.number())?;
    cgroup.kill()?;
    cgroup.remove();
    // Its mounts ended with its mount namespace, so that only files of this run are below.
    cache::discard(dir)?;
    // The slot is last, since it keeps other runs from a machine with the same number.
    slot.release();
    Ok(())
}

fn owned(dir: &Path) -> bool {
    File::open(dir.join("owner")).is_ok_and(|file| file.try_lock().is_err())
}

fn read(dir: &Path) -> Option<Found> {
    let state: Value = serde_json::from_slice(&fs::read(dir.join("state.json")).ok()?).ok()?;
    Some(Found {
        name: state["name"].as_str()?.to_owned(),
        slot: Slot::claimed(state["slot"].as_u64()?.try_into().ok()?),
        dir: dir.to_owned(),
        keep: state["keep"].as_bool()?,
    })
}
