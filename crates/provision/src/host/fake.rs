//! A host in memory, for tests: a file tree, a clock, and small replacements for the programs that the kinds run.
//!
//! It can be made to fail at the n-th write, which tests a crash at every point.

mod accounts;
mod aide;
mod apt;
mod coreutils;
mod engine;
mod failing;
mod files;
mod host;
mod mishap;
mod npm;
mod output;
mod packages;
mod shared;
mod sshd;
mod systemd;
mod ufw;
mod unit;

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

pub use apt::FakeApt;
pub use engine::{FakeEngine, FakeImage};
pub use failing::{Errno, Failing};
pub use host::{FakeHost, FakeNode};
pub use mishap::Mishap;
pub use npm::LOCK;
pub use shared::{SharedHost, Steps};
pub use unit::{FakeUnit, Fate};

use super::unreadable::{no_file, too_large};
use super::{
    Clock, FileType, Held, HostMut, Invocation, Meta, NewFile, Output, Probe, Query, RandomReads,
    Space,
};
use crate::Fault;

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
            Query::Tracking => self.tracking.clone(),
            Query::TimeDate => self.time_date.clone(),
            Query::Journal { unit, .. } => self.journals.get(unit).cloned().unwrap_or_default(),
        };
        Ok(Output {
            stdout,
            ..Output::default()
        })
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
                Err(too_large(&path, limit))
            }
            FileType::File | FileType::Symlink => Ok(Some(node.bytes.clone())),
            kind => Err(no_file(&path, kind == FileType::Directory)),
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
            files: self.files.0,
            free_files: self.files.1,
            read_only: self.read_only,
        })
    }

    fn random_reads(&self, _: &Path) -> Result<Option<RandomReads>, Fault> {
        Ok(self.random_reads.clone())
    }

    fn ask(&self, query: &Query) -> Result<Output, Fault> {
        let argv = query.argv();
        self.asked.fetch_add(1, Ordering::Relaxed);
        if self.silent {
            return Err(Fault::new(format!("{} does not answer", argv[0])));
        }
        let mut output = self.answer(query)?;
        if let Some(mishap) = self.mishaps.get(&argv[0]) {
            output = mishap.befall(&argv, output)?;
        }
        query.heard(output)
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
