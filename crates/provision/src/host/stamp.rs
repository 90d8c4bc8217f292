//! Whether the files of a directory are still the same ones, told without opening any.

use std::path::Path;

use sha2::{Digest, Sha256};

use super::Probe;
use crate::Fault;

/// SHA-256 over what the file system says of each entry: name, kind, size, inode, and when it was last
/// written. Hidden names do not count.
///
/// For directories of keys: nothing of a key goes into it, so that it may be journaled, and nobody can tell from
/// it what a key is or try whether a guess is right. Owner and mode do not count: a repaired mode leaves the
/// keys what they were.
///
/// # Errors
///
/// When the directory cannot be looked at.
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

/// When a directory or anything in it last changed, microseconds since the epoch; `None` when it is not there.
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
