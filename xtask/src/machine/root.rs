//! Prepared roots: what machines boot from, made once per cache.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::debian::Debian;
use super::{Machine, Options, files};
use crate::cache;
use crate::say;

/// To be raised when this module makes a layer differently from the same inputs.
const RECIPE: &str = "1";

/// A root not asked for this long is of no use to any run: a run of all cases is shorter.
const UNUSED: Duration = Duration::from_secs(3600);

/// A read-only root file system, as a stack of directories.
#[derive(Debug, Clone)]
pub struct Root {
    id: String,
    /// The uppermost first, as the kernel's overlay wants it.
    layers: Vec<PathBuf>,
}

impl Root {
    /// A freshly installed Debian of this suite (`trixie`, `bookworm`).
    pub fn pristine(suite: &str) -> Result<Root> {
        let debian = Debian::new(suite, &[]);
        let id = format!("{suite}-{}", debian.fingerprint());
        let path = cache::once("roots", &id, |partial| debian.install(partial, &[]))?;
        Ok(Root {
            id,
            layers: vec![path],
        })
    }

    /// A root made once by booting a machine from `base` and letting `prepare` change it.
    ///
    /// The `recipe` must change whenever `prepare` would leave something else behind; it is part
    /// of the result's name in the cache.
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
        // With the name of its base, which is no older version of the same on another base.
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
            files::harvest(&machine.dir);
            let disk = machine.disk();
            files::anonymise(&disk)?;
            if !machine.overlaid() {
                fs::write(whole(&id)?, "")?;
            }
            fs::rename(&disk, partial).context("cannot keep the machine's disk")
        })?;
        remove_older(&series, &id)?;
        let complete = whole(&id)?.exists();
        let mut layers = vec![path];
        if !complete {
            layers.extend(base.layers.iter().cloned());
        }
        Ok(Root { id, layers })
    }

    /// The root's name in the cache: the same content always has the same name.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its directories on the outer machine, the uppermost first.
    pub fn layers(&self) -> &[PathBuf] {
        &self.layers
    }
}

/// The mark of a layered root that holds its base as well, since it was made without an overlay.
/// It lies beside the root, and is there before the root has its final name.
fn whole(id: &str) -> Result<PathBuf> {
    Ok(cache::subdir("roots")?.join(format!("{id}.whole")))
}

/// Removes roots of this series that were made by another recipe: a root with a new binary in it comes
/// with every change of the code, and each takes a gigabyte.
///
/// One that a run has asked for lately stays, and one that a machine stands on.
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
            let _ = fs::remove_file(whole(&id)?);
        }
    }
    Ok(())
}
