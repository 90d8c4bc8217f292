//! Whether a unit runs, now and after a boot, and whether the running process was started with the desired inputs.
//!
//! A restart is state, not an event. It is due as long as the running process was started with other inputs, however
//! many runs were killed in between.

mod inputs;
mod last_words;
#[cfg(all(test, feature = "fake"))]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use inputs::Input;
pub use last_words::last_words;

use self::inputs::Memory;
use self::last_words::ended_at_start;
use super::DropIn;
use super::unit::UNIT_DIR;
use crate::Fault;
use crate::engine::{ApplyCx, Change, Cx, Diff, Kind, ResourceId, Reverted, Shown};
use crate::host::Invocation;
use crate::tools::systemctl::UnitState;

/// The state of a unit.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Service {
    /// Name with its suffix.
    pub unit: String,
    /// Whether it runs now.
    pub active: bool,
    /// Whether it starts at boot. It is for units of packages, because a [`super::Unit`] enables itself.
    #[serde(default)]
    pub at_boot: bool,
    /// Its inputs.
    pub inputs: Vec<Input>,
}

/// The observed state.
#[derive(Debug)]
pub struct Seen {
    state: UnitState,
    /// Inputs that changed after the process started.
    stale: Vec<String>,
    /// The desired digest of each input.
    inputs: BTreeMap<ResourceId, String>,
    /// See [`Memory`].
    stamps: BTreeMap<ResourceId, i64>,
}

/// The prior state.
#[derive(Debug, Serialize, Deserialize)]
pub struct Prior {
    active: bool,
    /// Whether it was disabled.
    #[serde(default)]
    disabled: bool,
}

/// A node may take up to its own stop timeout to close its databases.
const TIMEOUT: Duration = Duration::from_secs(400);

impl Seen {
    fn active(&self) -> bool {
        self.state.runs()
    }

    fn word(&self) -> String {
        match self.state.sub.as_str() {
            sub if sub.starts_with("auto-restart") => "failing and being restarted".into(),
            _ if self.state.load == "not-found" => "(none)".into(),
            _ => self.state.active.clone(),
        }
    }

    /// Whether it is disabled. A unit that does not exist yet or cannot be enabled does not count.
    fn disabled(&self) -> bool {
        // `enabled-runtime` ends with this boot, systemctl(1).
        matches!(self.state.file.as_str(), "disabled" | "enabled-runtime")
    }

    fn unloaded(&self) -> bool {
        self.state.load != "loaded" || self.state.needs_reload
    }
}

impl Service {
    /// Starts, stops and enables it as required, and returns whether it was started.
    fn converge(&self, seen: &Seen, cx: &mut ApplyCx<'_>) -> Result<bool, Fault> {
        let due = self.active && !(seen.active() && seen.stale.is_empty());
        // systemd 252 notices the first drop-in of a unit only after it started the unit without it.
        let drop_ins = DropIn::dir(&self.unit);
        let drop_in = self
            .inputs
            .iter()
            .any(|input| input.path.starts_with(&drop_ins));
        if self.active && seen.unloaded() || due && drop_in {
            cx.read_units()?;
        }
        if self.at_boot && seen.disabled() {
            Self::systemctl(&["enable", &self.unit], cx)?;
        }
        match (self.active, seen.active()) {
            (true, true) if seen.stale.is_empty() => return Ok(false),
            (true, true) => {
                (cx.note)("restarting");
                Self::systemctl(&["restart", &self.unit], cx)?;
            }
            (true, false) => {
                let waits = seen.state.sub.starts_with("auto-restart");
                // A unit that failed too often does not start until its count is reset.
                if seen.state.active == "failed" || waits {
                    Self::systemctl(&["reset-failed", &self.unit], cx)?;
                }
                // `start` would only wait for the scheduled restart, which systemd counts as one.
                let verb = if waits { "restart" } else { "start" };
                Self::systemctl(&[verb, &self.unit], cx)?;
            }
            (false, true) => Self::systemctl(&["stop", &self.unit], cx)?,
            (false, false) => {}
        }
        Ok(self.active)
    }

    fn systemctl(arguments: &[&str], cx: &mut ApplyCx<'_>) -> Result<(), Fault> {
        let order = Invocation::new(["systemctl"].iter().chain(arguments).copied());
        let unit = arguments.last().copied().unwrap_or_default();
        cx.host_mut.run(&order.timeout(TIMEOUT)).map_err(|fault| {
            Fault::new(format!("systemd refused to {}", arguments.join(" ")))
                .fix(format!(
                    "Read `journalctl --unit {unit} --lines 50` for the cause."
                ))
                .because(fault)
        })
    }
}

impl Kind for Service {
    type Seen = Seen;
    type Prior = Prior;

