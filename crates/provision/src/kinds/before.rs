//! What was there before us: a copy for root alone, so that the journal needs no more of it than its digest.
//!
//! A copy is made before its original is replaced, and named after its path and its content: making it again after a
//! kill changes nothing. It may go when its original is back in its place and no record of the journal is about it any
//! more ([`prune`]). Copies are made of our own earlier texts as well, since a change that nobody confirms goes back to
//! such a one, and what we found as wanted looks the same; those may go as soon as they are not on record.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::Fault;
use crate::engine::Receipt;
use crate::host::{HostMut, NewFile, Probe, clear_staged, is_staged};

/// Where the copies are, from the outermost directory that may have to be made.
const DIRS: [&str; 2] = ["/var/lib/aztec-kit", "/var/lib/aztec-kit/before"];

/// Where the copies are.
pub(super) const STORE: &str = DIRS[1];

/// SHA-256, lowercase hex.
pub(super) fn digest(bytes: &[u8]) -> String {
    const_hex::encode(Sha256::digest(bytes))
}

/// How long a copy stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stay {
    /// Until its original is back in its place, also when the journal is lost: it is not known to be ours.
    UntilRestored,
    /// As long as a record of the journal is about it.
    OnRecord,
}

/// In the name of a copy that stays as long as it is on record.
const ON_RECORD: &str = "-recorded-";

/// Where the copy of a file with this digest is. The path is part of the name: two files may have said the same, and
/// one of them may be restored before the other.
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

/// Keeps a copy of what a file says, for root alone. When this returns, the copy survives a power cut.
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
        // It was restored, and is replaced once more.
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
        let what = format!("failed to keep a copy of what {} says", path.display());
        Fault::new(what)
            .fix("Look at that directory and at the space on its disk, then run the same command again.")
            .because(fault)
    })
}

/// What a file said that had this digest; nothing when its copy is gone, or is no longer what it was.
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

/// What a copy is of is back in its place. The copy is needed as long as it is on record: a change that is taken back may
/// have gone back to what was there before us, and that is still ours to restore. After a kill, call it again.
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

/// Removes every copy that has done its duty and that no record of the journal is about, and what killed runs were about
/// to name; with the last one their directory. What was not ours and is not restored stays, also when the journal was
/// lost. Call it when a run has ended well, as long as no other can begin.
///
/// # Errors
///
/// When the directory cannot be read, or a copy not be removed.
pub fn prune(receipt: &Receipt, host_mut: &mut dyn HostMut) -> Result<(), Fault> {
    let store = Path::new(STORE);
    let names = host_mut.list(store)?.unwrap_or_default();
    if !names.is_empty() {
        let records = serde_json::to_string(receipt)
            .map_err(|error| Fault::new("failed to read what was done before").because(error))?;
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
