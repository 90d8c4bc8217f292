//! How many random reads a disk answers. It only reads.
//!
//! The reads bypass the page cache (`O_DIRECT`), so they measure the disk and not the memory. Parts of a disk that were
//! never written can answer without a read, so a file with data is measured rather than the device below it.

use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::RandomReads;

/// The size of a read, bytes: a page of LMDB.
const BLOCK: usize = 4096;
/// The reads that wait at the same time, each in its own thread.
const DEPTH: u64 = 32;
/// How long it reads.
const MEASURED: Duration = Duration::from_secs(2);
/// How long it waits for reads that a disk does not answer.
const LATE: Duration = Duration::from_millis(500);
/// The least size of what is read, bytes. A disk has a smaller one in its own cache.
const LEAST: u64 = 256 << 20;
/// The limits of the search for a file: directories below each other, and entries in all.
const LEVELS: usize = 6;
const ENTRIES: usize = 10_000;

/// What could not be read, and why.
type Unread = (PathBuf, io::Error);

/// See [`super::Probe::random_reads`].
pub(super) fn measure(dir: &Path) -> Result<Option<RandomReads>, Unread> {
    let Some((source, of)) = source(dir)? else {
        return Ok(None);
    };
    match source.measured() {
        Ok(per_second) => Ok(Some(RandomReads { per_second, of })),
        Err(error) => Err((of, error)),
    }
}

/// The file or device to read.
fn source(dir: &Path) -> Result<Option<(Source, PathBuf)>, Unread> {
    let existing = dir.ancestors().find(|path| path.is_dir());
    let places = [largest(dir), existing.and_then(device)];
    for place in places.into_iter().flatten() {
        match Source::open(&place) {
            Ok(Some(source)) => return Ok(Some((source, place))),
            Ok(None) => {}
            Err(error) if passes_over(&error) => {}
            Err(error) => return Err((place, error)),
        }
    }
    Ok(None)
}

/// Whether something else may be measured after this error: the place is gone or a link, its file system has no direct
/// reads, or only root may read it.
fn passes_over(error: &io::Error) -> bool {
    let known = [
        Errno::NOENT,
        Errno::LOOP,
        Errno::INVAL,
        Errno::ACCESS,
        Errno::PERM,
        Errno::NXIO,
    ];
    let code = error.raw_os_error();
    known.iter().any(|errno| code == Some(errno.raw_os_error()))
}

/// The largest file below a directory on the same file system, by the space that it occupies.
fn largest(dir: &Path) -> Option<PathBuf> {
    let device = fs::symlink_metadata(dir).ok()?.dev();
    let mut largest: Option<(u64, PathBuf)> = None;
    let mut left = ENTRIES;
    let mut level = vec![dir.to_owned()];
    for _ in 0..LEVELS {
        let mut next = Vec::new();
        // What cannot be read, or disappears meanwhile, is not measured.
        let entries = level.iter().filter_map(|dir| fs::read_dir(dir).ok());
        for entry in entries.flatten().flatten().take(left) {
            left -= 1;
            let Ok(meta) = entry.metadata() else {
                continue;
            };
            let occupied = occupied(&meta);
            if meta.dev() != device {
                continue;
            } else if meta.is_dir() {
                next.push(entry.path());
            } else if meta.is_file()
                && occupied >= LEAST
                && largest.as_ref().is_none_or(|(size, _)| occupied > *size)
            {
                largest = Some((occupied, entry.path()));
            }
        }
        level = next;
    }
    largest.map(|(_, path)| path)
}

/// The bytes of a file that are on the disk: stat(2).
fn occupied(meta: &fs::Metadata) -> u64 {
    meta.blocks().saturating_mul(512).min(meta.len())
}

/// The block device of the file system of a directory; `None` if it has none of its own, as on a network.
fn device(dir: &Path) -> Option<PathBuf> {
    let device = fs::symlink_metadata(dir).ok()?.dev();
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    let known = fs::canonicalize(format!("/sys/dev/block/{major}:{minor}")).ok()?;
    let node = Path::new("/dev").join(known.file_name()?);
    let meta = fs::symlink_metadata(&node).ok()?;
    // The name of a node proves nothing.
    (meta.file_type().is_block_device() && meta.rdev() == device).then_some(node)
}