    fn id(&self) -> ResourceId {
        ResourceId::new("service", &self.unit)
    }

    fn units(&self) -> Vec<String> {
        vec![self.unit.clone()]
    }

    fn is_process(&self) -> bool {
        true
    }

    fn files(&self) -> Vec<PathBuf> {
        let links = match self.unit.rsplit_once('.') {
            _ if !self.at_boot => return Vec::new(),
            Some((_, "timer")) => "timers.target.wants",
            _ => "multi-user.target.wants",
        };
        vec![Path::new(UNIT_DIR).join(links).join(&self.unit)]
    }

    fn observe(&self, cx: &Cx<'_>) -> Result<Seen, Fault> {
        let state = cx.unit(&self.unit)?;
        let mut seen = Seen {
            state,
            stale: Vec::new(),
            inputs: BTreeMap::new(),
            stamps: BTreeMap::new(),
        };
        if self.active && seen.active() {
            let memory = Memory::of(cx.memory);
            let memory = memory.as_ref();
            seen.inputs = inputs::desired(&self.inputs, cx.probe)?;
            let current = (&seen.state, &seen.inputs);
            seen.stale = inputs::stale(&self.inputs, current, memory, cx.probe)?;
            if seen.stale.is_empty() {
                seen.stamps = inputs::stamps(&self.inputs, &seen.inputs, memory, cx.probe)?;
            }
        }
        Ok(seen)
    }

    fn diff(&self, seen: &Seen) -> Diff {
        let mut changes = Vec::new();
        let word = |on: bool, yes: &'static str, no: &'static str| if on { yes } else { no };
        if seen.active() != self.active {
            changes.push(Change::field(
                "state",
                Shown::Text(seen.word()),
                Shown::text(word(self.active, "active", "inactive")),
            ));
        }
        if !seen.stale.is_empty() {
            changes.push(Change::field(
                "process",
                Shown::Text(format!("started before {} changed", seen.stale.join(", "))),
                Shown::text("restarted"),
            ));
        } else if self.active && seen.active() && seen.unloaded() {
            // A process can outlive its unit file. systemd then refuses to start the units that require it.
            let from = match seen.state.load.as_str() {
                "loaded" => "older in systemd's memory than on disk".to_owned(),
                load => format!("{load} in systemd's memory"),
            };
            changes.push(Change::field(
                "definition",
                Shown::Text(from),
                Shown::text("reloaded"),
            ));
        }
        if self.at_boot && seen.disabled() {
            changes.push(Change::field(
                "at boot",
                Shown::text("disabled"),
                Shown::text("enabled"),
            ));
        }
        Diff::of(changes, || {
            word(
                self.active,
                "runs with the configured inputs",
                "not running, as configured",
            )
            .into()
        })
    }

    fn prior(&self, seen: &Seen) -> Prior {
        Prior {
            active: seen.active(),
            disabled: seen.disabled(),
        }
    }

    fn memory(&self, seen: &Seen) -> Option<Value> {
        if !self.active || !seen.active() || !seen.stale.is_empty() {
            return None;
        }
        serde_json::to_value(Memory {
            invocation: seen.state.invocation.clone(),
            inputs: seen.inputs.clone(),
            stamps: seen.stamps.clone(),
        })
        .ok()
    }

    /// An existing unit that was stopped is updated, not created.
    fn absent(&self, seen: &Seen) -> bool {
        seen.state.load != "loaded"
    }

    fn apply(&self, seen: &Seen, cx: &mut ApplyCx<'_>) -> Result<(), Fault> {
        let read = Memory::of_a_start(&self.inputs, cx.host_mut.probe())?;
        if !self.converge(seen, cx)? {
            return Ok(());
        }
        // systemctl also succeeds for a unit that systemd skips, and for one whose process ends at once.
        let state = cx.unit_after(&self.unit)?;
        if !state.runs() {
            return Err(ended_at_start(&self.unit, &state, cx.host_mut.probe()));
        }
        let read = Memory {
            invocation: state.invocation,
            ..read
        };
        cx.made = serde_json::to_value(read).ok();
        Ok(())
    }

    fn revert(&self, prior: &Prior, cx: &mut ApplyCx<'_>) -> Result<Reverted, Fault> {
        let target = Self {
            active: prior.active,
            at_boot: false,
            inputs: Vec::new(),
            ..self.clone()
        };
        let seen = target.observe(&Cx::of(cx.host_mut.probe()))?;
        if seen.state.load != "not-found" {
            if self.at_boot && prior.disabled && !seen.disabled() {
                Self::systemctl(&["disable", &self.unit], cx)?;
            }
            target.converge(&seen, cx)?;
        }
        Ok(Reverted::Restored)
    }
}
