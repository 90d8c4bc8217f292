//! Claims: where each attester signs, recorded on the disk that holds the keys.

use std::path::{Path, PathBuf};

use l1::Address;
use provision::Fault;
use provision::host::{HostMut, NewFile, Probe};
use serde::{Deserialize, Serialize};

use super::place::Place;

/// The record that an attester signs in a place, or signed there until it was released.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The attester.
    pub attester: Address,
    /// The place where it signs.
    #[serde(flatten)]
    pub place: Place,
    /// When it was claimed, seconds since the epoch.
    pub since: i64,
    /// Why the attester was admitted.
    pub because: String,
    /// When it stopped signing there, seconds since the epoch. Its earlier signatures are not those of a second signer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub released: Option<i64>,
    /// The slot of the rollup then, if the L1 answered. The clock of a host may be wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub released_slot: Option<Slot>,
}

/// A slot of a rollup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    /// The rollup.
    pub rollup: Address,
    /// Its number.
    pub slot: u64,
}

/// All claims on this disk: a directory for each host, named by its machine id, with a file for each attester.
///
/// Released claims are kept as a record. The sequencer starts with the keys in another directory, see
/// [`super::Copies`].
#[derive(Debug, Clone)]
pub struct Claims {
    dir: PathBuf,
}

impl Claims {
    /// The claims in a directory, which does not have to exist.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// Every claim on this disk.
    pub fn all(&self, probe: &dyn Probe) -> Result<Vec<Claim>, Fault> {
        let mut claims = Vec::new();
        for host in probe.list(&self.dir)?.unwrap_or_default() {
            let dir = self.dir.join(host);
            for name in probe.list(&dir)?.unwrap_or_default() {
                // A hidden file is half written.
                if !name.starts_with('.') {
                    claims.extend(read(&dir.join(name), probe)?);
                }
            }
        }
        Ok(claims)
    }

    /// Records a claim, and removes all others of its attester.
    pub fn keep(&self, claim: &Claim, host_mut: &mut dyn HostMut) -> Result<(), Fault> {
        // The others are removed first. In between there is no claim, and another run then has to ask the network.
        for other in self.all(host_mut.probe())? {
            if other.attester == claim.attester && other.place.host != claim.place.host {
                host_mut.remove(&self.path(&other))?;
            }
        }
        let path = self.path(claim);
        for dir in [Some(self.dir.as_path()), path.parent()]
            .into_iter()
            .flatten()
        {
            if host_mut.meta(dir)?.is_none() {
                host_mut.mkdir(dir, 0, 0, 0o700)?;
            }
        }
        let mut bytes = serde_json::to_vec_pretty(claim)
            .map_err(|error| Fault::new("failed to record a claim").because(error))?;
        bytes.push(b'\n');
        host_mut.put(&NewFile {
            path: &path,
            bytes: &bytes,
            uid: 0,
            gid: 0,
            mode: 0o600,
        })
    }

    fn path(&self, claim: &Claim) -> PathBuf {
        self.dir
            .join(&claim.place.host)
            .join(format!("{:#x}.json", claim.attester))
    }
}

fn read(path: &Path, probe: &dyn Probe) -> Result<Option<Claim>, Fault> {
    let Some(bytes) = probe.read(path)? else {
        return Ok(None);
    };
    serde_json::from_slice(&bytes).map(Some).map_err(|error| {
        Fault::new(format!("{} is not a claim of an attester", path.display()))
            .fix("Move the file away. The next run then asks the network about the attester again.")
            .because(error)
    })
}
