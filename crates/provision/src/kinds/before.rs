//! Copies of prior contents that only root can read, so that the journal needs only their digests.
//!
//! A copy is made before its original is replaced, and named after its path and its content. Making it again after a
//! kill changes nothing. It can be removed when its original is restored and no record of the journal refers to it any
//! more ([`prune`]). Earlier texts of aztec-kit are copied as well, because the rollback of an unconfirmed change
//! restores such a text, and adopted files look the same. Those copies can be removed as soon as they are not on
//! record.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::Fault;
use crate::engine::Receipt;
use crate::host::{HostMut, NewFile, Probe, clear_staged, is_staged};

/// The directories of the copies, outermost first.
const DIRS: [&str; 2] = ["/var/lib/aztec-kit", "/var/lib/aztec-kit/before"];

/// The directory of the copies.
pub(super) const STORE: &str = DIRS[1];

/// SHA-256, lowercase hex.
pub(super) fn digest(bytes: &[u8]) -> String {
    const_hex::encode(Sha256::digest(bytes))
}

/// The lifetime of a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stay {
    /// Until its original is restored, even if the journal is lost: the content may be the operator's.
    UntilRestored,
    /// As long as a record of the journal refers to it.
    OnRecord,
}

/// Part of the name of a copy that stays as long as it is on record.
const ON_RECORD: &str = "-recorded-";

/// The path of the copy of a file with this digest. The path of the file is part of the name: two files may have had
/// the same content, and one of them may be restored before the other.
fn copy(path: &Path, sha256: &str, stay: Stay) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let place = digest(path.as_os_str().as_encoded_bytes());
    let place = place.get(..8).unwrap_or_default();
    let stay = match stay {
        Stay::UntilRestored => "-",
        Stay::OnRecord => ON_RECORD,
    };
    Path::new(STORE).join(format!("{name}-{place}{stay}{sha256}"))
}

/// Stores a copy of the content of a file that only root can read. When this returns, the copy survives a power cut.
pub(super) fn keep(
    path: &Path,
    bytes: &[u8],
    stay: Stay,
    host_mut: &mut dyn HostMut,
) -> Result<(), Fault> {
    let sha256 = digest(bytes);
    let [long, short] = [Stay::UntilRestored, Stay::OnRecord].map(|stay| copy(path, &sha256, stay));
    if host_mut.meta(&long)?.is_some() {
        return Ok(());
    }
    match (host_mut.meta(&short)?.is_some(), stay) {
        (true, Stay::OnRecord) => return Ok(()),
        // It was restored and is replaced again.
        (true, Stay::UntilRestored) => return host_mut.rename(&short, &long),
        (false, _) => {}
    }
    for dir in DIRS.map(Path::new) {
        if host_mut.meta(dir)?.is_none() {
            host_mut.mkdir(dir, 0, 0, 0o700)?;
        }
    }
    let file = NewFile {
        path: match stay {
            Stay::UntilRestored => &long,
            Stay::OnRecord => &short,
        },
        bytes,
        uid: 0,
        gid: 0,
        mode: 0o600,
    };
    host_mut.put_new(&file).map_err(|fault| {
        let what = format!("failed to store a copy of {}", path.display());
        Fault::new(what)
            .fix("Check that directory and the free space on its disk, then run the same command again.")
            .because(fault)
    })
}

/// The content of a file that had this digest; nothing when its copy is missing or altered.
pub(super) fn kept(
    path: &Path,
    sha256: &str,
    probe: &dyn Probe,
) -> Result<Option<Zeroizing<Vec<u8>>>, Fault> {
    for stay in [Stay::UntilRestored, Stay::OnRecord] {
        let bytes = probe.read(&copy(path, sha256, stay))?.map(Zeroizing::new);
        if let Some(bytes) = bytes.filter(|bytes| digest(bytes) == sha256) {
            return Ok(Some(bytes));
        }
    }
    Ok(None)
}

/// The original of a copy is restored. The copy is needed as long as it is on record: the rollback of a change may have
/// restored the prior state, which still has to be restored later. After a kill, call it again.
pub(super) fn restored(path: &Path, sha256: &str, host_mut: &mut dyn HostMut) -> Result<(), Fault> {
    let [long, short] = [Stay::UntilRestored, Stay::OnRecord].map(|stay| copy(path, sha256, stay));
    clear_staged(&long, host_mut)?;
    if host_mut.meta(&long)?.is_some() {
        host_mut.rename(&long, &short)?;
    }
    Ok(())
}

fn remove_if_empty(host_mut: &mut dyn HostMut) -> Result<(), Fault> {
    for dir in DIRS.map(Path::new).iter().rev() {
        if host_mut.list(dir)?.is_some_and(|names| names.is_empty()) {
            host_mut.remove(dir)?;
        }
    }
    Ok(())
}

/// Removes every copy that is no longer needed or on record, and partial copies of killed runs. The directory goes with
/// the last copy. A foreign content that is not restored stays, even if the journal is lost. Call it after a successful
/// run, while no other run can begin.
///
/// # Errors
///
/// When the directory cannot be read, or a copy cannot be removed.
pub fn prune(receipt: &Receipt, host_mut: &mut dyn HostMut) -> Result<(), Fault> {
    let store = Path::new(STORE);
    let names = host_mut.list(store)?.unwrap_or_default();
    if !names.is_empty() {
        let records = serde_json::to_string(receipt)
            .map_err(|error| Fault::new("failed to serialize the receipt").because(error))?;
        let gone = |name: &str| match name.rsplit_once(ON_RECORD) {
            Some((_, digest)) => !records.contains(digest),
            None => is_staged(name),
        };
        for name in names.iter().filter(|name| gone(name)) {
            host_mut.remove(&store.join(name))?;
        }
    }
    remove_if_empty(host_mut)
}
