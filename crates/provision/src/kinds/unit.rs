//! A systemd unit file, and whether it starts at boot. Another resource decides whether it runs.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{File, Owner};
use crate::Fault;
use crate::engine::{ApplyCx, Change, Cx, Diff, Kind, ResourceId, Reverted, Shown};
use crate::host::{HostMut, Invocation, Probe};

/// The directory of an administrator's units: systemd.unit(5).
pub(super) const UNIT_DIR: &str = "/etc/systemd/system";

/// The links of the units that start at boot. All unit files of aztec-kit have `WantedBy=multi-user.target`.
const AT_BOOT: &str = "/etc/systemd/system/multi-user.target.wants";

/// A systemd unit file that starts at boot.
///
/// The unit is enabled here and not with the service. All units are then in their final place before the first service
/// makes systemd read them, so one daemon-reload serves all.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Unit {
    /// Name with its ending, for example `aztec-node.service`.
    pub name: String,
    /// Its whole text. Anyone on the host may read it, so it must not contain a secret.
    pub text: String,
    /// Instances of a template (`name@.service`); none for a plain unit.
    #[serde(default)]
    pub instances: Vec<String>,
}

/// The observed state.
#[derive(Debug)]
pub struct Seen {
    file: <File as Kind>::Seen,
    /// Units of aztec-kit that start at boot.
    enabled: Vec<String>,
}

/// The prior file and link.
#[derive(Debug, Serialize, Deserialize)]
pub struct Prior {
    file: <File as Kind>::Prior,
    enabled: Vec<String>,
}

impl Unit {
    /// The path of its file.
    pub fn path(&self) -> PathBuf {
        Path::new(UNIT_DIR).join(&self.name)
    }

    fn file(&self) -> File {
        File::new(self.path(), &self.text, Owner::root(0o644))
    }

    /// The units that should start at boot.
    fn at_boot(&self) -> Vec<String> {
        match self.name.split_once('@') {
            None => vec![self.name.clone()],
            Some((prefix, suffix)) => {
                let instances = self.instances.iter();
                instances
                    .map(|instance| format!("{prefix}@{instance}{suffix}"))
                    .collect()
            }
        }
    }

    /// Whether a link among those that start at boot is this unit or an instance of it.
    fn owns(&self, link: &str) -> bool {
        match self.name.split_once('@') {
            None => link == self.name,
            Some((prefix, suffix)) => link
                .strip_prefix(prefix)
                .and_then(|rest| rest.strip_suffix(suffix))
                .is_some_and(|instance| instance.len() > 1 && instance.starts_with('@')),
        }
    }

    fn linked(&self, probe: &dyn Probe) -> Result<Vec<String>, Fault> {
        let mut links = probe.list(Path::new(AT_BOOT))?.unwrap_or_default();
        links.retain(|link| self.owns(link));
        Ok(links)
    }

    /// Changes the links from one set to another.
    fn enable(from: &[String], to: &[String], cx: &mut ApplyCx<'_>) -> Result<(), Fault> {
        let missing = |of: &[String], from: &[String]| -> Vec<String> {
            of.iter()
                .filter(|name| !from.contains(name))
                .cloned()
                .collect()
        };
        for (verb, names) in [
            ("disable", missing(from, to)),
            ("enable", missing(to, from)),
        ] {
            if !names.is_empty() {
                // Without --no-reload, systemctl makes systemd reload all units each time.
                let mut argv = ["systemctl", "--no-reload", verb]
                    .map(String::from)
                    .to_vec();
                argv.extend(names);
                cx.host_mut.run(&Invocation::new(argv))?;
            }
        }
        Ok(())
    }
}

impl Kind for Unit {
    type Seen = Seen;
    type Prior = Prior;

    fn id(&self) -> ResourceId {
        ResourceId::new("unit", &self.name)
    }

    fn files(&self) -> Vec<PathBuf> {
        let links = self.at_boot();
        let links = links.iter().map(|link| Path::new(AT_BOOT).join(link));
        std::iter::once(self.path()).chain(links).collect()
    }

    fn observe(&self, cx: &Cx<'_>) -> Result<Seen, Fault> {
        Ok(Seen {
            file: self.file().observe(cx)?,
            enabled: self.linked(cx.probe)?,
        })
    }

    fn diff(&self, seen: &Seen) -> Diff {
        let mut changes = match self.file().diff(&seen.file) {
            Diff::Change(changes) => changes,
            Diff::InSync(_) | Diff::Unknown(_) => Vec::new(),
        };
        let desired = self.at_boot();
        if seen.enabled != desired {
            let shown = |names: &[String]| match names {
                [] => Shown::text("disabled"),
                [name] if *name == self.name => Shown::text("enabled"),
                names => Shown::Text(names.join(" ")),
            };
            changes.push(Change::field(
                "at boot",
                shown(&seen.enabled),
                shown(&desired),
            ));
        }
        Diff::of(changes, || "as configured, starts at boot".into())
    }

    fn prior(&self, seen: &Seen) -> Prior {
        Prior {
            file: self.file().prior(&seen.file),
            enabled: seen.enabled.clone(),
        }
    }

    fn memory(&self, seen: &Seen) -> Option<Value> {
        self.file().memory(&seen.file)
    }

    fn absent(&self, seen: &Seen) -> bool {
        self.file().absent(&seen.file)
    }

    fn keep(&self, seen: &Seen, host_mut: &mut dyn HostMut) -> Result<(), Fault> {
        self.file().keep(&seen.file, host_mut)
    }

    fn apply(&self, seen: &Seen, cx: &mut ApplyCx<'_>) -> Result<(), Fault> {
        if !matches!(self.file().diff(&seen.file), Diff::InSync(_)) {
            self.file().apply(&seen.file, cx)?;
        }
        Self::enable(&seen.enabled, &self.at_boot(), cx)
    }

    fn revert(&self, prior: &Prior, cx: &mut ApplyCx<'_>) -> Result<Reverted, Fault> {
        // A link is removed while its file exists, and created once its file exists.
        let linked = self.linked(cx.host_mut.probe())?;
        let mut stays = linked.clone();
        stays.retain(|name| prior.enabled.contains(name));
        Self::enable(&linked, &stays, cx)?;
        let reverted = self.file().revert(&prior.file, cx)?;
        Self::enable(&stays, &prior.enabled, cx)?;
        // No later service reloads the units. After links change without its knowledge, systemd reports every unit as
        // outdated, and the next plan would show all of them.
        cx.read_units()?;
        Ok(reverted)
    }
}
