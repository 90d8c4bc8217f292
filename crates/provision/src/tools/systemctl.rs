//! What `systemctl show` says of units.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

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
    /// Whether the conditions of its unit file were met at the last attempt to start it; `false` before the first.
    #[serde(default)]
    pub conditions_met: bool,
}

impl UnitState {
    /// Starting counts as running; waiting to be restarted after a failure does not.
    pub fn runs(&self) -> bool {
        match self.active.as_str() {
            "active" | "reloading" => true,
            "activating" => self.sub != "auto-restart",
            _ => false,
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

/// The condition that kept a unit from being started, of the line in its journal that says so (systemd 250 and later).
pub fn unmet_condition(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once("unmet condition check (")?;
    Some(rest.rsplit_once(')')?.0)
}

/// Blocks separated by blank lines, one per unit, keyed by `Id`.
pub fn parse_show(text: &str) -> BTreeMap<String, UnitState> {
    text.split("\n\n")
        .filter_map(|block| {
            let value = |key: &str| {
                block
                    .lines()
                    .filter_map(|line| line.split_once('='))
                    .find(|(name, _)| *name == key)
                    .map(|(_, value)| value.to_owned())
                    .unwrap_or_default()
            };
            let id = value("Id");
            if id.is_empty() {
                return None;
            }
            let state = UnitState {
                load: value("LoadState"),
                active: value("ActiveState"),
                sub: value("SubState"),
                file: value("UnitFileState"),
                needs_reload: value("NeedDaemonReload") == "yes",
                invocation: value("InvocationID"),
                changed_us: value("StateChangeTimestampMonotonic").parse().unwrap_or(0),
                started_us: value("ExecMainStartTimestampMonotonic")
                    .parse()
                    .unwrap_or(0),
                restarts: value("NRestarts").parse().unwrap_or(0),
                result: value("Result"),
                main_pid: value("MainPID").parse().unwrap_or(0),
                status: value("ExecMainStatus").parse().unwrap_or(0),
                conditions_met: value("ConditionResult") == "yes",
            };
            Some((id, state))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_one_block_per_unit() {
        let text = "Id=a.service\nLoadState=loaded\nActiveState=active\nSubState=running\n\
                    UnitFileState=enabled\nNeedDaemonReload=yes\nInvocationID=abc\n\
                    ExecMainStartTimestampMonotonic=12345\nNRestarts=2\nResult=success\nMainPID=77\n\
                    ExecMainStatus=0\nConditionResult=yes\n\n\
                    Id=b.service\nLoadState=not-found\nActiveState=inactive\nSubState=dead\n";
        let units = parse_show(text);
        let a = &units["a.service"];
        assert!(a.needs_reload);
        assert_eq!(a.file, "enabled");
        assert_eq!((a.started_us, a.restarts, a.main_pid), (12345, 2, 77));
        assert!(a.conditions_met);
        assert_eq!(units["b.service"].load, "not-found");
    }

    #[test]
    fn the_unmet_condition_is_read_off_the_journal() {
        // Of systemd 252 (Debian 12) and 257 (Debian 13).
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
