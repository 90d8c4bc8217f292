//! A drop-in of sshd with settings that must all be effective. sshd uses the first value that it reads, and a `Match`
//! block overrides it, so the file alone proves nothing.

mod access;
mod config;
mod desired;
mod outlook;
pub(super) mod program;
mod strict;
mod trial;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

#[cfg(feature = "fuzz")]
pub(crate) use access::{Options, key};
pub use outlook::Outlook;

use self::config::{Config, DIR};
use self::desired::Desired;
use self::program::{UNIT, current_options, deviations, effective_config, reload, running_options};
use super::{File, Owner};
use crate::Fault;
use crate::engine::{ApplyCx, Change, Cx, Diff, Kind, ResourceId, Reverted, Shown};
use crate::host::{HostMut, Probe};

/// Settings in a drop-in of aztec-kit.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Sshd {
    /// File name under `/etc/ssh/sshd_config.d`; `00-…`, because the first value counts.
    pub name: String,
    /// Keyword to value, in the order of the file. A value that begins with `-` removes algorithms from the default
    /// list of this sshd, so it never names one that sshd does not know.
    pub settings: Vec<(String, String)>,
}

/// The observed state.
#[derive(Debug)]
pub struct Seen {
    file: <File as Kind>::Seen,
    /// The desired text of the file.
    text: String,
    /// Keyword, effective value, desired value.
    deviations: Vec<(String, String, String)>,
    /// The running sshd read its configuration before the file changed.
    stale: bool,
    /// The last change of the drop-in.
    changed: Option<i64>,
    active: bool,
    digest: String,
}

/// The prior drop-in.
#[derive(Debug, Serialize, Deserialize)]
pub struct Prior {
    file: <File as Kind>::Prior,
}

/// The configuration for which sshd confirmed that every value is effective.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Memory {
    digest: String,
    /// The digest of the drop-in.
    #[serde(default)]
    file: Option<Value>,
    /// The last change of the drop-in that sshd has read, by the clock of that time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    read: Option<i64>,
}

impl Memory {
    fn of(memory: Option<&Value>) -> Option<Self> {
        memory.and_then(|memory| Self::deserialize(memory).ok())
    }
}

impl Sshd {
    fn path(&self) -> PathBuf {
        Path::new(DIR).join("sshd_config.d").join(&self.name)
    }

    fn desired(&self, options: &[String], probe: &dyn Probe) -> Result<Desired, Fault> {
        Desired::read(&self.path(), &self.settings, options, probe)
    }

    fn file(&self, text: &str) -> File {
        File::new(self.path(), text, Owner::root(0o644))
    }

    /// The reason why the settings would not be effective for everybody, or would lock everybody out. Changes nothing.
    ///
    /// # Errors
    ///
    /// When the host cannot be observed.
    pub fn obstacle(&self, probe: &dyn Probe) -> Result<Option<Fault>, Fault> {
        Ok(match self.outlook(probe)? {
            Outlook::Obstacle(fault) => Some(fault),
            Outlook::Clear | Outlook::Doubt(_) => None,
        })
    }

    /// The effect of the settings. Changes nothing.
    ///
    /// # Errors
    ///
    /// When the host cannot be observed.
    pub fn outlook(&self, probe: &dyn Probe) -> Result<Outlook, Fault> {
        outlook::outlook(&self.path(), &self.settings, probe)
    }

    /// Algorithms that this sshd offers and would stop offering, by keyword. Clients that support no others are locked
    /// out. Empty once the drop-in is live. Changes nothing.
    ///
    /// # Errors
    ///
    /// When the host cannot be observed, or sshd does not answer.
    pub fn withdrawn(&self, probe: &dyn Probe) -> Result<Vec<(String, Vec<String>)>, Fault> {
        let options = current_options(probe)?;
        let desired = self.desired(&options, probe)?;
        let offered = effective_config(&options, probe)?;
        Ok(strict::withdrawn(&desired.values, &offered))
    }
}

impl Kind for Sshd {
    type Seen = Seen;
    type Prior = Prior;

    fn id(&self) -> ResourceId {
        ResourceId::new("sshd", &self.name)
    }

    fn validate(&self) -> Result<(), Fault> {
        let plain = |text: &String| !text.is_empty() && !text.contains(['\n', '#', '"']);
        if self
            .settings
            .iter()
            .all(|(keyword, value)| plain(keyword) && plain(value))
        {
            return Ok(());
        }
        Err(Fault::new(format!(
            "{} has a setting that is not one line",
            self.id()
        )))
    }

    fn units(&self) -> Vec<String> {
        vec![UNIT.into()]
    }

