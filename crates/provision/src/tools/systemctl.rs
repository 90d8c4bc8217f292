//! What `systemctl show` says of units.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::Fault;

/// The state of one unit, as systemd names it: org.freedesktop.systemd1(5).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitState {
    /// `loaded`, `not-found`, `masked`, `bad-setting`, …
    pub load: String,
    /// `active`, `inactive`, `activating`, `failed`, …
    pub active: String,
    /// `running`, `auto-restart`, `exited`, …
    pub sub: String,
    /// Of its file: `enabled`, `disabled`, `static`, …; empty when there is none.
    pub file: String,
    /// The unit file on disk is newer than the one systemd has in memory.
    pub needs_reload: bool,
    /// Changes at every start; empty when never started.
    pub invocation: String,
    /// When it last was started, stopped or reloaded, microseconds of the monotonic clock.
    pub changed_us: i64,
    /// When the main process started, microseconds of the monotonic clock; 0 when never.
    pub started_us: i64,
    /// Automatic restarts since the last manual start.
    pub restarts: u32,
    /// `success`, `exit-code`, `signal`, …
    pub result: String,
    /// Main process, 0 when none.
    pub main_pid: u32,
    /// Exit code of the main process that ran last, or the signal that ended it.
    #[serde(default)]
    pub status: i32,
    /// What of its unit file was not met at the last attempt to start it.
    #[serde(default)]
    pub unmet: Option<Unmet>,
}

/// What keeps systemd from starting a unit: systemd.unit(5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unmet {
    /// A `Condition…=`: systemd skips the unit, and is content.
    Condition,
    /// An `Assert…=`: systemd refuses to start it.
    Assertion,
}

impl UnitState {
    /// Starting counts as running; waiting to be restarted after a failure does not.
    pub fn runs(&self) -> bool {
        match self.active.as_str() {
            "active" | "reloading" => true,
            // `auto-restart-queued` since systemd 254.
            "activating" => !self.sub.starts_with("auto-restart"),
            _ => false,
        }
    }

    /// When its present life began, microseconds of the monotonic clock: with its main process; of what has none, a timer or
    /// a service that systemd still runs `ExecStartPre=` of, with the last change.
    pub fn begun_us(&self) -> i64 {
        match self.started_us {
            0 => self.changed_us,
            started_us => started_us,
        }
    }

    /// Why systemd did not start it when it was asked to, of one that does not run; a clause.
    pub fn not_started(&self) -> Option<&'static str> {
        match self.unmet? {
            _ if self.active != "inactive" => None,
            Unmet::Condition => Some("a condition of its unit file was not met"),
            Unmet::Assertion => Some("an assertion of its unit file was not met"),
        }
    }

    /// How its main process ended, as systemd says it: `exit-code, status 1`.
    pub fn ended(&self) -> String {
        match self.status {
            0 => self.result.clone(),
            status => format!("{}, status {status}", self.result),
        }
    }
}

/// The condition that kept a unit from being started, of the line in its journal that says so (systemd 250 and later; the
/// brackets are gone in 257.13).
pub fn unmet_condition(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once("unmet condition check ")?;
    match rest.strip_prefix('(') {
        Some(inside) => Some(inside.rsplit_once(')')?.0),
        None => Some(rest.trim_end()),
    }
}

/// What systemd has of every unit, also of one that is not there: org.freedesktop.systemd1(5).
const ALWAYS: [&str; 10] = [
    "Id",
    "LoadState",
    "ActiveState",
    "SubState",
    "NeedDaemonReload",
    "StateChangeTimestampMonotonic",
    "ConditionResult",
    "ConditionTimestampMonotonic",
    "AssertResult",
    "AssertTimestampMonotonic",
];
/// What it has of every service besides.
const OF_SERVICES: [&str; 5] = [
    "ExecMainStartTimestampMonotonic",
    "ExecMainStatus",
    "MainPID",
    "NRestarts",
    "Result",
];

/// The states of the units that `systemctl show` was asked about, by the names that it was asked by: one block for
/// each, in their order, with blank lines between. A unit with several names calls itself by one of them.
///
/// # Errors
///
/// When a block is missing, or something in it that systemd has of every unit.
pub fn states(shown: &str, names: &BTreeSet<String>) -> Result<BTreeMap<String, UnitState>, Fault> {
    let blocks: Vec<_> = match shown.trim_end() {
        "" => Vec::new(),
        shown => shown.split("\n\n").collect(),
    };
    if blocks.len() != names.len() {
        return Err(Fault::new(format!(
            "systemd was asked about {} units, and told of {}",
            names.len(),
            blocks.len()
        )));
    }
    let states = names.iter().zip(blocks).map(|(name, block)| {
        let state = state(name, block)?;
        Ok((name.clone(), state))
    });
    states.collect()
}

