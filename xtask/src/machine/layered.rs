//! Roots made from roots, by a machine that changes one.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::root::Root;
use super::{Machine, Options, disk};
use crate::cache;
use crate::say;

/// Increase this if this module makes another layer from the same inputs.
const RECIPE: &str = "1";

/// A root unused for this long is of no use to any run: a run of all cases is shorter.
const UNUSED: Duration = Duration::from_secs(3600);

impl Root {
    /// A root made once by booting a machine from `base` and letting `prepare` change it.
    ///
    /// The `recipe` must change whenever `prepare` would have another result. It is part of the name of the result in
    /// the cache.
    pub fn layered(
        base: &Root,
        name: &str,
        recipe: &str,
        prepare: impl FnOnce(&Machine) -> Result<()>,
    ) -> Result<Root> {
        Root::layered_with(base, name, recipe, Options::default(), prepare)
    }

    /// [`Root::layered`] with options for the machine that makes it.
    pub fn layered_with(
        base: &Root,
        name: &str,
        recipe: &str,
        options: Options,
        prepare: impl FnOnce(&Machine) -> Result<()>,
    ) -> Result<Root> {
        // The name contains that of its base, since the same root on another base is not an older version of it.
        let (base_name, _) = base.id.rsplit_once('-').unwrap_or((&base.id, ""));
        let series = format!("{name}-on-{base_name}");
        let id = format!(
            "{series}-{}",
            cache::fingerprint(&[RECIPE, &base.id, recipe])
        );
        let path = cache::once("roots", &id, |partial| {
            let mut machine = Machine::boot_with(base, name, options)?;
            prepare(&machine)?;
            machine.poweroff()?;
            disk::harvest(&machine.dir);
            let changed = machine.disk().changed();
            disk::anonymise(&changed)?;
            if !machine.disk().is_overlay() {
                fs::write(with_base(&id)?, "")?;
            }
            fs::rename(&changed, partial).context("cannot keep the machine's disk")
        })?;
        remove_older(&series, &id)?;
        let complete = with_base(&id)?.exists();
        let mut layers = vec![path];
        if !complete {
            layers.extend(base.layers.iter().cloned());
        }
        Ok(Root { id, layers })
    }
}

/// The marker of a layered root that contains its base too, since it was made without an overlay. It is beside the
/// root, and exists before the root has its final name.
fn with_base(id: &str) -> Result<PathBuf> {
    Ok(cache::subdir("roots")?.join(format!("{id}.whole")))
}

/// Removes roots of this series that other recipes made: every change of the code makes a root with a new binary, and
/// each takes a gigabyte.
///
/// A root that a run has used lately stays, and one that a machine uses.
fn remove_older(series: &str, newest: &str) -> Result<()> {
    let roots = cache::subdir("roots")?;
    let machines = cache::subdir("machines")?;
    for entry in fs::read_dir(&roots)?.flatten() {
        let id = entry.file_name().to_string_lossy().into_owned();
        let same_series = id
            .strip_prefix(series)
            .and_then(|rest| rest.strip_prefix('-'))
            .is_some_and(|rest| const_hex::decode(rest).is_ok_and(|hash| hash.len() == 6));
        if !same_series || id == newest || !entry.path().is_dir() {
            continue;
        }
        let in_use = fs::read_dir(&machines)?.flatten().any(|machine| {
            fs::read_to_string(machine.path().join("state.json"))
                .is_ok_and(|state| state.contains(&id))
        });
        if !in_use && cache::discard_unused("roots", &id, UNUSED)? {
            say!("   removed the root {id}, which {newest} replaces");
            let _ = fs::remove_file(with_base(&id)?);
        }
    }
    Ok(())
}