    fn files(&self) -> Vec<PathBuf> {
        vec![self.path()]
    }

    fn is_commit_confirmed(&self) -> bool {
        true
    }

    fn observe(&self, cx: &Cx<'_>) -> Result<Seen, Fault> {
        let state = cx.unit(UNIT)?;
        let options = running_options(state.main_pid, cx.probe)?;
        let desired = self.desired(&options, cx.probe)?;
        let memory = Memory::of(cx.memory);
        let file = self.file(&desired.text).observe(&Cx {
            memory: memory.as_ref().and_then(|memory| memory.file.as_ref()),
            ..*cx
        })?;
        let digest = Config::read(cx.probe, None)?.after(&options).digest();
        let active = matches!(state.active.as_str(), "active" | "reloading");
        let mut seen = Seen {
            file,
            text: desired.text,
            deviations: Vec::new(),
            stale: false,
            changed: cx.probe.meta(&self.path())?.map(|meta| meta.changed_us),
            active,
            digest,
        };
        if !matches!(self.file(&seen.text).diff(&seen.file), Diff::InSync(_)) {
            return Ok(seen);
        }
        let known = memory.as_ref();
        let known = known.is_some_and(|memory| memory.digest == seen.digest);
        // sshd is asked only when one of its files changed since the last answer.
        if !known {
            let output = effective_config(&options, cx.probe)?;
            seen.deviations = deviations(&desired.values, &output);
        }
        let read = cx.probe.clock().on_the_wall(state.changed_us);
        // A drop-in that was not touched since sshd read it is current, whatever the clock says.
        let known = memory.and_then(|memory| memory.read);
        let newer = |changed| known != Some(changed) && changed > read;
        seen.stale = active && seen.changed.is_some_and(newer);
        Ok(seen)
    }

    fn diff(&self, seen: &Seen) -> Diff {
        let mut changes = match self.file(&seen.text).diff(&seen.file) {
            Diff::Change(changes) => changes,
            Diff::InSync(_) | Diff::Unknown(_) => Vec::new(),
        };
        for (keyword, is, desired) in &seen.deviations {
            changes.push(Change::field(
                keyword,
                Shown::text(is),
                Shown::text(desired),
            ));
        }
        if seen.stale {
            changes.push(Change::field(
                "process",
                Shown::text("read its configuration before it changed"),
                Shown::text("reloaded"),
            ));
        }
        Diff::of(changes, || "every value is effective".into())
    }

    fn prior(&self, seen: &Seen) -> Prior {
        Prior {
            file: self.file(&seen.text).prior(&seen.file),
        }
    }

    fn memory(&self, seen: &Seen) -> Option<Value> {
        let proven = matches!(self.file(&seen.text).diff(&seen.file), Diff::InSync(_))
            && seen.deviations.is_empty();
        let memory = Memory {
            digest: seen.digest.clone(),
            file: self.file(&seen.text).memory(&seen.file),
            read: seen.changed.filter(|_| !seen.stale),
        };
        proven.then(|| serde_json::to_value(memory).ok()).flatten()
    }

    fn absent(&self, seen: &Seen) -> bool {
        self.file(&seen.text).absent(&seen.file)
    }

    fn keep(&self, seen: &Seen, host_mut: &mut dyn HostMut) -> Result<(), Fault> {
        self.file(&seen.text).keep(&seen.file, host_mut)
    }

    fn apply(&self, seen: &Seen, cx: &mut ApplyCx<'_>) -> Result<(), Fault> {
        if let Some(obstacle) = self.obstacle(cx.host_mut.probe())? {
            return Err(obstacle);
        }
        let options = current_options(cx.host_mut.probe())?;
        let desired = self.desired(&options, cx.host_mut.probe())?;
        trial::run(&seen.text, &desired, &options, cx)?;
        let file = self.file(&seen.text);
        if !matches!(file.diff(&seen.file), Diff::InSync(_)) {
            file.apply(&seen.file, cx)?;
        }
        reload(seen.active, cx)?;
        let read = cx.host_mut.meta(&self.path())?.map(|meta| meta.changed_us);
        let memory = Memory {
            read,
            ..Memory::of(cx.memory).unwrap_or_default()
        };
        cx.made = serde_json::to_value(memory).ok();
        Ok(())
    }

    fn revert(&self, prior: &Prior, cx: &mut ApplyCx<'_>) -> Result<Reverted, Fault> {
        trial::clear(cx.host_mut)?;
        let reverted = self.file("").revert(&prior.file, cx)?;
        let active = cx.host_mut.probe().unit(UNIT)?.active == "active";
        reload(active, cx)?;
        Ok(reverted)
    }
}
