//! Disposable Debian hosts with a real systemd, which boot in seconds.
//!
//! A [`Machine`] is a systemd-nspawn container on an overlay of a prepared [`Root`], in namespaces,
//! a network and a control group of its own. Nothing here knows what the machines are for.
//!
//! ```no_run
//! # use xtask::machine::{Machine, Root};
//! let root = Root::pristine("trixie")?;
//! let mut machine = Machine::boot(&root, "example")?;
//! machine.exec_ok(&["systemctl", "start", "systemd-tmpfiles-clean.service"])?;
//! machine.kill_power()?;
//! machine.start()?;
//! # anyhow::Ok(())
//! ```
//!
//! A machine differs from a real host ([`crate::vm`] emulates one): the kernel is that of the outer machine, so sysctls
//! outside of `net.*` are read-only, modules cannot be loaded, and the clock cannot be set. Resource limits work only as far
//! as the outer machine delegates cgroup2 controllers. After [`Machine::kill_power`] the disk has everything that was
//! written, synced or not.

mod cgroup;
mod debian;
mod disk;
mod exec;
mod inside;
mod layered;
mod network;
mod power;
mod process;
mod root;
mod stale;

pub(crate) use cgroup::group_of_task;
pub use debian::Debian;
pub use exec::{Enter, Exec, Output};
pub(crate) use inside::placing;
pub use process::Process;
pub use root::Root;

use std::fs::{self, File};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::process::Child;

use anyhow::{Context as _, Result, anyhow};
use serde_json::json;

use crate::cache;
use cgroup::Cgroup;
use disk::Disk;
use network::Slot;

/// Capabilities that no process of a machine has, because they would change the outer machine: its clock, the modules
/// of its kernel, its hardware.
const FORBIDDEN_CAPABILITIES: [&str; 3] = ["sys_time", "sys_module", "sys_rawio"];

/// How to boot a machine.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The end of the machine, when its [`Machine`] is dropped or this process ends.
    pub end: End,
    /// Directories of the outer machine to show inside: (outside, inside).
    pub binds: Vec<(PathBuf, String)>,
    /// Directories inside that must not lie on an overlay, such as `/var/lib/docker`.
    pub plain: Vec<String>,
}

impl Options {
    /// Options under which machines share the npm packages that aztec-kit has fetched, so that a second installation is
    /// fast. Debian packages are always shared.
    pub fn sharing_packages() -> Result<Options> {
        let binds = vec![(cache::subdir("packages")?, PACKAGES.to_owned())];
        Ok(Options {
            binds,
            ..Options::default()
        })
    }
}

/// The directory in which aztec-kit caches packages, if there is one.
const PACKAGES: &str = "/var/cache/aztec-kit/packages";

/// The fate of a machine at the end of its owner.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum End {
    /// It is stopped and deleted.
    #[default]
    Remove,
    /// It stays until somebody removes it. [`Machine::find`] finds it.
    Keep,
}

/// A disposable host, running or powered off.
#[derive(Debug)]
pub struct Machine {
    name: String,
    dir: PathBuf,
    slot: Slot,
    cgroup: Cgroup,
    layers: Vec<PathBuf>,
    options: Options,
    keeper: Option<Child>,
    /// The lock is held as long as this process owns the machine. A directory without a lock is a leftover.
    owner: Option<File>,
}

impl Machine {
    /// Boots a machine from a root. It is removed when the value is dropped.
    pub fn boot(root: &Root, name: &str) -> Result<Machine> {
        Machine::boot_with(root, name, Options::default())
    }

    /// Boots a machine from a root, with this host name.
    pub fn boot_with(root: &Root, name: &str, options: Options) -> Result<Machine> {
        let mut machine = Machine::create(root, name, options)?;
        machine.start()?;
        Ok(machine)
    }

