//! The state of a host in memory: its tree, its clock, and the counted writes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use super::apt::FakeApt;
use super::engine::FakeEngine;
use super::failing::Failing;
use super::mishap::Mishap;
use super::output::failed;
use super::unit::FakeUnit;
use crate::Fault;
use crate::host::{FileType, Invocation, NewFile, Output, RandomReads};

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
    /// The number of files that the file system can have, and how many of them can still be created.
    pub files: (u64, u64),
    /// What a measurement of its disk says.
    pub random_reads: Option<RandomReads>,
    /// The output of `chronyc -c tracking`.
    pub tracking: String,
    /// The output of `timedatectl show`.
    pub time_date: String,
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
    pub(super) now_us: i64,
    /// How far the wall clock is ahead of that.
    pub(super) ahead_us: i64,
    /// Links have changed without a reload, so systemd reports every unit as outdated.
    pub(super) outdated: bool,
    /// Drop-ins of units when systemd last loaded them.
    pub(super) drop_ins: BTreeMap<PathBuf, Vec<u8>>,
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
            (
                "/proc/stat",
                "cpu  3168128 397714 696203 942890 11648 0 14628 4202 0 0\n",
            ),
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
    pub(super) fn tick(&mut self) -> i64 {
        self.now_us += 1000;
        self.now_us + self.ahead_us
    }

    /// Sets the wall clock, as a person or a daemon does.
    pub fn jump(&mut self, us: i64) {
        self.ahead_us += us;
    }

    pub(super) fn write(&mut self) -> Result<(), Fault> {
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

    /// The output of a program whose write fails: it exits with 1.
    pub(super) fn failing_program(&mut self, order: &Invocation) -> Option<Output> {
        let failing = self.failing.filter(|it| it.meets(self.writes))?;
        if self.dies_at == Some(self.writes) {
            return None;
        }
        self.writes += 1;
        self.told.push(order.started());
        let name = order.argv.first().map(String::as_str).unwrap_or_default();
        Some(failed(1, &format!("{name}: {}", failing.errno.error())))
    }

    pub(super) fn insert(&mut self, file: &NewFile<'_>, file_type: FileType) {
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

    pub(super) fn edit(&mut self, path: &str, edit: impl FnOnce(String) -> String) {
        let text = edit(self.text(path).unwrap_or_default());
        if let Some(node) = self.tree.get_mut(Path::new(path)) {
            node.bytes = text.into_bytes();
        }
    }
}
