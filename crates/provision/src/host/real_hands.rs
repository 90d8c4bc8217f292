//! Changes the host that this process runs on.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Gid, Mode, OFlags, RenameFlags, Uid};
use rustix::io::Errno;

use super::place::Place;
use super::program::Call;
use super::real::{absent, failed};
use super::staged::staged_name;
use super::{
    Clock, Held, HostMut, Invocation, Meta, NewFile, Output, Probe, Query, RandomReads, RealHost,
    Space,
};
use crate::Fault;

/// The mode of a file until it gets its owner.
const OWNER_ONLY: Mode = Mode::RUSR.union(Mode::WUSR);
/// The npm settings of the operator, the weaker first, see npmrc(5).
const NPMRC: [&str; 2] = ["/etc/npmrc", "/root/.npmrc"];
/// A directory of downloaded tarballs, if there is one. It saves other hosts the download.
const PACKAGES: &str = "/var/cache/aztec-kit/packages";

/// The running system with write access. Only this crate can create one, and only [`crate::engine::Access`] does.
#[derive(Debug)]
pub(crate) struct RealHostMut(());

impl RealHostMut {
    pub(crate) fn new() -> Self {
        Self(())
    }
}

impl Probe for RealHostMut {
    fn read_up_to(&self, path: &Path, limit: u64) -> Result<Option<Vec<u8>>, Fault> {
        RealHost.read_up_to(path, limit)
    }
    fn meta(&self, path: &Path) -> Result<Option<Meta>, Fault> {
        RealHost.meta(path)
    }
    fn metas(&self, dir: &Path, below: &[PathBuf]) -> Result<Vec<Option<Meta>>, Fault> {
        RealHost.metas(dir, below)
    }
    fn list(&self, path: &Path) -> Result<Option<Vec<String>>, Fault> {
        RealHost.list(path)
    }
    fn link(&self, path: &Path) -> Result<Option<PathBuf>, Fault> {
        RealHost.link(path)
    }
    fn writable(&self, path: &Path) -> bool {
        RealHost.writable(path)
    }
    fn space(&self, path: &Path) -> Result<Space, Fault> {
        RealHost.space(path)
    }
    fn random_reads(&self, dir: &Path) -> Result<Option<RandomReads>, Fault> {
        RealHost.random_reads(dir)
    }
    fn ask(&self, query: &Query) -> Result<Output, Fault> {
        RealHost.ask(query)
    }
    fn clock(&self) -> Clock {
        RealHost.clock()
    }
}

/// The place of a file that is created or changed.
fn place(verb: &str, path: &Path) -> Result<Place, Fault> {
    Place::of(path).map_err(|error| failed(verb, path, error))
}

impl RealHostMut {
    /// The place of a staged file, cleared of the remains of a killed run. The caller holds the run lock or the
    /// directory.
    fn waiting(place: &Place, path: &Path) -> Result<Place, Fault> {
        let waiting = place.beside(staged_name(place.name()));
        waiting
            .and_then(|waiting| waiting.unlink().map(|()| waiting))
            .map_err(|error| failed("remove the staged file beside", path, error))
    }

    /// Writes the staged file.
    fn stage(place: &Place, file: &NewFile<'_>) -> Result<Place, Fault> {
        let waiting = Self::waiting(place, file.path)?;
        let handle = waiting
            .open(OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL, OWNER_ONLY)
            .map_err(|error| failed("create", file.path, error))?;
        Self::fill(handle, file).inspect_err(|_| {
            // A full disk needs the space, and nobody would look for the file under this name.
            waiting.unlink().ok();
        })?;
        Ok(waiting)
    }

    /// Sets the final owner and mode before any byte, and syncs.
    fn fill(handle: OwnedFd, file: &NewFile<'_>) -> Result<File, Fault> {
        let failed = |verb| move |error: io::Error| failed(verb, file.path, error);
        own(&handle, file.uid, file.gid, file.mode).map_err(failed("change the owner of"))?;
        let mut handle = File::from(handle);
        handle
            .write_all(file.bytes)
            .and_then(|()| handle.sync_all())
            .map_err(failed("write"))?;
        Ok(handle)
    }

    /// Writes a file without a name, which disappears with this process, then gives it its name; `false` where the file
    /// system does not support such a file.
    fn appear(place: &Place, file: &NewFile<'_>) -> Result<bool, Fault> {
        let here = Place::beside(place, ".".into());
        let unnamed = here.and_then(|here| here.open(OFlags::WRONLY | OFlags::TMPFILE, OWNER_ONLY));
        let Ok(unnamed) = unnamed else {
            return Ok(false);
        };
        let unnamed = Self::fill(unnamed, file)?;
        // open(2), O_TMPFILE: the file of the descriptor, and not the link to it.
        let path = format!("/proc/self/fd/{}", unnamed.as_raw_fd());
        let (dir, name, follow) = (place.dir(), place.name(), AtFlags::SYMLINK_FOLLOW);
        match rustix::fs::linkat(CWD, path, dir, name, follow) {
            Ok(()) => place.sync().map(|()| true),
            // /proc is not mounted.
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(error.into()),
        }
        .map_err(|error| failed("create", file.path, error))
    }

