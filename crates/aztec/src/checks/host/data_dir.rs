//! Whether the data directory is a place for data: services can write to it, it persists, and nobody else uses it.

use std::path::{Path, PathBuf};

use provision::Fault;
use provision::host::{FileType, Probe, resolved};
use provision::kinds::{Accounts, Disk};
use provision::tools::mounts;

use crate::checks::finding::{Finding, failed};
use crate::checks::topic::Topic;
use crate::facts::HostFacts;
use crate::layout::{self, ACCOUNT};
use crate::names::Runtime;
use crate::runtime;
use crate::settings::Settings;

/// Directories that units with `ProtectHome` cannot see: systemd.exec(5).
const HOMES: [&str; 3] = ["/home", "/root", "/run/user"];
/// Directories that are cleared at boot or from time to time: file-hierarchy(7).
const VOLATILE: [&str; 4] = ["/tmp", "/var/tmp", "/dev", "/run"];
/// File systems in memory.
const IN_MEMORY: [&str; 2] = ["tmpfs", "ramfs"];
/// Directories of the system, with everything below them.
const SYSTEM: [&str; 11] = [
    "/bin",
    "/boot",
    "/etc",
    "/lib",
    "/lib64",
    "/proc",
    "/sbin",
    "/sys",
    "/usr",
    "/opt/aztec",
    layout::KIT_STATE,
];
/// Directories that hold the directories of others.
const SHARED: [&str; 10] = [
    "/home",
    "/media",
    "/mnt",
    "/opt",
    "/root",
    "/srv",
    "/var",
    "/var/cache",
    "/var/lib",
    "/var/log",
];
/// The directories of the processes of aztec-kit below the data directory.
const OURS: [&str; 6] = [
    "node",
    "prover-node",
    "prover-broker",
    "archiver",
    "l1",
    "blobs",
];

/// Refuses a path that cannot be a data directory.
///
/// # Errors
///
/// When the host cannot be observed.
pub fn data_dir(
    settings: &Settings,
    facts: &HostFacts,
    probe: &dyn Probe,
) -> Result<Finding, Fault> {
    const CHECK: Topic = Topic::DataDirectory;
    let place = Place {
        path: &settings.data_dir,
        real: resolved(&settings.data_dir, probe)?,
        facts,
    };
    let hides_homes =
        runtime::choose(settings, facts).runtime == Runtime::Native || settings.own_l1().is_some();
    let wrong = [
        place.link(probe)?,
        link_of_releases(probe)?,
        place.position(hides_homes),
        place.unmounted(probe)?,
        place.foreign(probe)?,
        place.in_use(probe)?,
    ];
    Ok(match wrong.into_iter().flatten().next() {
        Some(fault) => failed(CHECK, &fault),
        None => Finding::pass(CHECK, settings.data_dir.display().to_string()),
    })
}

/// The configured place for the data.
struct Place<'a> {
    path: &'a Path,
    /// The same without links.
    real: PathBuf,
    facts: &'a HostFacts,
}

const CHOOSE: &str = "Choose another place with `--data-dir`, such as /var/lib/aztec, or /srv/aztec on a separate disk.";

