//! A host in memory, for tests: a file tree, a clock, and small replacements for the programs that the kinds run.
//!
//! It can be made to fail at the n-th write, which tests a crash at every point.

mod accounts;
mod coreutils;
mod failing;
mod files;
mod mishap;
mod npm;
mod packages;
mod shared;
mod sshd;
mod systemd;
mod ufw;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

pub use self::failing::{Errno, Failing};
pub use self::mishap::Mishap;
pub use self::npm::LOCK;
pub use super::fake_engine::{FakeEngine, FakeImage};
use super::{
    Clock, FileType, Held, HostMut, Invocation, Meta, NewFile, Output, Probe, Query, Space,
};
use crate::Fault;
pub use packages::FakeApt;
pub use shared::{SharedHost, Steps};
pub use systemd::{FakeUnit, Fate};

/// One node of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FakeNode {
    /// Kind of thing.
    pub file_type: FileType,
    /// Content, or the target of a link.
    pub bytes: Vec<u8>,
    /// Numeric owner.
    pub uid: u32,
    /// Numeric group.
    pub gid: u32,
    /// Permission bits.
    pub mode: u32,
    /// Time of the last change.
    pub changed_us: i64,
    /// Time of the last write, which also serves as the identity of a file.
    pub modified_us: i64,
}

/// A host in memory.
#[derive(Debug, Clone, Default)]
pub struct FakeHost {
    /// Absolute path to node.
    pub tree: BTreeMap<PathBuf, FakeNode>,
    /// Units by name.
    pub units: BTreeMap<String, FakeUnit>,
    /// Writes made so far.
    pub writes: usize,
    /// The write (counted from 0) at which the run dies.
    pub dies_at: Option<usize>,
    /// The write that fails, and its error.
    pub failing: Option<Failing>,
    /// The write (counted from 0) at which the wall clock jumps, and by how many microseconds.
    pub jumps_at: Option<(usize, i64)>,
    /// Free bytes on its only file system.
    pub free: u64,
    /// Whether the file system is mounted read-only.
    pub read_only: bool,
    /// Its container engine.
    pub engine: FakeEngine,
    /// The journal of each unit, as journalctl prints it.
    pub journals: BTreeMap<String, String>,
    /// Whether every query fails, as when systemd does not answer.
    pub silent: bool,
    /// The state of apt.
    pub apt: FakeApt,
    /// Whether sshd answers only if the directory that systemd creates for its service exists.
    pub sshd_needs_run: bool,
    /// The failure of a queried program, by its first argument.
    pub mishaps: BTreeMap<String, Mishap>,
    /// The output of `dpkg --verify` for a package; nothing for one with intact files.
    pub verified: BTreeMap<String, Output>,
    /// The packages that apt installs together with a package.
    pub depends: BTreeMap<String, Vec<String>>,
    /// Packages that were installed as dependencies.
    pub auto: BTreeSet<String>,
    /// Programs run so far.
    pub told: Vec<Vec<String>>,
    /// The number of queries so far, of it and its copies.
    pub asked: Arc<AtomicUsize>,
    /// The nftables tables in its kernel: family and name, to the text between the braces.
    pub nft: BTreeMap<String, String>,
    /// The output of `iptables -S` and `ip6tables -S`.
    pub filter: [String; 2],
    /// Microseconds since boot.
    now_us: i64,
    /// How far the wall clock is ahead of that.
    ahead_us: i64,
    /// Links have changed without a reload, so systemd reports every unit as outdated.
    outdated: bool,
    /// Drop-ins of units when systemd last loaded them.
    drop_ins: BTreeMap<PathBuf, Vec<u8>>,
}

impl FakeHost {
    /// A minimal Debian: the standard directories, root, an empty dpkg database.
    pub fn debian() -> Self {
        let mut host = Self::default();
        for dir in [
            "/",
            "/etc",
            "/etc/sysctl.d",
            "/etc/systemd",
            "/etc/systemd/system",
            "/etc/systemd/system/multi-user.target.wants",
            "/var",
            "/var/lib",
            "/var/lib/dpkg",
            "/opt",
            "/proc",
            "/proc/sys",
            "/proc/sys/vm",
            "/usr",
            "/usr/local",
            "/usr/local/bin",
        ] {
            host.plant(dir, FileType::Directory, b"", 0o755);
        }
        for (path, text) in [
            ("/etc/passwd", "root:x:0:0:root:/root:/bin/bash\n"),
            ("/etc/group", "root:x:0:\n"),
            ("/var/lib/dpkg/status", ""),
            ("/proc/sys/vm/swappiness", "60\n"),
        ] {
            host.plant(path, FileType::File, text.as_bytes(), 0o644);
        }
        host
    }

    /// Creates a node from outside, which does not count as a write.
    pub fn plant(&mut self, path: &str, file_type: FileType, bytes: &[u8], mode: u32) {
        let changed_us = self.tick();
        self.tree.insert(
            PathBuf::from(path),
            FakeNode {
                file_type,
                bytes: bytes.to_owned(),
                uid: 0,
                gid: 0,
                mode,
                changed_us,
                modified_us: changed_us,
            },
        );
    }

