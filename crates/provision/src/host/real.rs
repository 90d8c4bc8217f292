//! The host this process runs on.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{AtFlags, CWD, Gid, Mode, OFlags, RenameFlags, Uid};
use rustix::io::Errno;

use super::program::Call;
use super::{Clock, FileType, Hands, Meta, NewFile, Order, Output, Probe, Query, Space, staged};
use crate::Fault;

/// `/dev/null`, to which a file is linked that shall count as empty.
const NULL_DEVICE: u64 = 1 << 8 | 3;
/// Most files of a host are smaller.
const USUAL_SIZE: usize = 4096;
/// A question that takes longer means that the host is not answering.
const QUERY_TIMEOUT: Duration = Duration::from_secs(20);
/// Where an operator's wishes about npm are, the weaker first, see npmrc(5).
const NPMRC: [&str; 2] = ["/etc/npmrc", "/root/.npmrc"];
/// Tarballs that were fetched, where there is such a directory: it saves other hosts the download, and this one nothing.
const PACKAGES: &str = "/var/cache/aztec-kit/packages";

/// The running system. Cheap to make; holds nothing.
#[derive(Debug, Default, Clone, Copy)]
pub struct RealHost;

fn failed(verb: &str, path: &Path, error: impl Into<io::Error>) -> Fault {
    let error: io::Error = error.into();
    let fault = Fault::new(format!("failed to {verb} {}", path.display()));
    let fault = match error.kind() {
        io::ErrorKind::PermissionDenied => fault.fix("Run it as root, for example with sudo."),
        io::ErrorKind::ReadOnlyFilesystem => {
            fault.fix("The file system is mounted read-only: remount it or choose another path.")
        }
        io::ErrorKind::StorageFull => fault.fix("Free some space and run the same command again."),
        _ => fault,
    };
    fault.because(error)
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

impl RealHost {
    /// Where a thing waits for its name, empty of what a killed run left there (the run lock is held).
    fn waiting(path: &Path) -> Result<PathBuf, Fault> {
        let waiting = staged(path)
            .ok_or_else(|| Fault::new(format!("{} is not a file path", path.display())))?;
        absent(fs::remove_file(&waiting), "remove", &waiting)?;
        Ok(waiting)
    }

    /// Writes the sibling that will take the name: final owner and mode before any byte, synced.
    fn stage(file: &NewFile<'_>) -> Result<PathBuf, Fault> {
        let staged = Self::waiting(file.path)?;
        let mut handle = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&staged)
            .map_err(|error| failed("create", &staged, error))?;
        rustix::fs::fchown(
            &handle,
            Some(Uid::from_raw(file.uid)),
            Some(Gid::from_raw(file.gid)),
        )
        .map_err(|error| failed("change the owner of", &staged, error))?;
        // After the owner (chown clears setuid bits), and past the umask.
        handle
            .set_permissions(fs::Permissions::from_mode(file.mode))
            .map_err(|error| failed("change the mode of", &staged, error))?;
        handle
            .write_all(file.bytes)
            .and_then(|()| handle.sync_all())
            .map_err(|error| {
                // A full disk needs the room, and nobody would look for it under this name.
                fs::remove_file(&staged).ok();
                failed("write", &staged, error)
            })?;
        Ok(staged)
    }

    /// Gives what waits its name, with these rules, or clears it away.
    fn take_name(staged: &Path, path: &Path, how: RenameFlags) -> Result<(), Fault> {
        let renamed = match rustix::fs::renameat_with(CWD, staged, CWD, path, how) {
            // A file system that knows no flags, such as ZFS before 2.2. link(2) refuses a name that exists as well.
            Err(Errno::INVAL) if how == RenameFlags::NOREPLACE => {
                fs::hard_link(staged, path).and_then(|()| fs::remove_file(staged))
            }
            renamed => renamed.map_err(io::Error::from),
        };
        renamed.map_err(|error| {
            fs::remove_file(staged).ok();
            let verb = if how.is_empty() { "replace" } else { "create" };
            failed(verb, path, error)
        })?;
        path.parent().map_or(Ok(()), sync_dir)
    }
}