fn within(path: &Path, places: &[&'static str]) -> Option<&'static str> {
    places.iter().find(|place| path.starts_with(place)).copied()
}

fn link_of_releases(probe: &dyn Probe) -> Result<Option<Fault>, Fault> {
    let opt = Path::new(layout::OPT);
    if probe.link(opt)?.is_none() {
        return Ok(None);
    }
    let target = resolved(opt, probe)?;
    let (opt, target) = (opt.display(), target.display());
    Ok(Some(
        Fault::new(format!("{opt}, where releases are installed, is a link to {target}")).fix(format!(
            "Remove the link and use a bind mount instead: `mkdir {opt}`, `mount --bind {target} {opt}`, and a line in /etc/fstab."
        )),
    ))
}

impl Place<'_> {
    fn link(&self, probe: &dyn Probe) -> Result<Option<Fault>, Fault> {
        if probe.link(self.path)?.is_none() {
            return Ok(None);
        }
        let real = self.real.display();
        Ok(Some(
            Fault::new(format!("{} is a link to {real}", self.path.display())).fix(format!(
                "Set `data_dir = \"{real}\"` (`--data-dir {real}`)."
            )),
        ))
    }

    /// The fault of its path, if any; pure.
    fn position(&self, hides_homes: bool) -> Option<Fault> {
        let real = self.real.as_path();
        let wrong = |why: String| Some(Fault::new(format!("{} {why}", real.display())).fix(CHOOSE));
        let mount = mounts::of(real, &self.facts.mounts);
        if hides_homes && let Some(home) = within(real, &HOMES) {
            return wrong(format!("is below {home}, which the services cannot see"));
        }
        if let Some(place) = within(real, &VOLATILE) {
            return wrong(format!(
                "is below {place}, which is cleared at boot or from time to time"
            ));
        }
        if let Some(mount) = mount.filter(|mount| IN_MEMORY.contains(&mount.kind.as_str())) {
            return wrong(format!(
                "is on a {} ({}), which is lost at every boot",
                mount.kind,
                mount.point.display()
            ));
        }
        if let Some(system) = within(real, &SYSTEM) {
            return wrong(format!("is below {system}, which belongs to the system"));
        }
        let own_disk = mount.is_some_and(|mount| mount.point == real);
        if !own_disk && (real.parent().is_none() || SHARED.iter().any(|it| Path::new(it) == real)) {
            return wrong("is a directory for the directories of others".into());
        }
        None
    }

    /// Refuses a disk that is not mounted, and a missing parent directory.
    fn unmounted(&self, probe: &dyn Probe) -> Result<Option<Fault>, Fault> {
        let fstab = probe.text(Path::new("/etc/fstab"))?.unwrap_or_default();
        let mounted = |place: &Path| self.facts.mounts.iter().any(|mount| mount.point == place);
        let mut configured = Vec::new();
        for place in mounts::configured(&fstab) {
            configured.push(resolved(&place, probe)?);
        }
        let missing = configured.into_iter().find(|place| {
            place.parent().is_some()
                && !mounted(place)
                && (self.real.starts_with(place) || self.path.starts_with(place))
        });
        if let Some(place) = missing {
            let (shown, unit) = (place.display(), mounts::unit(&place));
            if self.facts.mounts.is_empty() {
                return Err(Fault::new(format!(
                    "/etc/fstab has a disk for {shown}, and /proc/self/mountinfo lists no mounts"
                ))
                .fix("Mount /proc."));
            }
            return Ok(Some(
                Fault::new(format!("/etc/fstab has a disk for {shown}, and it is not mounted")).fix(format!(
                    "Mount it (`systemctl start {unit}`), or remove its line from /etc/fstab and run `systemctl daemon-reload`."
                )),
            ));
        }
        let parent = self.real.parent().unwrap_or(Path::new("/"));
        if probe.kind(&self.real)?.is_none() && probe.kind(parent)? != Some(FileType::Directory) {
            let parent = parent.display();
            return Ok(Some(
                Fault::new(format!("there is no directory {parent}")).fix(format!(
                    "Mount the disk that it is on, or create it: `mkdir --parents {parent}`."
                )),
            ));
        }
        Ok(None)
    }

    /// Refuses a directory that somebody else already uses.
    fn foreign(&self, probe: &dyn Probe) -> Result<Option<Fault>, Fault> {
        let wrong =
            |why: String| Some(Fault::new(format!("{} {why}", self.path.display())).fix(CHOOSE));
        let accounts = Accounts::read(probe)?;
        let home_of = accounts.users.iter().find(|user| {
            user.name != ACCOUNT
                && [self.path, self.real.as_path()].contains(&Path::new(&user.home))
        });
        if let Some(user) = home_of {
            return Ok(wrong(format!("is the home of {}", user.name)));
        }
        let Some(meta) = probe.meta(&self.real)? else {
            return Ok(None);
        };
        if meta.file_type != FileType::Directory {
            return Ok(wrong(format!("is a {}", meta.file_type.word())));
        }
        let owner = accounts.users.iter().find(|user| user.uid == meta.uid);
        // A number without a name is that of a removed account, or of an account on the host that the disk comes from.
        let Some(owner) = owner.filter(|owner| owner.uid != 0 && owner.name != ACCOUNT) else {
            return Ok(None);
        };
        let names = probe.list(&self.real)?.unwrap_or_default();
        let mark = Disk::mark(Path::new(""));
        let ours = |name: &String| Path::new(name) == mark || OURS.contains(&name.as_str());
        if names.is_empty() || names.iter().any(ours) {
            return Ok(None);
        }
        Ok(wrong(format!(
            "belongs to {}, who has something in it ({})",
            owner.name, names[0]
        )))
    }

    /// The home of an account can change only while nothing runs as it: usermod(8).
    fn in_use(&self, probe: &dyn Probe) -> Result<Option<Fault>, Fault> {
        let accounts = Accounts::read(probe)?;
        let account = accounts.users.iter().find(|user| user.name == ACCOUNT);
        let Some(account) = account.filter(|account| Path::new(&account.home) != self.path) else {
            return Ok(None);
        };
        let Some(process) = process_of(account.uid, probe)? else {
            return Ok(None);
        };
        Ok(Some(
            Fault::new(format!(
                "services run with their data in {} (process {process}), and data_dir is now {}",
                account.home,
                self.path.display()
            ))
            .fix("Run `aztec-kit stop`, move the data if you want to keep it, then run the same command again."),
        ))
    }
}

/// A process that runs as a user.
fn process_of(uid: u32, probe: &dyn Probe) -> Result<Option<u32>, Fault> {
    for name in probe.list(Path::new("/proc"))?.unwrap_or_default() {
        let Ok(pid) = name.parse::<u32>() else {
            continue;
        };
        // The process may end before its status is read.
        let status = probe.text(&Path::new("/proc").join(&name).join("status"));
        let status = status.ok().flatten().unwrap_or_default();
        let ids = status.lines().find_map(|line| line.strip_prefix("Uid:"));
        let real = ids.and_then(|ids| ids.split_ascii_whitespace().next());
        if real.and_then(|id| id.parse().ok()) == Some(uid) {
            return Ok(Some(pid));
        }
    }
    Ok(None)
}

#[cfg(test)]
#[path = "data_dir_tests.rs"]
mod tests;
