//! Creates new files outside of a run.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Component, Path, PathBuf};

use super::{Event, Journal, RunLock};
use crate::Fault;
use crate::host::{FileType, Held, HostMut, NewFile};

/// Creates directories and new files. It changes and removes nothing, and works without root.
///
/// An operator may keep keys anywhere, and a run does not manage those. For a directory of the host's own,
/// [`super::Session::new_files`] makes one that holds the run lock and records each path before it is created.
pub struct NewFiles {
    host_mut: Box<dyn HostMut>,
    record: Option<Record>,
}

struct Record {
    journal: Box<dyn Journal>,
    name: String,
    _lock: RunLock,
}

impl fmt::Debug for NewFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NewFiles(recorded: {})", self.record.is_some())
    }
}

/// Owner and permission bits of a new file.
#[derive(Debug, Clone, Copy)]
pub struct Permissions {
    /// Numeric owner.
    pub uid: u32,
    /// Numeric group.
    pub gid: u32,
    /// Permission bits.
    pub mode: u32,
}

impl NewFiles {
    pub(super) fn unrecorded(host_mut: Box<dyn HostMut>) -> Self {
        Self {
            host_mut,
            record: None,
        }
    }

    pub(super) fn recorded(
        host_mut: Box<dyn HostMut>,
        journal: Box<dyn Journal>,
        lock: RunLock,
        name: &str,
    ) -> Self {
        let record = Record {
            journal,
            name: name.into(),
            _lock: lock,
        };
        Self {
            host_mut,
            record: Some(record),
        }
    }

    /// Creates a directory and its missing parents.
    pub fn make_dir(&mut self, dir: &Path, for_whom: Permissions) -> Result<(), Fault> {
        let mut missing = Vec::new();
        for dir in dir.ancestors() {
            if self.host_mut.kind(dir)?.is_some() {
                break;
            }
            missing.push(dir);
        }
        for dir in missing.into_iter().rev() {
            self.write_down(dir)?;
            let Permissions { uid, gid, mode } = for_whom;
            let created = self.host_mut.mkdir(dir, uid, gid, mode);
            // Another process may have created it meanwhile.
            if self.host_mut.kind(dir)? != Some(FileType::Directory) {
                created?;
            }
        }
        Ok(())
    }

    /// Waits until no other process adds files to an existing directory, then makes others wait.
    pub fn hold(&mut self, dir: &Path) -> Result<HeldDir<'_>, Fault> {
        let held = self.host_mut.hold(dir)?;
        Ok(HeldDir {
            files: self,
            dir: dir.to_owned(),
            _held: held,
        })
    }

    fn write_down(&mut self, path: &Path) -> Result<(), Fault> {
        let Some(record) = &mut self.record else {
            return Ok(());
        };
        record.journal.append(&Event::Noted {
            name: record.name.clone(),
            value: path.display().to_string().into(),
        })
    }
}

/// A directory to which no other process adds files meanwhile.
#[derive(Debug)]
pub struct HeldDir<'a> {
    files: &'a mut NewFiles,
    dir: PathBuf,
    _held: Held,
}

impl HeldDir<'_> {
    /// Creates files elsewhere meanwhile.
    pub fn elsewhere(&mut self) -> &mut NewFiles {
        self.files
    }

    /// Creates a file under an unused name and returns its path. The file is synced and has its owner and mode from the
    /// start.
    pub fn put_new(
        &mut self,
        name: &OsStr,
        bytes: &[u8],
        for_whom: Permissions,
    ) -> Result<PathBuf, Fault> {
        let mut parts = Path::new(name).components();
        if !matches!(
            (parts.next(), parts.next()),
            (Some(Component::Normal(_)), None)
        ) {
            return Err(Fault::new(format!(
                "{} is not the name of a file in {}",
                Path::new(name).display(),
                self.dir.display()
            )));
        }
        let path = self.dir.join(name);
        self.files.write_down(&path)?;
        self.files.host_mut.put_new(&NewFile {
            path: &path,
            bytes,
            uid: for_whom.uid,
            gid: for_whom.gid,
            mode: for_whom.mode,
        })?;
        Ok(path)
    }
}
