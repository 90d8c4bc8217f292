//! Kernel settings: a drop-in for the next boot, and the running kernel now.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{File, Owner};
use crate::Fault;
use crate::engine::{ApplyCx, Change, Cx, Diff, Kind, ResourceId, Reverted, Shown};
use crate::host::Probe;
use crate::tools::sysctl_d;

/// A drop-in of aztec-kit and its values.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Sysctl {
    /// File name under `/etc/sysctl.d`, for example `60-aztec.conf`.
    pub name: String,
    /// Setting to value, for example `vm.swappiness` to `10`.
    pub values: BTreeMap<String, String>,
}

/// The state of one setting in the running kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Running {
    /// A value that can be set.
    Value(String),
    /// A value of an outer kernel (of the host of a container), which cannot be set here.
    Foreign(String),
    /// The kernel does not have this setting.
    Missing,
}

/// The observed state.
#[derive(Debug)]
pub struct Seen {
    file: <File as Kind>::Seen,
    running: Vec<(String, Running)>,
    /// Settings that a later file overrides, with its value and its path.
    overridden: BTreeMap<String, (String, PathBuf)>,
}

/// The prior drop-in and values.
#[derive(Debug, Serialize, Deserialize)]
pub struct Prior {
    file: <File as Kind>::Prior,
    running: BTreeMap<String, String>,
}

/// The directories of drop-ins. A name in an earlier one hides the same name in a later one: sysctl.d(5).
const DROP_INS: [&str; 4] = [
    "/etc/sysctl.d",
    "/run/sysctl.d",
    "/usr/local/lib/sysctl.d",
    "/usr/lib/sysctl.d",
];
/// UFW applies these at its start, long after all drop-ins: `IPT_SYSCTL` of ufw-framework(8).
const UFW: &str = "/etc/ufw/sysctl.conf";
const UFW_SWITCH: &str = "/etc/ufw/ufw.conf";

fn kernel_path(setting: &str) -> PathBuf {
    Path::new("/proc/sys").join(setting.replace('.', "/"))
}

