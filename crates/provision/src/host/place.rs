//! The place of a change: an open directory, and a name in it.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::path;

/// The limit of Linux for links in a path: path_resolution(7).
const LINKS: usize = 40;

/// A directory and a name in it. It stays this directory, whatever happens to the path meanwhile.
#[derive(Debug)]
pub(super) struct Place {
    dir: OwnedFd,
    name: OsString,
}

/// A link in a path that another account created, or could have created.
#[derive(Debug)]
pub(super) struct ForeignLink {
    link: PathBuf,
    owner: u32,
}

impl fmt::Display for ForeignLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let link = self.link.display();
        write!(f, "{link} is a link that user {} can set", self.owner)
    }
}

impl std::error::Error for ForeignLink {}

impl Place {
    /// The place of `path`, without following its last name.
    ///
    /// A link in the path is followed only when it and its directory belong to root, or to the user of this process.
    /// Below a directory of another account, it leads where that account wants, and root would act on its behalf.
    /// systemd has the same rule for its own writes (`CHASE_SAFE`).
    ///
    /// # Errors
    ///
    /// [`ForeignLink`] for such a link. The error of the kernel for a directory that does not exist, or is not one.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let mut names = path::names(path);
        if names.is_empty() {
            return Err(Errno::INVAL.into());
        }
        // The last name of the path, which comes first.
        let name = names.remove(0);
        if name == ".." {
            return Err(Errno::INVAL.into());
        }
        let root = || rustix::fs::open("/", OFlags::PATH | OFlags::CLOEXEC, Mode::empty());
        let mut at = if path.is_absolute() {
            root()?
        } else {
            open(CWD, OsStr::new("."), OFlags::PATH)?
        };
        let mut shown = PathBuf::from(if path.is_absolute() { "/" } else { "" });
        let mut links = 0;
        while let Some(name) = names.pop() {
            let next = open(at.as_fd(), &name, OFlags::PATH)?;
            let stat = rustix::fs::fstat(&next)?;
            if kind(&stat) != FileType::Symlink {
                at = next;
                shown.push(&name);
                continue;
            }
            links += 1;
            if links > LINKS {
                return Err(Errno::LOOP.into());
            }
            if let Some(owner) = foreign_owner(&stat).or(foreign_owner(&rustix::fs::fstat(&at)?)) {
                let link = shown.join(&name);
                return Err(io::Error::other(ForeignLink { link, owner }));
            }
            let target = rustix::fs::readlinkat(&next, "", Vec::new())?;
            let target = PathBuf::from(OsString::from_vec(target.into_bytes()));
            if target.is_absolute() {
                (at, shown) = (root()?, "/".into());
            }
            names.extend(path::names(&target));
        }
        // A directory handle that can be synced.
        let dir = open(at.as_fd(), OsStr::new("."), OFlags::DIRECTORY)?;
        Ok(Self { dir, name })
    }

    /// The directory.
    pub(super) fn dir(&self) -> BorrowedFd<'_> {
        self.dir.as_fd()
    }

    /// The name in it.
    pub(super) fn name(&self) -> &OsStr {
        &self.name
    }

    /// The same directory with another name.
    pub(super) fn beside(&self, name: OsString) -> io::Result<Self> {
        let dir = self.dir.try_clone()?;
        Ok(Self { dir, name })
    }

    /// A path through the open directory, for system calls that need one: see proc_pid_fd(5).
    pub(super) fn path(&self) -> PathBuf {
        let dir = format!("/proc/self/fd/{}", self.dir.as_raw_fd());
        Path::new(&dir).join(&self.name)
    }

    /// Whether the name is a directory, and not a link to one; `None` when nothing has it.
    pub(super) fn is_dir(&self) -> io::Result<Option<bool>> {
        match rustix::fs::statat(&self.dir, &self.name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(kind(&stat) == FileType::Directory)),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Opens the file of this name, but not a link.
    pub(super) fn open(&self, flags: OFlags, mode: Mode) -> io::Result<OwnedFd> {
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(rustix::fs::openat(&self.dir, &self.name, flags, mode)?)
    }

    /// Unlinks the name unless it is a directory. Does nothing if it does not exist.
    pub(super) fn unlink(&self) -> io::Result<()> {
        match rustix::fs::unlinkat(&self.dir, &self.name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes an empty directory.
    pub(super) fn rmdir(&self) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(
            &self.dir,
            &self.name,
            AtFlags::REMOVEDIR,
        )?)
    }

    /// Syncs the names in the directory.
    pub(super) fn sync(&self) -> io::Result<()> {
        Ok(rustix::fs::fsync(&self.dir)?)
    }
}

fn open(dir: BorrowedFd<'_>, name: &OsStr, flags: OFlags) -> io::Result<OwnedFd> {
    let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(dir, name, flags, Mode::empty())?)
}

fn kind(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}

/// The owner, unless it is root or the user of this process.
fn foreign_owner(stat: &Stat) -> Option<u32> {
    let me = rustix::process::geteuid().as_raw();
    Some(stat.st_uid).filter(|uid| *uid != 0 && *uid != me)
}
