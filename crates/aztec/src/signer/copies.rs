//! Copies of the keystores with claimed attesters. A sequencer gets these copies and nothing else.
//!
//! systemd passes every file of a directory to a service, so it gets a directory that only aztec-kit fills. The originals
//! belong to the operator and stay as they are. The last copy of a key is retired and not removed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use provision::Fault;
use provision::host::{HostMut, NewFile, Probe, is_staged, stamp};
use zeroize::Zeroizing;

use crate::keystores::{self, Keystore};
use crate::layout;

/// A difference between the keystores of a host and the copies for its sequencer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Handing {
    /// A keystore has to be copied.
    Copy {
        /// The name of its file.
        name: String,
        /// SHA-256 of the file, in hex.
        sha256: String,
    },
    /// A copy does not belong to a keystore of this host.
    Withdraw {
        /// The machine id of the host that it is for.
        host: String,
        /// The name of its file.
        name: String,
        /// SHA-256 of the file, in hex.
        sha256: String,
        /// Whether it may hold a key that is in no keystore of this host.
        last: bool,
    },
    /// A half-written copy of a run that was killed. It never got its final name, and no service got it.
    Clear {
        /// The machine id of the host that it was for.
        host: String,
        /// The name that it has.
        name: String,
    },
}

/// The copies on this disk: a directory for each host, named as its machine id.
#[derive(Debug, Clone)]
pub struct Copies {
    dir: PathBuf,
    retired: PathBuf,
}

impl Copies {
    /// The copies in the directories of aztec-kit.
    pub fn new() -> Self {
        Self {
            dir: layout::CLAIMED.into(),
            retired: layout::RETIRED.into(),
        }
    }

    /// A stamp of all copies, which is read without opening them.
    pub fn stamp(&self, probe: &dyn Probe) -> Result<String, Fault> {
        let mut stamps = String::new();
        for host in self.hosts(probe)? {
            let dir = self.dir.join(&host);
            stamps += &format!(" {host}:{}", stamp(&dir, probe)?);
            let mut names = probe.list(&dir)?.unwrap_or_default();
            names.retain(|name| is_staged(name));
            if !names.is_empty() {
                stamps += &format!(" half-written:{}", names.join("/"));
            }
        }
        Ok(stamps)
    }

    /// The changes after which this host has copies of exactly these keystores, and no other host has any.
    pub fn differences(
        &self,
        originals: &[Keystore],
        host: &str,
        probe: &dyn Probe,
    ) -> Result<Vec<Handing>, Fault> {
        let kept: BTreeSet<_> = originals
            .iter()
            .filter_map(Keystore::keys)
            .flatten()
            .collect();
        let mut equal = BTreeSet::new();
        let mut differences = Vec::new();
        for other in self.hosts(probe)? {
            let dir = self.dir.join(&other);
            let read = keystores::keystores(&dir, probe)?.unwrap_or_default();
            for name in probe.list(&dir)?.unwrap_or_default() {
                if name.starts_with('.') {
                    // Other hidden files do not belong to aztec-kit, and systemd does not pass them on.
                    if is_staged(&name) {
                        let host = other.clone();
                        differences.push(Handing::Clear { host, name });
                    }
                    continue;
                }
                let bytes = Zeroizing::new(probe.read(&dir.join(&name))?.unwrap_or_default());
                let sha256 = keystores::sha256(&bytes);
                let original = originals.iter().find(|original| original.name == name);
                if other == host && original.is_some_and(|original| original.sha256 == sha256) {
                    equal.insert(name);
                    continue;
                }
                let keys = read.iter().find(|copy| copy.name == name);
                let keys = keys.and_then(Keystore::keys);
                differences.push(Handing::Withdraw {
                    host: other.clone(),
                    name,
                    sha256,
                    last: keys.is_none_or(|keys| !keys.is_subset(&kept)),
                });
            }
        }
        let missing = originals.iter().filter(|original| {
            // A hidden file cannot be claimed.
            let claimed = original.attesters().all(|attester| attester.is_some());
            claimed && !equal.contains(&original.name)
        });
        differences.extend(missing.map(|original| Handing::Copy {
            name: original.name.clone(),
            sha256: original.sha256.clone(),
        }));
        Ok(differences)
    }

    /// Puts the copy of a keystore into the directory for the sequencer of a host.
    pub fn put(
        &self,
        host: &str,
        name: &str,
        bytes: &[u8],
        host_mut: &mut dyn HostMut,
    ) -> Result<(), Fault> {
        let dir = self.dir.join(host);
        for dir in [&self.dir, &dir] {
            if host_mut.meta(dir)?.is_none() {
                host_mut.mkdir(dir, 0, 0, 0o700)?;
            }
        }
        host_mut.put(&NewFile {
            path: &dir.join(name),
            bytes,
            uid: 0,
            gid: 0,
            mode: 0o600,
        })
    }

    /// Retires a copy that may be the last one of a key, before another file takes its name.
    pub fn keep(&self, handing: &Handing, host_mut: &mut dyn HostMut) -> Result<(), Fault> {
        let Handing::Withdraw {
            host,
            name,
            sha256,
            last: true,
        } = handing
        else {
            return Ok(());
        };
        let copy = self.dir.join(host).join(name);
        let bytes = Zeroizing::new(host_mut.read(&copy)?.unwrap_or_default());
        if keystores::sha256(&bytes) != *sha256 {
            return Err(changed(&copy));
        }
        if host_mut.meta(&self.retired)?.is_none() {
            host_mut.mkdir(&self.retired, 0, 0, 0o700)?;
        }
        // A file that already has this name has the same content, or a part of it. It is copied and not renamed: the
        // service gets this copy until the next one takes its name.
        let aside = format!("{name}-{}", sha256.get(..16).unwrap_or(sha256));
        host_mut.put(&NewFile {
            path: &self.retired.join(aside),
            bytes: &bytes,
            uid: 0,
            gid: 0,
            mode: 0o600,
        })
    }

    /// Removes a copy from the directory for a sequencer; see [`Self::keep`].
    pub fn withdraw(&self, handing: &Handing, host_mut: &mut dyn HostMut) -> Result<(), Fault> {
        match handing {
            Handing::Copy { .. } => Ok(()),
            Handing::Withdraw { host, name, .. } | Handing::Clear { host, name } => {
                host_mut.remove(&self.dir.join(host).join(name))
            }
        }
    }

    /// Removes half-written retired copies of a run that was killed.
    pub fn tidy(&self, host_mut: &mut dyn HostMut) -> Result<(), Fault> {
        let names = host_mut.list(&self.retired)?.unwrap_or_default();
        let mut staged = names.iter().filter(|name| is_staged(name));
        staged.try_for_each(|name| host_mut.remove(&self.retired.join(name)))
    }

    /// Removes all copies; `kept` are the keystores that stay on this host.
    pub fn withdraw_all(&self, kept: &[Keystore], host_mut: &mut dyn HostMut) -> Result<(), Fault> {
        // No host has an empty machine id.
        for handing in self.differences(kept, "", host_mut.probe())? {
            self.keep(&handing, host_mut)?;
            self.withdraw(&handing, host_mut)?;
        }
        self.tidy(host_mut)
    }

    fn hosts(&self, probe: &dyn Probe) -> Result<Vec<String>, Fault> {
        Ok(probe.list(&self.dir)?.unwrap_or_default())
    }
}

/// The fault of a file that changed after it was read.
pub(crate) fn changed(path: &Path) -> Fault {
    Fault::new(format!("{} changed during this run", path.display()))
        .fix("Run the same command again.")
}
