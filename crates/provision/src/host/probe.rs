//! The two interfaces to a host: one only reads, the other can also change.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};

use super::{Invocation, Output, Query};
use crate::Fault;
use crate::tools::systemctl::{self, UnitState};

/// The type of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileType {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A socket, pipe or device.
    Other,
}

impl FileType {
    /// The word shown in a plan.
    pub fn word(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Directory => "directory",
            Self::Symlink => "symlink",
            Self::Other => "special file",
        }
    }
}

/// The result of `lstat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meta {
    /// Type of the path.
    pub file_type: FileType,
    /// Permission bits only (`0o7777`), never the file-type bits.
    pub mode: u32,
    /// Numeric owner.
    pub uid: u32,
    /// Numeric group.
    pub gid: u32,
    /// Last change of content or metadata, microseconds since the epoch.
    pub changed_us: i64,
    /// Last write of the content, microseconds since the epoch.
    pub modified_us: i64,
    /// Bytes.
    pub size: u64,
    /// Its inode number.
    pub inode: u64,
}

/// The state of a file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// Free bytes.
    pub free: u64,
    /// The number of files (inodes) that it can have; 0 if it has no such limit.
    pub files: u64,
    /// The number of files that can still be created.
    pub free_files: u64,
    /// Whether it is mounted read-only.
    pub read_only: bool,
}

/// How many random reads a disk answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RandomReads {
    /// Reads per second.
    pub per_second: u64,
    /// What was read: a file of the directory, or a block device.
    pub of: PathBuf,
}

/// Two clocks read together, microseconds.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    /// Wall clock since the epoch.
    pub realtime_us: i64,
    /// Monotonic clock, which systemd uses for start times.
    pub monotonic_us: i64,
}

impl Clock {
    /// The wall-clock time of a reading of the monotonic clock.
    pub fn on_the_wall(&self, monotonic_us: i64) -> i64 {
        self.realtime_us - (self.monotonic_us - monotonic_us)
    }
}

/// The size limit of a file. Files of aztec-kit are never larger.
const READ_LIMIT: u64 = 64 << 20;

/// Read-only access to a host, the only access of plan, verify and status. It may be used from several threads.
pub trait Probe: Send + Sync {
    /// The bytes of a regular file (links followed), `None` when absent. Anything else, or a file larger than `limit`
    /// bytes, is an error. It never blocks.
    fn read_up_to(&self, path: &Path, limit: u64) -> Result<Option<Vec<u8>>, Fault>;
    /// The same for a file of aztec-kit or of the system.
    fn read(&self, path: &Path) -> Result<Option<Vec<u8>>, Fault> {
        self.read_up_to(path, READ_LIMIT)
    }
    /// The same as text. Bytes that are not UTF-8 are replaced.
    fn text(&self, path: &Path) -> Result<Option<String>, Fault> {
        Ok(self.read(path)?.map(|bytes| {
            String::from_utf8(bytes)
                .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
        }))
    }
    /// `lstat`, `None` when absent.
    fn meta(&self, path: &Path) -> Result<Option<Meta>, Fault>;
    /// The same for many paths below one directory, in order: a release has hundreds of packages.
    fn metas(&self, dir: &Path, below: &[PathBuf]) -> Result<Vec<Option<Meta>>, Fault> {
        below
            .iter()
            .map(|path| self.meta(&dir.join(path)))
            .collect()
    }
    /// Names in a directory, sorted, `None` when absent.
    fn list(&self, path: &Path) -> Result<Option<Vec<String>>, Fault>;
    /// The target of a symbolic link, `None` when absent or not a link.
    fn link(&self, path: &Path) -> Result<Option<PathBuf>, Fault>;
    /// The type of a path with links followed; `None` when it does not exist.
    fn kind(&self, path: &Path) -> Result<Option<FileType>, Fault> {
        /// The limit for links in a path.
        const LINKS: usize = 8;
        let mut path = path.to_owned();
        for _ in 0..LINKS {
            let Some(target) = self.link(&path)? else {
                break;
            };
            path = path.parent().unwrap_or(Path::new("/")).join(target);
        }
        Ok(self.meta(&path)?.map(|meta| meta.file_type))
    }
    /// Whether this process could write to an existing path.
    fn writable(&self, path: &Path) -> bool;
    /// The file system of a path, or of its nearest existing ancestor.
    fn space(&self, path: &Path) -> Result<Space, Fault>;
    /// Measures for two seconds how many random reads of 4 KiB the disk below a directory answers; at most three seconds
    /// in all. `None` if there is nothing to measure: no file of the directory is large enough, and its file system is
    /// not on a block device that this process may read.
    fn random_reads(&self, dir: &Path) -> Result<Option<RandomReads>, Fault>;
    /// Runs a read-only query.
    fn ask(&self, query: &Query) -> Result<Output, Fault>;
    /// The state of each of these units, by its name in `names`.
    fn units(&self, names: &BTreeSet<String>) -> Result<BTreeMap<String, UnitState>, Fault> {
        // Without a name, systemctl(1) shows its manager.
        if names.is_empty() {
            return Ok(BTreeMap::new());
        }
        let shown = self.ask(&Query::Units(names.clone()))?;
        systemctl::states(&shown.stdout, names)
    }
    /// The state of one unit.
    fn unit(&self, name: &str) -> Result<UnitState, Fault> {
        let mut states = self.units(&BTreeSet::from([name.to_owned()]))?;
        Ok(states.remove(name).unwrap_or_default())
    }
    /// Both clocks.
    fn clock(&self) -> Clock;
}

