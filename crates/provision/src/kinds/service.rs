//! Whether a unit runs, now and after a boot, and whether the running process was started with the desired inputs.
//!
//! A restart is state, not an event. It is due as long as the running process was started with other inputs, however
//! many runs were killed in between.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::DropIn;
use super::unit::UNIT_DIR;
use crate::Fault;
use crate::engine::{ApplyCx, Change, Cx, Diff, Kind, ResourceId, Reverted, Shown};
use crate::host::{FileType, Invocation, Probe, Query, newest_change, stamp};
use crate::tools::systemctl::{self, UnitState};
use crate::tools::{journal, redact};

/// A file, link or directory that a service reads at its start.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Input {
    /// The resource.
    pub id: ResourceId,
    /// Its path.
    pub path: PathBuf,
    /// SHA-256 of the desired content or link target if it is known in advance. Otherwise the digest of the present one
    /// counts.
    pub wanted: Option<String>,
}

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

/// Facts about the last start that converged: the invocation of the process, and the digest of each input.
#[derive(Debug, Serialize, Deserialize)]
struct Memory {
    invocation: String,
    inputs: BTreeMap<ResourceId, String>,
    /// The last change of each input, by the clock of that time. An input with the same value has not been touched
    /// since, so any process that was started later has read it, whatever the clock says.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    stamps: BTreeMap<ResourceId, i64>,
}

impl Memory {
    fn of(memory: Option<&Value>) -> Option<Self> {
        memory.and_then(|memory| serde_json::from_value(memory.clone()).ok())
    }
}

/// The number of journal lines that are shown when a unit ends.
const LAST_WORDS: u32 = 12;
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

/// SHA-256 of the target of a link or of the content of a file. For a directory it covers its files.
fn on_disk(input: &Input, probe: &dyn Probe) -> Result<String, Fault> {
    if is_directory(input, probe)? {
        return stamp(&input.path, probe);
    }
    let bytes = match probe.link(&input.path)? {
        Some(target) => target.into_os_string().into_encoded_bytes(),
        None => probe.read(&input.path)?.unwrap_or_default(),
    };
    Ok(const_hex::encode(Sha256::digest(bytes)))
}

fn is_directory(input: &Input, probe: &dyn Probe) -> Result<bool, Fault> {
    let meta = probe.meta(&input.path)?;
    Ok(meta.is_some_and(|meta| meta.file_type == FileType::Directory))
}

/// The last change of an input.
fn changed(input: &Input, probe: &dyn Probe) -> Result<Option<i64>, Fault> {
    if is_directory(input, probe)? {
        return newest_change(&input.path, probe);
    }
    Ok(probe.meta(&input.path)?.map(|meta| meta.changed_us))
}

impl Service {
    /// The desired digest of each input, or the present one.
    fn inputs(&self, probe: &dyn Probe) -> Result<BTreeMap<ResourceId, String>, Fault> {
        let value = |input: &Input| match &input.wanted {
            Some(wanted) => Ok(wanted.clone()),
            None => on_disk(input, probe),
        };
        self.inputs
            .iter()
            .map(|input| Ok((input.id.clone(), value(input)?)))
            .collect()
    }

    /// The inputs that the process was not started with.
    fn stale(
        &self,
        state: &UnitState,
        inputs: &BTreeMap<ResourceId, String>,
        memory: Option<&Memory>,
        probe: &dyn Probe,
    ) -> Result<Vec<String>, Fault> {
        let untouched = memory.map(|memory| &memory.stamps);
        // The process that aztec-kit started: compare its inputs with the desired ones.
        let memory = memory.filter(|memory| memory.invocation == state.invocation);
        let started = probe.clock().on_the_wall(state.begun_us());
        let mut stale = Vec::new();
        for input in &self.inputs {
            let got = memory.and_then(|memory| memory.inputs.get(&input.id));
            let known = untouched.and_then(|stamps| stamps.get(&input.id));
            let differs = match got {
                Some(got) => inputs.get(&input.id) != Some(got),
                // A boot, the operator, or an earlier version that did not list the input started it. It read the files
                // as they were at that moment.
                None => {
                    changed(input, probe)?
                        .is_none_or(|changed| known != Some(&changed) && changed > started)
                        || inputs.get(&input.id) != Some(&on_disk(input, probe)?)
                }
            };
            if differs {
                stale.push(input.id.to_string());
            }
        }
        Ok(stale)
    }

    /// The last change of each input that has its desired value.
    fn stamps(
        &self,
        inputs: &BTreeMap<ResourceId, String>,
        memory: Option<&Memory>,
        probe: &dyn Probe,
    ) -> Result<BTreeMap<ResourceId, i64>, Fault> {
        let mut stamps = BTreeMap::new();
        for input in &self.inputs {
            let Some(changed) = changed(input, probe)? else {
                continue;
            };
            let known = memory.is_some_and(|memory| {
                memory.stamps.get(&input.id) == Some(&changed)
                    && memory.inputs.get(&input.id) == inputs.get(&input.id)
            });
            if known || inputs.get(&input.id) == Some(&on_disk(input, probe)?) {
                stamps.insert(input.id.clone(), changed);
            }
        }
        Ok(stamps)
    }