    /// The text of a file.
    pub fn text(&self, path: &str) -> Option<String> {
        let node = self.tree.get(Path::new(path))?;
        Some(String::from_utf8_lossy(&node.bytes).into_owned())
    }

    /// The tree without times and values that differ from run to run, to compare two hosts.
    pub fn shape(&self) -> BTreeMap<PathBuf, (FileType, Vec<u8>, u32, u32, u32)> {
        let nodes = self.tree.iter();
        nodes
            .map(|(path, node)| {
                let FakeNode {
                    file_type,
                    bytes,
                    uid,
                    gid,
                    mode,
                    ..
                } = node.clone();
                (path.clone(), (file_type, bytes, uid, gid, mode))
            })
            .collect()
    }

    /// Advances the clock and returns the time of the wall clock.
    fn tick(&mut self) -> i64 {
        self.now_us += 1000;
        self.now_us + self.ahead_us
    }

    /// Sets the wall clock, as a person or a daemon does.
    pub fn jump(&mut self, us: i64) {
        self.ahead_us += us;
    }

    fn write(&mut self) -> Result<(), Fault> {
        if self.dies_at == Some(self.writes) {
            return Err(Fault::new("the run died here"));
        }
        if let Some((_, us)) = self.jumps_at.filter(|(at, _)| *at == self.writes) {
            self.jump(us);
        }
        self.writes += 1;
        match self.failing {
            Some(failing) if failing.meets(self.writes - 1) => Err(failing.errno.fault()),
            _ => Ok(()),
        }
    }

    fn insert(&mut self, file: &NewFile<'_>, file_type: FileType) {
        let changed_us = self.tick();
        self.tree.insert(
            file.path.to_owned(),
            FakeNode {
                file_type,
                bytes: file.bytes.to_owned(),
                uid: file.uid,
                gid: file.gid,
                mode: file.mode,
                changed_us,
                modified_us: changed_us,
            },
        );
    }

    fn edit(&mut self, path: &str, edit: impl FnOnce(String) -> String) {
        let text = edit(self.text(path).unwrap_or_default());
        if let Some(node) = self.tree.get_mut(Path::new(path)) {
            node.bytes = text.into_bytes();
        }
    }
}

impl FakeHost {
    /// The output of a program that works.
    fn answer(&self, query: &Query) -> Result<Output, Fault> {
        let stdout = match query {
            Query::Units(names) => {
                let shown: Vec<_> = names.iter().map(|name| self.show(name)).collect();
                shown.join("\n")
            }
            Query::PackageFiles(package) => {
                return Ok(self.verified.get(package).cloned().unwrap_or_default());
            }
            Query::Images(_) | Query::Architecture(..) | Query::Manifest(..) => {
                return self.engine.ask(query);
            }
            Query::AptConfig => format!("APT \"\";\n{}", self.apt.config),
            Query::Install(entries) => return Ok(self.simulated(entries)),
            Query::Sshd(options) => return self.sshd(Path::new(sshd::MAIN), options),
            Query::SshSocket => self.show("ssh.socket") + "\n" + &self.show("ssh.service"),
            // A kernel has its policies before any rule is added.
            Query::Filter { v6 } => match self.filter[usize::from(*v6)].as_str() {
                "" => "-P INPUT ACCEPT\n-P FORWARD ACCEPT\n-P OUTPUT ACCEPT\n".into(),
                rules => rules.into(),
            },
            Query::Nat => "-P PREROUTING ACCEPT\n".into(),
            Query::Ruleset => self.ruleset(),
            Query::Journal { unit, .. } => self.journals.get(unit).cloned().unwrap_or_default(),
        };
        Ok(Output {
            stdout,
            ..Output::default()
        })
    }
}

fn failed(code: i32, stderr: &str) -> Output {
    Output {
        code,
        stderr: stderr.into(),
        ..Output::default()
    }
}

impl Probe for FakeHost {
    fn read_up_to(&self, path: &Path, limit: u64) -> Result<Option<Vec<u8>>, Fault> {
        let path = self.resolved(path, true)?;
        if path == Path::new("/dev/null") {
            return Ok(Some(Vec::new()));
        }
        let Some(node) = self.tree.get(&path) else {
            return Ok(None);
        };
        match node.file_type {
            FileType::File | FileType::Symlink if node.bytes.len() as u64 > limit => {
                Err(super::too_large(&path, limit))
            }
            FileType::File | FileType::Symlink => Ok(Some(node.bytes.clone())),
            kind => Err(super::no_file(&path, kind == FileType::Directory)),
        }
    }