fn sync_dir(dir: &Path) -> Result<(), Fault> {
    File::open(dir)
        .and_then(|dir| dir.sync_all())
        .map_err(|error| failed("sync", dir, error))
}

impl Hands for RealHost {
    fn probe(&self) -> &dyn Probe {
        self
    }

    fn put(&mut self, file: &NewFile<'_>) -> Result<(), Fault> {
        Self::take_name(&Self::stage(file)?, file.path, RenameFlags::empty())
    }

    fn put_new(&mut self, file: &NewFile<'_>) -> Result<(), Fault> {
        // The kernel refuses to take a name that exists: no race can replace a secret. In one call, so that no kill
        // can leave a secret under two names.
        Self::take_name(&Self::stage(file)?, file.path, RenameFlags::NOREPLACE)
    }

    fn own(&mut self, path: &Path, uid: u32, gid: u32, mode: u32) -> Result<(), Fault> {
        rustix::fs::chownat(
            CWD,
            path,
            Some(Uid::from_raw(uid)),
            Some(Gid::from_raw(gid)),
            AtFlags::SYMLINK_NOFOLLOW,
        )
        .map_err(|error| failed("change the owner of", path, error))?;
        // Opening with NOFOLLOW and changing through the descriptor cannot be led astray by a link.
        let handle = rustix::fs::open(
            path,
            OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC,
            Mode::empty(),
        )
        .map_err(|error| failed("open", path, error))?;
        rustix::fs::fchmod(handle, Mode::from_raw_mode(mode))
            .map_err(|error| failed("change the mode of", path, error))
    }

    fn mkdir(&mut self, path: &Path, uid: u32, gid: u32, mode: u32) -> Result<(), Fault> {
        // Tight first: nobody else can enter before the owner and mode are right.
        rustix::fs::mkdir(path, Mode::RWXU).map_err(|error| failed("create", path, error))?;
        self.own(path, uid, gid, mode)
    }

    fn symlink(&mut self, path: &Path, target: &Path) -> Result<(), Fault> {
        let staged = Self::waiting(path)?;
        std::os::unix::fs::symlink(target, &staged)
            .map_err(|error| failed("link", &staged, error))?;
        Self::take_name(&staged, path, RenameFlags::empty())
    }

    fn rename(&mut self, from: &Path, to: &Path) -> Result<(), Fault> {
        fs::rename(from, to).map_err(|error| failed("rename", from, error))?;
        to.parent().map_or(Ok(()), sync_dir)
    }

    fn remove(&mut self, path: &Path) -> Result<(), Fault> {
        if let Some(staged) = staged(path) {
            absent(fs::remove_file(&staged), "remove", &staged)?;
        }
        let removed = match fs::symlink_metadata(path) {
            Ok(meta) if meta.is_dir() => fs::remove_dir(path),
            Ok(_) => fs::remove_file(path),
            Err(error) => Err(error),
        };
        absent(removed, "remove", path).map(drop)
    }

    fn remove_tree(&mut self, path: &Path) -> Result<(), Fault> {
        let removed = match fs::symlink_metadata(path) {
            Ok(meta) if meta.is_dir() => fs::remove_dir_all(path),
            Ok(_) => fs::remove_file(path),
            Err(error) => Err(error),
        };
        absent(removed, "remove", path).map(drop)
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
        let mut argv = order.argv.clone();
        if order.dies_with_us {
            // setpriv(1) of util-linux, an essential package, ties the program's life to ours.
            argv.splice(
                0..0,
                ["setpriv", "--pdeathsig", "KILL", "--"].map(String::from),
            );
        }
        Call {
            argv: &argv,
            env: &order.env,
            dir: order.dir.as_deref(),
            timeout: order.timeout,
            asked: false,
        }
        .run()
    }
}