/// Tabs, spaces and the final newline have no meaning: `4096\t87380` equals `4096 87380`.
fn normal(value: &str) -> String {
    value.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl Sysctl {
    fn file(&self) -> File {
        let values = self.values.iter();
        let text: String = values
            .map(|(name, value)| format!("{name} = {value}\n"))
            .collect();
        File::new(
            Path::new("/etc/sysctl.d").join(&self.name),
            text,
            Owner::root(0o644),
        )
    }

    /// The files that are applied after the drop-in, in order.
    fn later(&self, probe: &dyn Probe) -> Result<Vec<PathBuf>, Fault> {
        let mut files = BTreeMap::new();
        for dir in DROP_INS {
            for name in probe.list(Path::new(dir))?.unwrap_or_default() {
                if name.ends_with(".conf") && name > self.name {
                    files
                        .entry(name.clone())
                        .or_insert(Path::new(dir).join(name));
                }
            }
        }
        let mut files: Vec<_> = files.into_values().collect();
        let switch = probe.text(Path::new(UFW_SWITCH))?.unwrap_or_default();
        let on = sysctl_d::parse(&switch)
            .iter()
            .any(|(name, value)| name == "ENABLED" && value == "yes");
        if on {
            files.push(UFW.into());
        }
        Ok(files)
    }

    fn overridden(&self, probe: &dyn Probe) -> Result<BTreeMap<String, (String, PathBuf)>, Fault> {
        let mut last = BTreeMap::new();
        for file in self.later(probe)? {
            let text = probe.text(&file)?.unwrap_or_default();
            for (name, value) in sysctl_d::parse(&text) {
                last.insert(name, (normal(&value), file.clone()));
            }
        }
        last.retain(|name, (value, _)| {
            let desired = self.values.get(name);
            desired.is_some_and(|desired| normal(desired) != *value)
        });
        Ok(last)
    }
}

impl Kind for Sysctl {
    type Seen = Seen;
    type Prior = Prior;

    fn id(&self) -> ResourceId {
        ResourceId::new("sysctl", &self.name)
    }

    fn files(&self) -> Vec<PathBuf> {
        self.file().files()
    }

    fn observe(&self, cx: &Cx<'_>) -> Result<Seen, Fault> {
        let mut running = Vec::with_capacity(self.values.len());
        for setting in self.values.keys() {
            let path = kernel_path(setting);
            let value = match cx.probe.text(&path)? {
                None => Running::Missing,
                Some(text) => {
                    let value = normal(&text);
                    if cx.probe.writable(&path) {
                        Running::Value(value)
                    } else {
                        Running::Foreign(value)
                    }
                }
            };
            running.push((setting.clone(), value));
        }
        Ok(Seen {
            file: self.file().observe(cx)?,
            running,
            overridden: self.overridden(cx.probe)?,
        })
    }

    fn diff(&self, seen: &Seen) -> Diff {
        let mut changes = match self.file().diff(&seen.file) {
            Diff::Change(changes) => changes,
            Diff::InSync(_) | Diff::Unknown(_) => Vec::new(),
        };
        let mut elsewhere = Vec::new();
        for (setting, running) in &seen.running {
            let desired = normal(&self.values[setting]);
            match running {
                Running::Value(value) if *value != desired => {
                    let by = match seen.overridden.get(setting) {
                        Some((other, file)) if other == value => {
                            format!("{value} (by {})", file.display())
                        }
                        _ => value.clone(),
                    };
                    changes.push(Change::field(
                        setting,
                        Shown::Text(by),
                        Shown::Text(desired),
                    ));
                }
                Running::Foreign(value) if *value != desired => {
                    elsewhere.push(format!(
                        "{setting} stays {value}: it belongs to the outer kernel"
                    ));
                }
                Running::Missing => elsewhere.push(format!("{setting} is unknown to this kernel")),
                Running::Value(_) | Running::Foreign(_) => {}
            }
        }
        for (setting, (value, file)) in &seen.overridden {
            let file = file.display();
            elsewhere.push(format!(
                "{file} will set {setting} to {value}; remove the setting from it"
            ));
        }
        Diff::of(changes, || {
            if elsewhere.is_empty() {
                "drop-in and running kernel as configured".into()
            } else {
                format!("drop-in as configured; {}", elsewhere.join("; "))
            }
        })
    }

    fn prior(&self, seen: &Seen) -> Prior {
        let values = seen
            .running
            .iter()
            .filter_map(|(setting, running)| match running {
                Running::Value(value) => Some((setting.clone(), value.clone())),
                Running::Foreign(_) | Running::Missing => None,
            });
        Prior {
            file: self.file().prior(&seen.file),
            running: values.collect(),
        }
    }

    fn memory(&self, seen: &Seen) -> Option<Value> {
        self.file().memory(&seen.file)
    }

    fn absent(&self, seen: &Seen) -> bool {
        self.file().absent(&seen.file)
    }

    fn apply(&self, seen: &Seen, cx: &mut ApplyCx<'_>) -> Result<(), Fault> {
        if !matches!(self.file().diff(&seen.file), Diff::InSync(_)) {
            self.file().apply(&seen.file, cx)?;
        }
        for (setting, running) in &seen.running {
            let desired = &self.values[setting];
            if matches!(running, Running::Value(value) if *value != normal(desired)) {
                cx.host_mut.set_kernel(&kernel_path(setting), desired)?;
            }
        }
        Ok(())
    }

    fn revert(&self, prior: &Prior, cx: &mut ApplyCx<'_>) -> Result<Reverted, Fault> {
        let reverted = self.file().revert(&prior.file, cx)?;
        for (setting, value) in &prior.running {
            cx.host_mut.set_kernel(&kernel_path(setting), value)?;
        }
        Ok(reverted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::FileType;
    use crate::host::fake::FakeHost;

    fn look(host: &FakeHost) -> Diff {
        let sysctl = Sysctl {
            name: "60-app.conf".into(),
            values: BTreeMap::from([("net.core.somaxconn".into(), "4096".into())]),
        };
        let seen = sysctl.observe(&Cx::of(host));
        sysctl.diff(&seen.unwrap())
    }

    #[test]
    fn whoever_has_a_later_word_is_named() {
        let mut host = FakeHost::debian();
        let file = |host: &mut FakeHost, path: &str, text: &str| {
            host.plant(path, FileType::File, text.as_bytes(), 0o644);
        };
        file(
            &mut host,
            "/etc/sysctl.d/60-app.conf",
            "net.core.somaxconn = 4096\n",
        );
        file(&mut host, "/proc/sys/net/core/somaxconn", "4096\n");
        file(
            &mut host,
            "/etc/sysctl.d/10-early.conf",
            "net.core.somaxconn = 1\n",
        );
        file(
            &mut host,
            "/etc/sysctl.d/70-same.conf",
            "net.core.somaxconn = 4096\n",
        );
        assert_eq!(
            look(&host),
            Diff::InSync("drop-in and running kernel as configured".into())
        );
        host.plant("/etc/ufw", FileType::Directory, b"", 0o755);
        file(
            &mut host,
            "/etc/ufw/sysctl.conf",
            "net/core/somaxconn=128\n",
        );
        assert!(
            matches!(look(&host), Diff::InSync(why) if !why.contains("ufw")),
            "ufw is off"
        );
        file(&mut host, "/etc/ufw/ufw.conf", "ENABLED=yes\n");
        assert!(
            matches!(look(&host), Diff::InSync(why) if why.contains("/etc/ufw/sysctl.conf will set net.core.somaxconn to 128"))
        );
        file(&mut host, "/proc/sys/net/core/somaxconn", "128\n");
        let Diff::Change(changes) = look(&host) else {
            panic!("another value is a difference")
        };
        assert!(
            format!("{changes:?}").contains("128 (by /etc/ufw/sysctl.conf)"),
            "{changes:?}"
        );
    }
}