fn state(name: &str, block: &str) -> Result<UnitState, Fault> {
    let value = |key: &str| {
        block
            .lines()
            .filter_map(|line| line.split_once('='))
            .find(|(name, _)| *name == key)
            .map(|(_, value)| value)
    };
    let service = name.ends_with(".service");
    let mut needed = ALWAYS.iter().chain(OF_SERVICES.iter().filter(|_| service));
    if let Some(missing) = needed.find(|key| value(key).is_none_or(str::is_empty)) {
        return Err(Fault::new(format!(
            "systemd did not tell the {missing} of {name}"
        )));
    }
    let text = |key: &str| value(key).unwrap_or_default().to_owned();
    let number = |key: &str| match value(key) {
        None | Some("") => Ok(0),
        Some(value) => value
            .parse()
            .map_err(|_| Fault::new(format!("systemd says {value:?} is the {key} of {name}"))),
    };
    let small = |key: &str| {
        u32::try_from(number(key)?).map_err(|error| {
            Fault::new(format!("systemd told of no possible {key} of {name}")).because(error)
        })
    };
    // Both say no as well before they were ever looked at; the assertions are only where the conditions are met.
    let failed = |what: &str| {
        let at = number(&format!("{what}TimestampMonotonic"))?;
        Ok::<_, Fault>(at > 0 && value(&format!("{what}Result")) == Some("no"))
    };
    let unmet = match (failed("Condition")?, failed("Assert")?) {
        (true, _) => Some(Unmet::Condition),
        (false, true) => Some(Unmet::Assertion),
        (false, false) => None,
    };
    Ok(UnitState {
        load: text("LoadState"),
        active: text("ActiveState"),
        sub: text("SubState"),
        file: text("UnitFileState"),
        needs_reload: value("NeedDaemonReload") == Some("yes"),
        invocation: text("InvocationID"),
        changed_us: number("StateChangeTimestampMonotonic")?,
        started_us: number("ExecMainStartTimestampMonotonic")?,
        restarts: small("NRestarts")?,
        result: text("Result"),
        main_pid: small("MainPID")?,
        status: i32::try_from(number("ExecMainStatus")?).unwrap_or_default(),
        unmet,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    // systemd 257.
    const A: &str = "Id=a.service\nLoadState=loaded\nActiveState=active\nSubState=running\n\
                     UnitFileState=enabled\nNeedDaemonReload=yes\nInvocationID=abc\n\
                     ExecMainStartTimestampMonotonic=12345\nStateChangeTimestampMonotonic=12346\n\
                     NRestarts=2\nResult=success\nMainPID=77\n\
                     ExecMainStatus=0\nConditionResult=yes\nConditionTimestampMonotonic=12300\n\
                     AssertResult=yes\nAssertTimestampMonotonic=12300\n";
    const B: &str = "Id=b.timer\nLoadState=not-found\nActiveState=inactive\nSubState=dead\n\
                     UnitFileState=\nNeedDaemonReload=no\nInvocationID=\nStateChangeTimestampMonotonic=0\n\
                     ConditionResult=no\nConditionTimestampMonotonic=0\nAssertResult=no\n\
                     AssertTimestampMonotonic=0\n";

    fn read(shown: &str, names: &[&str]) -> Result<BTreeMap<String, UnitState>, Fault> {
        states(shown, &names.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn reads_one_block_per_unit() {
        let units = read(&format!("{A}\n{B}"), &["a.service", "b.timer"]).expect("both");
        let a = &units["a.service"];
        assert!(a.needs_reload);
        assert_eq!(a.file, "enabled");
        assert_eq!((a.started_us, a.restarts, a.main_pid), (12345, 2, 77));
        assert_eq!((a.unmet, units["b.timer"].unmet), (None, None));
        assert_eq!(units["b.timer"].load, "not-found");
        let alias = read(A, &["other-name.service"]).expect("one");
        assert_eq!(alias["other-name.service"].main_pid, 77);
    }

    #[test]
    fn less_than_was_asked_is_no_answer() {
        assert!(
            read(A, &["a.service", "b.timer"]).is_err(),
            "one is missing"
        );
        assert!(read("", &["a.service"]).is_err() && read("nonsense\n", &["a.service"]).is_err());
        for (at, _) in A.match_indices('\n').rev().skip(1) {
            let rest = &A[at + 1..];
            let shorter = read(rest, &["a.service"]);
            assert!(shorter.is_err(), "begins with {rest}");
        }
        let odd = A.replace("=77", "=seven");
        assert!(read(&odd, &["a.service"]).is_err());
    }

    #[test]
    fn what_kept_a_unit_from_being_started_is_told() {
        let tried = B.replace("Monotonic=0", "Monotonic=9");
        let told = |shown: &str| {
            let units = read(shown, &["b.timer"]).expect("one");
            units["b.timer"].not_started().unwrap_or_default()
        };
        assert_eq!(told(B), "", "never tried");
        assert!(told(&tried).starts_with("a condition "));
        let met = tried.replace("ConditionResult=no", "ConditionResult=yes");
        assert!(told(&met).starts_with("an assertion "));
        // Of one that runs since before, a later attempt says nothing.
        assert_eq!(told(&met.replace("=inactive", "=active")), "");
    }

    #[test]
    fn the_unmet_condition_is_read_off_the_journal() {
        // Of systemd 252 (Debian 12), and of 257.13 (Debian 13).
        let bare = "b.service - Unit b of a test skipped, unmet condition check ConditionPathExists=/nowhere";
        assert_eq!(unmet_condition(bare), Some("ConditionPathExists=/nowhere"));
        let line = "chrony.service - chrony, an NTP client/server was skipped because of an unmet condition check (ConditionVirtualization=!container).";
        assert_eq!(
            unmet_condition(line),
            Some("ConditionVirtualization=!container")
        );
        assert_eq!(unmet_condition("Started x.service (a thing)."), None);
    }

    #[test]
    fn one_that_waits_for_its_restart_does_not_run() {
        let unit = |active: &str, sub: &str| UnitState {
            active: active.into(),
            sub: sub.into(),
            result: "exit-code".into(),
            status: 243,
            ..UnitState::default()
        };
        assert!(unit("activating", "start-pre").runs());
        assert!(!unit("activating", "auto-restart").runs());
        assert_eq!(unit("failed", "failed").ended(), "exit-code, status 243");
    }
}
