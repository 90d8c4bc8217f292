//! The host this process runs on.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{AtFlags, Gid, Mode, OFlags, RenameFlags, Uid};
use rustix::io::Errno;

use super::place::{ForeignLink, Place};
use super::program::Call;
use super::{
    Clock, FileType, Hands, Meta, NewFile, Order, Output, Probe, Query, Space, staged_name,
};
use crate::Fault;

/// `/dev/null`, to which a file is linked that shall count as empty.
const NULL_DEVICE: u64 = 1 << 8 | 3;
/// Most files of a host are smaller.
const USUAL_SIZE: usize = 4096;
/// A question that takes longer means that the host is not answering.
const QUERY_TIMEOUT: Duration = Duration::from_secs(20);
/// Until it is somebody's.
const OWNER_ONLY: Mode = Mode::RUSR.union(Mode::WUSR);
/// Where an operator's wishes about npm are, the weaker first, see npmrc(5).
const NPMRC: [&str; 2] = ["/etc/npmrc", "/root/.npmrc"];
/// Tarballs that were fetched, where there is such a directory: it saves other hosts the download, and this one nothing.
const PACKAGES: &str = "/var/cache/aztec-kit/packages";

/// The running system. Cheap to make; holds nothing.
#[derive(Debug, Default, Clone, Copy)]
pub struct RealHost;

const FOREIGN_LINK: &str = "Nothing is written along a link that another account can set. Remove it, then run the same command again.";