    fn create(root: &Root, name: &str, options: Options) -> Result<Machine> {
        crate::prerequisites::for_machines()?;
        let machines = cache::subdir("machines")?;
        // Another run must not take the unfinished directory for a leftover.
        let _making = cache::lock(&machines.join("lock"))?;
        stale::sweep(&machines)?;
        let slot = Slot::claim()?;
        let dir = machines.join(format!("{name}.{}", slot.number()));
        fs::create_dir(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
        let owner = cache::lock(&dir.join("owner"))?;
        let machine = Machine {
            name: name.to_owned(),
            cgroup: Cgroup::new(slot.number())?,
            layers: root.layers().to_vec(),
            dir,
            slot,
            options,
            keeper: None,
            owner: Some(owner),
        };
        machine.write_state()?;
        machine.cgroup.create()?;
        machine.disk().prepare(name, machine.cgroup.path())?;
        Ok(machine)
    }

    /// The machine's name, which is its host name too.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The machine's address, reachable from the outer machine and from other machines.
    pub fn ip(&self) -> Ipv4Addr {
        self.slot.inner()
    }

    /// The outer machine's address as the machine sees it.
    pub fn gateway(&self) -> Ipv4Addr {
        self.slot.outer()
    }

    /// Connects this machine with another one by a cable, over which they reach each other by IPv6. Returns the
    /// addresses of both, this one's first.
    pub fn cable_to(&self, other: &Machine) -> Result<(Ipv6Addr, Ipv6Addr)> {
        self.slot.cable_to(other.slot)
    }

    /// The output of the machine on its console, over all its boots.
    pub fn console(&self) -> Result<String> {
        Ok(String::from_utf8_lossy(&fs::read(self.dir.join("console.log"))?).into_owned())
    }

    fn leader(&self) -> Result<u32> {
        self.cgroup
            .leader()
            .ok_or_else(|| anyhow!("the machine {} is not running", self.name))
    }

    /// The machine with this name that an earlier run has kept.
    pub fn find(name: &str) -> Result<Machine> {
        let kept = Machine::kept()?;
        let known: Vec<_> = kept.iter().map(|machine| machine.name.clone()).collect();
        kept.into_iter()
            .find(|machine| machine.name == name)
            .ok_or_else(|| {
                anyhow!(
                    "no machine `{name}` is kept (there are: {})",
                    known.join(" ")
                )
            })
    }

    /// All machines that earlier runs have kept and that still run.
    pub fn kept() -> Result<Vec<Machine>> {
        let machines = cache::subdir("machines")?;
        let _making = cache::lock(&machines.join("lock"))?;
        stale::sweep(&machines)?;
        let kept = stale::kept(&machines)?.into_iter();
        kept.map(Machine::kept_as).collect()
    }

    fn kept_as(found: stale::Found) -> Result<Machine> {
        Ok(Machine {
            cgroup: Cgroup::new(found.slot.number())?,
            name: found.name,
            slot: found.slot,
            dir: found.dir,
            layers: Vec::new(),
            options: Options {
                end: End::Keep,
                ..Options::default()
            },
            keeper: None,
            owner: None,
        })
    }

    /// Stops the machine and deletes it, kept or not.
    pub fn remove(mut self) -> Result<()> {
        self.options.end = End::Remove;
        self.delete()
    }

    fn delete(&mut self) -> Result<()> {
        disk::harvest(&self.dir);
        let deleted = stale::delete(&self.dir, self.slot);
        self.reap();
        self.owner = None;
        deleted
    }

    fn write_state(&self) -> Result<()> {
        let layers = self.layers.iter().filter_map(|layer| layer.file_name());
        let state = json!({
            "name": self.name,
            "slot": self.slot.number(),
            "keep": self.options.end == End::Keep,
            "layers": layers.map(|name| name.to_string_lossy()).collect::<Vec<_>>(),
        });
        fs::write(self.dir.join("state.json"), state.to_string())?;
        Ok(())
    }

    fn disk(&self) -> Disk<'_> {
        Disk {
            dir: &self.dir,
            layers: &self.layers,
        }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if self.owner.is_some()
            && self.options.end == End::Remove
            && let Err(error) = self.delete()
        {
            crate::say!("   cannot remove the machine {}: {error:#}", self.name);
        }
    }
}
