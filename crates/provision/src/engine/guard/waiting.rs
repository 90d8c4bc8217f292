//! The directory of a commit-confirmed change: the copy of aztec-kit that will roll it back, and a copy of the waiting
//! changes for a journal that cannot be read when the time is up.

use std::path::{Path, PathBuf};

use crate::Fault;
use crate::engine::Unconfirmed;
use crate::host::{HostMut, NewFile, Probe};

/// The directory. It is removed when no change waits any more.
pub(super) fn dir(state: &Path) -> PathBuf {
    state.join("take-back")
}

/// The file of the waiting changes.
pub(super) fn file(state: &Path) -> PathBuf {
    dir(state).join("waiting.json")
}

/// Writes the waiting changes.
pub(super) fn write(
    state: &Path,
    waiting: &[Unconfirmed],
    host_mut: &mut dyn HostMut,
) -> Result<(), Fault> {
    let text = serde_json::to_vec(waiting).map_err(|error| {
        Fault::new("failed to write the file of the changes that wait for a confirmation")
            .because(error)
    })?;
    host_mut.put(&NewFile {
        path: &file(state),
        bytes: &text,
        uid: 0,
        gid: 0,
        mode: 0o600,
    })
}

/// The waiting changes; none without the file.
pub(super) fn read(state: &Path, probe: &dyn Probe) -> Result<Vec<Unconfirmed>, Fault> {
    let path = file(state);
    let Some(bytes) = probe.read(&path)? else {
        return Ok(Vec::new());
    };
    serde_json::from_slice(&bytes)
        .map_err(|error| Fault::new(format!("failed to read {}", path.display())).because(error))
}
