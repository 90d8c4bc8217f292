//! The known releases: those that aztec-kit carries, and those that this host describes.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use provision::Fault;
use provision::host::Probe;
use provision::kinds::LockText;
use semver::Version;

use super::check::{self, Wrong};
use super::folder::{self, CARRIED, ENV, FACTS, Folder};
use super::omit;
use super::release::{Basis, Description, Release, ReleaseFacts};
use super::variables::Table;
use crate::layout;

/// All releases with a folder. A release of this host replaces the carried one with the same version.
#[derive(Debug, Clone)]
pub struct Releases {
    /// By age.
    folders: BTreeMap<Version, Folder>,
}

/// The content of a folder, completed with the facts of the release that it is like.
struct Read {
    /// Whether any of it is from this host.
    of_host: bool,
    facts: ReleaseFacts,
    lock: Option<LockText>,
    omit: Option<&'static str>,
    /// The texts of its variables, the most general first, each with its file.
    layers: Vec<(String, &'static str)>,
}

impl Releases {
    /// The releases that aztec-kit carries.
    pub fn carried() -> Self {
        let all = CARRIED.iter().filter_map(|folder| {
            let version = version(folder.version).ok()?;
            Some((version, *folder))
        });
        Self {
            folders: all.collect(),
        }
    }

    /// The same with those of a host, from the directories in `/etc/aztec/releases` that are named like a version.
    ///
    /// # Errors
    ///
    /// When one of their files cannot be read. Its content is checked in [`Self::release`].
    pub fn of_host(probe: &dyn Probe) -> Result<Self, Fault> {
        let mut all = Self::carried();
        let root = Path::new(layout::RELEASES);
        for name in probe.list(root)?.unwrap_or_default() {
            let Ok(version) = version(&name) else {
                continue;
            };
            if let Some(folder) = Folder::of_host(&root.join(&name), probe)? {
                all.folders.insert(version, folder);
            }
        }
        Ok(all)
    }

    /// The same with the release in a directory, which is named like its version.
    ///
    /// # Errors
    ///
    /// When the name is not a version, or there is no `release.toml`, or it cannot be read.
    pub fn with(mut self, place: &Path, probe: &dyn Probe) -> Result<(Self, String), Fault> {
        let name = place.file_name().unwrap_or_default().to_string_lossy();
        let version = version(&name)?;
        let Some(folder) = Folder::of_host(place, probe)? else {
            return Err(
                Fault::new(format!("{} does not exist", place.join(FACTS).display()))
                    .fix("Name the directory of a release. docs/reference/releases.md describes its files."),
            );
        };
        self.folders.insert(version, folder);
        Ok((self, name.into_owned()))
    }

    /// Their versions, oldest first.
    pub fn versions(&self) -> impl DoubleEndedIterator<Item = &'static str> + Clone {
        self.folders.values().map(|folder| folder.version)
    }

    /// The folder of a version.
    fn folder(&self, version: &str) -> Option<&Folder> {
        self.folders.get(&Version::parse(version).ok()?)
    }

    /// The newest folder that is not newer than this version, or the oldest.
    fn nearest(&self, version: &Version) -> Option<&Folder> {
        let before = self.folders.range(..=version).next_back();
        let found = before.or_else(|| self.folders.first_key_value());
        found.map(|(_, folder)| folder)
    }

    /// A release by its version, and by its description if there is one. An unknown release is treated like the newest one
    /// before it.
    ///
    /// # Errors
    ///
    /// When it is not an exact version, or its description on this host has a mistake.
    pub fn release(
        &self,
        version: &str,
        description: Option<&Description>,
    ) -> Result<Release, Fault> {
        let parsed = self::version(version)?;
        let none = || Fault::new("no release is known");
        if let Some(description) = description {
            let like = self.folder(&description.like).ok_or_else(none)?;
            let mut read = self.read(like, &mut Vec::new())?;
            read.facts = description.on(&read.facts);
            let basis = Basis::Described(description.like.clone());
            (read.lock, read.omit) = (None, None);
            return Ok(release_of(version, basis, read));
        }
        if let Some(folder) = self.folder(version) {
            let read = self.read(folder, &mut Vec::new())?;
            let basis = match folder.place {
                Some(place) => Basis::Host(place.to_owned()),
                None => Basis::Carried,
            };
            return Ok(release_of(version, basis, read));
        }
        let nearest = self.nearest(&parsed).ok_or_else(none)?;
        let mut read = self.read(nearest, &mut Vec::new())?;
        // Other facts can be assumed. A fingerprint cannot, because it distinguishes releases.
        read.facts.fingerprint = None;
        (read.lock, read.omit) = (None, None);
        let basis = Basis::Assumed(nearest.version.to_owned());
        Ok(release_of(version, basis, read))
    }