fn failed(verb: &str, path: &Path, error: impl Into<io::Error>) -> Fault {
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

/// What to do about an error of the operating system; `root`: whether that is who met it.
fn remedy(kind: io::ErrorKind, root: bool, path: &Path) -> Option<String> {
    Some(match kind {
        io::ErrorKind::PermissionDenied if root => {
            let dir = path.parent().unwrap_or(path).display();
            let path = path.display();
            format!(
                "Root may not do it either. `lsattr -d {path} {dir}` shows an `i` where something is immutable, and `chattr -i` ends that; \
                 else a security module or the file system forbids it."
            )
        }
        io::ErrorKind::PermissionDenied => "Run it as root, for example with sudo.".into(),
        io::ErrorKind::ReadOnlyFilesystem => {
            "The file system is mounted read-only: remount it or choose another path.".into()
        }
        io::ErrorKind::AlreadyExists => {
            "Somebody made it just now, and it is not replaced: look at it, then choose another name.".into()
        }
        io::ErrorKind::StorageFull => "Free some space and run the same command again.".into(),
        _ => return None,
    })
}

fn absent<T>(result: io::Result<T>, verb: &str, path: &Path) -> Result<Option<T>, Fault> {
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

impl Probe for RealHost {
    fn read_up_to(&self, path: &Path, limit: u64) -> Result<Option<Vec<u8>>, Fault> {
        // Whoever owns the path may have put anything there: a pipe would be waited for, a terminal become ours, and a
        // device never end.
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
            return Err(super::no_file(path, meta.is_dir()));
        }
        // Only a hint: what the kernel makes up (/proc) says that it is empty. A file is then one read, not a dozen.
        let room = usize::try_from(meta.len().min(limit)).unwrap_or_default();
        let mut bytes = Vec::with_capacity(room.max(USUAL_SIZE) + 1);
        file.take(limit + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| failed("read", path, error))?;
        if bytes.len() as u64 > limit {
            return Err(super::too_large(path, limit));
        }
        Ok(Some(bytes))
    }

    fn meta(&self, path: &Path) -> Result<Option<Meta>, Fault> {
        let Some(meta) = absent(fs::symlink_metadata(path), "look at", path)? else {
            return Ok(None);
        };
        let file_type = match meta.file_type() {
            kind if kind.is_file() => FileType::File,
            kind if kind.is_dir() => FileType::Directory,
            kind if kind.is_symlink() => FileType::Symlink,
            _ => FileType::Other,
        };
        Ok(Some(Meta {
            file_type,
            mode: meta.mode() & 0o7777,
            uid: meta.uid(),
            gid: meta.gid(),
            changed_us: meta.ctime() * 1_000_000 + meta.ctime_nsec() / 1000,
            modified_us: meta.mtime() * 1_000_000 + meta.mtime_nsec() / 1000,
            size: meta.size(),
            inode: meta.ino(),
        }))
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
            read_only: stat.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY),
        })
    }

    fn ask(&self, query: &Query) -> Result<Output, Fault> {
        let said = Call {
            argv: &query.argv(),
            env: &[],
            dir: None,
            timeout: QUERY_TIMEOUT,
            asked: true,
        }
        .run()?;
        query.heard(said)
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

/// The place of something that is made or changed.
fn place(verb: &str, path: &Path) -> Result<Place, Fault> {
    Place::of(path).map_err(|error| failed(verb, path, error))
}

impl RealHost {
    /// Where a thing waits for its name, empty of what a killed run left there (the run lock is held).
    fn waiting(place: &Place, path: &Path) -> Result<Place, Fault> {
        let waiting = place.beside(staged_name(place.name()));
        waiting
            .and_then(|waiting| waiting.unlink().map(|()| waiting))
            .map_err(|error| failed("make room beside", path, error))
    }

    /// Writes the sibling that will take the name: final owner and mode before any byte, synced.
    fn stage(place: &Place, file: &NewFile<'_>) -> Result<Place, Fault> {
        let waiting = Self::waiting(place, file.path)?;
        let failed = |verb| move |error: io::Error| failed(verb, file.path, error);
        let handle = waiting
            .open(OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL, OWNER_ONLY)
            .map_err(failed("create"))?;
        own(&handle, file.uid, file.gid, file.mode).map_err(failed("change the owner of"))?;
        let mut handle = File::from(handle);
        handle
            .write_all(file.bytes)
            .and_then(|()| handle.sync_all())
            .map_err(|error| {
                // A full disk needs the room, and nobody would look for it under this name.
                waiting.unlink().ok();
                failed("write")(error)
            })?;
        Ok(waiting)
    }

    /// Gives what waits its name, with these rules, or clears it away.
    fn take_name(
        waiting: &Place,
        place: &Place,
        path: &Path,
        how: RenameFlags,
    ) -> Result<(), Fault> {
        let (dir, from, to) = (place.dir(), waiting.name(), place.name());
        let renamed = match rustix::fs::renameat_with(dir, from, dir, to, how) {
            // A file system that knows no flags, such as ZFS before 2.2. link(2) refuses a name that exists as well.
            Err(Errno::INVAL) if how == RenameFlags::NOREPLACE => {
                rustix::fs::linkat(dir, from, dir, to, AtFlags::empty())
                    .map_err(io::Error::from)
                    .and_then(|()| waiting.unlink())
            }
            renamed => renamed.map_err(io::Error::from),
        };
        renamed.map_err(|error| {
            waiting.unlink().ok();
            let verb = if how.is_empty() { "replace" } else { "create" };
            failed(verb, path, error)
        })?;
        place.sync().map_err(|error| failed("sync", path, error))
    }
}

/// Owner, then mode (chown clears setuid bits), whatever the umask.
fn own(handle: &OwnedFd, uid: u32, gid: u32, mode: u32) -> io::Result<()> {
    let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
    rustix::fs::fchown(handle, Some(uid), Some(gid))?;
    Ok(rustix::fs::fchmod(handle, Mode::from_raw_mode(mode))?)
}

impl Hands for RealHost {
    fn probe(&self) -> &dyn Probe {
        self
    }

    fn put(&mut self, file: &NewFile<'_>) -> Result<(), Fault> {
        let place = place("create", file.path)?;
        let waiting = Self::stage(&place, file)?;
        Self::take_name(&waiting, &place, file.path, RenameFlags::empty())
    }

    fn put_new(&mut self, file: &NewFile<'_>) -> Result<(), Fault> {
        let place = place("create", file.path)?;
        let waiting = Self::stage(&place, file)?;
        // The kernel refuses to take a name that exists: no race can replace a secret. In one call, so that no kill
        // can leave a secret under two names.
        Self::take_name(&waiting, &place, file.path, RenameFlags::NOREPLACE)
    }

    fn own(&mut self, path: &Path, uid: u32, gid: u32, mode: u32) -> Result<(), Fault> {
        // Through a descriptor, which cannot be led astray by a link.
        place("change the owner of", path)?
            .open(OFlags::RDONLY | OFlags::NONBLOCK, Mode::empty())
            .and_then(|handle| own(&handle, uid, gid, mode))
            .map_err(|error| failed("change the owner of", path, error))
    }

    fn mkdir(&mut self, path: &Path, uid: u32, gid: u32, mode: u32) -> Result<(), Fault> {
        let place = place("create", path)?;
        // Tight first: nobody else can enter before the owner and mode are right.
        rustix::fs::mkdirat(place.dir(), place.name(), Mode::RWXU)
            .map_err(io::Error::from)
            .and_then(|()| place.open(OFlags::DIRECTORY, Mode::empty()))
            .and_then(|handle| own(&handle, uid, gid, mode))
            .map_err(|error| failed("create", path, error))
    }

    fn symlink(&mut self, path: &Path, target: &Path) -> Result<(), Fault> {
        let place = place("link", path)?;
        let waiting = Self::waiting(&place, path)?;
        rustix::fs::symlinkat(target, waiting.dir(), waiting.name())
            .map_err(|error| failed("link", path, error))?;
        Self::take_name(&waiting, &place, path, RenameFlags::empty())
    }

    fn rename(&mut self, from: &Path, to: &Path) -> Result<(), Fault> {
        let (old, new) = (place("rename", from)?, place("rename", to)?);
        rustix::fs::renameat(old.dir(), old.name(), new.dir(), new.name())
            .map_err(|error| failed("rename", from, error))?;
        new.sync().map_err(|error| failed("sync", to, error))
    }

    fn remove(&mut self, path: &Path) -> Result<(), Fault> {
        let Some(place) = absent(Place::of(path), "remove", path)? else {
            return Ok(());
        };
        Self::waiting(&place, path)?;
        let removed = match place.is_dir() {
            Ok(Some(true)) => place.rmdir(),
            Ok(Some(false)) => place.unlink(),
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        removed.map_err(|error| failed("remove", path, error))
    }

    fn remove_tree(&mut self, path: &Path) -> Result<(), Fault> {
        let Some(place) = absent(Place::of(path), "remove", path)? else {
            return Ok(());
        };
        let removed = match place.is_dir() {
            // The standard library follows no link in it either.
            Ok(Some(true)) => fs::remove_dir_all(place.path()),
            Ok(Some(false)) => place.unlink(),
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        removed.map_err(|error| failed("remove", path, error))
    }

    fn set_kernel(&mut self, path: &Path, value: &str) -> Result<(), Fault> {
        // Never made: a setting that is not there is none of this kernel.
        let opened = fs::OpenOptions::new().write(true).truncate(true).open(path);
        opened
            .and_then(|mut file| file.write_all(value.as_bytes()))
            .map_err(|error| failed("set", path, error))
    }

    fn unpack(
        &mut self,
        packages: &[npm::Package],
        tree: &Path,
        omit: &npm::Omit,
        note: &mut dyn FnMut(&str),
    ) -> Result<(), Fault> {
        let mut texts = Vec::new();
        for path in NPMRC {
            texts.extend(self.text(Path::new(path))?);
        }
        let env: Vec<_> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let config = npm::Config::new(texts.iter().map(String::as_str), &env);
        let keep = Some(PathBuf::from(PACKAGES)).filter(|dir| dir.is_dir());
        Ok(npm::install(packages, tree, omit, &config, keep, note)?)
    }

    fn tell(&mut self, order: &Order) -> Result<Output, Fault> {
        Call {
            argv: &order.started(),
            env: &order.env,
            dir: order.dir.as_deref(),
            timeout: order.timeout,
            asked: false,
        }
        .run()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_not_told_to_be_root() {
        let told = |root| {
            let path = Path::new("/etc/ssh/sshd_config");
            remedy(io::ErrorKind::PermissionDenied, root, path).unwrap_or_default()
        };
        assert!(told(false).contains("sudo"));
        assert!(told(true).contains("lsattr -d /etc/ssh/sshd_config /etc/ssh"));
        assert!(!told(true).contains("sudo"));
    }
}