    fn meta(&self, path: &Path) -> Result<Option<Meta>, Fault> {
        Ok(self.node(path)?.map(|node| Meta {
            file_type: node.file_type,
            mode: node.mode,
            uid: node.uid,
            gid: node.gid,
            changed_us: node.changed_us,
            modified_us: node.modified_us,
            size: node.bytes.len() as u64,
            inode: node.modified_us.unsigned_abs(),
        }))
    }

    fn list(&self, path: &Path) -> Result<Option<Vec<String>>, Fault> {
        self.names(path)
    }

    fn link(&self, path: &Path) -> Result<Option<PathBuf>, Fault> {
        let node = self.node(path)?;
        let node = node.filter(|node| node.file_type == FileType::Symlink);
        Ok(node.map(|node| PathBuf::from(String::from_utf8_lossy(&node.bytes).into_owned())))
    }

    fn writable(&self, path: &Path) -> bool {
        let node = self.resolved(path, true).ok();
        let node = node.and_then(|path| self.tree.get(&path));
        node.is_some_and(|node| node.mode & 0o200 != 0)
    }

    fn space(&self, _: &Path) -> Result<Space, Fault> {
        Ok(Space {
            free: self.free,
            read_only: self.read_only,
        })
    }

    fn ask(&self, query: &Query) -> Result<Output, Fault> {
        let argv = query.argv();
        self.asked.fetch_add(1, Ordering::Relaxed);
        if self.silent {
            return Err(Fault::new(format!("{} does not answer", argv[0])));
        }
        let mut said = self.answer(query)?;
        if let Some(mishap) = self.mishaps.get(&argv[0]) {
            said = mishap.befall(&argv, said)?;
        }
        query.heard(said)
    }

    fn clock(&self) -> Clock {
        Clock {
            realtime_us: self.now_us + self.ahead_us,
            monotonic_us: self.now_us,
        }
    }
}

impl HostMut for FakeHost {
    fn probe(&self) -> &dyn Probe {
        self
    }

    fn put(&mut self, file: &NewFile<'_>) -> Result<(), Fault> {
        self.put_file(file)
    }

    fn put_new(&mut self, file: &NewFile<'_>) -> Result<(), Fault> {
        self.put_new_file(file)
    }

    fn own(&mut self, path: &Path, uid: u32, gid: u32, mode: u32) -> Result<(), Fault> {
        self.set_owner(path, (uid, gid), mode)
    }

    fn mkdir(&mut self, path: &Path, uid: u32, gid: u32, mode: u32) -> Result<(), Fault> {
        self.make_dir(path)?;
        self.set_owner(path, (uid, gid), mode)
    }

    fn hold(&self, dir: &Path) -> Result<Held, Fault> {
        self.held(dir)
    }

    fn symlink(&mut self, path: &Path, target: &Path) -> Result<(), Fault> {
        self.put_link(path, target)
    }

    fn rename(&mut self, from: &Path, to: &Path) -> Result<(), Fault> {
        self.move_to(from, to)
    }

    fn remove(&mut self, path: &Path) -> Result<(), Fault> {
        self.remove_one(path)
    }

    fn remove_tree(&mut self, path: &Path) -> Result<(), Fault> {
        self.remove_all(path)
    }

    fn set_kernel(&mut self, path: &Path, value: &str) -> Result<(), Fault> {
        self.set_value(path, value)
    }

    fn unpack(
        &mut self,
        packages: &[::npm::Package],
        tree: &Path,
        omit: &::npm::Omit,
        note: &mut dyn FnMut(&str),
    ) -> Result<(), Fault> {
        note("unpacking");
        self.unpacked(packages, tree, omit)
    }

    fn tell(&mut self, order: &Invocation) -> Result<Output, Fault> {
        // A program that can be started reports it itself.
        if let Some(output) = self.failing_program(order) {
            return Ok(output);
        }
        self.write()?;
        self.told.push(order.started());
        let argv: Vec<_> = order.argv.iter().map(String::as_str).collect();
        Ok(match argv.as_slice() {
            ["systemctl", words @ ..] => self.systemctl(words),
            ["apt-get", words @ ..] => self.apt(words)?,
            ["apt-mark", mark, names @ ..] => self.mark(mark, names),
            ["dpkg", "--configure", "-a"] => self.configure(),
            ["chown", words @ ..] => self.chown(words),
            ["chmod", words @ ..] => self.chmod(words),
            [.., "--package-lock-only"] => self.npm(order),
            ["/usr/bin/aide", rest @ ..] => self.aide(rest),
            ["/usr/bin/docker" | "/usr/bin/podman", rest @ ..] => self.engine.tell(rest),
            ["/usr/sbin/sshd", "-T", "-f", main, options @ ..] => {
                let options: Vec<_> = options.iter().map(ToString::to_string).collect();
                self.sshd(Path::new(main), &options)?
            }
            ["ufw", words @ ..] => self.ufw(words),
            ["sync", ..] => Output::default(),
            [program, ..] if self.tree.contains_key(Path::new(program)) => Output::default(),
            _ => self.account(&argv),
        })
    }
}
