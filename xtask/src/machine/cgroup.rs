//! A machine's control group: it finds the machine's processes and ends them all at once.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::{cache, meter, sh};

/// The time that the kernel may take to end killed processes. One in an uninterruptible read may linger.
const DEATH: Duration = Duration::from_secs(120);

/// The control group of one machine, in the outer machine's cgroup2 tree.
///
/// Below it are `keeper` (the shell that holds the namespaces), `supervisor` (systemd-nspawn) and `payload` (the
/// machine). The group itself has no process, as cgroup2 requires.
#[derive(Debug, Clone)]
pub struct Cgroup(PathBuf);

impl Cgroup {
    /// The group of the machine in a slot.
    pub fn new(slot: u8) -> Result<Cgroup> {
        Ok(Cgroup(tree()?.join("aztec-kit").join(slot.to_string())))
    }

    /// Creates the group again, with every resource controller that the outer machine delegates.
    pub fn create(&self) -> Result<()> {
        // Groups count their kills, and Linux 6.18 kills a process that is started from a group into one with another
        // count: after a power cut, every service that the boot before did not have.
        self.remove();
        let keeper = self.0.join("keeper");
        fs::create_dir_all(&keeper)
            .with_context(|| format!("cannot create {}", keeper.display()))?;
        if let Some(parent) = self.0.parent() {
            for controller in ["cpu", "io", "memory", "pids"] {
                // A machine with a cgroup v1 layout delegates none. Limits then have no effect.
                for group in [parent, &self.0] {
                    let _ = fs::write(
                        group.join("cgroup.subtree_control"),
                        format!("+{controller}"),
                    );
                }
            }
        }
        meter::watch(&self.0);
        Ok(())
    }

    /// The group's directory.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// A group inside the machine for a process that enters it from outside.
    pub fn visitor(&self, name: &str) -> Result<PathBuf> {
        let path = self.0.join("payload").join(name);
        fs::create_dir_all(&path).with_context(|| format!("cannot create {}", path.display()))?;
        Ok(path)
    }

    /// Whether any process of the machine is alive.
    pub fn alive(&self) -> bool {
        fs::read_to_string(self.0.join("cgroup.events"))
            .is_ok_and(|events| events.lines().any(|line| line == "populated 1"))
    }

    /// The machine's init, as a process id of the outer machine.
    pub fn leader(&self) -> Option<u32> {
        let payload = self.0.join("payload");
        ["init.scope/cgroup.procs", "cgroup.procs"]
            .iter()
            .filter_map(|procs| fs::read_to_string(payload.join(procs)).ok())
            .flat_map(|procs| {
                procs
                    .lines()
                    .filter_map(|pid| pid.parse().ok())
                    .collect::<Vec<_>>()
            })
            .find(|pid| is_init(*pid))
    }

    /// Kills every process of the machine at once, as a power cut does.
    pub fn kill(&self) -> Result<()> {
        if self.alive() {
            let switch = self.0.join("cgroup.kill");
            fs::write(&switch, "1")
                .with_context(|| format!("cannot write {}", switch.display()))?;
        }
        sh::wait_for("the end of the machine's processes", DEATH, || {
            Ok((!self.alive()).then_some(()))
        })
    }

    /// Removes the group, which must have no process.
    pub fn remove(&self) {
        meter::unwatch(&self.0);
        remove_tree(&self.0);
    }
}

/// A new control group beside those of the machines, for programs of a task on the outer machine.
pub(crate) fn group_of_task() -> Result<PathBuf> {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("task-{}-{number}", std::process::id());
    let path = tree()?.join("aztec-kit").join(name);
    fs::create_dir_all(&path).with_context(|| format!("cannot create {}", path.display()))?;
    Ok(path)
}

/// The init is process 1 of a namespace below that of the keeper, which is below the outer one: three numbers.
fn is_init(pid: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("NSpid:"))
        .map(|ids| ids.split_whitespace().collect::<Vec<_>>())
        .is_some_and(|ids| ids.len() == 3 && ids[2] == "1")
}

/// The cgroup2 tree: mounted somewhere on any systemd machine, otherwise mounted in the cache.
fn tree() -> Result<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").context("/proc/self/mountinfo")?;
    for line in mounts.lines() {
        let Some((place, filesystem)) = line.split_once(" - ") else {
            continue;
        };
        if filesystem.starts_with("cgroup2 ")
            && let Some(path) = place.split(' ').nth(4)
        {
            return Ok(PathBuf::from(path));
        }
    }
    let path = cache::subdir("cgroup2")?;
    sh::quiet(
        "mount",
        &[
            "-t".as_ref(),
            "cgroup2".as_ref(),
            "none".as_ref(),
            path.as_os_str(),
        ],
    )?;
    Ok(path)
}

/// Control groups are removed from the leaves up; their files are not files and need no removal.
fn remove_tree(path: &Path) {
    for entry in fs::read_dir(path).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_tree(&entry.path());
        }
    }
    let _ = fs::remove_dir(path);
}