    /// Reads a folder and those that it is like. `above` are the folders that are like it, to detect a circle.
    fn read(&self, folder: &Folder, above: &mut Vec<&'static str>) -> Result<Read, Fault> {
        let file = folder.file(FACTS);
        let wrong = |wrong: Wrong| {
            let line = folder::line_of(folder.facts, &wrong.key);
            Fault::new(format!("{file}:{line}: {}: {}", wrong.key, wrong.what)).fix(wrong.fix)
        };
        above.push(folder.version);
        let table: toml::Table = folder::read(&file, folder.facts)?;
        let mut read = if table.contains_key("like") {
            let description: Description = folder::read(&file, folder.facts)?;
            let like = &description.like;
            // A folder of this host that is like itself states its differences from the carried release.
            let itself = folder.place.is_some() && like == folder.version;
            let base = if itself {
                CARRIED.iter().find(|carried| carried.version == like)
            } else {
                let known = self.folder(like);
                known.filter(|known| !above.contains(&known.version))
            };
            let base = base.ok_or_else(|| wrong(self.unknown(like, above)))?;
            let mut read = self.read(base, above)?;
            let fingerprint = read.facts.fingerprint.take();
            read.facts = description.on(&read.facts);
            if itself {
                read.facts.fingerprint = read.facts.fingerprint.or(fingerprint);
            } else {
                (read.lock, read.omit) = (None, None);
            }
            read
        } else {
            Read {
                of_host: false,
                facts: folder::read(&file, folder.facts)?,
                lock: None,
                omit: None,
                layers: Vec::new(),
            }
        };
        read.lock = folder.lock.or(read.lock);
        read.omit = folder.omit.or(read.omit);
        match folder.env {
            Some(env) => read.layers.push((folder.file(ENV), env)),
            None if read.layers.is_empty() => {
                return Err(Fault::new(format!("{} does not exist", folder.file(ENV)))
                    .fix("Write the variables of the release into it, or name a similar release with `like` in release.toml."));
            }
            None => {}
        }
        read.of_host |= folder.place.is_some();
        // Carried releases are tested, but not together with facts of a host.
        if read.of_host {
            check::facts(&read.facts).map_or(Ok(()), |found| Err(wrong(found)))?;
            check::lock(folder)?;
            omit::check(folder)?;
            Table::read(folder.version, &read.layers)?;
        }
        Ok(read)
    }

    /// The mistake in a `like` that names no usable release.
    fn unknown(&self, like: &str, above: &[&str]) -> Wrong {
        let known: Vec<_> = self
            .versions()
            .filter(|known| !above.contains(known))
            .collect();
        let what = if above.contains(&like) {
            format!("{like} is like this one")
        } else {
            format!("{like} is not known")
        };
        Wrong::new("like", what, format!("Write one of {}.", known.join(", ")))
    }
}

fn release_of(version: &str, basis: Basis, read: Read) -> Release {
    Release {
        version: version.into(),
        facts: read.facts,
        lock: read.lock,
        omit: read.omit,
        basis,
        layers: read.layers,
        table: Arc::new(OnceLock::new()),
    }
}

/// The exact version of a release.
///
/// # Errors
///
/// When it is not a semantic version, or has build metadata. The version becomes the name of a directory, an image and a
/// package, and none of these may contain a `+`.
pub(crate) fn version(text: &str) -> Result<Version, Fault> {
    let example = || {
        let known = Releases::carried();
        let newest = known.versions().next_back().unwrap_or_default();
        format!(
            "Name an exact version such as {newest}; `latest` would change under a running node."
        )
    };
    let fault = || Fault::new(format!("`{text}` is not a release version")).fix(example());
    let version = Version::parse(text).map_err(|error| fault().because(error))?;
    if version.build.is_empty() {
        Ok(version)
    } else {
        Err(fault())
    }
}

#[cfg(test)]
#[path = "releases_tests.rs"]
mod tests;
