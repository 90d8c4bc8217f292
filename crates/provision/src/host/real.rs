//! The host this process runs on.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{AtFlags, Mode, OFlags};

use super::place::ForeignLink;
use super::program::Call;
use super::unreadable::{no_file, too_large};
use super::{Clock, FileType, Meta, Output, Probe, Query, RandomReads, Space, random_reads};
use crate::Fault;

/// `/dev/null`. A file that is a link to it counts as empty.
const NULL_DEVICE: u64 = 1 << 8 | 3;
/// Most files of a host are smaller.
const USUAL_SIZE: usize = 4096;
/// A query that takes longer means that the host does not answer.
const QUERY_TIMEOUT: Duration = Duration::from_secs(20);

/// The running system, to look at. Cheap to make; holds nothing.
///
/// ```
/// use provision::host::{Probe, RealHost};
/// assert!(RealHost.meta(std::path::Path::new("/")).unwrap().is_some());
/// ```
///
/// It cannot change anything. [`crate::engine::Session`], which has the run lock and the journal, lends the type that
/// can:
///
/// ```compile_fail
/// use provision::host::{HostMut, Probe, RealHost};
/// RealHost.remove(std::path::Path::new("/no/such/file")).unwrap();
/// ```
///
/// ```compile_fail
/// use provision::host::RealHostMut;
/// ```
#[derive(Debug, Default, Clone, Copy)]
pub struct RealHost;

const FOREIGN_LINK: &str = "aztec-kit does not write through a link that another account can set. Remove the link, then run the same command again.";

pub(super) fn failed(verb: &str, path: &Path, error: impl Into<io::Error>) -> Fault {
    let error: io::Error = error.into();
    let fault = Fault::new(format!("failed to {verb} {}", path.display()));
    let root = rustix::process::geteuid().is_root();
    let fix = match error.get_ref() {
        Some(inner) if inner.is::<ForeignLink>() => Some(FOREIGN_LINK.into()),
        _ => remedy(error.kind(), root, path),
    };
    let fault = match fix {
        Some(fix) => fault.fix(fix),
        None => fault,
    };
    fault.because(error)
}

/// The remedy for an error of the operating system. `root`: whether root met it.
fn remedy(kind: io::ErrorKind, root: bool, path: &Path) -> Option<String> {
    Some(match kind {
        io::ErrorKind::PermissionDenied if root => {
            let dir = path.parent().unwrap_or(path).display();
            let path = path.display();
            format!(
                "Root is not allowed to do it either. `lsattr -d {path} {dir}` shows an `i` for an immutable file, and `chattr -i` removes that flag. \
                 Otherwise a security module or the file system forbids it."
            )
        }
        io::ErrorKind::PermissionDenied => "Run it as root, for example with sudo.".into(),
        io::ErrorKind::ReadOnlyFilesystem => {
            "The file system is mounted read-only. Mount it for writing, or choose another path.".into()
        }
        io::ErrorKind::AlreadyExists => {
            "Another process has just created it, and aztec-kit does not replace it. Read it, then choose another name.".into()
        }
        io::ErrorKind::StorageFull => "Free some space and run the same command again.".into(),
        _ => return None,
    })
}

pub(super) fn absent<T>(
    result: io::Result<T>,
    verb: &str,
    path: &Path,
) -> Result<Option<T>, Fault> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(failed(verb, path, error)),
    }
}

fn meta_of(stat: &rustix::fs::Stat) -> Meta {
    let file_type = match rustix::fs::FileType::from_raw_mode(stat.st_mode) {
        rustix::fs::FileType::RegularFile => FileType::File,
        rustix::fs::FileType::Directory => FileType::Directory,
        rustix::fs::FileType::Symlink => FileType::Symlink,
        _ => FileType::Other,
    };
    // The kernel's types for nanoseconds differ in sign.
    let us = |seconds: i64, nanoseconds: u64| {
        seconds * 1_000_000 + i64::try_from(nanoseconds / 1000).unwrap_or_default()
    };
    Meta {
        file_type,
        mode: stat.st_mode & 0o7777,
        uid: stat.st_uid,
        gid: stat.st_gid,
        changed_us: us(stat.st_ctime, stat.st_ctime_nsec),
        modified_us: us(stat.st_mtime, stat.st_mtime_nsec),
        size: stat.st_size.try_into().unwrap_or_default(),
        inode: stat.st_ino,
    }
}

