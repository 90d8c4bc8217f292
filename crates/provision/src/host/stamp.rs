//! Detects whether the files of a directory changed, without opening any.

use std::path::Path;

use sha2::{Digest, Sha256};

use super::Probe;
use crate::Fault;

/// SHA-256 over the metadata of each entry: name, type, size, inode, and time of the last write. Hidden names do not
/// count.
///
/// This is for directories of keys. The stamp contains nothing of a key, so it may be journaled, and nobody can derive
/// a key from it or test a guess. Owner and mode do not count, because a repaired mode does not change the keys.
///
/// # Errors
///
/// When the directory cannot be read.
pub fn stamp(dir: &Path, probe: &dyn Probe) -> Result<String, Fault> {
    let mut digest = Sha256::new();
    for name in visible(dir, probe)? {
        let Some(meta) = probe.meta(&dir.join(&name))? else {
            continue;
        };
        digest.update(name.as_bytes());
        digest.update([0]);
        digest.update(meta.file_type.word());
        for number in [meta.size, meta.inode] {
            digest.update(number.to_le_bytes());
        }
        digest.update(meta.modified_us.to_le_bytes());
    }
    Ok(const_hex::encode(digest.finalize()))
}

/// The last change of a directory or anything in it, microseconds since the epoch; `None` when it does not exist.
///
/// # Errors
///
/// As [`stamp`].
pub fn newest_change(dir: &Path, probe: &dyn Probe) -> Result<Option<i64>, Fault> {
    let Some(meta) = probe.meta(dir)? else {
        return Ok(None);
    };
    let mut newest = meta.changed_us;
    for name in visible(dir, probe)? {
        if let Some(meta) = probe.meta(&dir.join(name))? {
            newest = newest.max(meta.changed_us);
        }
    }
    Ok(Some(newest))
}

fn visible(dir: &Path, probe: &dyn Probe) -> Result<Vec<String>, Fault> {
    let mut names = probe.list(dir)?.unwrap_or_default();
    names.retain(|name| !name.starts_with('.'));
    Ok(names)
}
