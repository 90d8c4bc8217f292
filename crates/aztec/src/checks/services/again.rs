//! A check some seconds after a run. A unit that was started and has ended by then did not start.

use std::time::Duration;

use provision::Fault;
use provision::host::Probe;
use provision::kinds::last_words;
use provision::tools::systemctl::UnitState;

/// The time between the last start of a run and this check. Programs that lack a file, a right or a port end within
/// one or two seconds.
pub const SETTLES: Duration = Duration::from_secs(5);

/// A unit that did not stay up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fallen {
    /// Its name.
    pub unit: String,
    /// Its state, as a clause.
    pub how: String,
    /// The end of its journal, the oldest line first.
    pub last_words: Vec<String>,
}

impl Fallen {
    /// Unit, state and last lines, for people.
    pub fn told(&self) -> String {
        let words = self.last_words.iter();
        let words: Vec<_> = words.map(|line| format!("\n  {line}")).collect();
        let end = if words.is_empty() {
            ""
        } else {
            "; the end of its journal:"
        };
        format!("{} {}{end}{}", self.unit, self.how, words.concat())
    }
}

/// The units that should run, and have ended or were restarted since they were last started on purpose.
///
/// `since_us` is the start of the run on the monotonic clock, which nobody sets. A unit that has run since before then
/// was not started by the run and is left out.
pub fn fallen(started: &[String], since_us: i64, probe: &dyn Probe) -> Result<Vec<Fallen>, Fault> {
    if started.is_empty() {
        return Ok(Vec::new());
    }
    let states = probe.units(&started.iter().cloned().collect())?;
    let older = |state: &UnitState| state.runs() && state.begun_us() < since_us;
    let fallen = started.iter().filter_map(|unit| {
        let state = states.get(unit).filter(|state| !older(state))?;
        Some(Fallen {
            how: how(state)?,
            unit: unit.clone(),
            last_words: last_words(unit, probe),
        })
    });
    Ok(fallen.collect())
}

/// Why a unit that was started and should run does not; `None` if it runs.
fn how(state: &UnitState) -> Option<String> {
    // Only systemd itself counts restarts, from the last start by a run or an operator.
    if let Some(why) = state.not_started() {
        return Some(format!("was not started: {why}"));
    }
    match state.restarts {
        0 if state.runs() => None,
        0 => Some(format!("is {} ({})", state.active, state.ended())),
        restarts => Some(format!(
            "was restarted by systemd {restarts} times ({})",
            state.ended()
        )),
    }
}

#[cfg(test)]
mod tests {
    use provision::host::fake::{FakeHost, FakeUnit, Fate};

    use super::*;

    fn host(active: &str, restarts: u32) -> FakeHost {
        let mut host = FakeHost::debian();
        let unit = FakeUnit {
            loaded: Some(Vec::new()),
            active: active.into(),
            fate: if active == "active" && restarts == 0 {
                Fate::Runs
            } else {
                Fate::Dies
            },
            restarts,
            ..FakeUnit::default()
        };
        host.units.insert("fail2ban.service".into(), unit);
        let line = "1795420001.000000 fail2ban-server[77]: ERROR Failed during configuration: Have not found any log file for recidive jail\n";
        host.journals.insert("fail2ban.service".into(), line.into());
        host
    }

    fn shown(host: &FakeHost) -> Vec<String> {
        let fallen = fallen(&["fail2ban.service".into()], 0, host).unwrap();
        fallen.iter().map(Fallen::told).collect()
    }

    #[test]
    fn a_unit_that_ended_is_reported_with_its_last_lines() {
        let shown = shown(&host("failed", 0));
        assert_eq!(
            shown,
            [
                "fail2ban.service is failed (exit-code, status 1); the end of its journal:\n  \
                ERROR Failed during configuration: Have not found any log file for recidive jail"
            ]
        );
    }

    #[test]
    fn a_unit_that_systemd_did_not_start_is_reported_with_the_reason() {
        for (fate, why) in [
            (Fate::Skipped, "a condition"),
            (Fate::Refused, "an assertion"),
        ] {
            let mut host = host("inactive", 0);
            let unit = host.units.get_mut("fail2ban.service").unwrap();
            (unit.fate, unit.changed_us) = (fate, 1);
            let line =
                format!("fail2ban.service was not started: {why} of its unit file was not met");
            assert!(shown(&host)[0].starts_with(&line), "{:?}", shown(&host));
        }
    }

    #[test]
    fn a_unit_that_was_restarted_is_reported_too() {
        assert!(shown(&host("active", 2))[0].contains("restarted by systemd 2 times"));
        assert!(shown(&host("active", 0)).is_empty());
        // Restarted before this run, which did not start it.
        let before = fallen(&["fail2ban.service".into()], i64::MAX, &host("active", 2));
        assert_eq!(before.unwrap(), []);
    }

    /// Between two starts, a unit is `activating (start-pre)`, and its main process has no start time yet (systemd 257).
    #[test]
    fn a_unit_between_two_starts_is_reported_too() {
        let mut host = host("activating", 4);
        let unit = host.units.get_mut("fail2ban.service").unwrap();
        (unit.started_us, unit.changed_us) = (0, 9_000_000);
        let of = |since_us| fallen(&["fail2ban.service".into()], since_us, &host).unwrap();
        assert!(
            of(5_000_000)[0]
                .told()
                .contains("restarted by systemd 4 times")
        );
        // It began before this run.
        assert_eq!(of(9_000_001), []);
    }
}
