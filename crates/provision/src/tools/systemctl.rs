//! The output of `systemctl show` about units.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::Fault;

/// The state of a unit, in the terms of systemd: org.freedesktop.systemd1(5).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitState {
    /// `loaded`, `not-found`, `masked`, `bad-setting`, …
    pub load: String,
    /// `active`, `inactive`, `activating`, `failed`, …
    pub active: String,
    /// `running`, `auto-restart`, `exited`, …
    pub sub: String,
    /// The state of its file: `enabled`, `disabled`, `static`, …; empty when there is none.
    pub file: String,
    /// The unit file on disk is newer than the loaded one.
    pub needs_reload: bool,
    /// The id of its last start; empty when never started.
    pub invocation: String,
    /// The time of its last start, stop or reload, microseconds of the monotonic clock.
    pub changed_us: i64,
    /// The start time of the main process, microseconds of the monotonic clock; 0 when never.
    pub started_us: i64,
    /// Automatic restarts since the last manual start.
    pub restarts: u32,
    /// `success`, `exit-code`, `signal`, …
    pub result: String,
    /// Main process, 0 when none.
    pub main_pid: u32,
    /// Exit code of the last main process, or the signal that ended it.
    #[serde(default)]
    pub status: i32,
    /// The kind of check in its unit file that failed at the last start.
    #[serde(default)]
    pub unmet: Option<Unmet>,
}

/// A check in a unit file that keeps systemd from starting the unit: systemd.unit(5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unmet {
    /// A `Condition…=`: systemd skips the unit without an error.
    Condition,
    /// An `Assert…=`: systemd refuses to start it.
    Assertion,
}

impl UnitState {
    /// Whether it runs. A unit that is starting counts, and one that waits for a restart after a failure does not.
    pub fn runs(&self) -> bool {
        match self.active.as_str() {
            "active" | "reloading" => true,
            // `auto-restart-queued` since systemd 254.
            "activating" => !self.sub.starts_with("auto-restart"),
            _ => false,
        }
    }

    /// The time when it began to run, microseconds of the monotonic clock: the start of its main process. For a timer,
    /// or a service whose `ExecStartPre=` still runs, the last change.
    pub fn begun_us(&self) -> i64 {
        match self.started_us {
            0 => self.changed_us,
            started_us => started_us,
        }
    }

    /// The reason why systemd did not start a unit that does not run; a clause.
    pub fn not_started(&self) -> Option<&'static str> {
        match self.unmet? {
            _ if self.active != "inactive" => None,
            Unmet::Condition => Some("a condition of its unit file was not met"),
            Unmet::Assertion => Some("an assertion of its unit file was not met"),
        }
    }

    /// How its main process ended, in the terms of systemd: `exit-code, status 1`.
    pub fn ended(&self) -> String {
        match self.status {
            0 => self.result.clone(),
            status => format!("{}, status {status}", self.result),
        }
    }
}

/// The condition that kept a unit from being started, in its journal line (systemd 250 and later; 257.13 omits the
/// brackets).
pub fn unmet_condition(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once("unmet condition check ")?;
    match rest.strip_prefix('(') {
        Some(inside) => Some(inside.rsplit_once(')')?.0),
        None => Some(rest.trim_end()),
    }
}

/// The properties of every unit, even of one that does not exist: org.freedesktop.systemd1(5).
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
/// The additional properties of every service.
const OF_SERVICES: [&str; 5] = [
    "ExecMainStartTimestampMonotonic",
    "ExecMainStatus",
    "MainPID",
    "NRestarts",
    "Result",
];

/// The states of the units in the output of `systemctl show`, by the names in the query. There is one block for each
/// unit, in order, with blank lines between. A unit with several names calls itself by one of them.
///
/// # Errors
///
/// When a block is missing, or a property that every unit has.
pub fn states(shown: &str, names: &BTreeSet<String>) -> Result<BTreeMap<String, UnitState>, Fault> {
    let blocks: Vec<_> = match shown.trim_end() {
        "" => Vec::new(),
        shown => shown.split("\n\n").collect(),
    };
    if blocks.len() != names.len() {
        return Err(Fault::new(format!(
            "systemd was asked about {} units, but reported {}",
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
            "systemd did not report {missing} of {name}"
        )));
    }
    let text = |key: &str| value(key).unwrap_or_default().to_owned();
    let number = |key: &str| match value(key) {
        None | Some("") => Ok(0),
        Some(value) => value.parse().map_err(|_| {
            Fault::new(format!(
                "systemd reported the invalid {key} {value:?} of {name}"
            ))
        }),
    };
    let small = |key: &str| {
        u32::try_from(number(key)?).map_err(|error| {
            Fault::new(format!("systemd reported an invalid {key} of {name}")).because(error)
        })
    };
    // Both are `no` before they were ever checked. Assertions are checked only if the conditions are met.
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
        // A later attempt says nothing about a unit that has run since before.
        assert_eq!(told(&met.replace("=inactive", "=active")), "");
    }

    #[test]
    fn the_unmet_condition_is_read_off_the_journal() {
        // Printed by systemd 252 (Debian 12) and 257.13 (Debian 13).
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
