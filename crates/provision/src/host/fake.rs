//! A host in memory, for tests: a file tree, a clock, and small stand-ins for the programs the kinds run.
//!
//! It can be told to fail at the n-th write, which is how a crash at every point is tried.

mod npm;
mod systemd;
mod ufw;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use super::fake_engine::FakeEngine;
use super::{Clock, FileType, Hands, Meta, NewFile, Order, Output, Probe, Query, Space};
use crate::Fault;
use crate::kinds::{Accounts, sshd};
pub use systemd::FakeUnit;

/// One thing in the tree.
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
    /// Time of the last write, which also tells one file from another.
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
    /// Bytes left on its one file system.
    pub free: u64,
    /// Whether that is mounted read-only.
    pub read_only: bool,
    /// Its container engine.
    pub engine: FakeEngine,
    /// What the journal of each unit has, as journalctl prints it.
    pub journals: BTreeMap<String, String>,
    /// Programs run so far.
    pub told: Vec<Vec<String>>,
    now_us: i64,
    /// Links have changed without a reload: systemd then calls every unit outdated.
    outdated: bool,
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

    /// Puts something into the tree from outside, without counting as a write.
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

    /// The tree without times and without what differs from run to run, to compare two hosts.
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

    fn tick(&mut self) -> i64 {
        self.now_us += 1000;
        self.now_us
    }

    fn write(&mut self) -> Result<(), Fault> {
        if self.dies_at == Some(self.writes) {
            return Err(Fault::new("the run died here"));
        }
        self.writes += 1;
        Ok(())
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

    fn account(&mut self, argv: &[&str]) -> Output {
        let accounts = Accounts::read(self).unwrap_or_default();
        let option = |name: &str| {
            let at = argv.iter().position(|argument| *argument == name)?;
            argv.get(at + 1).map(|value| (*value).to_owned())
        };
        let name = argv.last().copied().unwrap_or_default().to_owned();
        let free = (100..).find(|id| {
            accounts.users.iter().all(|user| user.uid != *id)
                && accounts.groups.iter().all(|group| group.gid != *id)
        });
        let free = free.unwrap_or(100);
        let gid = |group: Option<String>| {
            let found = accounts
                .groups
                .iter()
                .find(|known| Some(&known.name) == group.as_ref());
            found.map(|group| group.gid)
        };
        let without = |text: String, name: &str| -> String {
            let prefix = format!("{name}:");
            text.split_inclusive('\n')
                .filter(|line| !line.starts_with(&prefix))
                .collect()
        };
        match argv[0] {
            "groupadd" => {
                if accounts.groups.iter().any(|group| group.name == name) {
                    return failed(9, "group exists");
                }
                let gid = option("--gid").unwrap_or_else(|| free.to_string());
                self.edit("/etc/group", |text| format!("{text}{name}:x:{gid}:\n"));
            }
            "groupdel" => self.edit("/etc/group", |text| without(text, &name)),
            "userdel" => self.edit("/etc/passwd", |text| without(text, &name)),
            "useradd" | "usermod" => {
                let known = accounts.users.iter().find(|user| user.name == name);
                if (argv[0] == "useradd") == known.is_some() {
                    return failed(9, "user exists or not");
                }
                let Some(gid) = gid(option("--gid")) else {
                    return failed(6, "no such group");
                };
                let asked = option("--uid").and_then(|uid| uid.parse().ok());
                let uid = known.map_or(asked.unwrap_or(free), |user| user.uid);
                let home = option("--home-dir")
                    .or(option("--home"))
                    .unwrap_or_default();
                let shell = option("--shell").unwrap_or_default();
                self.edit("/etc/passwd", |text| {
                    format!(
                        "{}{name}:x:{uid}:{gid}::{home}:{shell}\n",
                        without(text, &name)
                    )
                });
            }
            _ => return failed(127, "no such program"),
        }
        Output::default()
    }

    fn apt(&mut self, argv: &[&str]) -> Output {
        let names: Vec<_> = argv
            .iter()
            .skip_while(|argument| **argument != "--")
            .skip(1)
            .collect();
        if argv.contains(&"install") {
            let block = |name: &str| {
                format!("Package: {name}\nStatus: install ok installed\nVersion: 1\n\n")
            };
            for name in names {
                self.edit("/var/lib/dpkg/status", |text| {
                    match name.strip_suffix('-') {
                        Some(name) => text.replace(&block(name), ""),
                        None => format!("{text}{}", block(name)),
                    }
                });
            }
        }
        Output::default()
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
    fn read(&self, path: &Path) -> Result<Option<Vec<u8>>, Fault> {
        let node = self
            .tree
            .get(path)
            .filter(|node| node.file_type == FileType::File);
        Ok(node.map(|node| node.bytes.clone()))
    }

    fn meta(&self, path: &Path) -> Result<Option<Meta>, Fault> {
        Ok(self.tree.get(path).map(|node| Meta {
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
        if !self.tree.contains_key(path) {
            return Ok(None);
        }
        let children = self
            .tree
            .keys()
            .filter(|child| child.parent() == Some(path));
        Ok(Some(
            children
                .filter_map(|child| Some(child.file_name()?.to_string_lossy().into_owned()))
                .collect(),
        ))
    }

    fn link(&self, path: &Path) -> Result<Option<PathBuf>, Fault> {
        let node = self
            .tree
            .get(path)
            .filter(|node| node.file_type == FileType::Symlink);
        Ok(node.map(|node| PathBuf::from(String::from_utf8_lossy(&node.bytes).into_owned())))
    }

    fn writable(&self, path: &Path) -> bool {
        self.tree
            .get(path)
            .is_some_and(|node| node.mode & 0o200 != 0)
    }

    fn space(&self, _: &Path) -> Result<Space, Fault> {
        Ok(Space {
            free: self.free,
            read_only: self.read_only,
        })
    }

    fn ask(&self, query: &Query) -> Result<Output, Fault> {
        let stdout = match query {
            Query::Units(names) => {
                let shown: Vec<_> = names.iter().map(|name| self.show(name)).collect();
                shown.join("\n")
            }
            // Every package is as it was unpacked.
            Query::PackageFiles(_) => String::new(),
            Query::Images(_) | Query::Architecture(..) | Query::Manifest(..) => {
                return self.engine.ask(query);
            }
            Query::Sshd => sshd::shown(self, Path::new(sshd::MAIN))?.stdout,
            Query::SshSocket => "ActiveState=inactive\n".into(),
            Query::Filter { .. } => String::new(),
            Query::Journal { unit, .. } => self.journals.get(unit).cloned().unwrap_or_default(),
        };
        Ok(Output {
            stdout,
            ..Output::default()
        })
    }

    fn clock(&self) -> Clock {
        Clock {
            realtime_us: self.now_us,
            monotonic_us: self.now_us,
        }
    }
}

impl Hands for FakeHost {
    fn probe(&self) -> &dyn Probe {
        self
    }

    fn put(&mut self, file: &NewFile<'_>) -> Result<(), Fault> {
        self.write()?;
        if !file
            .path
            .parent()
            .is_some_and(|dir| self.tree.contains_key(dir))
        {
            return Err(Fault::new(format!(
                "no directory for {}",
                file.path.display()
            )));
        }
        self.insert(file, FileType::File);
        Ok(())
    }

    fn put_new(&mut self, file: &NewFile<'_>) -> Result<(), Fault> {
        if self.tree.contains_key(file.path) {
            return Err(Fault::new(format!("{} exists", file.path.display())));
        }
        self.put(file)
    }

    fn own(&mut self, path: &Path, uid: u32, gid: u32, mode: u32) -> Result<(), Fault> {
        self.write()?;
        let changed_us = self.tick();
        let node = self
            .tree
            .get_mut(path)
            .ok_or_else(|| Fault::new("nothing to own"))?;
        (node.uid, node.gid, node.mode, node.changed_us) = (uid, gid, mode, changed_us);
        Ok(())
    }

    fn mkdir(&mut self, path: &Path, uid: u32, gid: u32, mode: u32) -> Result<(), Fault> {
        self.write()?;
        if self.tree.contains_key(path) {
            return Err(Fault::new(format!("{} exists", path.display())));
        }
        let file = NewFile {
            path,
            bytes: b"",
            uid,
            gid,
            mode,
        };
        self.insert(&file, FileType::Directory);
        Ok(())
    }

    fn symlink(&mut self, path: &Path, target: &Path) -> Result<(), Fault> {
        self.write()?;
        let bytes = target.display().to_string();
        let file = NewFile {
            path,
            bytes: bytes.as_bytes(),
            uid: 0,
            gid: 0,
            mode: 0o777,
        };
        self.insert(&file, FileType::Symlink);
        Ok(())
    }

    fn rename(&mut self, from: &Path, to: &Path) -> Result<(), Fault> {
        self.write()?;
        let moved: Vec<_> = self
            .tree
            .keys()
            .filter(|path| path.starts_with(from))
            .cloned()
            .collect();
        for path in moved {
            if let (Some(node), Ok(rest)) = (self.tree.remove(&path), path.strip_prefix(from)) {
                let target = if rest.as_os_str().is_empty() {
                    to.to_owned()
                } else {
                    to.join(rest)
                };
                self.tree.insert(target, node);
            }
        }
        Ok(())
    }

    fn remove(&mut self, path: &Path) -> Result<(), Fault> {
        self.write()?;
        self.tree.remove(path);
        Ok(())
    }

    fn remove_tree(&mut self, path: &Path) -> Result<(), Fault> {
        self.write()?;
        self.tree.retain(|known, _| !known.starts_with(path));
        Ok(())
    }

    fn set_kernel(&mut self, path: &Path, value: &str) -> Result<(), Fault> {
        self.write()?;
        let path = path.display().to_string();
        self.edit(&path, |_| format!("{value}\n"));
        Ok(())
    }

    fn tell(&mut self, order: &Order) -> Result<Output, Fault> {
        self.write()?;
        self.told.push(order.argv.clone());
        let argv: Vec<_> = order.argv.iter().map(String::as_str).collect();
        Ok(match argv.as_slice() {
            ["systemctl", words @ ..] => self.systemctl(words),
            ["apt-get", ..] => self.apt(&argv),
            ["dpkg" | "chown" | "chmod", ..] => Output::default(),
            ["npm", ..] => self.npm(order),
            ["/usr/bin/aide", rest @ ..] => self.aide(rest),
            ["/usr/bin/docker" | "/usr/bin/podman", rest @ ..] => self.engine.tell(rest),
            ["/usr/sbin/sshd", "-T", "-f", main] => sshd::shown(self, Path::new(main))?,
            ["ufw", words @ ..] => self.ufw(words),
            [program, ..] if self.tree.contains_key(Path::new(program)) => Output::default(),
            _ => self.account(&argv),
        })
    }
}
