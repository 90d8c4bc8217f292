//! A place that signs: where the same attester must not sign twice.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// A place that signs: a service of a host, with its signing protection in a directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The machine id, see machine-id(5).
    pub host: String,
    /// The unit.
    pub unit: String,
    /// The directory of its databases, including the signing protection.
    pub data: PathBuf,
    /// The product UUID of the firmware, if it can be read. Clones of one disk may share a machine id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hardware: Option<String>,
    /// The name of the disk that the data is on, see [`provision::kinds::Disk`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk: Option<String>,
}

impl Place {
    /// Whether a claim of this place is one of `here`. A claim of an earlier version has no hardware and disk.
    pub fn is(&self, here: &Self) -> bool {
        let same = (&self.host, &self.unit, &self.data) == (&here.host, &here.unit, &here.data);
        same && fits(&self.hardware, &here.hardware) && fits(&self.disk, &here.disk)
    }

    /// The same place on a disk of that name.
    pub fn on(&self, disk: Option<String>) -> Self {
        Self {
            disk,
            ..self.clone()
        }
    }
}

/// Whether a claim with this value is one of a place with that value. A claim without a value is one of every place.
pub(super) fn fits(claimed: &Option<String>, here: &Option<String>) -> bool {
    claimed.is_none() || claimed == here
}
