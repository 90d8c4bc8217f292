//! The directory that outlives a run: prepared roots, downloads, and the files of running machines.
//!
//! `AZTEC_KIT_CACHE` names it. Otherwise it is one for the whole machine if it can be created, so that every fresh
//! clone (as in CI) shares the prepared roots, and else `target/machines`.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};

use crate::{meter, say, sh};

const SHARED: &str = "/var/cache/aztec-kit-machines";

/// The cache directory, created when missing.
pub fn dir() -> Result<PathBuf> {
    let dir = match std::env::var_os("AZTEC_KIT_CACHE") {
        Some(dir) if !dir.is_empty() => PathBuf::from(dir),
        _ if rustix::process::geteuid().is_root() && fs::create_dir_all(SHARED).is_ok() => {
            PathBuf::from(SHARED)
        }
        _ => target().join("machines"),
    };
    fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
    // Overlay mounts and systemd-nspawn need the absolute path.
    dir.canonicalize()
        .with_context(|| format!("cannot resolve {}", dir.display()))
}

/// A subdirectory of the cache, created when missing.
pub fn subdir(name: &str) -> Result<PathBuf> {
    let dir = dir()?.join(name);
    fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
    Ok(dir)
}

/// Cargo's target directory of this run.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(
        || sh::workspace().join("target"),
        |dir| sh::workspace().join(dir),
    )
}

/// Makes a directory of the cache unless it exists: `id` on a shelf such as `roots`. Other runs that need it wait. A
/// failure or a kill leaves no directory under the final name.
///
/// The time of the file `id.lock` beside it is the time of the last use.
pub fn once(shelf: &str, id: &str, make: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let shelf_dir = subdir(shelf)?;
    let done = shelf_dir.join(id);
    let lock = lock(&shelf_dir.join(format!("{id}.lock")))?;
    // Under the lock, so that [`discard_unused`] either sees the use or has finished before the directory is looked
    // for.
    lock.set_modified(SystemTime::now())?;
    if done.is_dir() {
        return Ok(done);
    }
    say!("   preparing {shelf}/{id} (once)");
    let begin = Instant::now();
    let partial = shelf_dir.join(format!("{id}.partial"));
    if partial.exists() {
        fs::remove_dir_all(&partial)?;
    }
    make(&partial).with_context(|| format!("cannot prepare {shelf}/{id}"))?;
    fs::rename(&partial, &done)?;
    say!(
        "   prepared {shelf}/{id} in {} s",
        begin.elapsed().as_secs()
    );
    Ok(done)
}

/// Removes a directory that [`once`] has made, unless a run used it within this time. Returns whether it is gone.
pub fn discard_unused(shelf: &str, id: &str, unused: Duration) -> Result<bool> {
    let shelf_dir = subdir(shelf)?;
    let Ok(lock) = File::open(shelf_dir.join(format!("{id}.lock"))) else {
        return Ok(false);
    };
    if lock.try_lock().is_err() {
        return Ok(false);
    }
    let age = lock.metadata()?.modified()?.elapsed().unwrap_or_default();
    if age <= unused {
        return Ok(false);
    }
    discard(&shelf_dir.join(id))?;
    Ok(true)
}

/// Removes a directory of the cache. It disappears at once and is deleted in the background, since a disk with online
/// discard takes minutes for the files of a machine.
pub fn discard(path: &Path) -> Result<()> {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let trash = subdir("trash")?;
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    fs::rename(path, trash.join(format!("{}-{number}", std::process::id())))
        .with_context(|| format!("cannot remove {}", path.display()))?;
    // The whole trash, with the remains of killed removals.
    sh::detached("setsid")
        .args(["sh", "-c", "exec rm -rf -- \"$0\"/*"])
        .arg(&trash)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("cannot start setsid")?;
    Ok(())
}

/// Takes an exclusive lock that other runs on this machine respect; held until dropped.
///
/// Only the kernel's lock counts, never the file's existence, so a killed run leaves nothing stuck.
pub fn lock(path: &Path) -> Result<File> {
    let file = File::options()
        .create(true)
        .append(true)
        .open(path)
        .with_context(|| format!("cannot open {}", path.display()))?;
    let begin = Instant::now();
    // Most locks are held for a moment only.
    while file.try_lock().is_err() {
        if begin.elapsed() > Duration::from_secs(2) {
            say!(
                "   waiting for {}, which someone else holds",
                path.display()
            );
            meter::waiting(&format!("lock {}", path.display()), || file.lock())
                .with_context(|| format!("cannot lock {}", path.display()))?;
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(file)
}

/// A short name for a recipe: the same parts give the same name, and any change gives a new one.
pub fn fingerprint(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        // The length distinguishes ["ab", "c"] from ["a", "bc"].
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    const_hex::encode(&hash.finalize()[..6])
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::time::Duration;

    use super::{discard_unused, fingerprint, lock, once, subdir};

    #[test]
    fn a_recently_used_directory_is_not_discarded() {
        let shelf = format!("test-{}", std::process::id());
        let make = |partial: &Path| Ok(fs::create_dir(partial)?);
        let path = once(&shelf, "thing", make).unwrap();
        let hour = Duration::from_secs(3600);
        assert!(!discard_unused(&shelf, "thing", hour).unwrap() && path.is_dir());
        assert!(!discard_unused(&shelf, "another", Duration::ZERO).unwrap());
        let held = lock(&path.with_extension("lock")).unwrap();
        assert!(!discard_unused(&shelf, "thing", Duration::ZERO).unwrap());
        drop(held);
        assert!(discard_unused(&shelf, "thing", Duration::ZERO).unwrap() && !path.exists());
        fs::remove_dir_all(subdir(&shelf).unwrap()).unwrap();
    }

    #[test]
    fn a_fingerprint_depends_on_where_the_parts_end() {
        assert_eq!(fingerprint(&["ab", "c"]), fingerprint(&["ab", "c"]));
        assert_ne!(fingerprint(&["ab", "c"]), fingerprint(&["a", "bc"]));
    }
}