    /// The inputs that a process started now would read.
    fn read_now(&self, probe: &dyn Probe) -> Result<Memory, Fault> {
        let inputs = self.inputs.iter();
        let inputs = inputs.map(|input| Ok((input.id.clone(), on_disk(input, probe)?)));
        let inputs = inputs.collect::<Result<_, Fault>>()?;
        Ok(Memory {
            stamps: self.stamps(&inputs, None, probe)?,
            invocation: String::new(),
            inputs,
        })
    }

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

/// The newest journal lines of a unit, the oldest first and redacted; none when the journal cannot be read.
pub fn last_words(unit: &str, probe: &dyn Probe) -> Vec<String> {
    let query = Query::Journal {
        unit: unit.to_owned(),
        lines: LAST_WORDS,
    };
    let printed = probe.ask(&query).unwrap_or_default().stdout;
    let lines = journal::parse(&printed).unwrap_or_default().into_iter();
    let lines = lines.map(|line| redact::secrets(line.text.trim()).to_string());
    lines.filter(|line| !line.is_empty()).collect()
}

/// The error for a unit that ended right after its start.
fn ended_at_start(unit: &str, state: &UnitState, probe: &dyn Probe) -> Fault {
    let said = last_words(unit, probe);
    // systemd forgets a unit that nothing else needs as soon as it stops, but the journal has its lines.
    let last = said
        .last()
        .and_then(|line| systemctl::unmet_condition(line));
    if state.not_started().is_some() || state.active == "inactive" && last.is_some() {
        let unmet = said
            .iter()
            .rev()
            .find_map(|line| systemctl::unmet_condition(line));
        let unmet = unmet.unwrap_or("a condition of its unit file");
        return Fault::new(format!("systemd did not start {unit}: {unmet} was not met")).fix(
            format!("`systemctl cat {unit}` shows the file that sets the condition. Fulfil it on this host, or remove the setting that needs the service from kit.toml."),
        );
    }
    let words: Vec<_> = said.iter().map(|line| format!("\n  {line}")).collect();
    Fault::new(format!(
        "{unit} ended right after its start ({}){}{}",
        state.ended(),
        if words.is_empty() {
            ""
        } else {
            "; its last log lines:"
        },
        words.concat()
    ))
    .fix(format!(
        "Run `aztec-kit explain {unit}` for the cause and the fix, then run the same command again."
    ))
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
            seen.inputs = self.inputs(cx.probe)?;
            seen.stale = self.stale(&seen.state, &seen.inputs, memory, cx.probe)?;
            if seen.stale.is_empty() {
                seen.stamps = self.stamps(&seen.inputs, memory, cx.probe)?;
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
        let read = self.read_now(cx.host_mut.probe())?;
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

#[cfg(all(test, feature = "fake"))]
mod tests {
    use super::*;
    use crate::host::fake::FakeHost;

    fn diff(load: &str, needs_reload: bool) -> Diff {
        let service = Service {
            unit: "x.service".into(),
            active: true,
            at_boot: false,
            inputs: Vec::new(),
        };
        service.diff(&Seen {
            state: UnitState {
                load: load.into(),
                active: "active".into(),
                needs_reload,
                ..UnitState::default()
            },
            stale: Vec::new(),
            inputs: BTreeMap::new(),
            stamps: BTreeMap::new(),
        })
    }

    #[test]
    fn a_unit_that_was_skipped_is_told_by_its_condition() {
        let mut host = FakeHost::debian();
        let said = "1795420001.000000 systemd[1]: chrony.service - chrony was skipped because of an unmet condition check (ConditionVirtualization=!container).\n";
        host.journals.insert("chrony.service".into(), said.into());
        let skipped = UnitState {
            active: "inactive".into(),
            unmet: Some(systemctl::Unmet::Condition),
            ..UnitState::default()
        };
        let told = ended_at_start("chrony.service", &skipped, &host).chain();
        assert_eq!(
            told,
            "systemd did not start chrony.service: ConditionVirtualization=!container was not met"
        );
        let forgotten = UnitState {
            active: "inactive".into(),
            ..UnitState::default()
        };
        assert_eq!(
            ended_at_start("chrony.service", &forgotten, &host).chain(),
            told
        );
    }

    #[test]
    fn a_running_unit_that_systemd_could_not_read_is_reloaded() {
        // Seen after a kill while its file was gone: the process runs, and `systemctl start` of a unit that
        // requires it fails with "failed to load properly".
        for (load, needs_reload) in [("error", false), ("not-found", false), ("loaded", true)] {
            assert!(
                matches!(diff(load, needs_reload), Diff::Change(_)),
                "{load}"
            );
        }
        assert!(matches!(diff("loaded", false), Diff::InSync(_)));
    }
}