/// A file that is put in place as a whole.
#[derive(Clone, Copy)]
pub struct NewFile<'a> {
    /// Absolute path.
    pub path: &'a Path,
    /// Content.
    pub bytes: &'a [u8],
    /// Numeric owner.
    pub uid: u32,
    /// Numeric group.
    pub gid: u32,
    /// Permission bits, set before the name appears.
    pub mode: u32,
}

impl std::fmt::Debug for NewFile<'_> {
    // The content may be a secret, so only the path is shown.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NewFile({})", self.path.display())
    }
}

/// A directory to which no other process adds anything until this is dropped.
#[derive(Debug)]
pub struct Held {
    _lock: Option<File>,
}

impl Held {
    /// Holds the lock of this file.
    pub(super) fn by(locked: File) -> Self {
        Self {
            _lock: Some(locked),
        }
    }

    /// For a host that nobody else works on.
    #[cfg(feature = "fake")]
    pub(super) fn alone() -> Self {
        Self { _lock: None }
    }
}

/// The only way to change a host. [`crate::engine::Session`] alone provides the one of this machine.
pub trait HostMut: Probe {
    /// Read-only access to this host.
    fn probe(&self) -> &dyn Probe;
    /// Replaces or creates a file atomically: a sibling with its final owner and mode, synced, renamed.
    fn put(&mut self, file: &NewFile<'_>) -> Result<(), Fault>;
    /// Creates a file atomically and fails when the name is already taken. For secrets.
    fn put_new(&mut self, file: &NewFile<'_>) -> Result<(), Fault>;
    /// Sets owner, then mode, without following links.
    fn own(&mut self, path: &Path, uid: u32, gid: u32, mode: u32) -> Result<(), Fault>;
    /// Creates one directory with its final owner and mode.
    fn mkdir(&mut self, path: &Path, uid: u32, gid: u32, mode: u32) -> Result<(), Fault>;
    /// Waits until no other process adds to a directory, and makes others wait, because staged files there always have
    /// the same name.
    fn hold(&self, dir: &Path) -> Result<Held, Fault>;
    /// Replaces or creates a symbolic link atomically.
    fn symlink(&mut self, path: &Path, target: &Path) -> Result<(), Fault>;
    /// Renames within one file system.
    fn rename(&mut self, from: &Path, to: &Path) -> Result<(), Fault>;
    /// Removes a file, link or empty directory, and its staged file from a killed run. Does nothing if they do not
    /// exist.
    fn remove(&mut self, path: &Path) -> Result<(), Fault>;
    /// Removes a directory with its content, or any other file of this name. Does nothing if it does not exist.
    fn remove_tree(&mut self, path: &Path) -> Result<(), Fault>;
    /// Writes a kernel setting (a file under `/proc/sys`) that this kernel has.
    fn set_kernel(&mut self, path: &Path, value: &str) -> Result<(), Fault>;
    /// Downloads packages and unpacks them below `tree`, which exists and is discarded after a fault. Everything is
    /// synced afterwards. `note` reports the progress.
    fn unpack(
        &mut self,
        packages: &[npm::Package],
        tree: &Path,
        omit: &npm::Omit,
        note: &mut dyn FnMut(&str),
    ) -> Result<(), Fault>;
    /// Runs a program that changes something. A caller that reads its output requires all of it: [`Output::answer`].
    fn tell(&mut self, order: &Invocation) -> Result<Output, Fault>;
    /// The same for its effect alone: any exit code other than 0 is a fault.
    fn run(&mut self, order: &Invocation) -> Result<(), Fault> {
        self.tell(order)?.ok(&order.argv).map(drop)
    }
}