    /// Renames the staged file with these flags, or removes it.
    fn take_name(
        waiting: &Place,
        place: &Place,
        path: &Path,
        how: RenameFlags,
    ) -> Result<(), Fault> {
        let (dir, from, to) = (place.dir(), waiting.name(), place.name());
        let renamed = match rustix::fs::renameat_with(dir, from, dir, to, how) {
            // Some file systems do not support flags, such as ZFS before 2.2. link(2) also refuses an existing name.
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

/// Sets owner, then mode (chown clears setuid bits), whatever the umask.
fn own(handle: &OwnedFd, uid: u32, gid: u32, mode: u32) -> io::Result<()> {
    let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
    rustix::fs::fchown(handle, Some(uid), Some(gid))?;
    Ok(rustix::fs::fchmod(handle, Mode::from_raw_mode(mode))?)
}

impl HostMut for RealHostMut {
    fn probe(&self) -> &dyn Probe {
        &RealHost
    }

    fn put(&mut self, file: &NewFile<'_>) -> Result<(), Fault> {
        let place = place("create", file.path)?;
        let waiting = Self::stage(&place, file)?;
        Self::take_name(&waiting, &place, file.path, RenameFlags::empty())
    }

    fn put_new(&mut self, file: &NewFile<'_>) -> Result<(), Fault> {
        let place = place("create", file.path)?;
        // A kill must not leave a secret under a name that nobody looks for, so it has no name until it gets its own.
        // The kernel refuses an existing name, so no race can replace a secret.
        Self::waiting(&place, file.path)?;
        if Self::appear(&place, file)? {
            return Ok(());
        }
        let waiting = Self::stage(&place, file)?;
        Self::take_name(&waiting, &place, file.path, RenameFlags::NOREPLACE)
    }

    fn own(&mut self, path: &Path, uid: u32, gid: u32, mode: u32) -> Result<(), Fault> {
        // A descriptor cannot be redirected by a link.
        place("change the owner of", path)?
            .open(OFlags::RDONLY | OFlags::NONBLOCK, Mode::empty())
            .and_then(|handle| own(&handle, uid, gid, mode))
            .map_err(|error| failed("change the owner of", path, error))
    }

    fn mkdir(&mut self, path: &Path, uid: u32, gid: u32, mode: u32) -> Result<(), Fault> {
        let place = place("create", path)?;
        // The mode is strict first: nobody else can enter before owner and mode are right.
        rustix::fs::mkdirat(place.dir(), place.name(), Mode::RWXU)
            .map_err(io::Error::from)
            .and_then(|()| place.open(OFlags::DIRECTORY, Mode::empty()))
            .and_then(|handle| own(&handle, uid, gid, mode))
            .map_err(|error| failed("create", path, error))
    }

    fn hold(&self, dir: &Path) -> Result<Held, Fault> {
        let failed = |error| failed("lock", dir, error);
        let handle = File::open(dir).map_err(failed)?;
        handle.lock().map_err(failed)?;
        Ok(Held::by(handle))
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

    // A removal must survive a power cut: the record of it may be on another file system and be durable sooner.
    fn remove(&mut self, path: &Path) -> Result<(), Fault> {
        let Some(place) = absent(Place::of(path), "remove", path)? else {
            return Ok(());
        };
        Self::waiting(&place, path)?;
        let removed = match place.is_dir() {
            Ok(Some(true)) => place.rmdir().and_then(|()| place.sync()),
            Ok(Some(false)) => place.unlink().and_then(|()| place.sync()),
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
            // The standard library does not follow a link in it either.
            Ok(Some(true)) => fs::remove_dir_all(place.path()).and_then(|()| place.sync()),
            Ok(Some(false)) => place.unlink().and_then(|()| place.sync()),
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        removed.map_err(|error| failed("remove", path, error))
    }

    fn set_kernel(&mut self, path: &Path, value: &str) -> Result<(), Fault> {
        // It is never created: a missing file means that this kernel does not have the setting.
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

    fn tell(&mut self, order: &Invocation) -> Result<Output, Fault> {
        Call {
            argv: &order.started(),
            env: &order.env,
            dir: order.dir.as_deref(),
            timeout: order.timeout,
            is_query: false,
        }
        .run()
    }
}
