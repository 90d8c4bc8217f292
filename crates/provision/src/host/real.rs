//! The host this process runs on.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::fs::{AtFlags, CWD, Gid, Mode, RenameFlags, Uid};
use rustix::io::Errno;

use super::{Clock, FileType, Hands, Meta, NewFile, Order, Output, Probe, Query, Space, staged};
use crate::Fault;

/// Larger files are never ours and are not read whole.
const READ_LIMIT: u64 = 64 << 20;
/// Most files of a host are smaller.
const USUAL_SIZE: usize = 4096;
/// A question that takes longer means that the host is not answering.
const QUERY_TIMEOUT: Duration = Duration::from_secs(20);
/// Kept of each output stream.
const OUTPUT_LIMIT: usize = 8 << 20;
/// Programs run with this path whatever the caller's was.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Variables that describe the operator's network and trust, passed on to programs.
const PASSED_ON: &[&str] = &[
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NODE_EXTRA_CA_CERTS",
    "npm_config_registry",
    "NPM_CONFIG_REGISTRY",
    "npm_config_cafile",
    "NPM_CONFIG_CAFILE",
];
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
    let root = rustix::process::geteuid().is_root();
    let fault = match remedy(error.kind(), root, path) {
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
    fn read(&self, path: &Path) -> Result<Option<Vec<u8>>, Fault> {
        let Some(file) = absent(File::open(path), "read", path)? else {
            return Ok(None);
        };
        // Only a hint: what the kernel makes up (/proc) says that it is empty. A file is then one read, not a dozen.
        let size = file.metadata().map_or(0, |meta| meta.len());
        let room = usize::try_from(size.min(READ_LIMIT)).unwrap_or_default();
        let mut bytes = Vec::with_capacity(room.max(USUAL_SIZE) + 1);
        file.take(READ_LIMIT + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| failed("read", path, error))?;
        if bytes.len() as u64 > READ_LIMIT {
            return Err(Fault::new(format!(
                "{} is larger than {READ_LIMIT} bytes",
                path.display()
            )));
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
        let argv = query.argv();
        run(&argv, &[], None, QUERY_TIMEOUT)?.ok(&argv)
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
            rustix::fs::OFlags::RDONLY
                | rustix::fs::OFlags::NOFOLLOW
                | rustix::fs::OFlags::NONBLOCK
                | rustix::fs::OFlags::CLOEXEC,
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
        run(&argv, &order.env, order.dir.as_deref(), order.timeout)
    }
}

/// Where a program is. The standard library searches a path other than its own only in a copy of this whole
/// process; a program that is a path is started without one.
fn found(program: &str) -> PathBuf {
    let mut places = PATH.split(':').map(|dir| Path::new(dir).join(program));
    places
        .find(|place| {
            let runs = rustix::fs::access(place, rustix::fs::Access::EXEC_OK);
            place.is_file() && runs.is_ok()
        })
        .unwrap_or_else(|| program.into())
}

fn run(
    argv: &[String],
    env: &[(String, String)],
    dir: Option<&Path>,
    timeout: Duration,
) -> Result<Output, Fault> {
    let Some((program, arguments)) = argv.split_first() else {
        return Err(Fault::new("an empty command line"));
    };
    let mut command = Command::new(found(program));
    command
        .args(arguments)
        .env_clear()
        .env("PATH", PATH)
        .env("LC_ALL", "C.UTF-8")
        .env("HOME", "/root")
        .envs(
            PASSED_ON
                .iter()
                .filter_map(|name| Some((name, std::env::var_os(name)?))),
        )
        .envs(env.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // A Ctrl-C at the terminal is for us, not for a dpkg in the middle of its work.
        .process_group(0);
    if let Some(dir) = dir {
        command.current_dir(dir);
    }
    let mut child = command.spawn().map_err(|error| {
        let fault = Fault::new(format!("failed to run `{}`", argv.join(" ")));
        match error.kind() {
            io::ErrorKind::NotFound => fault.fix(format!(
                "Install the program `{program}` or check the PATH."
            )),
            _ => fault,
        }
        .because(error)
    })?;
    let pid = child.id();
    let stdout = collect(child.stdout.take());
    let stderr = collect(child.stderr.take());
    let (tell, ended) = mpsc::channel();
    thread::spawn(move || tell.send(child.wait()));
    let status = match ended.recv_timeout(timeout) {
        Ok(status) => status.map_err(|error| {
            Fault::new(format!("failed to wait for `{}`", argv.join(" "))).because(error)
        })?,
        Err(_) => {
            if let Some(pid) = i32::try_from(pid)
                .ok()
                .and_then(rustix::process::Pid::from_raw)
            {
                // Its whole group; an error means that it is gone already.
                rustix::process::kill_process_group(pid, rustix::process::Signal::KILL).ok();
            }
            return Err(Fault::new(format!(
                "`{}` did not finish within {} s and was stopped",
                argv.join(" "),
                timeout.as_secs()
            ))
            .fix("Look at what it waits for, then run the same command again."));
        }
    };
    // A daemon that kept the pipe open must not keep us: what has arrived a second later is what counts.
    let taken = |stream: mpsc::Receiver<Vec<u8>>| {
        let bytes = stream
            .recv_timeout(Duration::from_secs(1))
            .unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    Ok(Output {
        code: status
            .code()
            .unwrap_or_else(|| 128 + status.signal().unwrap_or(0)),
        stdout: taken(stdout),
        stderr: taken(stderr),
    })
}

fn collect(stream: Option<impl Read + Send + 'static>) -> mpsc::Receiver<Vec<u8>> {
    let (tell, done) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut stream) = stream {
            let mut chunk = [0; 8192];
            while let Ok(count @ 1..) = stream.read(&mut chunk) {
                // Past the limit the pipe is still drained, or the program would block.
                if bytes.len() < OUTPUT_LIMIT {
                    bytes.extend_from_slice(&chunk[..count]);
                }
            }
        }
        tell.send(bytes)
    });
    done
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