impl Probe for RealHost {
    fn read_up_to(&self, path: &Path, limit: u64) -> Result<Option<Vec<u8>>, Fault> {
        // The owner of the path may have put anything there: a pipe would block, a terminal would become ours, and a
        // device may be endless.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let opened = rustix::fs::open(path, flags, Mode::empty()).map(File::from);
        let Some(file) = absent(opened.map_err(io::Error::from), "read", path)? else {
            return Ok(None);
        };
        let meta = file
            .metadata()
            .map_err(|error| failed("read", path, error))?;
        if !meta.is_file() {
            if meta.file_type().is_char_device() && meta.rdev() == NULL_DEVICE {
                return Ok(Some(Vec::new()));
            }
            return Err(no_file(path, meta.is_dir()));
        }
        // The size is only a hint: files of /proc report 0. A file is then read in one call instead of a dozen.
        let room = usize::try_from(meta.len().min(limit)).unwrap_or_default();
        let mut bytes = Vec::with_capacity(room.max(USUAL_SIZE) + 1);
        file.take(limit + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| failed("read", path, error))?;
        if bytes.len() as u64 > limit {
            return Err(too_large(path, limit));
        }
        Ok(Some(bytes))
    }

    fn meta(&self, path: &Path) -> Result<Option<Meta>, Fault> {
        let stat = rustix::fs::lstat(path).map_err(io::Error::from);
        Ok(absent(stat, "read the metadata of", path)?.map(|stat| meta_of(&stat)))
    }

    fn metas(&self, dir: &Path, below: &[PathBuf]) -> Result<Vec<Option<Meta>>, Fault> {
        // With an open directory, the kernel does not walk its path again for each entry. That halves the time.
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let opened = rustix::fs::open(dir, flags, Mode::empty()).map_err(io::Error::from);
        let Some(opened) = absent(opened, "read the metadata of", dir)? else {
            return Ok(vec![None; below.len()]);
        };
        let meta = |path: &PathBuf| {
            let stat = rustix::fs::statat(&opened, path, AtFlags::SYMLINK_NOFOLLOW);
            let stat = stat.map_err(io::Error::from);
            Ok(absent(stat, "read the metadata of", &dir.join(path))?.map(|stat| meta_of(&stat)))
        };
        below.iter().map(meta).collect()
    }

    fn list(&self, path: &Path) -> Result<Option<Vec<String>>, Fault> {
        let Some(entries) = absent(fs::read_dir(path), "list", path)? else {
            return Ok(None);
        };
        let mut names = entries
            .map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()))
            .collect::<io::Result<Vec<_>>>()
            .map_err(|error| failed("list", path, error))?;
        names.sort();
        Ok(Some(names))
    }

    fn link(&self, path: &Path) -> Result<Option<PathBuf>, Fault> {
        match fs::read_link(path) {
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(None),
            result => absent(result, "read the link", path),
        }
    }

    fn writable(&self, path: &Path) -> bool {
        rustix::fs::access(path, rustix::fs::Access::WRITE_OK).is_ok()
    }

    fn space(&self, path: &Path) -> Result<Space, Fault> {
        let existing = path.ancestors().find(|path| path.exists());
        let existing = existing.unwrap_or(Path::new("/"));
        let stat = rustix::fs::statvfs(existing)
            .map_err(|error| failed("ask the file system of", existing, error))?;
        Ok(Space {
            free: stat.f_bavail * stat.f_frsize,
            files: stat.f_files,
            free_files: stat.f_favail,
            read_only: stat.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY),
        })
    }

    fn random_reads(&self, dir: &Path) -> Result<Option<RandomReads>, Fault> {
        random_reads::measure(dir).map_err(|(path, error)| failed("read", &path, error))
    }

    fn ask(&self, query: &Query) -> Result<Output, Fault> {
        let output = Call {
            argv: &query.argv(),
            env: &[],
            dir: None,
            timeout: QUERY_TIMEOUT,
            is_query: true,
        }
        .run()?;
        query.heard(output)
    }

    fn clock(&self) -> Clock {
        let us = |clock| {
            let time = rustix::time::clock_gettime(clock);
            time.tv_sec * 1_000_000 + time.tv_nsec / 1000
        };
        Clock {
            realtime_us: us(rustix::time::ClockId::Realtime),
            monotonic_us: us(rustix::time::ClockId::Monotonic),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_not_advised_to_be_root() {
        let advice = |root| {
            let path = Path::new("/etc/ssh/sshd_config");
            remedy(io::ErrorKind::PermissionDenied, root, path).unwrap_or_default()
        };
        assert!(advice(false).contains("sudo"));
        assert!(advice(true).contains("lsattr -d /etc/ssh/sshd_config /etc/ssh"));
        assert!(!advice(true).contains("sudo"));
    }
}