/// An open file or device.
struct Source {
    file: File,
    blocks: u64,
}

impl Source {
    /// `None` if it is too small, or neither a file nor a device with blocks.
    fn open(path: &Path) -> io::Result<Option<Self>> {
        let flags = OFlags::RDONLY
            | OFlags::DIRECT
            | OFlags::NOFOLLOW
            | OFlags::NONBLOCK
            | OFlags::NOCTTY
            | OFlags::CLOEXEC;
        let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
        let meta = file.metadata()?;
        let size = match meta.file_type() {
            // LMDB fills a sparse file from its beginning. The kernel answers for a hole without the disk.
            kind if kind.is_file() => occupied(&meta),
            // The metadata of a device has no size.
            kind if kind.is_block_device() => {
                rustix::fs::seek(&file, rustix::fs::SeekFrom::End(0))?
            }
            _ => return Ok(None),
        };
        let blocks = size / BLOCK as u64;
        Ok((size >= LEAST).then_some(Self { file, blocks }))
    }

    /// Reads per second. A disk that stops to answer does not keep it waiting: its threads stay behind.
    fn measured(self) -> io::Result<u64> {
        let (source, read) = (Arc::new(self), Arc::new(AtomicU64::new(0)));
        let (ends, ended) = mpsc::channel();
        let start = Instant::now();
        for number in 0..DEPTH {
            let (source, read, ends) = (Arc::clone(&source), Arc::clone(&read), ends.clone());
            thread::Builder::new()
                .stack_size(128 << 10)
                .spawn(move || source.read_until(start + MEASURED, number, &read, &ends))?;
        }
        drop(ends);
        wait(&ended, start + MEASURED + LATE)?;
        let elapsed = start.elapsed().as_millis().max(1);
        let read = u128::from(read.load(Ordering::Relaxed));
        Ok(u64::try_from(read * 1000 / elapsed).unwrap_or(u64::MAX))
    }

    /// Reads at random places, and sends the first error.
    fn read_until(
        &self,
        end: Instant,
        number: u64,
        read: &AtomicU64,
        ends: &Sender<io::Result<()>>,
    ) {
        let mut bytes = vec![0; 2 * BLOCK];
        // Direct reads need an aligned buffer.
        let skip = bytes.as_ptr().align_offset(BLOCK);
        let block = bytes
            .get_mut(skip..skip.saturating_add(BLOCK))
            .unwrap_or_default();
        let random = RandomState::new();
        let mut count = 0_u64;
        while Instant::now() < end {
            let place = random.hash_one((number, count)) % self.blocks;
            if let Err(error) = self.file.read_exact_at(block, place * BLOCK as u64) {
                // The measurement may have ended without this thread.
                ends.send(Err(error)).ok();
                return;
            }
            count += 1;
            read.fetch_add(1, Ordering::Relaxed);
        }
        ends.send(Ok(())).ok();
    }
}

/// Waits until every thread has ended, but not longer. Returns the first error.
fn wait(ended: &Receiver<io::Result<()>>, until: Instant) -> io::Result<()> {
    for _ in 0..DEPTH {
        let left = until.saturating_duration_since(Instant::now());
        match ended.recv_timeout(left) {
            Ok(result) => result?,
            Err(_) => break,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn only_a_file_with_enough_data_is_measured() {
        let dir = tempfile::tempdir().unwrap();
        let below = dir.path().join("node/archiver");
        fs::create_dir_all(&below).unwrap();
        File::create(below.join("small"))
            .unwrap()
            .write_all(&[1; BLOCK])
            .unwrap();
        // It has the size, but occupies nothing: reads of it would not reach the disk.
        File::create(below.join("hole"))
            .unwrap()
            .set_len(2 * LEAST)
            .unwrap();
        std::os::unix::fs::symlink("/dev/zero", below.join("link")).unwrap();
        assert_eq!(largest(dir.path()), None);
        assert_eq!(largest(&dir.path().join("none")), None);
        assert!(Source::open(&below.join("link")).is_err_and(|error| passes_over(&error)));
    }

    #[test]
    fn what_is_not_on_a_disk_has_no_device() {
        assert_eq!(device(Path::new("/proc")), None);
        assert_eq!(measure(Path::new("/proc/none")).unwrap(), None);
    }
}
